// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// backward.h: gradients of a head's parameters and of its pooled vectors on the device, from dscore. What is computed is said in
// cpu/backward.h; sums are always f32.
//
// LINEAR without a norm (INDEX, FIRST_LAST) is one launch that reads the hidden states once, and one more where dvectors are wanted. Otherwise the
// vectors are gathered again and the activations made again from the preactivations, for at most backward_rows items at a time.
//
// Order of sums over items, a function of the batch's size and the head alone: rows are cut into chunks (row_sums.h), within a chunk 32 rows
// are added one after another and then such sums; a weight of a hidden layer: 32 rows one after another, then such sums. An invalid item adds
// 0 in its place.
#ifndef GAVEL_CUDA_BACKWARD_H
#define GAVEL_CUDA_BACKWARD_H

#include <cstdint>

#include "cuda/calls.h"

namespace gavel::cuda {

struct Stream;

// Items worked on at once: what scratch memory of 1 GiB holds.
int64_t backward_rows(const HeadSpec &spec);

// most_rows: instead of backward_rows, for tests.
int64_t backward_workspace(const BackwardCall &call, int64_t most_rows = 0);
void enqueue_backward(const BackwardCall &call, Stream &stream, int64_t most_rows = 0);

}  // namespace gavel::cuda

#endif
