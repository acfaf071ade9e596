// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// calls.h: checked calls, as libgavel hands them to the plugin. Views are of device or pinned memory; shapes, strides and overlaps are
// checked, what the tensors hold is not. Free of CUDA, since libgavel fills them.
#ifndef GAVEL_CUDA_CALLS_H
#define GAVEL_CUDA_CALLS_H

#include <cstdint>

#include "common/head_spec.h"
#include "common/loss.h"
#include "common/readout.h"
#include "common/tensor.h"

namespace gavel::cuda {

struct Context;
struct Head;
struct Vocabulary;

// Of one head of a call with a gate: the rows that the other one reads of an item. An item is valid where both have theirs.
struct OtherRows {
  Tensor first{};
  Tensor last{};
  bool of_gate = false;    // the head reads the gate's rows (TWO_STREAM: those of the other stream)
  bool any_order = false;  // its last row may lie before the first: two rows, no span
};

// R: as many as indices, or, with ALL, as rows.
inline int64_t item_count(const Tensor &hidden, const Tensor &last) {
  return last.present() ? last.shape[0] : hidden.shape[0];
}

// Which rows a gate reads, and those its head reads: X[gate_index], or [X[last]; X[gate_index]] with TWO_STREAM.
struct GateRows {
  int32_t pooling;
  int32_t combine;
  Tensor first;
  Tensor last;
  OtherRows other;
};
inline GateRows gate_rows(const ReadoutPlan &plan, const Tensor &first, const Tensor &last) {
  if (plan.two_streams()) {
    return {GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_CONCAT, last, plan.gate_index, {.of_gate = true, .any_order = true}};
  }
  return {GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, {}, plan.gate_index, {.first = first, .last = last, .of_gate = true}};
}

// Fields as in gavel_score_args; tensors that are not wanted are absent.
struct ScoreCall {
  Head &head;
  int32_t pooling;
  int32_t combine;
  Tensor hidden;
  Tensor first;
  Tensor last;
  int32_t readout;
  float readout_mean;
  float readout_deviation;
  Tensor scores;
  Tensor logits;
  Tensor vectors;
  Tensor preactivations;
  Tensor counts;
  const LossPlan *loss;  // null: none. Its valid and scores are null: the call fills them
  // A readout that is not of one logit each; null: `readout` is.
  const ReadoutPlan *mixing = nullptr;
  Head *gate = nullptr;
  Tensor objectives{};
  Tensor gate_weights{};
  Tensor gate_logits{};
  Tensor gate_preactivations{};
  OtherRows other{};
  Context *context = nullptr;  // of the call, whose mode counts; null: INVARIANT
};

// Fields as in gavel_backward_args.
struct BackwardCall {
  Head &head;
  bool accumulate;
  int32_t pooling;
  int32_t combine;
  Tensor hidden;
  Tensor first;
  Tensor last;
  int32_t readout;
  float readout_deviation;
  Tensor scores;
  Tensor preactivations;
  Tensor dscore;
  Tensor dvectors;
  Tensor gradients[kMostParameters];
  // A readout that is not of one logit each; null: `readout` is.
  const ReadoutPlan *mixing = nullptr;
  Head *gate = nullptr;
  Tensor logits{};
  Tensor gate_logits{};
  Tensor gate_preactivations{};
  Tensor dgate_vectors{};
  Tensor dgate_scale{};
  Tensor gate_gradients[kMostParameters]{};
  OtherRows other{};
  Context *context = nullptr;  // as in ScoreCall
};

// Fields as in gavel_token_logprob_args.
struct TokenLogprobCall {
  const Vocabulary *vocabulary;  // with hidden states
  Tensor states;                 // hidden states or logits; absent where the caller has the log-probabilities
  Tensor policy;                 // those
  int64_t rows;                  // T
  int64_t tokens;                // V
  Tensor targets;
  Tensor mask;
  Tensor reference;
  Tensor first;  // absent, with last: no spans
  Tensor last;
  int32_t reduce;
  float factor;  // beta of LOG_RATIO, 1 with IDENTITY
  Tensor logprobs;
  Tensor scores;
  Tensor counts;
  const LossPlan *loss;  // null: none
};

// Fields as in gavel_token_logprob_backward_args.
struct TokenLogprobBackwardCall {
  Tensor mask;
  Tensor first;
  Tensor last;
  int32_t reduce;
  float factor;
  Tensor logprobs;
  Tensor reference;
  Tensor dscore;
  Tensor dlogprobs;
};

// Fields as in gavel_scatter_args.
struct ScatterCall {
  int32_t pooling;
  int32_t combine;
  Tensor first;
  Tensor last;
  Tensor dvectors;
  Tensor dhidden;
};

}  // namespace gavel::cuda

#endif
