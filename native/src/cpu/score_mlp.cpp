// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/score_mlp.h"

#include <algorithm>
#include <cstring>

#include "cpu/gemm.h"
#include "cpu/work.h"

namespace gavel {

namespace {

// Panels whose dots are added up before they meet those of other panels.
constexpr int64_t kGroupPanels = 4;
constexpr int64_t kFloatsPerLine = kCacheLine / int64_t{sizeof(float)};
// A thread packs whole runs of this many rows, so that no two write to one group of packed rows.
constexpr int64_t kPackRows = 16;

// The widest input of a layer, and the widest output of a layer that is packed again (0 with one hidden layer).
int64_t deepest(const CpuHead &head) {
  int64_t depth = 0;
  for (int32_t l = 0; l < head.spec.fields.hidden_layers; ++l) depth = std::max(depth, head.spec.hidden[l].depth);
  return depth;
}

int64_t widest_inner(const CpuHead &head) {
  int64_t width = 0;
  for (int32_t l = 0; l + 1 < head.spec.fields.hidden_layers; ++l) width = std::max(width, head.spec.hidden[l].width);
  return round_up(width, kPanelColumns);
}

}  // namespace

// What one thread works with while it multiplies a layer.
struct MlpLogits::Part {
  const MlpLogits *self;
  int32_t layer;
  int64_t begin;  // first item of the block
};

int64_t MlpLogits::block_rows(const LogitProblem &problem) {
  constexpr int64_t kScratchBytes = int64_t{64} << 20;
  const CpuHead &head = problem.head;
  const int64_t floats_per_row =
      deepest(head) + widest_inner(head) + (panel_count(head.spec.output_depth) + 2) * head.spec.fields.output_width;
  // Half of a second-level cache of 2 MiB, or one of 1 MiB: what is packed is read again for every panel.
  constexpr int64_t kPackedBytes = int64_t{1} << 20;
  const int64_t row_bytes = problem.kernels.packed_rows_bytes(head.spec.fields.dtype, kPackRows, deepest(head)) / kPackRows;
  const int64_t near = std::clamp<int64_t>(kPackedBytes / row_bytes / kPackRows * kPackRows, 64, 256);
  return std::clamp<int64_t>(kScratchBytes / int64_t{sizeof(float)} / floats_per_row, 1, near);
}

MlpLogits::MlpLogits(const LogitProblem &problem, int64_t block) : problem_(problem), awake_(problem.pool) {
  const CpuHead &head = problem.head;
  Workspace &workspace = problem.workspace;
  const int64_t threads = problem.pool.threads();
  packed_ = workspace.take<char>(problem.kernels.packed_rows_bytes(head.spec.fields.dtype, block, deepest(head)));
  dot_stride_ = round_up(block, kFloatsPerLine);
  vector_floats_ = pooling_scratch(problem.pooling) + round_up(problem.pooling.vector_width, kFloatsPerLine);
  vectors_ = workspace.take<float>(threads * vector_floats_);
  product_floats_ = block * kPanelColumns;
  products_ = workspace.take<float>(threads * product_floats_);
  activations_ = head.spec.fields.hidden_layers > 1 ? workspace.take<float>(block * widest_inner(head)) : nullptr;
  dots_ = workspace.take<float>(panel_count(head.spec.output_depth) * head.spec.fields.output_width * dot_stride_);
  shares_ = workspace.take<Shares::Share>(threads);
}

float *MlpLogits::dots(int64_t panel, int64_t output) const {
  return dots_ + (panel * problem_.head.spec.fields.output_width + output) * dot_stride_;
}

void MlpLogits::pack_item(int64_t item, int64_t r, int64_t rows, float *scratch) {
  const LogitProblem &problem = problem_;
  const gavel_head_spec &spec = problem.head.spec.fields;
  const Pooling &pooling = problem.pooling;
  const int64_t width = pooling.vector_width;
  const bool as_it_is = pools_by_index(pooling) && spec.norm == GAVEL_NORM_NONE && !problem.vectors.present();
  if (as_it_is && pooling.rows[item].valid()) {
    const char *row = problem.hidden.at(pooling.rows[item].last);
    problem.kernels.pack_row(spec.dtype, problem.hidden.dtype, row, 1, width, packed_, r, rows);
    return;
  }
  float *vector = scratch;
  pool_item(problem.kernels, pooling, problem.hidden, item, scratch + round_up(width, kFloatsPerLine), vector);
  if (problem.vectors.present()) {
    std::memcpy(problem.vectors.row<float>(item), vector, static_cast<size_t>(width) * sizeof(float));
  }
  if (spec.norm != GAVEL_NORM_NONE) {
    problem.kernels.norm(spec.norm, vector, width, problem.head.norm_weight.as<float>(), problem.head.norm_bias.as<float>(),
                         spec.norm_epsilon);
  }
  problem.kernels.pack_row(spec.dtype, GAVEL_F32, vector, 1, width, packed_, r, rows);
}

void MlpLogits::pack_items(int64_t begin, int64_t rows) {
  const int64_t runs = (rows + kPackRows - 1) / kPackRows;
  const int32_t parts = problem_.pool.parts_for(pooling_nanoseconds(problem_.pooling, begin, rows), runs);
  problem_.pool.run(parts, [&](int32_t part) {
    const int64_t end = std::min(rows, runs * (part + 1) / parts * kPackRows);
    for (int64_t r = runs * part / parts * kPackRows; r < end; ++r) {
      pack_item(begin + r, r, rows, vectors_ + part * vector_floats_);
    }
  });
  problem_.kernels.pack_tail(problem_.head.spec.fields.dtype, problem_.pooling.vector_width, packed_, rows);
}

// Packs the activations of layer l as the input of the next one.
void MlpLogits::pack_activations(int32_t l, int64_t rows) {
  const int32_t dtype = problem_.head.spec.fields.dtype;
  const int64_t width = problem_.head.spec.hidden[l].width;
  const int64_t stride = round_up(width, kPanelColumns);
  const int64_t runs = (rows + kPackRows - 1) / kPackRows;
  const double elements = static_cast<double>(rows) * static_cast<double>(width);
  const int32_t parts = problem_.pool.parts_for(elements / kElementsPerNanosecond, runs);
  problem_.pool.run(parts, [&](int32_t part) {
    const int64_t end = std::min(rows, runs * (part + 1) / parts * kPackRows);
    for (int64_t r = runs * part / parts * kPackRows; r < end; ++r) {
      problem_.kernels.pack_row(dtype, GAVEL_F32, activations_ + r * stride, 1, width, packed_, r, rows);
    }
  });
  problem_.kernels.pack_tail(dtype, width, packed_, rows);
}

void MlpLogits::dot_outputs(int64_t rows, int64_t panel, const float *c) const {
  const int64_t outputs = problem_.head.spec.fields.output_width;
  const float *weights = problem_.head.output_panels.as<float>() + panel * outputs * kPanelColumns;
  for (int64_t k = 0; k < outputs; ++k) problem_.kernels.panel_dot(c, rows, weights + k * kPanelColumns, dots(panel, k), 1);
}

// Epilogue of a panel: c [rows, 32] holds products and becomes activations.
void MlpLogits::finish_panel(void *state, int64_t, int64_t rows, int64_t panel, float *c) {
  const Part &part = *static_cast<const Part *>(state);
  const LogitProblem &problem = part.self->problem_;
  const Kernels &kernels = problem.kernels;
  const gavel_head_spec &spec = problem.head.spec.fields;
  const HiddenLayer &layer = problem.head.spec.hidden[part.layer];
  const HiddenLayerForms &forms = problem.head.hidden[part.layer];
  const int64_t column = panel * kPanelColumns;
  const int64_t columns = std::min(kPanelColumns, layer.width - column);

  if (!forms.bias.empty()) {
    for (int64_t r = 0; r < rows; ++r) kernels.add(c + r * kPanelColumns, forms.bias.as<float>() + column, kPanelColumns);
  }
  if (problem.preactivations.present()) {
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(problem.preactivations.row<float>(part.begin + r) + layer.preactivation_column + column,
                  c + r * kPanelColumns, static_cast<size_t>(columns) * sizeof(float));
    }
  }
  if (spec.activation == GAVEL_ACTIVATION_PRELU) {
    for (int64_t r = 0; r < rows; ++r) {
      kernels.activate(spec.activation, forms.slope.as<float>() + column, c + r * kPanelColumns, kPanelColumns);
    }
  } else if (spec.activation != GAVEL_ACTIVATION_IDENTITY) {
    kernels.activate(spec.activation, forms.slope.as<float>(), c, rows * kPanelColumns);
  }
  // An infinite input makes NaN of the zeros a panel is filled up with.
  if (columns < kPanelColumns) {
    for (int64_t r = 0; r < rows; ++r) std::fill(c + r * kPanelColumns + columns, c + (r + 1) * kPanelColumns, 0.0f);
  }
  if (part.layer + 1 == spec.hidden_layers) {
    part.self->dot_outputs(rows, panel, c);
    return;
  }
  const int64_t stride = round_up(layer.width, kPanelColumns);
  for (int64_t r = 0; r < rows; ++r) {
    std::memcpy(part.self->activations_ + r * stride + column, c + r * kPanelColumns, kPanelColumns * sizeof(float));
  }
}

