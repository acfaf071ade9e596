// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_pairwise_ranking.h: one pair of a group whose first score should be above the second, for host and device. Formulas: gavel.h.
#ifndef GAVEL_COMMON_LOSS_PAIRWISE_RANKING_H
#define GAVEL_COMMON_LOSS_PAIRWISE_RANKING_H

#include "common/numeric.h"

namespace gavel {

GAVEL_HOST_DEVICE float ranked_pair_loss(float beta, float better, float worse) {
  return logistic_terms(beta * (better - worse)).softplus_of_minus;
}

// -d loss / d (beta better) = d loss / d (beta worse).
GAVEL_HOST_DEVICE float ranked_pair_slope(float beta, float better, float worse) {
  return logistic_terms(beta * (better - worse)).logistic_of_minus;
}

}  // namespace gavel

#endif
