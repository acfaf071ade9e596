// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// IDENTITY, AFFINE, SIGMOID: their arithmetic is the backend's (cpu/score.cpp, cuda/output.h), a row of many items at a time.
#include <cmath>

#include "common/error.h"
#include "common/readout.h"

namespace gavel {

namespace {

void check_affine(const ReadoutArgs &args, CallTensors &, ReadoutPlan &plan) {
  GAVEL_CHECK(std::isfinite(args.mean), "args.readout_mean is %g; AFFINE needs a finite number",
              static_cast<double>(args.mean));
  GAVEL_CHECK(std::isnormal(args.deviation),
              "args.readout_deviation is %g; AFFINE divides by it: say a finite number that is neither 0 nor a denormal",
              static_cast<double>(args.deviation));
  plan.mean = args.mean;
  plan.deviation = args.deviation;
}

}  // namespace

const ReadoutFamily kIdentity = {.kind = GAVEL_READOUT_IDENTITY, .name = "IDENTITY", .fields = 0};
const ReadoutFamily kAffine = {.kind = GAVEL_READOUT_AFFINE, .name = "AFFINE", .fields = kMeanDeviation, .check = check_affine};
const ReadoutFamily kSigmoid = {.kind = GAVEL_READOUT_SIGMOID, .name = "SIGMOID", .fields = 0};

}  // namespace gavel
