// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The AdamW kernel of every table, against the float64 step of torch.optim.AdamW from the same state, and its exact cases.
#include "check.h"
#include "rows.h"

namespace gavel::test {
namespace {

constexpr double kU = 0x1p-24;

// As optimizer.cpp makes it; torch's names: lr, weight_decay, betas, eps, and t is the number of this step.
AdamwStep make_step(double lr, double weight_decay, double beta1, double beta2, double epsilon, int t) {
  return {static_cast<float>(1 - lr * weight_decay),
          static_cast<float>(beta1),
          static_cast<float>(1 - beta1),
          static_cast<float>(beta2),
          static_cast<float>(1 - beta2),
          static_cast<float>(lr / (1 - std::pow(beta1, t))),
          static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, t))),
          static_cast<float>(epsilon)};
}

struct State {
  std::vector<float> p, m, v;
};

// Ten steps; each is compared with the float64 step from the state the kernel itself had before.
void test_steps(const Table &table, int64_t n, double gradient_scale) {
  const uint64_t seed = static_cast<uint64_t>(7000 + n);
  Random random(seed);
  State s{row(random, n), std::vector<float>(static_cast<size_t>(n), 0.0f), std::vector<float>(static_cast<size_t>(n), 0.0f)};
  for (int t = 1; t <= 10; ++t) {
    const AdamwStep step = make_step(1e-3, 0.1, 0.9, 0.999, 1e-8, t);
    std::vector<float> g = row(random, n);
    for (float &x : g) x *= static_cast<float>(gradient_scale);
    std::vector<double> p, m, v, p_bound, m_bound, v_bound;
    for (int64_t i = 0; i < n; ++i) {
      const double difference = static_cast<double>(g[i]) - s.m[i];
      m.push_back(s.m[i] + step.one_minus_beta1 * difference);
      v.push_back(static_cast<double>(step.beta2) * s.v[i] + static_cast<double>(step.one_minus_beta2) * g[i] * g[i]);
      const double root = std::sqrt(v[i]) * step.inverse_sqrt_correction2 + step.epsilon;
      const double update = step.step_size * m[i] / root;
      p.push_back(static_cast<double>(s.p[i]) * step.decay - update);
      m_bound.push_back(kU * (std::fabs(step.one_minus_beta1 * difference) + std::fabs(m[i])) + 1e-37);
      v_bound.push_back(4 * kU * v[i] + 1e-37);
      // m's error, then 4 for v (halved by the root), 1 each for root, sum, product, quotient; then p decay and the difference.
      p_bound.push_back(std::fabs(update) * 6 * kU + step.step_size / root * m_bound[i] +
                        kU * (std::fabs(static_cast<double>(s.p[i]) * step.decay) + std::fabs(p[i])));
    }
    table.kernels->adamw(&step, s.p.data(), s.m.data(), s.v.data(), g.data(), n);
    const std::string what = table.name + " n " + std::to_string(n) + " step " + std::to_string(t);
    check_bound("p, " + what, s.p.data(), p.data(), p_bound.data(), n, seed);
    check_bound("m, " + what, s.m.data(), m.data(), m_bound.data(), n, seed);
    check_bound("v, " + what, s.v.data(), v.data(), v_bound.data(), n, seed);
  }
}

// A parameter of 0 becomes the update itself, so its error shows: within 1e-6 of the float64 update at the first step.
void test_update(const Table &table) {
  constexpr int64_t kN = 1000;
  Random random(61);
  const std::vector<float> g = row(random, kN);
  const std::vector<float> zeros(kN, 0.0f);
  State s{zeros, zeros, zeros};
  const AdamwStep step = make_step(3e-4, 0.1, 0.9, 0.999, 1e-8, 1);
  table.kernels->adamw(&step, s.p.data(), s.m.data(), s.v.data(), g.data(), kN);
  std::vector<double> update, bound;
  for (float x : g) {
    const double m = (1 - 0.9) * x, v = (1 - 0.999) * x * x;
    update.push_back(-3e-4 / (1 - 0.9) * m / (std::sqrt(v) / std::sqrt(1 - 0.999) + 1e-8));
    bound.push_back(1e-6 * std::fabs(update.back()));
  }
  const double worst = check_bound(table.name + " first update", s.p.data(), update.data(), bound.data(), kN, 61);
  std::fprintf(stderr, "%s: first update within %.2g of float64\n", table.name.c_str(), worst * 1e-6);
}

