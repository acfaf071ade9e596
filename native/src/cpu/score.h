// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score.h: from checked hidden states and items to scores; what a score is, bit by bit, stands in score.cpp.
#ifndef GAVEL_CPU_SCORE_H
#define GAVEL_CPU_SCORE_H

#include <cstdint>
#include <optional>

#include "common/readout.h"
#include "common/tensor.h"
#include "cpu/head.h"
#include "cpu/pooling.h"
#include "cpu/thread_pool.h"
#include "cpu/workspace.h"

namespace gavel {

// Everything is checked: shapes, ranges, overlaps. Tensors that are not wanted are absent.

// One head over the rows of the items.
struct LogitProblem {
  const Kernels &kernels;  // of the context of the call, which need not be the head's
  ThreadPool &pool;
  Workspace &workspace;
  const CpuHead &head;
  Pooling pooling;
  Tensor hidden;
  Tensor vectors;
  Tensor preactivations;
};

struct ScoreProblem {
  LogitProblem head;
  std::optional<LogitProblem> reverse;  // TWO_STREAM: the same head, at the rows of the other stream
  std::optional<LogitProblem> gate;
  ReadoutPlan readout;
  Tensor scores;
  Tensor logits;
  Tensor objectives;
  Tensor gate_weights;
  Tensor gate_logits;
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
