// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// packed.h: the layout of both sides of a product (gemm.h): weights [neurons, depth] and vectors [items, depth].
//
// Blocks of 8 rows by 32 columns, row-major inside (a row of 16-bit elements is 64 bytes, a block 512), block after block along the
// columns, then the next 8 rows. Rows and columns are filled up with zeros. This is what mma m16n8k16 wants with the 32 columns of a
// block dealt to its two steps of 16 so that lane l holds the 16 neighbouring bytes at 16 l: row l / 4, columns 8 (l % 4) .. + 7, four
// of them for each step. Both sides deal alike, so a product is the same sum in another order, and one 16-byte access of each lane
// moves a block without a bank conflict.
#ifndef GAVEL_CUDA_PACKED_H
#define GAVEL_CUDA_PACKED_H

#include <cstdint>

#include "cuda/device.h"

namespace gavel::cuda {

constexpr int64_t kBlockRows = 8;
constexpr int64_t kBlockColumns = 32;
constexpr int64_t kBlockElements = kBlockRows * kBlockColumns;
// Neurons come in tiles of 32: weights have a multiple of that many rows.
constexpr int64_t kTileNeurons = 32;

__host__ __device__ constexpr int64_t divide_up(int64_t n, int64_t unit) {
  return (n + unit - 1) / unit;
}
__host__ __device__ constexpr int64_t padded(int64_t n, int64_t unit) {
  return divide_up(n, unit) * unit;
}

// Steps of 32 columns that a depth has.
__host__ __device__ constexpr int64_t step_count(int64_t depth) {
  return divide_up(depth, kBlockColumns);
}

// Where an element lies, in elements. depth: columns before filling up.
__host__ __device__ constexpr int64_t packed_offset(int64_t row, int64_t column, int64_t depth) {
  return (row / kBlockRows * step_count(depth) + column / kBlockColumns) * kBlockElements + row % kBlockRows * kBlockColumns +
         column % kBlockColumns;
}

// Elements of a packed matrix; `unit` is what its rows are filled up to a multiple of.
__host__ __device__ constexpr int64_t packed_elements(int64_t rows, int64_t unit, int64_t depth) {
  return padded(rows, unit) * step_count(depth) * kBlockColumns;
}

// A depth is cut into slices of equally many steps (the last may have fewer), at most 8, each added up from 0, and then together
// (gemm.h). This, and so the bits of a product, depends on the depth alone.
constexpr int kMostSlices = 8;
__host__ __device__ constexpr int64_t slice_steps(int64_t depth) {
  return divide_up(step_count(depth), kMostSlices);
}
__host__ __device__ constexpr int slice_count(int64_t depth) {
  return static_cast<int>(divide_up(step_count(depth), slice_steps(depth)));
}

}  // namespace gavel::cuda

#endif
