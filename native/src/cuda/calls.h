// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// calls.h: checked calls, as libgavel hands them to the plugin. Views are of device or pinned memory; shapes, strides and overlaps are
// checked, what the tensors hold is not. Free of CUDA, since libgavel fills them.
#ifndef GAVEL_CUDA_CALLS_H
#define GAVEL_CUDA_CALLS_H

#include <cstdint>

#include "common/head_spec.h"
#include "common/loss.h"
#include "common/tensor.h"

namespace gavel::cuda {

struct Head;

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
