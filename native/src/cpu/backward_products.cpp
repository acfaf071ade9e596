// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/backward_products.h"

#include <algorithm>
#include <cstring>

#include "cpu/gemm.h"
#include "cpu/row_sums.h"
#include "cpu/work.h"
#include "cpu/workspace.h"

namespace gavel {

namespace {

struct GradientBlock {
  const Tensor &gradient;
  bool overwrite;

  static void run(void *state, int64_t row, int64_t rows, int64_t panel, float *c) {
    const GradientBlock &block = *static_cast<const GradientBlock *>(state);
    const int64_t column = panel * kPanelColumns;
    const int64_t count = std::min(kPanelColumns, block.gradient.shape[1] - column);
    for (int64_t r = 0; r < rows; ++r, c += kPanelColumns) {
      float *target = block.gradient.row<float>(row + r) + column;
      if (count == kPanelColumns) {
        // The common case with a count the compiler knows: a call a row would take longer than the copy.
        put_gradient(target, c, kPanelColumns, block.overwrite);
      } else {
        put_gradient(target, c, count, block.overwrite);
      }
    }
  }
};

struct InputBlock {
  const Matrix &dinput;
  int64_t depth;

  static void run(void *state, int64_t row, int64_t rows, int64_t panel, float *c) {
    const InputBlock &block = *static_cast<const InputBlock *>(state);
    const int64_t column = panel * kPanelColumns;
    const int64_t count = std::min(kPanelColumns, block.depth - column);
    for (int64_t r = 0; r < rows; ++r) std::copy_n(c + r * kPanelColumns, count, block.dinput.row(row + r) + column);
  }
};

// Panels first .. first + count - 1 of the transpose of weight [width, depth], to `panels`. A panel takes 32 columns of every row, one or
// two cache lines a row: rows are walked in blocks, all panels of one before the next, or each line would miss the TLB, too.
constexpr int64_t kPackedPanels = 8;

void pack_transposed(const void *weight, int32_t dtype, int64_t width, int64_t depth, int64_t first, int64_t count,
                     char *panels) {
  const int64_t bytes = panel_bytes(GAVEL_F32, width);
  for (int64_t row = 0; row < width; row += kDepthBlock) {
    const char *rows = static_cast<const char *>(weight) + row * depth * dtype_size(dtype);
    const MatrixView transposed = {rows, dtype, depth, std::min(kDepthBlock, width - row), 1, depth};
    // An f32 panel is [row][32 columns] (gemm.h), so a block of rows is a piece of it.
    const int64_t offset = row * kPanelColumns * int64_t{sizeof(float)};
    for (int64_t panel = 0; panel < count; ++panel)
      pack_panel(GAVEL_F32, transposed, first + panel, panels + panel * bytes + offset);
  }
}

}  // namespace

void multiply_weight_gradient(CpuContext &context, const Matrix &da, const Matrix &input, int64_t rows, const Tensor &gradient,
                              bool overwrite) {
  const Kernels &kernels = context.kernels;
  const int64_t width = gradient.shape[0];
  const int64_t depth = gradient.shape[1];
  const int64_t panels = panel_count(depth);
  const int64_t bytes = panel_bytes(GAVEL_F32, rows);
  const int64_t blocks = (width + kRowBlock - 1) / kRowBlock;
  Workspace workspace(context.workspaces);

  // The product is the transpose of da times the input: both are read by columns, the items being the depth.
  char *packed_input = workspace.take<char>(panels * bytes);
  const MatrixView columns = {input.data, GAVEL_F32, depth, rows, 1, input.stride};
  const int32_t packers = context.pool.parts_for(static_cast<double>(rows) * static_cast<double>(depth), panels);
  context.pool.run(packers, [&](int32_t part) {
    const Slice slice(panels, 1, part, packers);
    for (int64_t panel = slice.begin; panel < slice.end; ++panel) {
      pack_panel(GAVEL_F32, columns, panel, packed_input + panel * bytes);
    }
  });

  const int32_t parts = context.pool.parts_for(product_nanoseconds(kernels, width, depth, rows, sizeof(float)), blocks);
  const int64_t packed_bytes = round_up(kernels.packed_rows_bytes(GAVEL_F32, std::min(width, kRowBlock), rows), kCacheLine);
  char *packed = workspace.take<char>(parts * packed_bytes);
  float *products = workspace.take<float>(parts * kRowBlock * kPanelColumns);
  GradientBlock state{gradient, overwrite};
  context.pool.run(parts, [&](int32_t part) {
    char *rows_of_part = packed + part * packed_bytes;
    const Slice slice(blocks, 1, part, parts);
    for (int64_t block = slice.begin; block < slice.end; ++block) {
      const int64_t first = block * kRowBlock;
      const int64_t count = std::min(kRowBlock, width - first);
      for (int64_t o = 0; o < count; ++o) {
        kernels.pack_row(GAVEL_F32, GAVEL_F32, da.data + first + o, da.stride, rows, rows_of_part, o, count);
      }
      kernels.pack_tail(GAVEL_F32, rows, rows_of_part, count);
      multiply_panels(kernels, GAVEL_F32, rows_of_part, first, count, packed_input, rows, 0, panels,
                      products + part * kRowBlock * kPanelColumns, {GradientBlock::run, &state});
    }
  });
}

void multiply_input_gradient(CpuContext &context, const Matrix &da, int64_t rows, int64_t width, int64_t depth, int32_t dtype,
                             const void *weight, const Matrix &dinput) {
  const Kernels &kernels = context.kernels;
  const int64_t panels = panel_count(depth);
  const int64_t bytes = panel_bytes(GAVEL_F32, width);
  const int64_t blocks = (rows + kRowBlock - 1) / kRowBlock;
  const int64_t packed_bytes = round_up(kernels.packed_rows_bytes(GAVEL_F32, std::min(rows, kRowBlock), width), kCacheLine);
  Workspace workspace(context.workspaces);

  char *packed = workspace.take<char>(blocks * packed_bytes);
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t count = std::min(kRowBlock, rows - block * kRowBlock);
    char *target = packed + block * packed_bytes;
    for (int64_t r = 0; r < count; ++r) {
      kernels.pack_row(GAVEL_F32, GAVEL_F32, da.row(block * kRowBlock + r), 1, width, target, r, count);
    }
    kernels.pack_tail(GAVEL_F32, width, target, count);
  }

