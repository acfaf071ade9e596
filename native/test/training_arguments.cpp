// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// What gavel_backward and gavel_scatter refuse, by name, and that no descriptor, however wrong, makes them leave their buffers.
#include <functional>
#include <memory>

#include "guarded_tensors.h"
#include "hostile.h"
#include "training_fixture.h"

using namespace gavel::test;

namespace {

gavel_head_spec small_spec() {
  gavel_head_spec spec = mlp_spec(GAVEL_F32, 6, {5, 4}, 2, GAVEL_ACTIVATION_PRELU);
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
  spec.norm = GAVEL_NORM_RMS;
  spec.norm_epsilon = 1e-5f;
  return spec;
}

// A backward call that is right, to be spoiled.
struct BackwardProbe {
  BackwardProbe(gavel_context *on, const TestHead &trained, Random &random, int32_t pooling = GAVEL_POOLING_SPAN_MEAN,
                int32_t readout = GAVEL_READOUT_SIGMOID)
      : context(on), head(trained), training(random_case(random, trained.spec(), 7, pooling)) {
    training.readout = readout;
    forward = run_forward(context, head, training);
    args = backward_args(head.spec(), training, forward, dvectors);
  }
  int32_t run(gavel_error &error) {
    return gavel_backward(context, head.get(), &args, gradients.tensors.data(), static_cast<int32_t>(gradients.tensors.size()),
                          &error);
  }
  gavel_context *context;
  const TestHead &head;
  TrainingCase training;
  Scores forward;
  std::vector<float> dvectors;
  gavel_backward_args args;
  GradientBuffers gradients{head.spec(), 0, 0};
};

void check_backward(gavel_context *context) {
  const TestHead head(context, small_spec(), 81);
  const TestHead linear(context, linear_spec(GAVEL_F32, 6, 2), 81);
  const auto refused = [&](const char *names, const std::function<void(BackwardProbe &)> &spoil,
                           Where where = Where::current()) {
    Random random(81);
    BackwardProbe probe(context, head, random);
    spoil(probe);
    auto error = sized<gavel_error>();
    expect_refused(names, probe.run(error), error, "gavel_backward", names, where);
  };
  refused("context is NULL", [](auto &p) { p.context = nullptr; });
  refused("struct_size", [](auto &p) { p.args.struct_size = 16; });
  refused("args.reserved", [](auto &p) { p.args.reserved = 1; });
  refused("args.accumulate is 2", [](auto &p) { p.args.accumulate = 2; });
  refused("args.pooling is 9", [](auto &p) { p.args.pooling = 9; });
  refused("args.combine", [](auto &p) { p.args.combine = GAVEL_COMBINE_ADD; });
  refused("args.readout is 9", [](auto &p) { p.args.readout = 9; });
  refused("readout_mean", [](auto &p) { p.args.readout_mean = 1; });
  refused("readout_deviation", [](auto &p) { p.args.readout_deviation = 1; });
  refused("args.scores", [](auto &p) { p.args.scores = gavel_tensor{}; });
  refused("args.scores", [](auto &p) { p.args.readout = GAVEL_READOUT_IDENTITY; });
  for (const float wrong : {0.0f, 1e-40f, INFINITY, NAN}) {
    refused("args.readout_deviation is", [&](auto &p) {
      p.args.readout = GAVEL_READOUT_AFFINE;
      p.args.scores = gavel_tensor{};
      p.args.readout_deviation = wrong;
    });
  }
  refused("args.readout_mean is", [&](auto &p) {
    p.args.readout = GAVEL_READOUT_AFFINE;
    p.args.scores = gavel_tensor{};
    p.args.readout_mean = NAN;
    p.args.readout_deviation = 1;
  });
  refused("args.hidden", [](auto &p) { p.args.hidden.dtype = GAVEL_I32; });
  refused("input_width is 6", [](auto &p) { p.args.hidden.shape[1] = 5; });
  refused("args.first", [](auto &p) { p.args.first = gavel_tensor{}; });
  refused("args.first", [](auto &p) { --p.args.first.shape[0]; });
  refused("args.first", [](auto &p) { p.args.pooling = GAVEL_POOLING_INDEX; });
  refused("args.last[3] is 7; args.hidden has 7 rows", [](auto &p) { p.training.batch.last[3] = 7; });
  refused("first[3] is -2", [](auto &p) { p.training.batch.first[3] = -2; });
  refused("args.preactivations", [](auto &p) { p.args.preactivations = gavel_tensor{}; });
  refused("args.preactivations", [](auto &p) { --p.args.preactivations.shape[1]; });
  refused("args.dscore", [](auto &p) { p.args.dscore = gavel_tensor{}; });
  refused("args.dscore", [](auto &p) { p.args.dscore.dtype = GAVEL_F16; });
  refused("args.dvectors", [](auto &p) { p.args.dvectors.shape[0] = 6; });
  refused("gradients[1] (hidden.0.weight)", [](auto &p) { ++p.gradients.tensors[1].shape[0]; });
  refused("gradients[2] (hidden.0.bias)", [](auto &p) { p.gradients.tensors[2].dtype = GAVEL_BF16; });
  refused("gradient_count is 8", [](auto &p) { p.gradients.tensors.pop_back(); });
  // Two outputs in one place, and an output over an input.
  refused("gradients[4] (hidden.1.weight)", [](auto &p) { p.gradients.tensors[4].data = p.gradients.tensors[1].data; });
  refused("args.dvectors", [](auto &p) { p.args.dvectors = p.args.hidden, p.args.dvectors.shape[0] = 7; });

  Random random(81);
  BackwardProbe probe(context, head, random);
  auto error = sized<gavel_error>();
  expect_refused("no head", gavel_backward(context, nullptr, &probe.args, probe.gradients.tensors.data(), 9, &error), error,
                 "gavel_backward", "head is NULL");
  expect_refused("no args", gavel_backward(context, head.get(), nullptr, probe.gradients.tensors.data(), 9, &error), error,
                 "gavel_backward", "args is NULL");
  expect_refused("no gradients", gavel_backward(context, head.get(), &probe.args, nullptr, 9, &error), error, "gavel_backward",
                 "gradients is NULL");
  BackwardProbe linear_probe(context, linear, random, GAVEL_POOLING_INDEX, GAVEL_READOUT_IDENTITY);
  linear_probe.args.preactivations = probe.args.preactivations;
  expect_refused("preactivations of a linear head", linear_probe.run(error), error, "gavel_backward", "args.preactivations");
}

void guard(BackwardProbe &probe, GuardedTensors &guards, Edge edge) {
  gavel_tensor *const inputs[] = {&probe.args.hidden, &probe.args.first,          &probe.args.last,
                                  &probe.args.scores, &probe.args.preactivations, &probe.args.dscore};
  for (gavel_tensor *tensor : inputs) guards.add(*tensor, true, edge);
  guards.add(probe.args.dvectors, false, edge);
  for (gavel_tensor &tensor : probe.gradients.tensors) guards.add(tensor, false, edge);
}

gavel_head_spec odd_spec(Random &random) {
  gavel_head_spec spec = mlp_spec(static_cast<int32_t>(random.integer(GAVEL_F32, GAVEL_BF16)), random.integer(1, 40),
                                  {random.integer(1, 40)}, random.integer(1, 3), GAVEL_ACTIVATION_SILU);
  if (random.integer(0, 1) == 1) spec.flags = GAVEL_HEAD_HIDDEN_BIAS;
  return spec;
}

void check_guarded_backward(gavel_context *context) {
  for (const Edge edge : kEdges) {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
      Random random(seed);
      const TestHead head(context, odd_spec(random), seed);
      BackwardProbe probe(context, head, random, seed % 2 == 0 ? GAVEL_POOLING_INDEX : GAVEL_POOLING_SPAN_MEAN);
      GuardedTensors guards;
      guard(probe, guards, edge);
      auto error = sized<gavel_error>();
      expect_status("guarded", probe.run(error), GAVEL_OK, error);
      CHECK(guards.untouched(), "seed %d", static_cast<int>(seed));
    }
  }
}

