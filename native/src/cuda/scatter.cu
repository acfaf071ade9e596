// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// A use is one item's part in one row: INDEX has one per item, FIRST_LAST two (first before last), SPAN_MEAN one per row of the span. A
// block adds all uses of one row, in order. For INDEX and FIRST_LAST there is a block per use, of which the first use of a row works
// and the others see an earlier one and leave (with ALL each row has one use, and nothing is compared); for SPAN_MEAN a block per row of the hidden states.
//
// So each block reads the index lists: U uses cost U^2 comparisons of 8 bytes from the nearest cache (SPAN_MEAN: rows times items), 256 at
// a time: for 16384 items of width 4096 less than the 800 MB of gradients that have to move. It needs no memory of its own.
#include "cuda/scatter.h"

#include "common/error.h"
#include "cuda/launch.h"
#include "cuda/packed.h"
#include "cuda/pooling.h"
#include "cuda/stream.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kColumns = 4;  // of a thread at a time

struct Scatter {
  Source source;  // hidden is not read
  const float *dvectors;
  int64_t vector_stride;
  float *dhidden;
  int64_t row_stride;
  int64_t uses;  // of all items; SPAN_MEAN: items
  bool aligned;  // four columns are 16 aligned bytes, here and there
};

// What a block adds, kept until there is a block's worth.
struct Found {
  int64_t uses[kThreads];
  float factors[kThreads];
};

__device__ __forceinline__ bool is_pair(const Source &source) {
  return source.pooling == GAVEL_POOLING_FIRST_LAST;
}

// Row of a use, -1 where it has none.
__device__ __forceinline__ int64_t row_of_use(const Source &source, int64_t use, bool report) {
  const bool pair = is_pair(source);
  const Item item = look_up_item(source, pair ? use / 2 : use, report);
  if (item.state != ItemState::VALID) return -1;
  return pair && use % 2 == 0 ? item.first : item.last;
}

// Where the gradient of a use starts.
__device__ __forceinline__ const float *gradient_of(const Scatter &scatter, int64_t use) {
  const Source &source = scatter.source;
  const bool pair = is_pair(source);
  const bool second = pair && use % 2 == 1 && source.combine == GAVEL_COMBINE_CONCAT;
  return scatter.dvectors + (pair ? use / 2 : use) * scatter.vector_stride + (second ? source.hidden_width : 0);
}

// dhidden[row] += factor * gradient, use after use; a factor of 1 or -1 is exact, so this is an addition.
__device__ inline void add_uses(const Scatter &scatter, const Found &found, int count, int64_t row) {
  const int64_t width = scatter.source.hidden_width;
  float *target = scatter.dhidden + row * scatter.row_stride;
  for (int64_t k = int64_t{threadIdx.x} * kColumns; k < width; k += int64_t{kThreads} * kColumns) {
    if (scatter.aligned) {
      float4 sum = *reinterpret_cast<const float4 *>(target + k);
      for (int i = 0; i < count; ++i) {
        const float4 gradient = __ldcs(reinterpret_cast<const float4 *>(gradient_of(scatter, found.uses[i]) + k));
        const float factor = found.factors[i];
        sum = {fmaf(factor, gradient.x, sum.x), fmaf(factor, gradient.y, sum.y), fmaf(factor, gradient.z, sum.z),
               fmaf(factor, gradient.w, sum.w)};
      }
      *reinterpret_cast<float4 *>(target + k) = sum;
      continue;
    }
    for (int64_t c = k; c < min(width, k + kColumns); ++c) {
      float sum = target[c];
      for (int i = 0; i < count; ++i) sum = fmaf(found.factors[i], gradient_of(scatter, found.uses[i])[c], sum);
      target[c] = sum;
    }
  }
}

// Puts the uses of the threads that found one, in their order, into `found`. Returns how many.
__device__ inline int keep_found(Found &found, uint32_t *counts, bool here, int64_t use, float factor) {
  const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
  const uint32_t lanes = __ballot_sync(kAllLanes, here);
  __syncthreads();
  if (lane == 0) counts[warp] = static_cast<uint32_t>(__popc(lanes));
  __syncthreads();
  int before = 0, all = 0;
  for (int w = 0; w < kThreads / kWarp; ++w) {
    if (w == warp) before = all;
    all += static_cast<int>(counts[w]);
  }
  if (here) {
    const int at = before + __popc(lanes & ((1u << lane) - 1));
    found.uses[at] = use;
    found.factors[at] = factor;
  }
  __syncthreads();
  return all;
}

