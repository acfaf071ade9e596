// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// head.h: what is behind CpuHead: the parameters as given, and the forms of them the kernels read.
#ifndef GAVEL_CPU_HEAD_H
#define GAVEL_CPU_HEAD_H

#include <cstdint>

#include "common/head_spec.h"
#include "cpu/context.h"
#include "cpu/gemm.h"
#include "cpu/memory.h"

namespace gavel {

// Forms of one hidden layer made from its parameters. Vectors are f32 and padded with zeros to a multiple of kPanelColumns.
struct HiddenLayerForms {
  AlignedBytes panels;  // panel_count(width) panels of panel_bytes(dtype, depth), see gemm.h
  AlignedBytes bias;    // empty where the head has none
  AlignedBytes slope;   // one value per column for PRELU, [1] for LEAKY_RELU, else empty
};

struct CpuHead {
  // Parameters are not set yet: gavel_head_create sets every one before it hands the head out.
  CpuHead(CpuContext &owner, const HeadSpec &checked_spec);

  CpuContext &context;
  const HeadSpec spec;
  // Parameter i: contiguous, in the head's dtype.
  AlignedBytes values[kMostParameters];

  HiddenLayerForms hidden[GAVEL_MAX_HIDDEN_LAYERS];
  AlignedBytes norm_weight;  // f32 [D]; empty without a norm
  AlignedBytes norm_bias;    // f32 [D]; empty where the head has none
  // MLP: f32 [panel_count(output_depth)][K][kPanelColumns], padded with zeros: what panel_dot reads. LINEAR: empty (values are read).
  AlignedBytes output_panels;
  AlignedBytes output_bias;  // f32 [K]; empty where the head has none
};

// The weight of hidden layer l as it was given.
MatrixView hidden_weight(const CpuHead &head, int32_t l);

// Remakes the forms that depend on parameter `index` after values[index] has changed. The caller flushes denormals.
void refresh_parameter(CpuHead &head, int32_t index);

// Parameter `index` widened to f32 (64-byte aligned target of `elements` floats), and set from f32, rounded to nearest even. Setting
// refreshes the forms. The caller flushes denormals.
void read_parameter(const CpuHead &head, int32_t index, float *values);
void write_parameter(CpuHead &head, int32_t index, const float *values);

}  // namespace gavel

#endif