void MlpLogits::multiply_layer(int32_t l, int64_t begin, int64_t rows) {
  const int32_t dtype = problem_.head.spec.fields.dtype;
  const HiddenLayer &layer = problem_.head.spec.hidden[l];
  const int64_t panels = panel_count(layer.width);
  const double work = product_nanoseconds(problem_.kernels, rows, layer.width, layer.depth, dtype_size(dtype));
  const int32_t parts = problem_.pool.parts_for(work, panels);
  Shares shares(shares_, parts, panels);
  problem_.pool.run(parts, [&](int32_t part) {
    Part state = {this, l, begin};
    for (int64_t panel; (panel = shares.take(part)) >= 0;) {
      multiply_panel(problem_.kernels, dtype, packed_, 0, rows, problem_.head.hidden[l].panels.as(), layer.depth, panel, panels,
                     products_ + part * product_floats_, {finish_panel, &state});
    }
  });
}

void MlpLogits::sum_dots(int64_t rows, float *logits) const {
  const CpuHead &head = problem_.head;
  const int64_t outputs = head.spec.fields.output_width;
  const int64_t panels = panel_count(head.spec.output_depth);
  for (int64_t k = 0; k < outputs; ++k) {
    float *sum = dots(0, k);
    for (int64_t group = 0; group < panels; group += kGroupPanels) {
      float *group_sum = dots(group, k);
      const int64_t end = std::min(panels, group + kGroupPanels);
      for (int64_t panel = group + 1; panel < end; ++panel) problem_.kernels.add(group_sum, dots(panel, k), rows);
      if (group > 0) problem_.kernels.add(sum, group_sum, rows);
    }
    for (int64_t r = 0; r < rows; ++r) logits[r * outputs + k] = finish_logit(head, k, sum[r]);
  }
}

void MlpLogits::run(int64_t begin, int64_t rows, float *logits) {
  pack_items(begin, rows);
  for (int32_t l = 0; l < problem_.head.spec.fields.hidden_layers; ++l) {
    if (l > 0) pack_activations(l - 1, rows);
    multiply_layer(l, begin, rows);
  }
  sum_dots(rows, logits);
  if (!problem_.preactivations.present()) return;
  for (int64_t r = 0; r < rows; ++r) {
    if (problem_.pooling.rows[begin + r].valid()) continue;
    const size_t bytes = static_cast<size_t>(problem_.head.spec.preactivation_width) * sizeof(float);
    std::memset(problem_.preactivations.row<float>(begin + r), 0, bytes);
  }
}

}  // namespace gavel