// A block per use.
__global__ void __launch_bounds__(kThreads) scatter_uses_kernel(const Scatter scatter) {
  GAVEL_SHARED(Found, found);
  GAVEL_SHARED(uint32_t[kThreads / kWarp], counts);
  const Source &source = scatter.source;
  const int64_t mine = blockIdx.x;
  const int64_t row = row_of_use(source, mine, threadIdx.x == 0);
  if (row < 0) return;
  for (int64_t begin = 0; begin < scatter.uses; begin += kThreads) {
    const int64_t use = begin + threadIdx.x;
    const bool here = use < scatter.uses && row_of_use(source, use, false) == row;
    // Every thread sees the same answer: the block leaves together.
    if (begin < mine && __syncthreads_or(here && use < mine) != 0) return;
    const bool minus = is_pair(source) && source.combine == GAVEL_COMBINE_SUB && use % 2 == 0;
    const int count = keep_found(found, counts, here, use, minus ? -1.0f : 1.0f);
    if (count > 0) add_uses(scatter, found, count, row);
  }
}

// A block per row, with ALL: each has one use.
__global__ void __launch_bounds__(kThreads) scatter_rows_kernel(const Scatter scatter) {
  const int64_t width = scatter.source.hidden_width, row = blockIdx.x;
  for (int64_t k = threadIdx.x; k < width; k += kThreads) {
    float *target = scatter.dhidden + row * scatter.row_stride + k;
    *target = *target + scatter.dvectors[row * scatter.vector_stride + k];
  }
}

// A block per row, for means.
__global__ void __launch_bounds__(kThreads) scatter_spans_kernel(const Scatter scatter) {
  GAVEL_SHARED(Found, found);
  GAVEL_SHARED(uint32_t[kThreads / kWarp], counts);
  const int64_t row = blockIdx.x;
  for (int64_t begin = 0; begin < scatter.uses; begin += kThreads) {
    const int64_t use = begin + threadIdx.x;
    Item item{-1, -1, ItemState::INVALID};
    if (use < scatter.uses) item = look_up_item(scatter.source, use, row == 0);
    const bool here = item.state == ItemState::VALID && item.first <= row && row <= item.last;
    const float share = here ? 1.0f / static_cast<float>(item.last - item.first + 1) : 0.0f;
    const int count = keep_found(found, counts, here, use, share);
    if (count > 0) add_uses(scatter, found, count, row);
  }
}

bool is_aligned(const Tensor &tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0 && (tensor.shape[0] <= 1 || tensor.stride[0] % kColumns == 0);
}

}  // namespace

void enqueue_scatter(const ScatterCall &call, Stream &stream) {
  Scatter scatter = {};
  Source &source = scatter.source;
  source.pooling = call.pooling;
  source.combine = call.combine;
  set_lists(source, call.first.as<const int64_t>(), call.last.as<const int64_t>());
  source.tokens = call.dhidden.shape[0];
  source.hidden_width = call.dhidden.shape[1];
  source.vector_width = call.dvectors.shape[1];
  source.items = item_count(call.dvectors, call.last);
  source.fault = stream.fault;
  scatter.dvectors = call.dvectors.as<const float>();
  scatter.vector_stride = call.dvectors.stride[0];
  scatter.dhidden = call.dhidden.as<float>();
  scatter.row_stride = call.dhidden.stride[0];
  scatter.aligned = is_aligned(call.dvectors) && is_aligned(call.dhidden) && source.hidden_width % kColumns == 0;
  scatter.uses = call.pooling == GAVEL_POOLING_FIRST_LAST ? 2 * source.items : source.items;
  if (source.items == 0) return;
  const bool spans = call.pooling == GAVEL_POOLING_SPAN_MEAN;
  // Without a row, there is still an index to find wrong.
  const int64_t blocks = spans ? (source.tokens > 0 ? source.tokens : 1) : scatter.uses;
  GAVEL_CHECK(blocks < int64_t{1} << 31, "%lld rows are too many for one scatter on CUDA: cut the batch",
              static_cast<long long>(blocks));
  const bool all = call.pooling == GAVEL_POOLING_ALL;
  launch(all     ? scatter_rows_kernel
         : spans ? scatter_spans_kernel
                 : scatter_uses_kernel,
         dim3(static_cast<unsigned>(blocks)), kThreads, 0, stream.native, scatter);
}

}  // namespace gavel::cuda
