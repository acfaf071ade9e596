// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// token_spans.h: from log-probabilities of tokens to one score per span, and back. Formulas in gavel.h at gavel_token_logprob_args.
#ifndef GAVEL_CPU_TOKEN_SPANS_H
#define GAVEL_CPU_TOKEN_SPANS_H

#include <cstdint>

#include "common/tensor.h"
#include "cpu/pooling.h"
#include "cpu/workspace.h"

namespace gavel {

struct TokenSpans {
  int64_t items;          // R
  const ItemRows *rows;   // [R]
  const int64_t *tokens;  // [R]: rows of the span that the mask lets through; 0: the item is invalid
  int64_t invalid_items;
  const uint8_t *mask;  // [T] or null; not the caller's memory, as the other lists
};

// Checks every index against T; `states` is what messages call the tensor that has T rows. mask: u8 [T], or absent.
TokenSpans resolve_spans(const Tensor &first, const Tensor &last, const Tensor &mask, int64_t tokens, Workspace &workspace,
                         const char *states);

// How a span becomes a score.
struct SpanScore {
  int32_t reduce;          // GAVEL_LOGPROB_*
  float factor;            // beta of LOG_RATIO, 1 with IDENTITY
  const float *logprobs;   // [T]
  const float *reference;  // [T] or null
};

// Scores [R]; returns the items whose score is NaN. The caller flushes denormals.
int64_t score_spans(const TokenSpans &spans, const SpanScore &how, float *scores);
// dlogprobs [T] is overwritten. logprobs may be null where the reduction's gradient does not depend on them (SUM, MEAN).
void backward_spans(const TokenSpans &spans, const SpanScore &how, const float *dscore, float *dlogprobs, int64_t tokens);

}  // namespace gavel

#endif
