// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// token_logprob.h: log-probabilities of given tokens, from hidden states and a vocabulary or from logits, by an online log-sum-exp over
// chunks of the vocabulary. The definition, bit by bit, stands in gavel.h at gavel_token_logprob_args.
//
// A chunk is whole before it is summed up, whichever thread does it, and chunks meet in the order of the vocabulary: neither the threads nor
// the rows that are worked on together can show in a result.
#ifndef GAVEL_CPU_TOKEN_LOGPROB_H
#define GAVEL_CPU_TOKEN_LOGPROB_H

#include <cstdint>

#include "common/tensor.h"
#include "cpu/thread_pool.h"
#include "cpu/vocabulary.h"
#include "cpu/workspace.h"

namespace gavel {

// Everything is checked.
struct TokenLogprobProblem {
  const Kernels &kernels;
  ThreadPool &pool;
  Workspace &workspace;
  const CpuVocabulary *vocabulary;  // null: states are logits
  Tensor states;                    // hidden states [T, H], or logits [T, V]
  int64_t tokens;                   // V
  const int64_t *rows;              // [count]: the rows that are wanted
  const int64_t *targets;           // [count]: the token of each, in [0, V)
  int64_t count;
  float *logprobs;  // [T]: written at the wanted rows
};

// The caller flushes denormals.
void run_token_logprobs(const TokenLogprobProblem &problem);

}  // namespace gavel

#endif
