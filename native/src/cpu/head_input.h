// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// head_input.h: from an item to the vector its head reads: pooled, normed, rounded once to the head's dtype.
#ifndef GAVEL_CPU_HEAD_INPUT_H
#define GAVEL_CPU_HEAD_INPUT_H

#include <cstdint>

#include "cpu/head.h"
#include "cpu/pooling.h"

namespace gavel {

// Applies the head's norm (if any) to a pooled vector in place, then rounds it to the head's dtype and widens it again, so that `vector`
// holds the values the first layer multiplies. rounded: scratch of D elements of the head's dtype; holds the rounded vector after.
void finish_vector(const Kernels &kernels, const CpuHead &head, float *vector, void *rounded);

}  // namespace gavel

#endif
