// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// row_sums.h: sums over the rows of a chunk, and how a chunk's sum reaches the caller's gradient.
#ifndef GAVEL_CPU_ROW_SUMS_H
#define GAVEL_CPU_ROW_SUMS_H

#include <algorithm>
#include <cstdint>

#include "common/tensor.h"
#include "cpu/kernels.h"

namespace gavel {

// Rows added one after another before their sum is added to the others: rounding errors then grow with n / 32 + 32, not with n.
constexpr int64_t kSummedRows = 32;

// sum[0..width) = sum over rows of what add_row(row, partial) adds to partial[0..width). partial is scratch of the same size.
template <typename AddRow>
void sum_rows(const Kernels &kernels, int64_t rows, int64_t width, float *sum, float *partial, AddRow &&add_row) {
  std::fill_n(sum, width, 0.0f);
  for (int64_t begin = 0; begin < rows; begin += kSummedRows) {
    std::fill_n(partial, width, 0.0f);
    for (int64_t row = begin; row < std::min(begin + kSummedRows, rows); ++row) add_row(row, partial);
    kernels.add(sum, partial, width);
  }
}

// Sums so far and now: the first chunk of a call that does not accumulate overwrites.
inline void put_gradient(float *gradient, const float *sum, int64_t count, bool overwrite) {
  if (overwrite) {
    std::copy_n(sum, count, gradient);
  } else {
    for (int64_t k = 0; k < count; ++k) gradient[k] += sum[k];
  }
}

// Part `part` of `parts` of [0, count), cut at multiples of unit.
struct Slice {
  Slice(int64_t count, int64_t unit, int32_t part, int32_t parts) {
    const int64_t units = (count + unit - 1) / unit;
    begin = std::min(count, units * part / parts * unit);
    end = std::min(count, units * (part + 1) / parts * unit);
  }
  int64_t begin;
  int64_t end;
  int64_t size() const { return end - begin; }
};

}  // namespace gavel

#endif
