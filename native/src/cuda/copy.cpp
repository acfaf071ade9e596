// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// copy.cpp: gavel_copy. The runtime finds out where each side lies; rows that it cannot take as one rectangle go one by one.
#include <climits>

#include "common/error.h"
#include "cuda/buffer.h"

namespace gavel::cuda {
namespace {

constexpr const char *kWhat = "copying a tensor";

}  // namespace

void enqueue_copy(const Tensor &source, const Tensor &target, Stream &stream) {
  const int64_t element = dtype_size(source.dtype);
  const bool matrix = source.rank == 2;
  const int64_t rows = matrix ? source.shape[0] : 1;
  const int64_t columns = matrix ? source.shape[1] : source.shape[0];
  if (rows == 0 || columns == 0) return;
  const size_t width = static_cast<size_t>(columns * element);
  const int64_t from = rows == 1 ? columns : source.stride[0];
  const int64_t to = rows == 1 ? columns : target.stride[0];
  if (rows == 1 || (from == columns && to == columns)) {
    check(cudaMemcpyAsync(target.data, source.data, width * static_cast<size_t>(rows), cudaMemcpyDefault, stream.native),
          kWhat);
    return;
  }
  // Rows of a source may overlap, and the runtime takes no pitch from 2 GiB on.
  if (from >= columns && from * element <= INT_MAX && to * element <= INT_MAX) {
    check(cudaMemcpy2DAsync(target.data, static_cast<size_t>(to * element), source.data, static_cast<size_t>(from * element),
                            width, static_cast<size_t>(rows), cudaMemcpyDefault, stream.native),
          kWhat);
    return;
  }
  for (int64_t row = 0; row < rows; ++row) {
    check(cudaMemcpyAsync(target.at(row), source.at(row), width, cudaMemcpyDefault, stream.native), kWhat);
  }
}

}  // namespace gavel::cuda
