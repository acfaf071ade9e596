// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// adamw.h: what one AdamW step (Loshchilov and Hutter 2019) needs besides the arrays, for host and device. The CUDA backend counts its
// steps on the device, so the powers are made there, too: by multiplications alone, each rounded once, they have the same bits on both.
#ifndef GAVEL_COMMON_ADAMW_H
#define GAVEL_COMMON_ADAMW_H

#include <math.h>
#include <stdint.h>

#include "common/numeric.h"
#include "gavel/gavel.h"

namespace gavel {

// Bias corrections grow no further long before this, and beta^t still is exact enough to be 0.
constexpr int64_t kMostSteps = int64_t{1} << 53;

// Computed once per step in double, used elementwise (cpu/kernels.h).
struct AdamwStep {
  float decay;  // 1 - learning_rate * weight_decay
  float beta1;
  float one_minus_beta1;
  float beta2;
  float one_minus_beta2;
  float step_size;                 // learning_rate / (1 - beta1^t)
  float inverse_sqrt_correction2;  // 1 / sqrt(1 - beta2^t)
  float epsilon;
};

// base^count, count >= 1. The relative error is at most count * 2^-53: beyond any float's digits wherever the power is not yet 0.
GAVEL_HOST_DEVICE double power(double base, int64_t count) {
  double result = 1;
  for (;; base = base * base) {
    if ((count & 1) != 0) result = result * base;
    count >>= 1;
    if (count == 0) return result;
  }
}

// Constants of step number `step`, the first being 1.
GAVEL_HOST_DEVICE AdamwStep adamw_step(float beta1, float beta2, float epsilon, int64_t step, double learning_rate,
                                       double weight_decay) {
  AdamwStep constants;
  constants.decay = static_cast<float>(1 - learning_rate * weight_decay);
  constants.beta1 = beta1;
  constants.one_minus_beta1 = static_cast<float>(1 - static_cast<double>(beta1));
  constants.beta2 = beta2;
  constants.one_minus_beta2 = static_cast<float>(1 - static_cast<double>(beta2));
  constants.step_size = static_cast<float>(learning_rate / (1 - power(static_cast<double>(beta1), step)));
  constants.inverse_sqrt_correction2 = static_cast<float>(1 / sqrt(1 - power(static_cast<double>(beta2), step)));
  constants.epsilon = epsilon;
  return constants;
}

}  // namespace gavel

#endif
