// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout.h: a checked readout, and what a readout is made of: from the logits of an item to its scores, and back.
//
// A readout is one ReadoutFamily in a file of its own, its row functions in a header shared with the device, and one line in readout.cpp.
// An item's logits meet no other item's, so neither the batch nor the threads can show in its scores.
#ifndef GAVEL_COMMON_READOUT_H
#define GAVEL_COMMON_READOUT_H

#include <cstdint>

#include "common/call_tensors.h"
#include "common/head_spec.h"
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
struct ReadoutPlan {
  const ReadoutFamily *family;
  // WEIGHTED_SUM, GATED_SUM: what makes the objectives of the logits, kIdentity where they are the logits; else null.
  const ReadoutFamily *objectives;
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
  Tensor transform;
  Tensor gate_index;

  bool two_streams() const { return gate_form == GAVEL_GATE_TWO_STREAM; }
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

// What the mixing readouts are given of one item. scratch: readout_scratch(plan) floats, the first three times O of which are theirs.
struct MixRow {
  const float *objectives;
  const float *gate;
  float *scratch;
};

struct ReadoutFamily {
  int32_t kind;
  const char *name;
  uint32_t fields;
  bool on_cuda = false;
  // Checks the fields that are this readout's alone, and sets them in the plan; null: there are none. Reads no value of a tensor.
  void (*check)(const ReadoutArgs &args, CallTensors &tensors, ReadoutPlan &plan) = nullptr;

  // Of a group of logits [width]: its score, and the gradient of that times d. scratch: [width]. Null for the others.
  float (*reduce)(const ReadoutPlan &plan, const float *logits, float *scratch) = nullptr;
  void (*reduce_gradient)(const ReadoutPlan &plan, const float *logits, float d, float *scratch, float *dlogits) = nullptr;

  // Of the objectives: the score, with gate_weights (may be null) on the way, and the gradients of that times d. Null for the others.
  float (*mix)(const ReadoutPlan &plan, const MixRow &row, float *gate_weights) = nullptr;
  void (*mix_gradient)(const ReadoutPlan &plan, const MixRow &row, float d, float *dobjectives, float *dgate) = nullptr;
  // d score / d gate_scale.
  float (*scale_gradient)(const ReadoutPlan &plan, const MixRow &row) = nullptr;

  bool gradient_reads_logits = false;

  // IDENTITY, AFFINE, SIGMOID: score k is of logit k alone.
  bool elementwise() const { return reduce == nullptr && mix == nullptr; }
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
// Throws Failure (GAVEL_UNSUPPORTED) where the readout has no kernel on CUDA.
void require_cuda_readout(const ReadoutPlan &plan);

// Whether the gradient is computed from the logits of the forward call.
bool gradient_reads_logits(const ReadoutPlan &plan);

// ---- one item of a readout that is not elementwise ----

// Floats of scratch that the functions below need.
int64_t readout_scratch(const ReadoutPlan &plan);
// scores [S]; objectives [O] and gate_weights may be null.
void read_out(const ReadoutPlan &plan, const float *logits, const float *gate, float *scratch, float *scores, float *objectives,
              float *gate_weights);
// From dscore [S]: dlogits [logits] and dgate [gate_outputs].
void read_out_gradient(const ReadoutPlan &plan, const float *logits, const float *gate, const float *dscore, float *scratch,
                       float *dlogits, float *dgate);
// d gate_scale of one item.
float gate_scale_gradient(const ReadoutPlan &plan, const float *logits, const float *gate, float dscore, float *scratch);

}  // namespace gavel

#endif