  // Panels of the transposed weight are packed a few at a time: all of them would double the memory of the head.
  const double packing_time = static_cast<double>(width) * static_cast<double>(depth);
  const int64_t groups = (panels + kPackedPanels - 1) / kPackedPanels;
  const int32_t parts =
      context.pool.parts_for(product_nanoseconds(kernels, rows, depth, width, sizeof(float)) + packing_time, groups);
  char *panels_of_part = workspace.take<char>(parts * kPackedPanels * bytes);
  float *products = workspace.take<float>(parts * kRowBlock * kPanelColumns);
  InputBlock state{dinput, depth};
  context.pool.run(parts, [&](int32_t part) {
    char *target = panels_of_part + part * kPackedPanels * bytes;
    const Slice slice(groups, 1, part, parts);
    for (int64_t group = slice.begin; group < slice.end; ++group) {
      const int64_t first_panel = group * kPackedPanels;
      const int64_t count = std::min(kPackedPanels, panels - first_panel);
      pack_transposed(weight, dtype, width, depth, first_panel, count, target);
      for (int64_t block = 0; block < blocks; ++block) {
        const int64_t first = block * kRowBlock;
        for (int64_t panel = 0; panel < count; ++panel) {
          float *c = products + part * kRowBlock * kPanelColumns;
          const int64_t block_rows = std::min(kRowBlock, rows - first);
          kernels.multiply(GAVEL_F32, packed + block * packed_bytes, block_rows, target + panel * bytes, nullptr, width, c);
          InputBlock::run(&state, first, block_rows, first_panel + panel, c);
        }
      }
    }
  });
}

}  // namespace gavel
