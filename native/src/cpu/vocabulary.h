// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// vocabulary.h: the output matrix of a language model as products read it.
#ifndef GAVEL_CPU_VOCABULARY_H
#define GAVEL_CPU_VOCABULARY_H

#include <cstdint>

#include "common/tensor.h"
#include "common/vocabulary_chunk.h"
#include "cpu/context.h"
#include "cpu/memory.h"

namespace gavel {

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
