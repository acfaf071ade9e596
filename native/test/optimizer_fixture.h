// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// optimizer_fixture.h: an optimizer with its states as vectors, and reading the head behind it.
#ifndef GAVEL_TEST_OPTIMIZER_FIXTURE_H
#define GAVEL_TEST_OPTIMIZER_FIXTURE_H

#include <string>
#include <vector>

#include "cpu/kernels.h"
#include "training_fixture.h"

namespace gavel::test {

inline gavel_optimizer_options default_options() {
  auto options = sized<gavel_optimizer_options>();
  options.learning_rate = 1e-3f;
  options.beta1 = 0.9f;
  options.beta2 = 0.999f;
  options.epsilon = 1e-8f;
  options.matrix_weight_decay = 0.1f;
  options.vector_weight_decay = 0.01f;
  return options;
}

class TestOptimizer {
 public:
  TestOptimizer(const TestHead &head, const gavel_optimizer_options &options) : head_(head) {
    auto error = sized<gavel_error>();
    expect_status("gavel_optimizer_create", gavel_optimizer_create(head.get(), &options, &optimizer_, &error), GAVEL_OK, error);
  }
  ~TestOptimizer() { gavel_optimizer_destroy(optimizer_); }
  TestOptimizer(const TestOptimizer &) = delete;
  TestOptimizer &operator=(const TestOptimizer &) = delete;
  gavel_optimizer *get() const { return optimizer_; }

  int32_t step(const GradientBuffers &gradients, float learning_rate, gavel_error &error) const {
    return gavel_optimizer_step(optimizer_, gradients.tensors.data(), static_cast<int32_t>(gradients.tensors.size()),
                                learning_rate, nullptr, &error);
  }
  void step_ok(const GradientBuffers &gradients, float learning_rate) const {
    auto error = sized<gavel_error>();
    expect_status("gavel_optimizer_step", step(gradients, learning_rate, error), GAVEL_OK, error);
  }
  // One vector per parameter.
  std::vector<std::vector<float>> read(int32_t state) const {
    GradientBuffers buffers(head_.spec(), 0, 2);
    auto error = sized<gavel_error>();
    std::vector<std::vector<float>> all;
    for (size_t i = 0; i < buffers.tensors.size(); ++i) {
      expect_status("gavel_optimizer_read",
                    gavel_optimizer_read(optimizer_, state, static_cast<int32_t>(i), &buffers.tensors[i], &error), GAVEL_OK,
                    error);
      all.push_back(buffers.values(i));
    }
    return all;
  }
  void write(int32_t state, const std::vector<std::vector<float>> &values) const {
    GradientBuffers buffers(head_.spec(), 0, 0);
    auto error = sized<gavel_error>();
    for (size_t i = 0; i < values.size(); ++i) {
      buffers.memory[i] = values[i];
      buffers.tensors[i].data = buffers.memory[i].data();
      expect_status("gavel_optimizer_write",
                    gavel_optimizer_write(optimizer_, state, static_cast<int32_t>(i), &buffers.tensors[i], &error), GAVEL_OK,
                    error);
    }
  }

 private:
  const TestHead &head_;
  gavel_optimizer *optimizer_ = nullptr;
};

inline void randomise(Random &random, GradientBuffers &gradients, double deviation) {
  for (auto &memory : gradients.memory) {
    for (float &value : memory) value = static_cast<float>(deviation * static_cast<double>(random.normal()));
  }
}

// The head's parameters as they are, as float.
inline std::vector<std::vector<float>> read_head(const TestHead &head, std::vector<Bytes> *raw = nullptr) {
  GradientBuffers shapes(head.spec(), 0, 0);
  auto error = sized<gavel_error>();
  std::vector<std::vector<float>> all;
  const int32_t dtype = head.spec().dtype;
  for (size_t i = 0; i < shapes.tensors.size(); ++i) {
    Bytes bytes(shapes.memory[i].size() * static_cast<size_t>(size_of(dtype)));
    gavel_tensor tensor = shapes.tensors[i].rank == 2 ? describe(bytes.data(), dtype, {shapes.rows[i], shapes.widths[i]})
                                                      : describe(bytes.data(), dtype, {shapes.widths[i]});
    expect_status("gavel_head_read", gavel_head_read(head.get(), static_cast<int32_t>(i), &tensor, &error), GAVEL_OK, error);
    std::vector<float> values(shapes.memory[i].size());
    gavel::kScalarKernels.widen(dtype, bytes.data(), values.data(), static_cast<int64_t>(values.size()));
    all.push_back(values);
    if (raw != nullptr) raw->push_back(bytes);
  }
  return all;
}

inline gavel_head_spec full_spec(int32_t dtype, int64_t width, int64_t hidden) {
  gavel_head_spec spec = mlp_spec(dtype, width, {hidden, 12}, 2, GAVEL_ACTIVATION_PRELU);
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS | GAVEL_HEAD_NORM_BIAS | GAVEL_HEAD_SLOPE_PER_CHANNEL;
  spec.norm = GAVEL_NORM_LAYER;
  spec.norm_epsilon = 1e-5f;
  return spec;
}

}  // namespace gavel::test

#endif
