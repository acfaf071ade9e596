// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_range.h: what the numbers of a loss may be, for host and device.
#ifndef GAVEL_COMMON_LOSS_RANGE_H
#define GAVEL_COMMON_LOSS_RANGE_H

#include "common/numeric.h"

namespace gavel {

enum class Range { FINITE, NOT_NEGATIVE, POSITIVE, UNIT, INSIDE_UNIT };

GAVEL_HOST_DEVICE bool in_range(float value, Range range) {
  // Denormals count as 0, as everywhere in the arithmetic that follows: a number is negative from the first normal one on.
  constexpr float kNegative = -0x1p-126f;
  switch (range) {
    case Range::FINITE:
      return is_finite(value);
    case Range::NOT_NEGATIVE:
      return is_finite(value) && value > kNegative;
    case Range::POSITIVE:
      return is_finite(value) && value >= 0x1p-126f;
    case Range::UNIT:
      return value > kNegative && value <= 1.0f;
    case Range::INSIDE_UNIT:
      return value >= 0x1p-126f && value < 1.0f;
  }
  return false;
}

// What follows "it must be".
inline const char *range_text(Range range) {
  switch (range) {
    case Range::FINITE:
      return "finite";
    case Range::NOT_NEGATIVE:
      return "finite and at least 0";
    case Range::POSITIVE:
      return "finite and at least 2^-126";
    case Range::UNIT:
      return "between 0 and 1";
    case Range::INSIDE_UNIT:
      return "above 0 and below 1";
  }
  return "";
}

}  // namespace gavel

#endif
