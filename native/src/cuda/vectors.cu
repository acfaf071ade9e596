// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// vectors.cu: a team of 4 warps makes one vector. Aligned rows of up to 4096 elements are read once, 4 chunks of 16 bytes a thread under
// way: 8 KiB a block at 4096 16-bit elements, and at 4 blocks an SM (registers) 32 KiB, above the 23 KiB that Little's law wants for
// 4.3 TB/s at 700 ns. Wider ones are read again for each pass of the norm, then mostly out of the L2 cache. Bytes at 4096 elements and
// 16 bits: 8 KiB in, 8 KiB out an item.
#include "cuda/vectors.h"

#include "cuda/head.h"
#include "cuda/launch.h"
#include "cuda/packed.h"
#include "cuda/stream.h"

namespace gavel::cuda {

namespace {

constexpr int kTeam = 4;
constexpr int kThreads = kTeam * kWarp;

struct Targets {
  float *pooled;
  int64_t pooled_stride;
  float *rounded;
  char *packed;
  uint8_t *states;
};

template <int32_t kHead>
__device__ inline char *packed_chunk(const Targets &targets, int64_t r, int64_t k, int64_t width) {
  return targets.packed + packed_offset(r, k, width) * kElementBytes<kHead>;
}

template <int32_t kHead, typename Vector>
__device__ inline void write_vector(const Source &source, const Norm &norm, const Targets &targets, int64_t r, Seat seat,
                                    const Vector &vector, float *parts) {
  const int64_t width = source.vector_width;
  const NormScale scale = find_scale<kTeam>(norm, vector, width, seat, parts);
  vector.each([&](int, int64_t k, const float *y, int count) {
    if (targets.pooled != nullptr) {
      for (int i = 0; i < kChunk; ++i) {
        if (i < count) targets.pooled[r * targets.pooled_stride + k + i] = y[i];
      }
    }
    float x[kChunk];
    finish_vector<kHead>(norm, scale, k, width, count, y, x);
    if (targets.rounded != nullptr) {
      for (int i = 0; i < kChunk; ++i) {
        if (i < count) targets.rounded[r * width + k + i] = x[i];
      }
    }
    if (targets.packed != nullptr) store_raw<kHead>(packed_chunk<kHead>(targets, r, k, width), narrow_raw<kHead>(x));
  });
}

// kHeld: the vector fits the registers of its team and its rows are aligned.
template <int32_t kHead, int32_t kHidden, bool kHeld>
__global__ void __launch_bounds__(kThreads)
    vectors_kernel(const __grid_constant__ Source source, const __grid_constant__ Norm norm,
                   const __grid_constant__ Targets targets) {
  GAVEL_SHARED(float[2 * kTeam * kWarp], parts);
  wait_for_previous_kernel();
  let_next_kernel_start();
  const int64_t r = blockIdx.x, width = source.vector_width;
  const int thread = static_cast<int>(threadIdx.x);
  const Seat seat = {thread / kWarp, thread % kWarp};
  int64_t done = 0;  // elements of the packed row that are written
  if (r < source.items) {
    const Item item = look_up_item(source, r, thread == 0);
    if (targets.states != nullptr && thread == 0) targets.states[r] = static_cast<uint8_t>(item.state);
    if constexpr (kHeld) {
      write_vector<kHead>(source, norm, targets, r, seat, HeldVector<kHidden, kTeam>(source, item, seat), parts);
    } else if (source.aligned) {
      const StreamedVector<kHidden, kTeam, Rows::ALIGNED> vector(source, item, seat);
      write_vector<kHead>(source, norm, targets, r, seat, vector, parts);
    } else {
      const StreamedVector<kHidden, kTeam, Rows::UNALIGNED> vector(source, item, seat);
      write_vector<kHead>(source, norm, targets, r, seat, vector, parts);
    }
    done = padded(width, int64_t{kChunk});
  }
  if (targets.packed == nullptr) return;
  for (int64_t k = done + thread * kChunk; k < step_count(width) * kBlockColumns; k += kThreads * kChunk) {
    store_raw<kHead>(packed_chunk<kHead>(targets, r, k, width), Raw<kHead>{});
  }
}

template <int32_t kHead, int32_t kHidden>
void enqueue(const Source &source, const Norm &norm, const Targets &targets, int64_t rows, cudaStream_t stream) {
  const bool held = source.aligned && source.vector_width <= kTeam * kMostHeld;
  launch(held ? vectors_kernel<kHead, kHidden, true> : vectors_kernel<kHead, kHidden, false>, dim3(static_cast<unsigned>(rows)),
         kThreads, 0, stream, source, norm, targets);
}

bool rows_aligned(const void *data, int64_t row_bytes, int64_t width) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0 && row_bytes % 16 == 0 && width % kChunk == 0;
}

}  // namespace

