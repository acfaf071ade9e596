// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// backward_operands.h: what the products of backward multiply: target[m][n] (+)= sum over k of left(k, m) right(k, n), f32.
#ifndef GAVEL_CUDA_BACKWARD_OPERANDS_H
#define GAVEL_CUDA_BACKWARD_OPERANDS_H

#include <cstdint>

#include "cuda/packed.h"
#include "cuda/rows.h"

namespace gavel::cuda {

struct ProductShape {
  int64_t rows;
  int64_t columns;
  int64_t depth;
  float *target;
  int64_t stride;
  bool overwrite;
};

// kDepthFirst: neighbouring k are neighbours in memory, not neighbouring m.
struct LeftByRows {  // left[k][m]
  static constexpr bool kDepthFirst = false;
  const float *data;
  int64_t stride;
  __device__ float at(int64_t k, int64_t m) const { return data[k * stride + m]; }
};
struct LeftByColumns {  // left[m][k]
  static constexpr bool kDepthFirst = true;
  const float *data;
  int64_t stride;
  __device__ float at(int64_t k, int64_t m) const { return data[m * stride + k]; }
};
struct RightMatrix {
  const float *data;
  int64_t stride;
  __device__ float at(int64_t k, int64_t n) const { return data[k * stride + n]; }
};
template <int32_t kType, bool kPacked>
struct RightWeight {
  const void *data;
  int64_t depth;
  __device__ float at(int64_t k, int64_t n) const {
    return load_element<kType>(data, kPacked ? packed_offset(k, n, depth) : k * depth + n);
  }
};

}  // namespace gavel::cuda

#endif
