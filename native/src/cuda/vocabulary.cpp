// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/vocabulary.h"

#include <algorithm>

#include "cuda/head.h"
#include "cuda/packed.h"

namespace gavel::cuda {

namespace {

// Rows on their way to the device at a time: 64 MiB of rows of 4096 16-bit elements.
constexpr int64_t kStagedRows = 8192;
static_assert(kStagedRows % kTileNeurons == 0);

int64_t packed_bytes(const Tensor &weight) {
  const int64_t row = step_count(weight.shape[1]) * kBlockColumns * dtype_size(weight.dtype);
  return multiply_sizes(padded(weight.shape[0], kTileNeurons), row, "bytes of the vocabulary");
}

}  // namespace

Vocabulary::Vocabulary(Context &parent, const Tensor &weight)
    : context(parent),
      dtype(weight.dtype),
      tokens(weight.shape[0]),
      width(weight.shape[1]),
      packed(parent, packed_bytes(weight), "the vocabulary") {
  const int64_t element = dtype_size(dtype), row = width * element;
  const DeviceBytes staged(parent, std::min(tokens, kStagedRows) * row, "rows of the vocabulary, to be packed");
  for (int64_t begin = 0; begin < tokens; begin += kStagedRows) {
    const int64_t rows = std::min(kStagedRows, tokens - begin);
    const bool together = rows <= 1 || weight.stride[0] == width;
    for (int64_t r = 0; r < rows; r += together ? rows : 1) {
      check(cudaMemcpy(staged.as<char>() + r * row, weight.at(begin + r), static_cast<size_t>(together ? rows * row : row),
                       cudaMemcpyHostToDevice),
            "copying the vocabulary");
    }
    pack_weight(dtype, staged.data(), rows, width, packed.as<char>() + packed_offset(begin, 0, width) * element);
    check(cudaStreamSynchronize(nullptr), "packing the vocabulary");
  }
}

}  // namespace gavel::cuda
