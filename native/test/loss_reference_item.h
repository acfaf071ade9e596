// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_reference_item.h: one item's loss and gradient in float64, with bounds, and what the references are written with.
#ifndef GAVEL_TEST_LOSS_REFERENCE_ITEM_H
#define GAVEL_TEST_LOSS_REFERENCE_ITEM_H

#include <cmath>
#include <cstdint>
#include <vector>

namespace gavel::test {

constexpr double kLossUnit = 0x1p-24;
constexpr double kFunction = 4 * kLossUnit;
// Results below 2^-126 are 0: a bound can be no smaller.
constexpr double kSmallest = 0x1p-126;

inline double levels(int64_t n) {
  return n > 1 ? std::ceil(std::log2(static_cast<double>(n))) : 0;
}
inline double softplus64(double x) {
  return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x)));
}
inline double sigmoid64(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

// One gradient contribution, before reduction.
struct Contribution {
  int64_t score;
  double value;
  double bound;
};

struct ItemReference {
  bool valid = false;
  double loss = 0;
  double bound = 0;
  std::vector<Contribution> gradient;
};

}  // namespace gavel::test

#endif
