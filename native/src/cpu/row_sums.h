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

// Rows added one after another before their sum takes part in the tree. A sum of n terms by itself is off by about n / sqrt(2) roundings of a
// term, in a tree by sqrt(n log2(n)): four at a time cost a pass over the sum for every four rows, and lose nothing against single rows.
constexpr int64_t kLeafRows = 4;
// Rows that threads share at once, and unit of a chunk: whole leaves, so many that a chunk's tree contains theirs.
constexpr int64_t kSummedRows = 32;
constexpr int64_t kMostSummedRows = 512;
// Sums that are open at the same time in a tree of this many leaves, the leaf under way included.
constexpr int32_t open_sums(int64_t leaves) {
  return leaves <= 1 ? 1 : 1 + open_sums((leaves + 1) / 2);
}
constexpr int32_t kOpenSums = open_sums(kMostSummedRows / kLeafRows);

// Sums of `width` neighbouring numbers in the order of common/pairwise_sum.h. open: [open_sums(leaves)] vectors of scratch, `stride` apart.
class VectorSum {
 public:
  VectorSum(const Kernels &kernels, float *open, int64_t stride, int64_t width)
      : kernels_(kernels), open_(open), stride_(stride), width_(width) {}

  // The next leaf, all 0, to be filled before close().
  float *leaf() {
    float *next = open_ + depth_ * stride_;
    std::fill_n(next, width_, 0.0f);
    return next;
  }
  void close() {
    ++depth_;
    for (uint64_t left = count_++; left & 1; left >>= 1) join();
  }
  // [width], valid until the scratch is used again. 0 where no leaf was closed.
  const float *total() {
    if (depth_ == 0) std::fill_n(open_, width_, 0.0f);
    while (depth_ > 1) join();
    return open_;
  }

 private:
  void join() {
    --depth_;
    kernels_.add(open_ + (depth_ - 1) * stride_, open_ + depth_ * stride_, width_);
  }

  const Kernels &kernels_;
  float *open_;
  int64_t stride_;
  int64_t width_;
  int64_t depth_ = 0;
  uint64_t count_ = 0;
};

// Sum over rows begin .. end - 1 of what add_row(row, leaf) adds to leaf[0..width). open: as of VectorSum.
template <typename AddRow>
const float *sum_rows(const Kernels &kernels, int64_t begin, int64_t end, int64_t width, float *open, int64_t stride,
                      AddRow &&add_row) {
  VectorSum sum(kernels, open, stride, width);
  for (int64_t first = begin; first < end; first += kLeafRows) {
    float *leaf = sum.leaf();
    for (int64_t row = first; row < std::min(first + kLeafRows, end); ++row) add_row(row, leaf);
    sum.close();
  }
  return sum.total();
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