void test_exact(const Table &table) {
  const std::string &name = table.name;
  constexpr int64_t kN = 33;
  Random random(51);
  const std::vector<float> start = row(random, kN), zeros(kN, 0.0f);
  // Without gradients and moments only the decay is left: p times (1 - lr weight_decay), one rounding.
  State s{start, zeros, zeros};
  const AdamwStep decaying = make_step(0.01, 0.5, 0.9, 0.999, 1e-8, 1);
  table.kernels->adamw(&decaying, s.p.data(), s.m.data(), s.v.data(), zeros.data(), kN);
  std::vector<float> expected;
  for (float p : start) expected.push_back(p * decaying.decay);
  check_bits(name + " decay", s.p.data(), expected.data(), kN, 51);
  check_bits(name + " moments stay 0", s.m.data(), zeros.data(), kN, 51);
  // Decay is decoupled: the moments do not see it (unlike Adam with an L2 term), and lr = 0 changes no parameter.
  const AdamwStep still = make_step(0, 0.5, 0.5, 0.75, 1e-8, 1);
  const std::vector<float> twos(kN, 2.0f), ones(kN, 1.0f);
  s = {start, zeros, zeros};
  table.kernels->adamw(&still, s.p.data(), s.m.data(), s.v.data(), twos.data(), kN);
  check_bits(name + " p with lr 0", s.p.data(), start.data(), kN, 51);
  check_bits(name + " m = 2 / 2", s.m.data(), ones.data(), kN, 51);
  check_bits(name + " v = 4 / 4", s.v.data(), ones.data(), kN, 51);
  // The first step is lr sign(g) whatever the size of g: 1 - 0.25 here, all numbers powers of two (epsilon too small to count).
  const AdamwStep first = make_step(0.25, 0, 0.5, 0.75, 1e-30, 1);
  s = {ones, zeros, zeros};
  table.kernels->adamw(&first, s.p.data(), s.m.data(), s.v.data(), twos.data(), kN);
  check_bits(name + " first step", s.p.data(), std::vector<float>(kN, 0.75f).data(), kN, 51);
  // NaN in one gradient stays in its lane; a gradient whose square underflows moves by m / epsilon.
  std::vector<float> g = twos;
  g[20] = kNan;
  s = {ones, zeros, zeros};
  table.kernels->adamw(&first, s.p.data(), s.m.data(), s.v.data(), g.data(), kN);
  for (int64_t i = 0; i < kN; ++i)
    CHECK(std::isnan(s.p[i]) == (i == 20), "%s: p[%lld] = %g", name.c_str(), static_cast<long long>(i), s.p[i]);
  const std::vector<float> tiny(kN, 0x1p-80f);
  const AdamwStep coarse = make_step(1, 0, 0.5, 0.75, 0x1p-20, 1);
  s = {zeros, zeros, zeros};
  table.kernels->adamw(&coarse, s.p.data(), s.m.data(), s.v.data(), tiny.data(), kN);
  check_bits(name + " underflow", s.p.data(), std::vector<float>(kN, -0x1p-60f).data(), kN, 51);
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  gavel::FlushDenormals flush;
  for (const Table &table : row_tables()) {
    for (int64_t n : {1, 7, 16, 33, 100, 1000}) {
      test_steps(table, n, 1);
      test_steps(table, n, 1e-4);
    }
    test_update(table);
    test_exact(table);
  }
  return finish();
}
