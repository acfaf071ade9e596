// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/vocabulary.h"

#include "cpu/gemm.h"

namespace gavel {

static_assert(kVocabularyChunk % kPanelColumns == 0);

CpuVocabulary::CpuVocabulary(CpuContext &context, const Tensor &weight)
    : dtype(weight.dtype),
      tokens(weight.shape[0]),
      width(weight.shape[1]),
      panels(multiply_sizes(panel_count(tokens), panel_bytes(dtype, width), "bytes of the packed vocabulary")) {
  const MatrixView matrix = {weight.data, dtype, tokens, width, weight.stride[0], 1};
  const int64_t bytes = panel_bytes(dtype, width);
  const int64_t count = panel_count(tokens);
  // About 1 ns per element, as in head.cpp.
  const int32_t parts = context.pool.parts_for(static_cast<double>(tokens) * static_cast<double>(width), count);
  context.pool.run(parts, [&](int32_t part) {
    for (int64_t panel = count * part / parts; panel < count * (part + 1) / parts; ++panel) {
      pack_panel(dtype, matrix, panel, panels.as<char>() + panel * bytes);
    }
  });
}

}  // namespace gavel
