// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#ifndef GAVEL_COMMON_VOCABULARY_CHUNK_H
#define GAVEL_COMMON_VOCABULARY_CHUNK_H

#include <cstdint>

namespace gavel {

// Logits worked on between two sums of exponentials: part of the definition of a log-probability (gavel.h), so never to be tuned. A power
// of two, and whole panels (cpu/gemm.h).
constexpr int64_t kVocabularyChunk = 1024;

constexpr int64_t vocabulary_chunks(int64_t tokens) {
  return (tokens + kVocabularyChunk - 1) / kVocabularyChunk;
}

// What is kept of the logits of a row in one chunk.
struct ChunkSum {
  float shift;  // the largest, or the least float where all are -inf or NaN: -inf - -inf would be NaN
  float sum;    // of e^(logit - shift), in dot order (cpu/kernels.h)
};

}  // namespace gavel

#endif
