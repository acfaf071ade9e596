// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// span_score.h: how the log-probabilities of a span become its score, as gavel_token_logprob and its backward are both told.
#ifndef GAVEL_API_SPAN_SCORE_H
#define GAVEL_API_SPAN_SCORE_H

#include <cstdint>

#include "common/error.h"
#include "common/numeric.h"
#include "gavel/gavel.h"

namespace gavel {

inline void check_span_score(int32_t reduce, int32_t readout, float beta) {
  GAVEL_CHECK(reduce >= GAVEL_LOGPROB_SUM && reduce <= GAVEL_LOGPROB_MEAN_PROB,
              "args.reduce is %d; say 1 (SUM), 2 (MEAN), 3 (MIN) or 4 (MEAN_PROB)", reduce);
  GAVEL_CHECK(readout == GAVEL_READOUT_IDENTITY || readout == GAVEL_READOUT_LOG_RATIO,
              "args.readout is %d; log-probabilities are read out as 0 (IDENTITY) or 8 (LOG_RATIO)", readout);
  if (readout == GAVEL_READOUT_IDENTITY) {
    GAVEL_CHECK(beta == 0, "args.beta is %g; only LOG_RATIO reads it: set it to 0", static_cast<double>(beta));
    return;
  }
  GAVEL_CHECK(reduce != GAVEL_LOGPROB_MEAN_PROB,
              "args.reduce is MEAN_PROB, a probability; LOG_RATIO needs logarithms: say SUM, MEAN or MIN");
  GAVEL_CHECK(is_finite(beta) && beta >= 0x1p-126f, "args.beta is %g; LOG_RATIO needs a finite number of at least 2^-126",
              static_cast<double>(beta));
}

// What the reduced log-probabilities are multiplied with.
inline float factor_of(int32_t readout, float beta) {
  return readout == GAVEL_READOUT_LOG_RATIO ? beta : 1;
}

}  // namespace gavel

#endif
