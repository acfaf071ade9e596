// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout.h: a checked readout, and what a readout is made of: from the logits of an item to its scores, and back.
//
// A readout is one ReadoutFamily in a file of its own, its row functions in an .inl shared with the device, a line in readout_row.inl that
// calls them, and one line in readout.cpp.
// An item's logits meet no other item's, so neither the batch nor the threads can show in its scores.
#ifndef GAVEL_COMMON_READOUT_H
#define GAVEL_COMMON_READOUT_H

#include <cstdint>

#include "common/call_tensors.h"
#include "common/head_spec.h"
#include "common/readout_row.h"
#include "common/tensor.h"
#include "gavel/gavel.h"

namespace gavel {

struct ReadoutFamily;

// What gavel_score_args and gavel_backward_args both say of the readout: a copy, whose tensors are the caller's descriptions.
struct ReadoutArgs {
  int32_t readout;
  float mean;
  float deviation;
  int64_t width;
  int32_t class_index;
  int32_t statistic;
  int32_t objectives;
  int32_t gate_form;
  float gate_temperature;
  float gate_scale;
  const gavel_tensor &levels;
  const gavel_tensor &weights;
  const gavel_tensor &transform;
  const gavel_tensor &gate_index;
};

template <typename Args>
ReadoutArgs readout_args(const Args &args) {
  return {args.readout,           args.readout_mean,       args.readout_deviation, args.readout_width,    args.readout_class,
          args.readout_statistic, args.readout_objectives, args.gate_form,         args.gate_temperature, args.gate_scale,
          args.readout_levels,    args.readout_weights,    args.gate_transform,    args.gate_index};
}

// Views into the caller's memory; owns nothing.
struct ReadoutPlan : ReadoutRow {
  const ReadoutFamily *family;
  // WEIGHTED_SUM, GATED_SUM: what makes the objectives of the logits, kIdentity where they are the logits; else null.
  const ReadoutFamily *objectives;
  Tensor gate_index;
};

// The fields a readout reads, as bits of ReadoutFamily::fields; check_readout refuses the others.
enum ReadoutField : uint32_t {
  kMeanDeviation = 1u << 0,
  kGroups = 1u << 1,
  kClass = 1u << 2,
  kLevels = 1u << 3,
  kObjectives = 1u << 4,
  kWeights = 1u << 5,
  kGate = 1u << 6,
};

struct ReadoutFamily {
  int32_t kind;
  const char *name;
  uint32_t fields;
  // Checks the fields that are this readout's alone, and sets them in the plan; null: there are none. Reads no value of a tensor.
  void (*check)(const ReadoutArgs &args, CallTensors &tensors, ReadoutPlan &plan) = nullptr;
  bool gradient_reads_logits = false;

  // CLASS_PROB, EXPECTATION, QUANTILE_MEAN: a score is of a group of logits, so they can make objectives, too.
  bool of_groups() const { return (fields & kGroups) != 0; }
  // IDENTITY, AFFINE, SIGMOID: score k is of logit k alone.
  bool elementwise() const { return (fields & (kGroups | kObjectives)) == 0; }
};

extern const ReadoutFamily kIdentity;
extern const ReadoutFamily kAffine;
extern const ReadoutFamily kSigmoid;
extern const ReadoutFamily kClassProb;
extern const ReadoutFamily kExpectation;
extern const ReadoutFamily kQuantileMean;
extern const ReadoutFamily kWeightedSum;
extern const ReadoutFamily kGatedSum;

// What a call may know of the gate before it looks at its outputs: null where no handle is given.
// Checks everything but the values in memory. items: R. Throws Failure; messages name "args.<field>".
ReadoutPlan check_readout(const ReadoutArgs &args, const HeadSpec &head, const HeadSpec *gate, int64_t items,
                          CallTensors &tensors);
// The values: levels, weights and transform are finite. Host memory only.
void check_readout_values(const ReadoutPlan &plan);

// Whether the gradient is computed from the logits of the forward call.
bool gradient_reads_logits(const ReadoutPlan &plan);

}  // namespace gavel

#endif
