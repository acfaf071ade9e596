// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// token_spans.h: which rows spans need, from log-probabilities to a score per span, and back. Formulas in gavel.h at
// gavel_token_logprob_args; bits are the CPU's (cpu/token_spans.cpp).
#ifndef GAVEL_CUDA_TOKEN_SPANS_H
#define GAVEL_CUDA_TOKEN_SPANS_H

#include <cstdint>

#include "cuda/output.h"
#include "cuda/token_rows.h"

namespace gavel::cuda {

// A kernel argument. Spans are items of `source` (first to last); there are none where source.items is 0.
struct TokenSpans {
  Source source;
  const uint8_t *mask;     // [T] or null
  int32_t reduce;          // GAVEL_LOGPROB_*
  float factor;            // beta of LOG_RATIO, 1 with IDENTITY
  const float *logprobs;   // [T]
  const float *reference;  // [T] or null
};

// with_spans false: every row that the mask lets through. logprobs: 0 where a row is not wanted. targets out of range are faults.
void enqueue_mark_rows(const TokenSpans &spans, bool with_spans, const int64_t *targets, int64_t tokens, uint8_t *wanted,
                       float *logprobs, Stream &stream);
// valid: [R], 1 where a span has a row, else 0; or null. output: counters and counts.
void enqueue_span_scores(const TokenSpans &spans, float *scores, uint8_t *valid, const Output &output, Stream &stream);

// Rows that count of each span, and with MIN the first least of them, else -1.
struct SpanRows {
  int64_t tokens;
  int64_t least;
};
// span_rows: [R], scratch.
void enqueue_span_gradients(const TokenSpans &spans, const float *dscore, SpanRows *span_rows, float *dlogprobs,
                            Stream &stream);

}  // namespace gavel::cuda

#endif
