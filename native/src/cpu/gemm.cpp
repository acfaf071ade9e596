// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm.cpp: the part of the matrix product that is the same for every instruction set: panels, and the walk over them.
#include "cpu/gemm.h"

#include <algorithm>
#include <cstring>

#include "cpu/vector_scalar.h"
#include "gavel/gavel.h"

namespace gavel {
namespace {

constexpr int64_t kHalf = kPanelColumns / 2;
constexpr int64_t kBlockValues = kPanelColumns * kDepthBlock;

// Where column c of row k lies in a block of 32 by 32.
struct RowMajor {
  static int64_t position(int64_t k, int64_t c) { return k * kPanelColumns + c; }
};
struct PairMajor {
  static int64_t position(int64_t k, int64_t c) {
    return c / kHalf * (kHalf * kDepthBlock) + k / 2 * (2 * kHalf) + c % kHalf * 2 + k % 2;
  }
};

struct Copy {
  template <typename Value>
  static Value convert(Value value) {
    return value;
  }
};
struct WidenF16 {
  static float convert(uint16_t value) { return scalar::widen_f16(value); }
};
struct WidenBf16 {
  static float convert(uint16_t value) { return scalar::widen_bf16(value); }
};
struct NarrowF16 {
  static uint16_t convert(float value) { return scalar::narrow_f16(value); }
};
struct NarrowBf16 {
  static uint16_t convert(float value) { return scalar::narrow_bf16(value); }
};

template <typename Layout, typename Conversion, typename In, typename Out>
void pack(const MatrixView &matrix, int64_t index, Out *out) {
  const int64_t columns = std::min(kPanelColumns, matrix.rows - index * kPanelColumns);
  const In *in = static_cast<const In *>(matrix.data) + index * kPanelColumns * matrix.row_stride;
  for (int64_t block = 0; block < matrix.depth; block += kDepthBlock, out += kBlockValues) {
    const int64_t depth = std::min(kDepthBlock, matrix.depth - block);
    if (columns < kPanelColumns || depth < kDepthBlock) std::memset(out, 0, kBlockValues * sizeof(Out));
    const In *corner = in + block * matrix.depth_stride;
    // The inner loop runs along memory: rows of a matrix whose rows are a power of two apart share cache sets, and a walk
    // across them would lose each line before its second element is read.
    if (matrix.row_stride == 1) {
      for (int64_t k = 0; k < depth; ++k) {
        const In *from = corner + k * matrix.depth_stride;
        for (int64_t c = 0; c < columns; ++c) out[Layout::position(k, c)] = Conversion::convert(from[c]);
      }
    } else {
      for (int64_t c = 0; c < columns; ++c) {
        const In *from = corner + c * matrix.row_stride;
        for (int64_t k = 0; k < depth; ++k) out[Layout::position(k, c)] = Conversion::convert(from[k * matrix.depth_stride]);
      }
    }
  }
}

}  // namespace

int64_t panel_count(int64_t columns) {
  return (columns + kPanelColumns - 1) / kPanelColumns;
}

int64_t panel_bytes(int32_t dtype, int64_t depth) {
  const int64_t blocks = (depth + kDepthBlock - 1) / kDepthBlock;
  return blocks * kBlockValues * (dtype == GAVEL_F32 ? 4 : 2);
}

void pack_panel(int32_t dtype, const MatrixView &matrix, int64_t index, void *panel) {
  auto *words = static_cast<float *>(panel);
  auto *halves = static_cast<uint16_t *>(panel);
  if (dtype == GAVEL_F32) {
    if (matrix.dtype == GAVEL_F32) return pack<RowMajor, Copy, float>(matrix, index, words);
    if (matrix.dtype == GAVEL_F16) return pack<RowMajor, WidenF16, uint16_t>(matrix, index, words);
    return pack<RowMajor, WidenBf16, uint16_t>(matrix, index, words);
  }
  if (dtype == GAVEL_F16) {
    if (matrix.dtype == GAVEL_F32) return pack<RowMajor, NarrowF16, float>(matrix, index, halves);
    return pack<RowMajor, Copy, uint16_t>(matrix, index, halves);
  }
  if (matrix.dtype == GAVEL_F32) return pack<PairMajor, NarrowBf16, float>(matrix, index, halves);
  return pack<PairMajor, Copy, uint16_t>(matrix, index, halves);
}

void multiply_panel(const Kernels &kernels, int32_t dtype, const void *packed_rows, int64_t first_row, int64_t rows,
                    const void *panels, int64_t depth, int64_t panel, int64_t panel_end, float *c, const Epilogue &epilogue) {
  const int64_t bytes = panel_bytes(dtype, depth);
  const char *here = static_cast<const char *>(panels) + panel * bytes;
  const char *next = panel + 1 < panel_end ? here + bytes : nullptr;
  kernels.multiply(dtype, packed_rows, rows, here, next, depth, c);
  epilogue.run(epilogue.state, first_row, rows, panel, c);
}

void multiply_panels(const Kernels &kernels, int32_t dtype, const void *packed_rows, int64_t first_row, int64_t rows,
                     const void *panels, int64_t depth, int64_t panel_begin, int64_t panel_end, float *c,
                     const Epilogue &epilogue) {
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    multiply_panel(kernels, dtype, packed_rows, first_row, rows, panels, depth, panel, panel_end, c, epilogue);
  }
}

}  // namespace gavel
