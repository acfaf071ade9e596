// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_head.h: one head of a score call, with a readout of one logit each: vectors, layers, scores, counts, loss.
#ifndef GAVEL_CUDA_SCORE_HEAD_H
#define GAVEL_CUDA_SCORE_HEAD_H

#include "cuda/score.h"

namespace gavel::cuda {

struct HeadNeeds {
  int64_t bytes;     // of scratch
  int64_t counters;  // of the stream
  int64_t states;    // where in the scratch the ItemState bytes [R] stand
};
struct HeadMemory {
  char *scratch;
  uint32_t *counters;
  bool states_wanted;  // by whoever comes behind; a loss of the call's own has them in any case
};

HeadNeeds head_needs(const ScoreCall &call, const ScoreKernels &kernels);
// call.mixing is not read.
void enqueue_head(const ScoreCall &call, const ScoreKernels &kernels, const HeadMemory &memory, Stream &stream);

}  // namespace gavel::cuda

#endif