bool rows_aligned(const VectorsCall &call) {
  const int64_t width = call.hidden.shape[1];
  if (call.pooling != GAVEL_POOLING_SPAN_MEAN) {
    return rows_aligned(call.hidden.data, call.hidden.stride[0] * dtype_size(call.hidden.dtype), width);
  }
  const int64_t stride = call.pooled.present() ? call.pooled.stride[0] : width;
  return rows_aligned(call.pooled.data, stride * int64_t{sizeof(float)}, width);
}

Norm make_norm(const Head &head) {
  const HeadSpec &spec = head.spec;
  Norm norm = {};
  norm.kind = spec.fields.norm;
  norm.epsilon = spec.fields.norm_epsilon;
  if (spec.norm_weight != kNoParameter) norm.weight = head.parameter(spec.norm_weight);
  if (spec.norm_bias != kNoParameter) norm.bias = head.parameter(spec.norm_bias);
  return norm;
}

Source make_source(const VectorsCall &call, const float *means, int64_t mean_stride, Stream &stream) {
  Source source = {};
  source.hidden = call.hidden.data;
  source.dtype = call.hidden.dtype;
  source.row_bytes = call.hidden.stride[0] * dtype_size(call.hidden.dtype);
  source.pooling = call.pooling == GAVEL_POOLING_ALL ? GAVEL_POOLING_INDEX : call.pooling;
  source.combine = call.combine;
  set_lists(source, call.pooling == GAVEL_POOLING_INDEX ? nullptr : call.first.as<const int64_t>(),
            call.last.as<const int64_t>(), call.other.first.as<const int64_t>(), call.other.last.as<const int64_t>());
  source.of_gate = call.other.of_gate;
  source.any_order = call.other.any_order;
  source.tokens = call.hidden.shape[0];
  source.hidden_width = call.hidden.shape[1];
  source.vector_width = source.hidden_width;
  source.items = item_count(call.hidden, call.last);
  source.fault = stream.fault;
  if (call.pooling == GAVEL_POOLING_FIRST_LAST && call.combine == GAVEL_COMBINE_CONCAT) source.vector_width *= 2;
  if (means != nullptr) {
    source.pooling = kPooled;
    source.hidden = reinterpret_cast<const char *>(means);
    source.dtype = GAVEL_F32;
    source.row_bytes = mean_stride * int64_t{sizeof(float)};
  }
  source.aligned = rows_aligned(source.hidden, source.row_bytes, source.hidden_width);
  return source;
}

int64_t vectors_workspace(const VectorsCall &call) {
  if (call.pooling != GAVEL_POOLING_SPAN_MEAN || call.pooled.present()) return 0;
  return multiply_sizes(multiply_sizes(item_count(call.hidden, call.last), call.hidden.shape[1], "means"), sizeof(float),
                        "means");
}

void enqueue_vectors(const VectorsCall &call, void *workspace, Stream &stream) {
  const int64_t items = item_count(call.hidden, call.last);
  if (items == 0) return;
  const float *means = nullptr;
  int64_t mean_stride = 0;
  enqueue_means(call, workspace, stream, &means, &mean_stride);
  const Source source = make_source(call, means, mean_stride, stream);
  Targets targets = {};
  // The means are in place already.
  if (call.pooled.present() && means == nullptr)
    targets.pooled = call.pooled.as<float>(), targets.pooled_stride = call.pooled.stride[0];
  targets.rounded = call.rounded;
  targets.packed = static_cast<char *>(call.packed);
  targets.states = call.states;
  const int64_t rows = call.packed != nullptr ? padded(items, call.packed_unit) : items;
  const Norm norm = make_norm(call.head);
  const int32_t head = call.head.spec.fields.dtype;
  with_type(source.dtype, [&](auto hidden) {
    constexpr int32_t kHidden = decltype(hidden)::value;
    constexpr bool kFloat = kHidden == GAVEL_F32;
    // A 16-bit head's hidden states are of its dtype, or means in f32.
    if (head == GAVEL_F32) return enqueue<GAVEL_F32, kHidden>(source, norm, targets, rows, stream.native);
    if (head == GAVEL_F16)
      return enqueue < GAVEL_F16, kFloat ? GAVEL_F32 : GAVEL_F16 > (source, norm, targets, rows, stream.native);
    enqueue<GAVEL_BF16, kFloat ? GAVEL_F32 : GAVEL_BF16>(source, norm, targets, rows, stream.native);
  });
}

}  // namespace gavel::cuda
