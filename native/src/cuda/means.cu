// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// means.cu: SPAN_MEAN. Columns do not depend on each other, so a warp takes 256 columns of one item and adds the rows in order, eight
// ahead of the sum: 4 KiB of 16-bit elements under way in each warp, 256 items of 4096 columns are 4096 warps, 31 an SM of 132.
#include "cuda/head.h"
#include "cuda/launch.h"
#include "cuda/row_order.h"
#include "cuda/stream.h"
#include "cuda/vectors.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 128;
constexpr int64_t kThreadColumns = kThreads * kChunk;
constexpr int kAhead = 8;

template <int32_t kType, bool kAligned>
__device__ inline void add_rows(const Source &source, const Item &item, int64_t k, float sum[kChunk]) {
  const auto row = [&](int64_t r) {
    return load_raw<kType, kAligned, true>(source.hidden + r * source.row_bytes, k, source.hidden_width);
  };
  widen_raw<kType>(row(item.first), sum);
  int64_t next = item.first + 1;
  const auto add = [&](const Raw<kType> &raw) {
    float value[kChunk];
    widen_raw<kType>(raw, value);
    for (int i = 0; i < kChunk; ++i) sum[i] += value[i];
  };
  for (; next + kAhead <= item.last + 1; next += kAhead) {
    Raw<kType> raw[kAhead];
    GAVEL_UNROLL
    for (int i = 0; i < kAhead; ++i) raw[i] = row(next + i);
    GAVEL_UNROLL
    for (int i = 0; i < kAhead; ++i) add(raw[i]);
  }
  for (; next <= item.last; ++next) add(row(next));
  const float factor = 1.0f / static_cast<float>(item.last - item.first + 1);
  for (int i = 0; i < kChunk; ++i) sum[i] *= factor;
}

template <int32_t kType>
__global__ void __launch_bounds__(kThreads) means_kernel(const __grid_constant__ Source source, float *means, int64_t stride) {
  const int64_t parts = (source.hidden_width + kThreadColumns - 1) / kThreadColumns;
  const int64_t r = blockIdx.x / parts, part = blockIdx.x % parts;
  const int64_t k = part * kThreadColumns + static_cast<int64_t>(threadIdx.x) * kChunk;
  if (k >= source.hidden_width) return;
  const Item item = look_up_item(source, r, part == 0 && threadIdx.x == 0);
  float sum[kChunk];
  if (item.state != ItemState::VALID) {
    for (int i = 0; i < kChunk; ++i) sum[i] = item.state == ItemState::FAULT ? __uint_as_float(0x7fc00000u) : 0.0f;
  } else if (source.aligned) {
    add_rows<kType, true>(source, item, k, sum);
  } else {
    add_rows<kType, false>(source, item, k, sum);
  }
  for (int i = 0; i < kChunk; ++i) {
    if (k + i < source.hidden_width) means[r * stride + k + i] = sum[i];
  }
}

}  // namespace

void enqueue_means(const VectorsCall &call, void *workspace, Stream &stream, const float **means, int64_t *mean_stride) {
  *means = nullptr;
  *mean_stride = 0;
  const int64_t items = item_count(call.hidden, call.last);
  if (call.pooling != GAVEL_POOLING_SPAN_MEAN || items == 0) return;
  float *target = call.pooled.present() ? call.pooled.as<float>() : static_cast<float *>(workspace);
  const int64_t stride = call.pooled.present() ? call.pooled.stride[0] : call.hidden.shape[1];
  Source source = make_source(call, nullptr, 0, stream);
  const int64_t parts = (source.hidden_width + kThreadColumns - 1) / kThreadColumns;
  with_type(call.hidden.dtype, [&](auto type) {
    launch(means_kernel<decltype(type)::value>, dim3(static_cast<unsigned>(items * parts)), kThreads, 0, stream.native, source,
           target, stride);
  });
  *means = target;
  *mean_stride = stride;
}

}  // namespace gavel::cuda
