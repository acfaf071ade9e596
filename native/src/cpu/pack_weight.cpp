// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/pack_weight.h"

#include "common/tensor.h"
#include "gavel/gavel.h"

namespace gavel {

bool packs_in_parts(const MatrixView &matrix, int64_t index) {
  return matrix.dtype != GAVEL_F16 && matrix.depth_stride == 1 && matrix.depth % kDepthBlock == 0 &&
         (index + 1) * kPanelColumns <= matrix.rows;
}

// A block of 32 by 32 is squares of 16 by 16 words, each transposed: four of floats; of bf16, two of pairs of k.
void pack_part(const Kernels &kernels, const MatrixView &matrix, int64_t index, int64_t begin, int64_t end, void *panel) {
  constexpr int64_t kSquare = 16, kWord = 4;
  const int64_t row_bytes = matrix.row_stride * dtype_size(matrix.dtype);
  const char *rows = static_cast<const char *>(matrix.data) + index * kPanelColumns * row_bytes;
  const bool floats = matrix.dtype == GAVEL_F32;
  for (int64_t k = begin; k < end; k += kDepthBlock) {
    const char *from = rows + k * dtype_size(matrix.dtype);
    char *to = static_cast<char *>(panel) + k * kPanelColumns * dtype_size(matrix.dtype);
    for (int64_t half = 0; half < 2; ++half) {
      const char *columns = from + half * kSquare * row_bytes;
      if (floats) {
        char *left = to + half * kSquare * kWord;
        kernels.transpose(columns, row_bytes, left, kPanelColumns * kWord);
        kernels.transpose(columns + kSquare * kWord, row_bytes, left + kSquare * kPanelColumns * kWord, kPanelColumns * kWord);
      } else {
        kernels.transpose(columns, row_bytes, to + half * kSquare * kSquare * kWord, kSquare * kWord);
      }
    }
  }
}

void pack_weight(const Kernels &kernels, const MatrixView &matrix, int64_t index, void *panel) {
  if (packs_in_parts(matrix, index)) return pack_part(kernels, matrix, index, 0, matrix.depth, panel);
  pack_panel(matrix.dtype, matrix, index, panel);
}

}  // namespace gavel
