// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score.h: from checked hidden states and items to scores; what a score is, bit by bit, stands in score.cpp.
#ifndef GAVEL_CPU_SCORE_H
#define GAVEL_CPU_SCORE_H

#include <cstdint>

#include "common/tensor.h"
#include "cpu/head.h"
#include "cpu/pooling.h"
#include "cpu/thread_pool.h"
#include "cpu/workspace.h"

namespace gavel {

// Everything is checked: shapes, ranges, overlaps. Tensors that are not wanted are absent.
struct ScoreProblem {
  const Kernels &kernels;  // of the context of the call, which need not be the head's
  ThreadPool &pool;
  Workspace &workspace;
  const CpuHead &head;
  Pooling pooling;
  Tensor hidden;
  int32_t readout;
  float readout_mean;
  float readout_deviation;
  Tensor scores;
  Tensor logits;
  Tensor vectors;
  Tensor preactivations;
};

// Writes every output; returns the number of items with a NaN score. The caller flushes denormals.
int64_t run_score(const ScoreProblem &problem);

// Logit from the sum over the last layer's inputs.
inline float finish_logit(const CpuHead &head, int64_t output, float sum) {
  if (!head.output_bias.empty()) sum += head.output_bias.as<float>()[output];
  return sum * head.spec.fields.output_scale;
}

}  // namespace gavel

#endif
