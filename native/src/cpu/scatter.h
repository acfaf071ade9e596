// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// scatter.h: the transpose of pooling: gradients of vectors go back to the hidden states they were made of.
//
//   INDEX      dX[last] += dy
//   FIRST_LAST dX[first], dX[last] += the halves of dy; dy and dy; -dy and dy
//   SPAN_MEAN  dX[t] += (1 / n) dy for first <= t <= last, 1 / n rounded, one fused step
// Items in order, within one item `first` before `last`: rows that several items share add up in that order.
#ifndef GAVEL_CPU_SCATTER_H
#define GAVEL_CPU_SCATTER_H

#include "common/tensor.h"
#include "cpu/context.h"
#include "cpu/pooling.h"

namespace gavel {

// dvectors [R, D], dhidden [T, H], f32. Threads split the columns. The caller flushes denormals.
void run_scatter(CpuContext &context, const Pooling &pooling, const Tensor &dvectors, const Tensor &dhidden);

}  // namespace gavel

#endif
