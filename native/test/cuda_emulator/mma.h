// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// mma.h: mma.sync.aligned.m16n8k16.row.col.f32.{bf16,f16}.{bf16,f16}.f32 on the host: d += a b, each of the 16 x 8 sums in f32, its 16
// products added in order with fmaf. The hardware adds them in an order of its own, so equal bits are not to be expected of it.
#ifndef GAVEL_TEST_CUDA_EMULATOR_MMA_H
#define GAVEL_TEST_CUDA_EMULATOR_MMA_H

#include <cstdint>

namespace gavel::emulator {

// Widened exactly; NaN stays NaN.
float widen_bf16(uint16_t bits);
float widen_f16(uint16_t bits);
// Rounded to nearest even; NaN becomes 0x7fff, as the hardware has it.
uint16_t narrow_bf16(float value);
uint16_t narrow_f16(float value);

// All 32 lanes call it, each with its fragments as the PTX manual lays them out.
void mma_bf16(float *d, const uint32_t *a, const uint32_t *b);
void mma_f16(float *d, const uint32_t *a, const uint32_t *b);

}  // namespace gavel::emulator

#endif
