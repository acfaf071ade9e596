// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm.h: packed matrix product C = A B^T with a fused epilogue; A [rows, depth], B [columns, depth], C [rows, columns] in f32.
//
// Two orders of summation, each one and the same in every table:
// Tile order, of 16-bit dtypes (it is what the AMX unit does, measured to the bit):
//   acc = +0; for each block of 32 consecutive k: even = odd = +0; for k in the block, rising: even k: even = fma(a[k], b[k], even),
//   odd k: odd = fma(a[k], b[k], odd); acc = acc + (even + odd).
// F32 order, which no unit decides, is nearer to the exact sum: a block is the sum of its two halves, each an even and an odd chain that are
// added, and a chain begins with its first product; a span of 128 consecutive k is a sum of blocks from +0, as above; acc = the first span, and
// each further one is added to it.
// depth is padded with zeros to a multiple of 32, which changes no bit of a sum (but a sum of only -0 terms becomes +0, everywhere).
// An element of C depends on its own row of A, its own row of B and nothing else, so any split of rows or columns gives the same bits.
//
// B is packed once into panels of 32 columns (columns padded with zeros); the panel layout depends on the dtype alone, so one packed
// head serves every instruction set:
//   f32, f16:  [k][32 columns]
//   bf16:      [k / 32][2 halves of 16 columns][16 pairs of k][16 columns][2], the operand of one AMX tile after the other
// A is packed row by row while it is gathered, in the layout the kernel table wants.
#ifndef GAVEL_CPU_GEMM_H
#define GAVEL_CPU_GEMM_H

#include <cstdint>

#include "cpu/kernels.h"

namespace gavel {

constexpr int64_t kPanelColumns = 32;
constexpr int64_t kDepthBlock = 32;
// k of a span of the f32 order.
constexpr int64_t kSumSpan = 128;
// Rows worked on while one panel is in the nearest cache.
constexpr int64_t kRowBlock = 128;

// A matrix in memory, any strides (so a transpose is a view).
struct MatrixView {
  const void *data;
  int32_t dtype;
  int64_t rows;
  int64_t depth;
  int64_t row_stride;    // elements
  int64_t depth_stride;  // elements
};

int64_t panel_count(int64_t columns);
// Bytes of one panel; a multiple of 2048. Panels of a matrix lie one after the other.
int64_t panel_bytes(int32_t dtype, int64_t depth);
// Packs panel `index` (columns 32 index .. 32 index + 31 of B = `matrix` rows) to `panel` (64-byte aligned) in `dtype`. The matrix is
// of the same dtype, or 16 bits wide while dtype is f32 (exact), or f32 while dtype is 16 bits wide (rounded to nearest even).
void pack_panel(int32_t dtype, const MatrixView &matrix, int64_t index, void *panel);

// Called for each finished block: c[r][0..31] for rows row .. row + rows - 1 and columns 32 panel .. ; c may be changed.
struct Epilogue {
  void (*run)(void *state, int64_t row, int64_t rows, int64_t panel, float *c);
  void *state;
};

// Panel `panel` times packed rows (from kernels.pack_row), then the epilogue. `panels` is the first panel of B; the panel after this
// one is fetched ahead where it is below panel_end. `c` is scratch for rows * 32 floats, 64-byte aligned. first_row is only handed to
// the epilogue.
void multiply_panel(const Kernels &kernels, int32_t dtype, const void *packed_rows, int64_t first_row, int64_t rows,
                    const void *panels, int64_t depth, int64_t panel, int64_t panel_end, float *c, const Epilogue &epilogue);
// Panels [panel_begin, panel_end), one after the other.
void multiply_panels(const Kernels &kernels, int32_t dtype, const void *packed_rows, int64_t first_row, int64_t rows,
                     const void *panels, int64_t depth, int64_t panel_begin, int64_t panel_end, float *c,
                     const Epilogue &epilogue);

}  // namespace gavel

#endif
