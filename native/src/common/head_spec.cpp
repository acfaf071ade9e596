// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/head_spec.h"

#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "common/error.h"
#include "common/tensor.h"
#include "common/versioned.h"

namespace gavel {

namespace {

constexpr int64_t kWidestLayer = int64_t{1} << 20;
constexpr int64_t kWidestOutput = int64_t{1} << 16;

void check_width(int64_t width, int64_t most, const char *field) {
  GAVEL_CHECK(width >= 1 && width <= most, "spec.%s is %" PRId64 "; say 1 to %" PRId64, field, width, most);
}

bool has_hidden_layers(int32_t kind) {
  return kind == GAVEL_HEAD_MLP || kind == GAVEL_HEAD_EXPERT_CONCAT;
}

const char *kind_name(int32_t kind) {
  constexpr const char *kNames[] = {"", "LINEAR", "MLP", "VOCAB_ROWS", "EXPERT_CONCAT"};
  return kNames[kind];
}

void check_flags(const gavel_head_spec &spec) {
  constexpr uint32_t kKnown =
      GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS | GAVEL_HEAD_NORM_BIAS | GAVEL_HEAD_SLOPE_PER_CHANNEL;
  GAVEL_CHECK((spec.flags & ~kKnown) == 0, "spec.flags 0x%x has unknown bits 0x%x", spec.flags, spec.flags & ~kKnown);
  GAVEL_CHECK(!(spec.flags & GAVEL_HEAD_HIDDEN_BIAS) || has_hidden_layers(spec.kind),
              "spec.flags has GAVEL_HEAD_HIDDEN_BIAS, but a %s head has no hidden layer; clear it", kind_name(spec.kind));
  GAVEL_CHECK(!(spec.flags & GAVEL_HEAD_OUTPUT_BIAS) || spec.kind != GAVEL_HEAD_VOCAB_ROWS,
              "spec.flags has GAVEL_HEAD_OUTPUT_BIAS, but the rows of an LM-head matrix have none; clear it");
  GAVEL_CHECK(!(spec.flags & GAVEL_HEAD_NORM_BIAS) || spec.norm == GAVEL_NORM_LAYER,
              "spec.flags has GAVEL_HEAD_NORM_BIAS, but spec.norm is %d; only GAVEL_NORM_LAYER (2) has a bias", spec.norm);
  GAVEL_CHECK(!(spec.flags & GAVEL_HEAD_SLOPE_PER_CHANNEL) || spec.activation == GAVEL_ACTIVATION_PRELU,
              "spec.flags has GAVEL_HEAD_SLOPE_PER_CHANNEL, but spec.activation is %d; only PRELU (3) has a slope parameter",
              spec.activation);
}

// Numbers that must be normal are so because arithmetic here flushes denormals: one would be a division by 0 later.
void check_numbers(const gavel_head_spec &spec) {
  if (spec.norm == GAVEL_NORM_NONE) {
    GAVEL_CHECK(spec.norm_epsilon == 0, "spec.norm_epsilon is %g without a norm; set it to 0", spec.norm_epsilon);
  } else {
    GAVEL_CHECK(std::isnormal(spec.norm_epsilon) && spec.norm_epsilon > 0,
                "spec.norm_epsilon is %g; a norm needs a finite number above 0 that is not a denormal", spec.norm_epsilon);
  }
  GAVEL_CHECK(std::isnormal(spec.output_scale),
              "spec.output_scale is %g; say a finite number that is neither 0 nor a denormal (1 for none)", spec.output_scale);
  if (spec.activation == GAVEL_ACTIVATION_LEAKY_RELU) {
    GAVEL_CHECK(std::isfinite(spec.negative_slope), "spec.negative_slope is %g; LEAKY_RELU needs a finite number",
                spec.negative_slope);
  } else {
    GAVEL_CHECK(spec.negative_slope == 0, "spec.negative_slope is %g, but spec.activation is %d; only LEAKY_RELU (2) reads it",
                spec.negative_slope, spec.activation);
  }
}

void check_fields(const gavel_head_spec &spec) {
  GAVEL_CHECK(spec.kind >= GAVEL_HEAD_LINEAR && spec.kind <= GAVEL_HEAD_EXPERT_CONCAT,
              "spec.kind is %d; say 1 (LINEAR), 2 (MLP), 3 (VOCAB_ROWS) or 4 (EXPERT_CONCAT)", spec.kind);
  GAVEL_CHECK(is_float_dtype(spec.dtype), "spec.dtype is %d; say 1 (f32), 2 (f16) or 3 (bf16)", spec.dtype);
  GAVEL_CHECK(spec.activation >= GAVEL_ACTIVATION_IDENTITY && spec.activation <= GAVEL_ACTIVATION_SILU,
              "spec.activation is %d; say 0 to 8", spec.activation);
  GAVEL_CHECK(has_hidden_layers(spec.kind) || spec.activation == GAVEL_ACTIVATION_IDENTITY,
              "spec.activation is %d; a %s head has none: set it to 0", spec.activation, kind_name(spec.kind));
  GAVEL_CHECK(spec.norm >= GAVEL_NORM_NONE && spec.norm <= GAVEL_NORM_LAYER,
              "spec.norm is %d; say 0 (none), 1 (RMS) or 2 (layer)", spec.norm);
  GAVEL_CHECK(spec.norm == GAVEL_NORM_NONE || spec.kind != GAVEL_HEAD_VOCAB_ROWS,
              "spec.norm is %d; VOCAB_ROWS reads hidden states as the LM head does, after the backbone's own norm: set it to 0",
              spec.norm);
  check_flags(spec);
  check_numbers(spec);
  GAVEL_CHECK(has_hidden_layers(spec.kind) ? spec.hidden_layers >= 1 && spec.hidden_layers <= GAVEL_MAX_HIDDEN_LAYERS
                                           : spec.hidden_layers == 0,
              "spec.hidden_layers is %d; LINEAR and VOCAB_ROWS have 0, MLP and EXPERT_CONCAT 1 to %d", spec.hidden_layers,
              GAVEL_MAX_HIDDEN_LAYERS);
  check_width(spec.input_width, kWidestLayer, "input_width");
  check_width(spec.output_width, kWidestOutput, "output_width");
  for (int32_t l = 0; l < GAVEL_MAX_HIDDEN_LAYERS; ++l) {
    char field[32];
    snprintf(field, sizeof field, "hidden_width[%d]", l);
    if (l < spec.hidden_layers) {
      check_width(spec.hidden_width[l], kWidestLayer, field);
    } else {
      GAVEL_CHECK(spec.hidden_width[l] == 0, "spec.%s is %" PRId64 ", but there are %d hidden layers; set it to 0", field,
                  spec.hidden_width[l], spec.hidden_layers);
    }
  }
  if (spec.kind == GAVEL_HEAD_EXPERT_CONCAT) {
    GAVEL_CHECK(spec.experts >= 1 && spec.input_width % spec.experts == 0,
                "spec.experts is %" PRId64 "; say 1 or more and a divisor of input_width, which is %" PRId64, spec.experts,
                spec.input_width);
  } else {
    GAVEL_CHECK(spec.experts == 0, "spec.experts is %" PRId64 "; only EXPERT_CONCAT (4) reads it: set it to 0", spec.experts);
  }
}

int32_t append(HeadSpec &spec, int32_t layer, const char *kind, int32_t rank, int64_t out, int64_t in) {
  Parameter &parameter = spec.parameters[spec.parameter_count];
  if (layer < 0) {
    snprintf(parameter.name, sizeof parameter.name, "%s", kind);
  } else {
    snprintf(parameter.name, sizeof parameter.name, "hidden.%d.%s", layer, kind);
  }
  parameter.rank = rank;
  parameter.shape[0] = out;
  parameter.shape[1] = in;
  parameter.elements = out * in;  // at most 2^40
  return spec.parameter_count++;
}

void list_parameters(HeadSpec &spec) {
  const gavel_head_spec &fields = spec.fields;
  if (fields.norm != GAVEL_NORM_NONE) spec.norm_weight = append(spec, -1, "norm.weight", 1, fields.input_width, 1);
  if (fields.flags & GAVEL_HEAD_NORM_BIAS) spec.norm_bias = append(spec, -1, "norm.bias", 1, fields.input_width, 1);
  int64_t depth = fields.input_width;
  for (int32_t l = 0; l < fields.hidden_layers; ++l) {
    HiddenLayer &layer = spec.hidden[l];
    layer.depth = depth;
    layer.width = fields.hidden_width[l];
    layer.preactivation_column = spec.preactivation_width;
    spec.preactivation_width += layer.width;
    layer.weight = append(spec, l, "weight", 2, layer.width, depth);
    if (fields.flags & GAVEL_HEAD_HIDDEN_BIAS) layer.bias = append(spec, l, "bias", 1, layer.width, 1);
    if (fields.activation == GAVEL_ACTIVATION_PRELU) {
      layer.slope = append(spec, l, "slope", 1, fields.flags & GAVEL_HEAD_SLOPE_PER_CHANNEL ? layer.width : 1, 1);
    }
    depth = layer.width;
  }
  spec.output_depth = depth;
  spec.output_weight = append(spec, -1, "output.weight", 2, fields.output_width, depth);
  if (fields.flags & GAVEL_HEAD_OUTPUT_BIAS) spec.output_bias = append(spec, -1, "output.bias", 1, fields.output_width, 1);
}

}  // namespace

HeadSpec check_head_spec(const gavel_head_spec *spec) {
  HeadSpec checked;
  read_struct(spec, "spec", checked.fields);
  check_fields(checked.fields);
  list_parameters(checked);
  return checked;
}

}  // namespace gavel
