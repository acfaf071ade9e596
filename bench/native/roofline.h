// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// roofline.h: what this machine can do at best, measured: the ceilings a product is compared with.
#ifndef GAVEL_BENCH_ROOFLINE_H
#define GAVEL_BENCH_ROOFLINE_H

#include <cstdint>

namespace gavel::bench {

// Seconds since some start.
double now();

// Operations per second of one thread (a multiply and an add are two), 0 where the processor lacks the instruction.
double fma_rate_f32();   // 512-bit FMA, 16 floats
double dot_rate_bf16();  // 512-bit VDPBF16PS, 32 products

// Bytes per second that one thread reads out of a buffer of this size, again and again.
double read_rate(int64_t bytes);

}  // namespace gavel::bench

#endif
