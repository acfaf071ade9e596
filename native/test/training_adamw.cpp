// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// AdamW: single steps and a hundred against torch.optim.AdamW's formula in float64, and the same bits everywhere.
#include "optimizer_fixture.h"

using namespace gavel::test;

namespace {

struct State64 {
  double p, m, v;
};

// torch.optim.AdamW, one element, one step (torch/optim/adamw.py, the single-tensor form).
void torch_step(State64 &s, double g, const gavel_optimizer_options &options, double weight_decay, double learning_rate,
                int64_t t) {
  const double beta1 = static_cast<double>(options.beta1), beta2 = static_cast<double>(options.beta2);
  s.p *= 1 - learning_rate * weight_decay;
  s.m += (g - s.m) * (1 - beta1);
  s.v = s.v * beta2 + (1 - beta2) * g * g;
  const double step_size = learning_rate / (1 - std::pow(beta1, static_cast<double>(t)));
  const double denominator =
      std::sqrt(s.v) / std::sqrt(1 - std::pow(beta2, static_cast<double>(t))) + static_cast<double>(options.epsilon);
  s.p -= step_size * s.m / denominator;
}

// Each step from the f32 state the library has: an error of a step is not hidden behind those before it.
void check_single_steps(gavel_context *context) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    Random random(41);
    const TestHead head(context, full_spec(dtype, 20, 33), 41);
    const gavel_optimizer_options options = default_options();
    const TestOptimizer optimizer(head, options);
    double largest = 0;
    for (int64_t t = 1; t <= 20; ++t) {
      GradientBuffers gradients(head.spec(), 0, 3);
      randomise(random, gradients, std::pow(10.0, static_cast<double>(random.integer(-6, 3))));
      const auto p = optimizer.read(GAVEL_OPTIMIZER_MASTER), m = optimizer.read(GAVEL_OPTIMIZER_FIRST_MOMENT),
                 v = optimizer.read(GAVEL_OPTIMIZER_SECOND_MOMENT);
      const auto rate = static_cast<float>(random.uniform(1e-4, 1e-2));
      optimizer.step_ok(gradients, rate);
      check_equal("steps", gavel_optimizer_step_count(optimizer.get()), t);
      const auto new_p = optimizer.read(GAVEL_OPTIMIZER_MASTER), new_m = optimizer.read(GAVEL_OPTIMIZER_FIRST_MOMENT),
                 new_v = optimizer.read(GAVEL_OPTIMIZER_SECOND_MOMENT);
      const auto parameters = read_head(head);
      for (size_t i = 0; i < p.size(); ++i) {
        const std::vector<float> g = gradients.values(i);
        const bool matrix = gradients.tensors[i].rank == 2;
        const auto decay = static_cast<double>(matrix ? options.matrix_weight_decay : options.vector_weight_decay);
        for (size_t k = 0; k < g.size(); ++k) {
          State64 s{static_cast<double>(p[i][k]), static_cast<double>(m[i][k]), static_cast<double>(v[i][k])};
          torch_step(s, static_cast<double>(g[k]), options, decay, static_cast<double>(rate), t);
          const double before = static_cast<double>(p[i][k]);
          // f32 rounds p twice (decay, step), and what is taken off a few times.
          const double p_bound = 2 * kUnit * std::fabs(before) + kUnit * std::fabs(s.p) + 1e-6 * std::fabs(s.p - before);
          const double p_error = std::fabs(static_cast<double>(new_p[i][k]) - s.p);
          // m may cancel: m + (g - m) (1 - beta1).
          const double m_bound =
              3 * kUnit * (std::fabs(static_cast<double>(m[i][k])) + std::fabs(static_cast<double>(g[k]))) + 1e-37;
          const double m_error = std::fabs(static_cast<double>(new_m[i][k]) - s.m);
          const double v_error = std::fabs(static_cast<double>(new_v[i][k]) - s.v);
          CHECK(p_error <= p_bound && m_error <= m_bound && v_error <= 1e-6 * s.v + 1e-37,
                "%s[%zu], step %d: p %.9g (%.17g), m %.9g (%.17g), v %.9g (%.17g)", gradients.names[i].c_str(), k,
                static_cast<int>(t), static_cast<double>(new_p[i][k]), s.p, static_cast<double>(new_m[i][k]), s.m,
                static_cast<double>(new_v[i][k]), s.v);
          largest = std::fmax(largest, p_error / p_bound);
          const double nearest = round_to(dtype, static_cast<double>(new_p[i][k]));
          CHECK(static_cast<double>(parameters[i][k]) == nearest, "%s[%zu] is %g, master rounded %g",
                gradients.names[i].c_str(), k, static_cast<double>(parameters[i][k]), nearest);
        }
      }
    }
    std::printf("AdamW %s: largest error of a step %.2f of its bound\n", name_of(dtype), largest);
  }
}

