// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// means.cu: SPAN_MEAN. Columns do not depend on each other, so a warp takes 256 columns of one item and adds the rows in the order of
// common/span_mean.h, eight ahead of the sum: 4 KiB of 16-bit elements under way in each warp, 256 items of 4096 columns are 4096 warps, 31 an
// SM of 132.
#include "common/span_mean.h"
#include "cuda/head.h"
#include "cuda/launch.h"
#include "cuda/row_order.h"
#include "cuda/stream.h"
#include "cuda/vectors.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 128;
constexpr int64_t kThreadColumns = kThreads * kChunk;

// sum = part where it is the first one.
__device__ __forceinline__ void add_part(float sum[kChunk], const float part[kChunk], bool is_first) {
  GAVEL_UNROLL
  for (int i = 0; i < kChunk; ++i) sum[i] = is_first ? part[i] : sum[i] + part[i];
}

// count rows, at most kSpanParts, one after the other.
template <int32_t kType, bool kAligned>
__device__ inline void add_rows(const Source &source, int64_t first, int count, int64_t k, float sum[kChunk]) {
  const char *from = source.hidden + first * source.row_bytes;
  const auto row = [&](int r) { return load_raw<kType, kAligned, true>(from + r * source.row_bytes, k, source.hidden_width); };
  // Elements loaded one by one are eight times as many registers.
  constexpr int kAhead = kAligned ? 8 : 2;
  GAVEL_UNROLL_BY(1)
  for (int begin = 0; begin < count; begin += kAhead) {
    Raw<kType> raw[kAhead];
    // The last row stands in for those that are not there, and is not added again.
    GAVEL_UNROLL
    for (int i = 0; i < kAhead; ++i) raw[i] = row(min(begin + i, count - 1));
    GAVEL_UNROLL
    for (int i = 0; i < kAhead; ++i) {
      float value[kChunk];
      widen_raw<kType>(raw[i], value);
      if (begin + i < count) add_part(sum, value, i == 0 && begin == 0);
    }
  }
}

template <int32_t kType, bool kAligned>
__device__ inline void mean_of_rows(const Source &source, const Item &item, int64_t k, float mean[kChunk]) {
  float of_rows[kChunk], of_small[kChunk], of_middle[kChunk];
  constexpr int64_t kMiddle = kSpanParts * kSpanParts;
  const int64_t rows = item.last - item.first + 1;
  GAVEL_UNROLL_BY(1)
  for (int64_t done = 0; done < rows;) {
    const int64_t count = min(kSpanParts, rows - done);
    add_rows<kType, kAligned>(source, item.first + done, static_cast<int>(count), k, of_rows);
    add_part(of_small, of_rows, done % kMiddle == 0);
    done += count;
    if (done % kMiddle != 0 && done < rows) continue;
    add_part(of_middle, of_small, (done - 1) % kLargestSpanBlock < kMiddle);
    if (done % kLargestSpanBlock != 0 && done < rows) continue;
    add_part(mean, of_middle, done <= kLargestSpanBlock);
  }
  GAVEL_UNROLL
  for (int i = 0; i < kChunk; ++i) mean[i] /= static_cast<float>(rows);
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
    mean_of_rows<kType, true>(source, item, k, sum);
  } else {
    mean_of_rows<kType, false>(source, item, k, sum);
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
