// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// pack_weight.h: panels (gemm.h) of a weight whose rows lie as the caller gave them, in the panels' own dtype: what has to be made again
// after every step of training.
#ifndef GAVEL_CPU_PACK_WEIGHT_H
#define GAVEL_CPU_PACK_WEIGHT_H

#include <cstdint>

#include "cpu/gemm.h"

namespace gavel {

// Whether parts of panel `index` can be packed one by one.
bool packs_in_parts(const MatrixView &matrix, int64_t index);
// Elements [begin, end) of the depth of panel `index`, multiples of kDepthBlock; packs_in_parts says whether this may be called.
void pack_part(const Kernels &kernels, const MatrixView &matrix, int64_t index, int64_t begin, int64_t end, void *panel);
// The whole panel, as pack_panel.
void pack_weight(const Kernels &kernels, const MatrixView &matrix, int64_t index, void *panel);

}  // namespace gavel

#endif
