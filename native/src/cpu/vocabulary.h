// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// vocabulary.h: the output matrix of a language model as products read it.
#ifndef GAVEL_CPU_VOCABULARY_H
#define GAVEL_CPU_VOCABULARY_H

#include <cstdint>

#include "common/tensor.h"
#include "cpu/context.h"
#include "cpu/memory.h"

namespace gavel {

// Logits worked on between two sums of exponentials: part of the definition of a log-probability (gavel.h), so never to be tuned. A power
// of two, and whole panels.
constexpr int64_t kVocabularyChunk = 1024;

inline int64_t vocabulary_chunks(int64_t tokens) {
  return (tokens + kVocabularyChunk - 1) / kVocabularyChunk;
}

struct CpuVocabulary {
  // weight: [V, H], checked.
  CpuVocabulary(CpuContext &context, const Tensor &weight);

  const int32_t dtype;
  const int64_t tokens;  // V
  const int64_t width;   // H
  AlignedBytes panels;   // panel_count(V) panels of panel_bytes(dtype, H), see gemm.h
};

}  // namespace gavel

#endif