void check_spoiled_backward(gavel_context *context) {
  constexpr int64_t kCalls = 5000;
  int64_t accepted = 0;
  for (uint64_t seed = 1; seed <= kCalls; ++seed) {
    Random random(seed);
    const TestHead head(context, odd_spec(random), seed);
    BackwardProbe probe(context, head, random);
    GuardedTensors guards;
    guard(probe, guards, kEdges[seed % 2]);
    if (random.integer(0, 3) == 0) {
      const int64_t last = static_cast<int64_t>(probe.gradients.tensors.size()) - 1;
      spoil_tensor(random, probe.gradients.tensors[static_cast<size_t>(random.integer(0, last))]);
    } else {
      Spoiler(probe.args)
          .words({offsetof(gavel_backward_args, struct_size), offsetof(gavel_backward_args, pooling),
                  offsetof(gavel_backward_args, combine), offsetof(gavel_backward_args, readout),
                  offsetof(gavel_backward_args, accumulate), offsetof(gavel_backward_args, reserved)})
          .floats({offsetof(gavel_backward_args, readout_mean), offsetof(gavel_backward_args, readout_deviation)})
          .tensors(offsetof(gavel_backward_args, hidden), offsetof(gavel_backward_args, stream))
          .spoil(random);
    }
    auto error = sized<gavel_error>();
    const int32_t status = probe.run(error);
    accepted += status == GAVEL_OK;
    expect_answered("spoiled backward", status, error, seed);
    CHECK(guards.untouched(), "seed %d", static_cast<int>(seed));
  }
  CHECK(accepted > kCalls / 100 && accepted < kCalls / 2, "%d of %d accepted", static_cast<int>(accepted),
        static_cast<int>(kCalls));
}

