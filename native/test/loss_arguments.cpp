// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// What gavel_loss refuses, by name, and that no descriptor, however wrong, makes it leave its buffers.
#include <functional>

#include "guarded_tensors.h"
#include "hostile.h"
#include "loss_problem.h"

using namespace gavel::test;

namespace {

const float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

// The problem is changed before its arguments are made, the arguments after.
void refused(gavel_context *context, const LossProblem &good, const char *names,
             const std::function<void(LossProblem &)> &problem, const std::function<void(gavel_loss_args &)> &arguments,
             Where where = Where::current()) {
  LossProblem spoiled = good;
  if (problem) problem(spoiled);
  LossOutputs out;
  gavel_loss_args args = loss_args(spoiled, out);
  if (arguments) arguments(args);
  auto error = sized<gavel_error>();
  expect_refused(names, gavel_loss(context, &args, &error), error, "gavel_loss", names, where);
}

void check_common(gavel_context *context, const LossProblem &good) {
  const auto values = [&](const char *names, const std::function<void(LossProblem &)> &spoil) {
    refused(context, good, names, spoil, nullptr);
  };
  const auto fields = [&](const char *names, const std::function<void(gavel_loss_args &)> &spoil) {
    refused(context, good, names, nullptr, spoil);
  };
  auto error = sized<gavel_error>();
  expect_refused("no args", gavel_loss(context, nullptr, &error), error, "gavel_loss", "args is NULL");
  LossOutputs out;
  const gavel_loss_args args = loss_args(good, out);
  expect_refused("no context", gavel_loss(nullptr, &args, &error), error, "gavel_loss", "context is NULL");
  CHECK(gavel_loss(nullptr, &args, nullptr) == GAVEL_INVALID_ARGUMENT, "without an error to fill");
  fields("struct_size", [](auto &a) { a.struct_size = 8; });
  fields("loss.kind is 10", [](auto &a) { a.kind = 10; });
  fields("loss.kind is 0", [](auto &a) { a.kind = 0; });
  fields("loss.reduction is 4", [](auto &a) { a.reduction = 4; });
  fields("loss.reduction is -1", [](auto &a) { a.reduction = -1; });
  fields("reserved", [](auto &a) { a.reserved = 1; });
  fields("reserved2", [](auto &a) { a.reserved2 = 1; });
  fields("loss.loss", [](auto &a) { a.reduction = GAVEL_REDUCTION_NONE; });
  fields("loss.scores", [](auto &a) { a.scores = gavel_tensor{}; });
  fields("loss.scores", [](auto &a) { a.scores.dtype = GAVEL_BF16; });
  fields("loss.item_loss", [](auto &a) { --a.item_loss.shape[0]; });
  fields("loss.dscore", [](auto &a) { ++a.dscore.shape[0]; });
  fields("loss.counts", [](auto &a) { a.counts.shape[0] = 1; });
  fields("loss.dscore", [](auto &a) { a.dscore = a.scores; });
  values("loss.mask", [](auto &p) { p.mask.assign(p.scores.size() + 1, 1); });
  for (const float wrong : {-1.0f, kNan, kInf}) {
    values("loss.weight is", [&](auto &p) { p.weight.scalar = wrong; });
    values("loss.weight_values[1]", [&](auto &p) {
      p.weight.values.assign(static_cast<size_t>(p.items()), 1);
      p.weight.values[1] = wrong;
    });
  }
  values("loss.weight_values", [](auto &p) { p.weight.values.assign(static_cast<size_t>(p.items() + 1), 1); });
}

void check_pairs(gavel_context *context) {
  const LossProblem good = pairs_problem({1, 2, 3}, {0, 1, 1, 2});
  check_common(context, good);
  const auto values = [&](const char *names, const std::function<void(LossProblem &)> &spoil) {
    refused(context, good, names, spoil, nullptr);
  };
  for (const int64_t wrong : {int64_t{3}, int64_t{-1}, INT64_MAX, INT64_MIN}) {
    values("pair 1 of 2", [&](auto &p) { p.pairs[2] = wrong; });
    values("as its rejected score", [&](auto &p) { p.pairs[3] = wrong; });
  }
  values("compares score 1 with itself", [](auto &p) { p.pairs[3] = 1; });
  values("loss.temperature", [](auto &p) { p.temperature.scalar = 1; });
  values("loss.tie_values", [](auto &p) { p.tie.values = {1, 1}; });
  values("loss.tie_mask", [](auto &p) { p.tie_mask = {1}; });
  struct Number {
    const char *name;
    LossNumber LossProblem::*member;
    std::vector<float> wrong;
  };
  const Number numbers[] = {
      {"loss.beta", &LossProblem::beta, {0, -1, 1e-40f, kInf, kNan}},
      {"loss.margin", &LossProblem::margin, {kInf, -kInf, kNan}},
      {"loss.label_smoothing", &LossProblem::label_smoothing, {-0.5f, 1.5f, kInf, kNan}},
      {"loss.center", &LossProblem::center, {-1, kInf, kNan}},
      {"loss.tie", &LossProblem::tie, {-1, kInf, kNan}},
  };
  for (const Number &number : numbers) {
    for (const float wrong : number.wrong) {
      values(number.name, [&](auto &p) { (p.*number.member).scalar = wrong; });
      values((std::string(number.name) + "_values[1], of pair 1 of 2").c_str(), [&](auto &p) {
        p.tie_mask = {1, 1};
        (p.*number.member).values = {1, wrong};
      });
    }
  }
  refused(context, good, "loss.offsets", nullptr, [&](auto &a) { a.offsets = a.counts; });
  refused(context, good, "loss.target_index", nullptr, [&](auto &a) { a.target_index = a.counts; });
  refused(context, good, "loss.target_weights", nullptr, [&](auto &a) { a.target_weights = a.scores; });
  refused(context, good, "loss.temperature_values", nullptr, [&](auto &a) { a.temperature_values = a.scores; });
  refused(context, good, "loss.pairs", nullptr, [&](auto &a) { a.pairs = gavel_tensor{}; });
  refused(context, good, "loss.pairs", nullptr, [&](auto &a) { a.pairs.shape[1] = 3; });
}

void check_groups(gavel_context *context) {
  const LossProblem good = groups_problem({1, 2, 3, 4}, {0, 2, 4}, {0, 1});
  check_common(context, good);
  const auto values = [&](const char *names, const std::function<void(LossProblem &)> &spoil) {
    refused(context, good, names, spoil, nullptr);
  };
  values("from 1 to 4", [](auto &p) { p.offsets = {1, 2, 4}; });
  values("from 0 to 3", [](auto &p) { p.offsets = {0, 2, 3}; });
  values("group 1 of 3 runs from 3 to 2", [](auto &p) { p.offsets = {0, 3, 2, 4}, p.target_index = {0, 0, 0}; });
  values("loss.offsets: group 0", [](auto &p) { p.offsets = {0, 5, 4}; });
  values("loss.offsets: group 0", [](auto &p) { p.offsets = {0, -1, 4}; });
  refused(context, good, "loss.offsets is empty", nullptr, [&](auto &a) { a.offsets.shape[0] = 0; });
  for (const int64_t wrong : {int64_t{2}, int64_t{-1}, INT64_MAX, INT64_MIN}) {
    values("loss.target_index[1]", [&](auto &p) { p.target_index[1] = wrong; });
  }
  values("loss.target_index", [](auto &p) { p.target_index = {0}; });
  values("group 1 of 2 has a target on its entry 1, which is masked", [](auto &p) {
    p.offsets = {0, 1, 4};
    p.mask = {1, 1, 0, 1};
    p.target_index = {0, 1};
  });
  values("group 0 of 1 has a target on its entry 2, which is masked", [](auto &p) {
    p.offsets = {0, 4};
    p.mask = {1, 1, 0, 1};
    p.target_index = {};
    p.target_weights = {0.5f, 0, 0.25f, 0};
  });
  for (const float wrong : {-1.0f, kInf, kNan}) {
    values("loss.target_weights[2]", [&](auto &p) { p.target_weights = {1, 0, wrong, 1}; });
  }
  for (const float wrong : {0.0f, -1.0f, 1e-40f, kInf, kNan}) {
    values("loss.temperature is", [&](auto &p) { p.temperature.scalar = wrong; });
    values("loss.temperature_values[1], of group 1 of 2", [&](auto &p) { p.temperature.values = {1, wrong}; });
  }
  values("loss.beta", [](auto &p) { p.beta.scalar = 1; });
  values("loss.margin", [](auto &p) { p.margin.scalar = 1; });
  values("loss.label_smoothing", [](auto &p) { p.label_smoothing.scalar = 1; });
  values("loss.center", [](auto &p) { p.center.scalar = 1; });
  values("loss.tie", [](auto &p) { p.tie.scalar = 1; });
  values("loss.beta_values", [](auto &p) { p.beta.values = {1, 1}; });
  refused(context, good, "found both", nullptr, [&](auto &a) { a.target_weights = a.scores; });
  refused(context, good, "found none", nullptr, [&](auto &a) { a.target_index = gavel_tensor{}; });
  refused(context, good, "loss.pairs", nullptr, [&](auto &a) { a.pairs = a.target_index; });
  refused(context, good, "loss.tie_mask", nullptr, [&](auto &a) { a.tie_mask = a.target_index; });
}

// The arguments over guarded memory: inputs cannot be written at all, no byte beside any buffer can be touched.
struct GuardedCall {
  GuardedCall(const LossProblem &problem, Edge edge) : args(loss_args(problem, out)) {
    for (gavel_tensor *tensor = &args.scores; tensor <= &args.counts; ++tensor)
      guards.add(*tensor, tensor < &args.item_loss, edge);
  }
  LossOutputs out;
  gavel_loss_args args;
  GuardedTensors guards;
};

LossProblem any_problem(Random &random) {
  return random.integer(0, 1) == 0 ? random_pairs(random, random.integer(2, 20), random.integer(0, 30))
                                   : random_groups(random, random.integer(0, 6), 9);
}

void check_guarded(gavel_context *context) {
  for (const Edge edge : kEdges) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
      Random random(seed);
      const LossProblem problem = any_problem(random);
      GuardedCall call(problem, edge);
      auto error = sized<gavel_error>();
      expect_status("guarded", gavel_loss(context, &call.args, &error), GAVEL_OK, error);
      CHECK(call.guards.untouched(), "seed %d", static_cast<int>(seed));
    }
  }
}

