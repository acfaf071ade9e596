// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// numeric.h: the few transcendental functions losses are made of, in f32, with the same bits everywhere.
//
// libm is not called: its bits change with its version and with the processor. Only +, -, *, / and bit moves are used, each rounded
// once, and no fused multiply-and-add: losses are compiled for the baseline, where fmaf is a call. A compiler must therefore not
// contract here (g++ -ffp-contract=off, nvcc -fmad=false); then host and device agree. Results below 2^-126 are 0, whatever the
// flush mode of the caller. Largest errors against 80-bit long double, over every float between 2^-30
// and 2^8 in magnitude and each 97th of the others (test/loss_numeric.cpp takes a sample):
//   exponential 0.88 ULP, natural_log 0.88, log_one_plus 0.89 from 0 on and 1.20 below, logistic 1.97, softplus 1.71.
// Each is written once (numeric.inl) for a host, a device and the lanes of the CPU's kernel tables.
// The polynomials are minimax fits of this project (Remez, then each coefficient rounded to f32).
#ifndef GAVEL_COMMON_NUMERIC_H
#define GAVEL_COMMON_NUMERIC_H

#include "common/one_lane.h"

namespace gavel {

constexpr float kInfinity = __builtin_huge_valf();

namespace one_lane {

#include "common/numeric.inl"

}  // namespace one_lane

using one_lane::absolute;
using one_lane::is_nan;
using one_lane::log_one_plus;
using one_lane::logistic_terms;
using one_lane::LogisticTerms;
using one_lane::natural_log;
using one_lane::part_shares;
using one_lane::PartShares;
using one_lane::share_of;

GAVEL_HOST_DEVICE bool is_finite(float x) {
  return x - x == 0.0f;
}

GAVEL_HOST_DEVICE float exponential(float x) {
  return one_lane::unfused_exponential(x);
}

}  // namespace gavel

#endif