void check_hundred_steps(gavel_context *context) {
  Random random(43);
  const gavel_head_spec spec = linear_spec(GAVEL_F32, 300, 1);
  const TestHead head(context, spec, 43);
  gavel_optimizer_options options = default_options();
  const TestOptimizer optimizer(head, options);
  std::vector<State64> expected;
  const auto masters = optimizer.read(GAVEL_OPTIMIZER_MASTER);
  for (const float p : masters[0]) expected.push_back({static_cast<double>(p), 0, 0});
  const std::vector<State64> start = expected;
  for (int64_t t = 1; t <= 100; ++t) {
    GradientBuffers gradients(spec, 0, 0);
    randomise(random, gradients, 0.1);
    optimizer.step_ok(gradients, options.learning_rate);
    for (size_t k = 0; k < expected.size(); ++k) {
      torch_step(expected[k], static_cast<double>(gradients.memory[0][k]), options,
                 static_cast<double>(options.matrix_weight_decay), static_cast<double>(options.learning_rate), t);
    }
  }
  const auto actual = optimizer.read(GAVEL_OPTIMIZER_MASTER)[0];
  double moved = 0;
  for (size_t k = 0; k < expected.size(); ++k) {
    moved = std::fmax(moved, std::fabs(expected[k].p - start[k].p));
    // Two roundings of p a step; each step is at most about the learning rate, known to 1e-6.
    const double bound = 100 * (2 * kUnit * std::fabs(start[k].p) + 1e-6 * static_cast<double>(options.learning_rate));
    CHECK(std::fabs(static_cast<double>(actual[k]) - expected[k].p) <= bound, "%zu: %.9g, expected %.17g", k,
          static_cast<double>(actual[k]), expected[k].p);
  }
  CHECK(moved > 1e-2, "the masters moved by %g only", moved);
}

void check_bits_everywhere() {
  const gavel_head_spec spec = full_spec(GAVEL_BF16, 257, 400);
  std::vector<std::vector<float>> expected;
  for (int32_t set = GAVEL_INSTRUCTION_SET_SCALAR; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    for (const int32_t threads : {1, 3}) {
      const TestContext context(threads, set);
      if (context.get() == nullptr) continue;
      const TestHead head(context.get(), spec, 67);
      const TestOptimizer optimizer(head, default_options());
      Random random(67);
      for (int t = 0; t < 3; ++t) {
        GradientBuffers gradients(spec, 0, t);
        randomise(random, gradients, 1);
        optimizer.step_ok(gradients, 0.01f);
      }
      const auto masters = optimizer.read(GAVEL_OPTIMIZER_MASTER);
      if (expected.empty()) expected = masters;
      for (size_t i = 0; i < masters.size(); ++i) {
        check_bits("masters", masters[i].data(), expected[i].data(), static_cast<int64_t>(masters[i].size()), 67);
      }
    }
  }
}

}  // namespace

int main() {
  const TestContext context(2);
  check_single_steps(context.get());
  check_hundred_steps(context.get());
  check_bits_everywhere();
  return finish();
}
