// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// What the optimizer's calls refuse, by name, and that no descriptor, however wrong, makes a step leave its buffers.
#include <functional>

#include "guarded_tensors.h"
#include "hostile.h"
#include "optimizer_fixture.h"

using namespace gavel::test;

namespace {

gavel_head_spec small_spec() {
  gavel_head_spec spec = mlp_spec(GAVEL_BF16, 6, {5, 4}, 2, GAVEL_ACTIVATION_PRELU);
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
  spec.norm = GAVEL_NORM_RMS;
  spec.norm_epsilon = 1e-5f;
  return spec;
}

void check_optimizer_options(gavel_context *context) {
  const TestHead head(context, small_spec(), 83);
  auto error = sized<gavel_error>();
  const auto refused = [&](const char *names, const std::function<void(gavel_optimizer_options &)> &spoil) {
    gavel_optimizer_options options = default_options();
    spoil(options);
    gavel_optimizer *optimizer = reinterpret_cast<gavel_optimizer *>(8);
    expect_refused(names, gavel_optimizer_create(head.get(), &options, &optimizer, &error), error, "gavel_optimizer_create",
                   names);
    CHECK(optimizer == nullptr, "a failed creation leaves NULL");
  };
  for (const float wrong : {-1.0f, INFINITY, NAN}) {
    refused("options.learning_rate", [&](auto &o) { o.learning_rate = wrong; });
    refused("options.matrix_weight_decay", [&](auto &o) { o.matrix_weight_decay = wrong; });
    refused("options.vector_weight_decay", [&](auto &o) { o.vector_weight_decay = wrong; });
    refused("options.epsilon", [&](auto &o) { o.epsilon = wrong; });
  }
  for (const float wrong : {-0.1f, 1.0f, INFINITY, NAN}) {
    refused("options.beta1", [&](auto &o) { o.beta1 = wrong; });
    refused("options.beta2", [&](auto &o) { o.beta2 = wrong; });
  }
  refused("options.epsilon", [](auto &o) { o.epsilon = 0; });
  refused("options.epsilon", [](auto &o) { o.epsilon = 1e-40f; });
  refused("options.reserved", [](auto &o) { o.reserved = 1; });
  refused("struct_size", [](auto &o) { o.struct_size = 0; });
  const gavel_optimizer_options options = default_options();
  gavel_optimizer *optimizer = nullptr;
  const char *create = "gavel_optimizer_create";
  expect_refused("no head", gavel_optimizer_create(nullptr, &options, &optimizer, &error), error, create, "head is NULL");
  expect_refused("no options", gavel_optimizer_create(head.get(), nullptr, &optimizer, &error), error, create,
                 "options is NULL");
  expect_refused("no target", gavel_optimizer_create(head.get(), &options, nullptr, &error), error, create,
                 "optimizer is NULL");
}

void check_optimizer_calls(gavel_context *context) {
  const TestHead head(context, small_spec(), 83);
  const gavel_optimizer_options options = default_options();
  gavel_optimizer *optimizer = nullptr;
  auto error = sized<gavel_error>();
  expect_status("create", gavel_optimizer_create(head.get(), &options, &optimizer, &error), GAVEL_OK, error);
  const auto step = [&](const char *names, const std::function<void(GradientBuffers &)> &spoil) {
    GradientBuffers gradients(head.spec(), 1, 0);
    spoil(gradients);
    expect_refused(names,
                   gavel_optimizer_step(optimizer, gradients.tensors.data(), static_cast<int32_t>(gradients.tensors.size()),
                                        0.1f, nullptr, &error),
                   error, "gavel_optimizer_step", names);
  };
  step("gradient_count is 8", [](auto &g) { g.tensors.pop_back(); });
  step("gradients[3] (hidden.0.slope)", [](auto &g) { ++g.tensors[3].shape[0]; });
  step("gradients[1] (hidden.0.weight)", [](auto &g) { g.tensors[1].dtype = GAVEL_BF16; });
  step("gradients[1] (hidden.0.weight)", [](auto &g) { g.tensors[1].stride[0] = -1; });
  GradientBuffers gradients(head.spec(), 1, 0);
  for (const float wrong : {-1.0f, INFINITY, NAN}) {
    expect_refused("learning rate", gavel_optimizer_step(optimizer, gradients.tensors.data(), 9, wrong, nullptr, &error), error,
                   "gavel_optimizer_step", "learning_rate");
  }
  expect_refused("no gradients", gavel_optimizer_step(optimizer, nullptr, 9, 0.1f, nullptr, &error), error,
                 "gavel_optimizer_step", "gradients is NULL");
  expect_refused("no optimizer", gavel_optimizer_step(nullptr, gradients.tensors.data(), 9, 0.1f, nullptr, &error), error,
                 "gavel_optimizer_step", "optimizer is NULL");
  // A head is no optimizer.
  expect_refused(
      "another handle",
      gavel_optimizer_step(reinterpret_cast<gavel_optimizer *>(head.get()), gradients.tensors.data(), 9, 0.1f, nullptr, &error),
      error, "gavel_optimizer_step", "optimizer is not a live handle");
  CHECK(gavel_optimizer_step_count(nullptr) == -1, "the step count of nothing");

  for (const bool write : {false, true}) {
    const char *operation = write ? "gavel_optimizer_write" : "gavel_optimizer_read";
    const auto call = [&](int32_t state, int32_t index, const gavel_tensor *values) {
      return write ? gavel_optimizer_write(optimizer, state, index, values, &error)
                   : gavel_optimizer_read(optimizer, state, index, values, &error);
    };
    expect_refused("state", call(0, 0, &gradients.tensors[0]), error, operation, "state is 0");
    expect_refused("state", call(4, 0, &gradients.tensors[0]), error, operation, "state is 4");
    for (const int32_t wrong : {-1, 9, INT32_MAX, INT32_MIN}) {
      expect_refused("index", call(GAVEL_OPTIMIZER_MASTER, wrong, &gradients.tensors[0]), error, operation, "index is");
    }
    expect_refused("shape", call(GAVEL_OPTIMIZER_MASTER, 1, &gradients.tensors[0]), error, operation, "values");
    expect_refused("no values", call(GAVEL_OPTIMIZER_MASTER, 1, nullptr), error, operation, "values is NULL");
  }
  for (const float wrong : {INFINITY, NAN}) {
    gradients.memory[1][7] = wrong;
    expect_refused("values", gavel_optimizer_write(optimizer, GAVEL_OPTIMIZER_MASTER, 1, &gradients.tensors[1], &error), error,
                   "gavel_optimizer_write", "element 7");
  }
  gradients.memory[1][7] = -1;
  expect_refused("values", gavel_optimizer_write(optimizer, GAVEL_OPTIMIZER_SECOND_MOMENT, 1, &gradients.tensors[1], &error),
                 error, "gavel_optimizer_write", "element 7");
  expect_status("a negative first moment",
                gavel_optimizer_write(optimizer, GAVEL_OPTIMIZER_FIRST_MOMENT, 1, &gradients.tensors[1], &error), GAVEL_OK,
                error);
  for (const int64_t wrong : {int64_t{-1}, INT64_MIN, INT64_MAX}) {
    expect_refused("step count", gavel_optimizer_set_step_count(optimizer, wrong, &error), error,
                   "gavel_optimizer_set_step_count", "step_count is");
  }

  int64_t accepted = 0;
  constexpr int64_t kCalls = 5000;
  for (uint64_t seed = 1; seed <= kCalls; ++seed) {
    Random random(seed);
    GradientBuffers spoiled(head.spec(), 1, 0);
    GuardedTensors guards;
    for (gavel_tensor &tensor : spoiled.tensors) guards.add(tensor, true, kEdges[seed % 2]);
    spoil_tensor(random, spoiled.tensors[static_cast<size_t>(random.integer(0, 8))]);
    const int32_t status = gavel_optimizer_step(optimizer, spoiled.tensors.data(), 9, 0.1f, nullptr, &error);
    accepted += status == GAVEL_OK;
    expect_answered("spoiled step", status, error, seed);
  }
  CHECK(accepted > kCalls / 100 && accepted < kCalls / 2, "%d of %d accepted", static_cast<int>(accepted),
        static_cast<int>(kCalls));
  gavel_optimizer_destroy(optimizer);
}

}  // namespace

int main() {
  const TestContext context;
  check_optimizer_options(context.get());
  check_optimizer_calls(context.get());
  return finish();
}