// A scatter call over guarded memory.
struct ScatterProbe {
  ScatterProbe(Random &random, Edge edge) {
    const int64_t width = random.integer(1, 40), tokens = random.integer(1, 12), items = random.integer(0, 12);
    args = sized<gavel_scatter_args>();
    args.pooling = static_cast<int32_t>(random.integer(GAVEL_POOLING_INDEX, GAVEL_POOLING_SPAN_MEAN));
    if (args.pooling == GAVEL_POOLING_FIRST_LAST) {
      args.combine = static_cast<int32_t>(random.integer(GAVEL_COMBINE_CONCAT, GAVEL_COMBINE_SUB));
    }
    const int64_t vector_width = args.combine == GAVEL_COMBINE_CONCAT ? 2 * width : width;
    for (int64_t r = 0; r < items; ++r) {
      first.push_back(random.integer(-1, tokens - 1)), last.push_back(random.integer(-1, tokens - 1));
    }
    dvectors = random_values(random, GAVEL_F32, items * vector_width);
    dhidden = random_values(random, GAVEL_F32, tokens * width);
    if (args.pooling != GAVEL_POOLING_INDEX) args.first = describe(first.data(), GAVEL_I64, {items});
    args.last = describe(last.data(), GAVEL_I64, {items});
    args.dvectors = describe(dvectors.data(), GAVEL_F32, {items, vector_width});
    args.dhidden = describe(dhidden.data(), GAVEL_F32, {tokens, width});
    guards.add(args.first, true, edge), guards.add(args.last, true, edge), guards.add(args.dvectors, true, edge);
    guards.add(args.dhidden, false, edge);
  }
  gavel_scatter_args args;
  std::vector<int64_t> first, last;
  std::vector<float> dvectors, dhidden;
  GuardedTensors guards;
};

void check_scatter(gavel_context *context) {
  const auto refused = [&](const char *names, const std::function<void(gavel_scatter_args &)> &spoil,
                           Where where = Where::current()) {
    int64_t first[] = {0, 1}, last[] = {1, 2};
    float dvectors[8] = {}, dhidden[12] = {};
    auto args = sized<gavel_scatter_args>();
    args.pooling = GAVEL_POOLING_SPAN_MEAN;
    args.first = describe(first, GAVEL_I64, {2}), args.last = describe(last, GAVEL_I64, {2});
    args.dvectors = describe(dvectors, GAVEL_F32, {2, 4}), args.dhidden = describe(dhidden, GAVEL_F32, {3, 4});
    spoil(args);
    auto error = sized<gavel_error>();
    expect_refused(names, gavel_scatter(context, &args, &error), error, "gavel_scatter", names, where);
  };
  refused("struct_size", [](auto &a) { a.struct_size = 4; });
  refused("args.reserved", [](auto &a) { a.reserved = 1; });
  refused("args.pooling is 0", [](auto &a) { a.pooling = 0; });
  refused("args.combine is 1", [](auto &a) { a.combine = 1; });
  refused("args.first", [](auto &a) { a.first = gavel_tensor{}; });
  refused("args.last", [](auto &a) { a.last = gavel_tensor{}; });
  refused("args.dvectors", [](auto &a) { a.dvectors.shape[1] = 3; });
  refused("args.dhidden", [](auto &a) { a.dhidden = a.dvectors; });
  refused("args.last[1] is 2; args.dhidden has 2 rows", [](auto &a) { a.dhidden.shape[0] = 2; });
  auto error = sized<gavel_error>();
  expect_refused("no args", gavel_scatter(context, nullptr, &error), error, "gavel_scatter", "args is NULL");

  int64_t accepted = 0;
  constexpr int64_t kCalls = 5000;
  for (uint64_t seed = 1; seed <= kCalls; ++seed) {
    Random random(seed);
    ScatterProbe probe(random, kEdges[seed % 2]);
    const bool spoil = seed % 4 != 0;
    if (spoil) {
      Spoiler(probe.args)
          .words({offsetof(gavel_scatter_args, struct_size), offsetof(gavel_scatter_args, pooling),
                  offsetof(gavel_scatter_args, combine), offsetof(gavel_scatter_args, reserved)})
          .tensors(offsetof(gavel_scatter_args, first), offsetof(gavel_scatter_args, stream))
          .spoil(random);
    }
    const int32_t status = gavel_scatter(context, &probe.args, &error);
    accepted += spoil && status == GAVEL_OK;
    if (!spoil) expect_status("guarded scatter", status, GAVEL_OK, error);
    expect_answered("spoiled scatter", status, error, seed);
    CHECK(probe.guards.untouched(), "seed %d", static_cast<int>(seed));
  }
  CHECK(accepted > kCalls / 100 && accepted < kCalls / 2, "%d of %d accepted", static_cast<int>(accepted),
        static_cast<int>(kCalls));
}

}  // namespace

int main() {
  const TestContext context;
  check_backward(context.get());
  check_guarded_backward(context.get());
  check_spoiled_backward(context.get());
  check_scatter(context.get());
  return finish();
}