void check_spoiled(gavel_context *context) {
  int64_t accepted = 0;
  constexpr int64_t kCalls = 20000;
  for (uint64_t seed = 1; seed <= kCalls; ++seed) {
    Random random(seed);
    GuardedCall call(any_problem(random), kEdges[seed % 2]);
    Spoiler(call.args)
        .words({offsetof(gavel_loss_args, struct_size), offsetof(gavel_loss_args, kind), offsetof(gavel_loss_args, reduction),
                offsetof(gavel_loss_args, reserved), offsetof(gavel_loss_args, reserved2)})
        .floats({offsetof(gavel_loss_args, weight), offsetof(gavel_loss_args, beta), offsetof(gavel_loss_args, margin),
                 offsetof(gavel_loss_args, label_smoothing), offsetof(gavel_loss_args, center), offsetof(gavel_loss_args, tie),
                 offsetof(gavel_loss_args, temperature)})
        .tensors(offsetof(gavel_loss_args, scores), offsetof(gavel_loss_args, stream))
        .spoil(random);
    auto error = sized<gavel_error>();
    const int32_t status = gavel_loss(context, &call.args, &error);
    accepted += status == GAVEL_OK;
    expect_answered("spoiled", status, error, seed);
    CHECK(call.guards.untouched(), "seed %d", static_cast<int>(seed));
  }
  // Some spoiling changes nothing that matters; if all or nothing were accepted, this test would be testing nothing.
  CHECK(accepted > kCalls / 100 && accepted < kCalls / 2, "%d of %d accepted", static_cast<int>(accepted),
        static_cast<int>(kCalls));
}

}  // namespace

int main() {
  const TestContext context;
  check_pairs(context.get());
  check_groups(context.get());
  check_guarded(context.get());
  check_spoiled(context.get());
  return finish();
}
