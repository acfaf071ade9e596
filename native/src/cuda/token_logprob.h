// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// token_logprob.h: log-probabilities of given tokens and scores of spans of them on the device. The definition stands in gavel.h at
// gavel_token_logprob_args; from the same logits the bits are the CPU's.
#ifndef GAVEL_CUDA_TOKEN_LOGPROB_H
#define GAVEL_CUDA_TOKEN_LOGPROB_H

#include "cuda/calls.h"

namespace gavel::cuda {

struct Stream;

// Scratch bytes of the stream that the calls need.
int64_t token_logprob_workspace(const TokenLogprobCall &call);
int64_t token_logprob_backward_workspace(const TokenLogprobBackwardCall &call);
void enqueue_token_logprob(const TokenLogprobCall &call, Stream &stream);
void enqueue_token_logprob_backward(const TokenLogprobBackwardCall &call, Stream &stream);

}  // namespace gavel::cuda

#endif
