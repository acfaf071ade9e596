// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// head_spec.h: a checked gavel_head_spec, and the parameters it has, in canonical order.
#ifndef GAVEL_COMMON_HEAD_SPEC_H
#define GAVEL_COMMON_HEAD_SPEC_H

#include <cstdint>

#include "gavel/gavel.h"

namespace gavel {

// Norm 2, hidden layers 3 each, output 2.
constexpr int32_t kMostParameters = 2 + 3 * GAVEL_MAX_HIDDEN_LAYERS + 2;
constexpr int32_t kNoParameter = -1;

struct Parameter {
  char name[sizeof(gavel_parameter_info::name)];
  int32_t rank;
  int64_t shape[2];  // [out, in] of a matrix, [n, 1] of a vector
  int64_t elements;
};

// Indices into HeadSpec::parameters; kNoParameter where the spec has no such parameter.
struct HiddenLayer {
  int64_t depth;  // width of its input
  int64_t width;
  int32_t weight;
  int32_t bias = kNoParameter;
  int32_t slope = kNoParameter;
  int64_t preactivation_column;  // where the layer starts in a row of preactivations
};

struct HeadSpec {
  gavel_head_spec fields;  // as given, checked
  int32_t parameter_count = 0;
  Parameter parameters[kMostParameters];
  HiddenLayer hidden[GAVEL_MAX_HIDDEN_LAYERS];
  int64_t preactivation_width = 0;  // sum of the hidden widths
  int64_t output_depth = 0;         // width of the output layer's input
  int32_t norm_weight = kNoParameter;
  int32_t norm_bias = kNoParameter;
  int32_t output_weight = kNoParameter;
  int32_t output_bias = kNoParameter;

  bool has_hidden_layers() const { return fields.hidden_layers > 0; }
};

// Throws Failure naming the field. The pointer is the caller's.
HeadSpec check_head_spec(const gavel_head_spec *spec);

}  // namespace gavel

#endif
