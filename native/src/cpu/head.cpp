// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/head.h"

#include <algorithm>
#include <cstring>

#include "common/tensor.h"
#include "cpu/gemm.h"

namespace gavel {

namespace {

AlignedBytes zeroed_floats(int64_t count) {
  AlignedBytes floats(count * int64_t{sizeof(float)});
  std::memset(floats.as(), 0, static_cast<size_t>(floats.bytes()));
  return floats;
}

int64_t padded_width(int64_t width) {
  return round_up(width, kPanelColumns);
}

}  // namespace

CpuHead::CpuHead(CpuContext &owner, const HeadSpec &checked_spec) : context(owner), spec(checked_spec) {
  const gavel_head_spec &fields = spec.fields;
  for (int32_t i = 0; i < spec.parameter_count; ++i) {
    values[i] = AlignedBytes(spec.parameters[i].elements * dtype_size(fields.dtype));
  }
  if (spec.norm_weight != kNoParameter) norm_weight = zeroed_floats(fields.input_width);
  if (spec.norm_bias != kNoParameter) norm_bias = zeroed_floats(fields.input_width);
  for (int32_t l = 0; l < fields.hidden_layers; ++l) {
    const HiddenLayer &layer = spec.hidden[l];
    hidden[l].panels = AlignedBytes(panel_count(layer.width) * panel_bytes(fields.dtype, layer.depth));
    if (layer.bias != kNoParameter) hidden[l].bias = zeroed_floats(padded_width(layer.width));
    if (layer.slope != kNoParameter) hidden[l].slope = zeroed_floats(padded_width(layer.width));
    if (fields.activation == GAVEL_ACTIVATION_LEAKY_RELU) {
      hidden[l].slope = zeroed_floats(1);
      *hidden[l].slope.as<float>() = fields.negative_slope;
    }
  }
  if (spec.has_hidden_layers()) {
    output_panels = zeroed_floats(panel_count(spec.output_depth) * fields.output_width * kPanelColumns);
  }
  if (spec.output_bias != kNoParameter) output_bias = zeroed_floats(fields.output_width);
}

namespace {

// Widens a vector parameter into its f32 form. A shared PRELU slope [1] is repeated for every column.
void refresh_vector(const CpuHead &head, int32_t index, AlignedBytes &form, int64_t width) {
  float *target = form.as<float>();
  const int64_t elements = head.spec.parameters[index].elements;
  head.context.kernels.widen(head.spec.fields.dtype, head.values[index].as(), target, elements);
  if (elements < width) std::fill(target + elements, target + width, target[0]);
}

void refresh_hidden_weight(CpuHead &head, int32_t l) {
  const HiddenLayer &layer = head.spec.hidden[l];
  const int32_t dtype = head.spec.fields.dtype;
  const MatrixView matrix = {head.values[layer.weight].as(), dtype, layer.width, layer.depth, layer.depth, 1};
  const int64_t bytes = panel_bytes(dtype, layer.depth);
  const int64_t panels = panel_count(layer.width);
  char *target = head.hidden[l].panels.as();
  // About 1 ns per element, of either side.
  ThreadPool &pool = head.context.pool;
  const int32_t parts = pool.parts_for(static_cast<double>(layer.width) * static_cast<double>(layer.depth), panels);
  pool.run(parts, [&](int32_t part) {
    for (int64_t panel = panels * part / parts; panel < panels * (part + 1) / parts; ++panel) {
      pack_panel(dtype, matrix, panel, target + panel * bytes);
    }
  });
}

void refresh_output_weight(CpuHead &head) {
  if (!head.spec.has_hidden_layers()) return;  // score reads values
  const int64_t outputs = head.spec.fields.output_width;
  const int64_t depth = head.spec.output_depth;
  const int32_t dtype = head.spec.fields.dtype;
  const char *source = head.values[head.spec.output_weight].as();
  for (int64_t panel = 0; panel < panel_count(depth); ++panel) {
    const int64_t column = panel * kPanelColumns;
    for (int64_t k = 0; k < outputs; ++k) {
      head.context.kernels.widen(dtype, source + (k * depth + column) * dtype_size(dtype),
                                 head.output_panels.as<float>() + (panel * outputs + k) * kPanelColumns,
                                 std::min(kPanelColumns, depth - column));
    }
  }
}

}  // namespace

void refresh_parameter(CpuHead &head, int32_t index) {
  const HeadSpec &spec = head.spec;
  if (index == spec.norm_weight) refresh_vector(head, index, head.norm_weight, spec.fields.input_width);
  if (index == spec.norm_bias) refresh_vector(head, index, head.norm_bias, spec.fields.input_width);
  for (int32_t l = 0; l < spec.fields.hidden_layers; ++l) {
    const HiddenLayer &layer = spec.hidden[l];
    if (index == layer.weight) refresh_hidden_weight(head, l);
    if (index == layer.bias) refresh_vector(head, index, head.hidden[l].bias, layer.width);
    if (index == layer.slope) refresh_vector(head, index, head.hidden[l].slope, layer.width);
  }
  if (index == spec.output_weight) refresh_output_weight(head);
  if (index == spec.output_bias) refresh_vector(head, index, head.output_bias, spec.fields.output_width);
}

void read_parameter(const CpuHead &head, int32_t index, float *values) {
  head.context.kernels.widen(head.spec.fields.dtype, head.values[index].as(), values, head.spec.parameters[index].elements);
}

void write_parameter(CpuHead &head, int32_t index, const float *values) {
  head.context.kernels.narrow(head.spec.fields.dtype, values, head.values[index].as(), head.spec.parameters[index].elements);
  refresh_parameter(head, index);
}

}  // namespace gavel
