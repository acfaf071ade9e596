// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// work.h: how long a piece of work takes on one thread, roughly: it only decides whether other threads are woken, never a bit.
#ifndef GAVEL_CPU_WORK_H
#define GAVEL_CPU_WORK_H

#include <algorithm>
#include <cstdint>

#include "cpu/kernels.h"
#include "cpu/pooling.h"
#include "gavel/gavel.h"

namespace gavel {

// Elements of a row (widened, copied, packed, added) per nanosecond, out of the second-level cache.
constexpr double kElementsPerNanosecond = 4;

// The items' rows, each read once.
inline double pooling_nanoseconds(const Pooling &pooling, int64_t begin, int64_t items) {
  double rows = static_cast<double>(items) * (pooling.pooling == GAVEL_POOLING_INDEX ? 1 : 2);
  if (pooling.pooling == GAVEL_POOLING_SPAN_MEAN) {
    rows = 0;
    for (int64_t r = begin; r < begin + items; ++r) {
      rows += static_cast<double>(pooling.rows[r].last - pooling.rows[r].first) + 1;
    }
  }
  return rows * static_cast<double>(pooling.hidden_width) / kElementsPerNanosecond;
}

// Dots of rows that lie in the second-level cache.
inline double dots_nanoseconds(int64_t rows, int64_t outputs, int64_t width) {
  return static_cast<double>(rows) * static_cast<double>(outputs) * static_cast<double>(width) / 8;
}

// A matrix product: bound by reading the panels where there are few rows, by the multiplications where there are many.
inline double product_nanoseconds(const Kernels &kernels, int64_t rows, int64_t columns, int64_t depth, int64_t element_bytes) {
  // One thread of a server core of 2024 (AVX-512 with bf16): panels of 2 MiB at 80 bytes per nanosecond, of 32 MiB at 60, and 240
  // multiply-and-adds per nanosecond at 64 rows; one of 2024 with AMX in a virtual machine: 28 bytes from its third cache, and 500 to
  // 700. Too fast a guess leaves work on one thread, too slow a guess wakes threads for less than waking costs.
  constexpr double kRates[] = {1, 0.5, 40, 100, 400};  // multiply-and-adds, by instruction set
  constexpr double kWideRate = 60;                     // of 4 bytes, which the matrix unit does not take
  constexpr double kBytesPerNanosecond = 60;
  const double weights = static_cast<double>(columns) * static_cast<double>(depth);
  const double rate = kRates[kernels.instruction_set];
  return std::max(weights * static_cast<double>(element_bytes) / kBytesPerNanosecond,
                  weights * static_cast<double>(rows) / (element_bytes == 4 ? std::min(rate, kWideRate) : rate));
}

// A loss in lanes that takes so long a score with AVX-512.
inline double loss_nanoseconds(const Kernels &kernels, int64_t scores, double score_nanoseconds) {
  constexpr double kTimes[] = {1, 20, 1.3, 1, 1};  // by instruction set
  return static_cast<double>(scores) * score_nanoseconds * kTimes[kernels.instruction_set];
}

}  // namespace gavel

#endif
