// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// vectors.h: from hidden states to the vectors of all items, in memory: what the products for more than a few items read, and what
// backward needs again.
#ifndef GAVEL_CUDA_VECTORS_H
#define GAVEL_CUDA_VECTORS_H

#include <cstdint>

#include "common/tensor.h"
#include "cuda/calls.h"
#include "cuda/norm.h"

namespace gavel::cuda {

struct Head;
struct Stream;

// What is not wanted is null (pooled: absent). The memory is the device's (pooled: or pinned).
struct VectorsCall {
  Head &head;
  int32_t pooling;
  int32_t combine;
  Tensor hidden;             // [T, H]
  Tensor first;              // i64 [R]
  Tensor last;               // i64 [R]; absent with ALL
  Tensor pooled;             // f32 [R, D]: before the norm; 0 for invalid items
  float *rounded = nullptr;  // [R, D]: after the norm, rounded to the head's dtype
  void *packed = nullptr;    // as packed.h, in the head's dtype, items filled up to a multiple of packed_unit
  int64_t packed_unit = 8;
  uint8_t *states =
      nullptr;  // [R] ItemState, as bytes: 0 invalid, 1 valid, 2 an index out of range; so != 0 is "valid" to a loss
  OtherRows other{};
};

// Scratch bytes: the means of SPAN_MEAN, where `pooled` is absent.
int64_t vectors_workspace(const VectorsCall &call);
// workspace: vectors_workspace bytes, aligned to 256. Nothing is enqueued for no items.
void enqueue_vectors(const VectorsCall &call, void *workspace, Stream &stream);

// Whether the rows that the vectors are made of (with SPAN_MEAN: their means) are aligned, as Source::aligned will say.
bool rows_aligned(const VectorsCall &call);
// Where the vectors of a call come from, for kernels that make them themselves. With SPAN_MEAN: from `means` (f32 rows of mean_stride
// elements), which enqueue_means writes.
Source make_source(const VectorsCall &call, const float *means, int64_t mean_stride, Stream &stream);
Norm make_norm(const Head &head);
// The means of SPAN_MEAN (common/span_mean.h). Where `pooled` is present the means are written there, else
// to `workspace`; *means and *mean_stride say where. Nothing with another pooling.
void enqueue_means(const VectorsCall &call, void *workspace, Stream &stream, const float **means, int64_t *mean_stride);

}  // namespace gavel::cuda

#endif
