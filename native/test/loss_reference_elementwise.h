// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_reference_elementwise.h: MSE, BCE and PINBALL in float64, with bounds on f32.
#ifndef GAVEL_TEST_LOSS_REFERENCE_ELEMENTWISE_H
#define GAVEL_TEST_LOSS_REFERENCE_ELEMENTWISE_H

#include <cmath>

#include "loss_problem.h"
#include "loss_reference_item.h"

namespace gavel::test {

inline ItemReference elementwise_reference(const LossProblem &problem, const std::vector<double> &s, int64_t n) {
  ItemReference item;
  const double y = static_cast<double>(problem.targets[static_cast<size_t>(n)]);
  if (!problem.is_valid(n) || std::isnan(y)) return item;
  item.valid = true;
  const double score = s[static_cast<size_t>(n)], weight = problem.weight.at(n), u = kLossUnit;
  const double difference = score - y;
  double value = 0, bound = 0;
  if (problem.kind == GAVEL_LOSS_MSE) {
    item.loss = difference * difference;
    item.bound = 4 * u * item.loss;
    value = 2 * difference;
    bound = 2 * u * std::fabs(value);
  } else if (problem.kind == GAVEL_LOSS_PINBALL) {
    const double quantile = problem.quantile.at(n);
    item.loss = std::fmax(-quantile * difference, (1 - quantile) * difference);
    item.bound = 4 * u * item.loss;
    value = difference < 0 ? -quantile : 1 - quantile;
    bound = u * std::fabs(value);
  } else {
    const double positive = problem.positive_weight.at(n) * y, negative = 1 - y;
    item.loss = positive * softplus64(-score) + negative * softplus64(score);
    item.bound = (kFunction + 4 * u) * item.loss;
    value = negative * sigmoid64(score) - positive * sigmoid64(-score);
    bound = (kFunction + 4 * u) * (negative * sigmoid64(score) + positive * sigmoid64(-score));
  }
  item.loss *= weight;
  item.bound = weight * item.bound + u * item.loss + kSmallest;
  item.gradient.push_back({n, weight * value, weight * (bound + 2 * u * std::fabs(value)) + kSmallest});
  return item;
}

}  // namespace gavel::test

#endif
