// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_row.h: a checked readout in plain numbers and pointers, for host and device. What is made of it: readout_row.inl.
#ifndef GAVEL_COMMON_READOUT_ROW_H
#define GAVEL_COMMON_READOUT_ROW_H

#include <cstdint>

#include "common/one_lane.h"
#include "gavel/gavel.h"

namespace gavel {

// Pointers are into the caller's memory: on a device, into its.
struct ReadoutRow {
  int32_t kind;             // GAVEL_READOUT_*
  int32_t objective_kind;   // WEIGHTED_SUM, GATED_SUM: what makes the objectives of the logits; IDENTITY: they are the logits
  int64_t logits;           // K, or 2 with TWO_STREAM
  int64_t scores;           // S
  int64_t objective_count;  // O; TWO_STREAM: 2, its two logits; 0 without objectives
  int64_t gate_outputs;     // 0 without a gate
  int64_t gate_weights;     // columns of args.gate_weights
  float mean;
  float deviation;
  int64_t width;
  int64_t class_index;
  int32_t statistic;
  int32_t gate_form;
  float gate_temperature;
  float gate_scale;
  const float *levels;
  const float *weights;
  const float *transform;  // [O, O] or null
  int64_t transform_stride;

  GAVEL_HOST_DEVICE bool two_streams() const { return gate_form == GAVEL_GATE_TWO_STREAM; }
  GAVEL_HOST_DEVICE bool mixes() const { return objective_count > 0; }
};

// Numbers of scratch that an item needs.
GAVEL_HOST_DEVICE int64_t readout_scratch(const ReadoutRow &row) {
  return 5 * row.objective_count + row.width;
}

}  // namespace gavel

#endif
