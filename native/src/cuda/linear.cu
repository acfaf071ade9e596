// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// linear.cu: s[k] = dot(x, W[k]) in row order (row_order.h), x the vector of norm.h.
//
// Memory-bound: 2 D bytes an item. Each thread asks for up to 8 chunks of 16 bytes before it uses one. Under way in an SM at 16 warps (112
// registers or less a thread): D = 1024, a warp an item, 2 KiB a warp, 32 KiB; D = 4096, 4 warps an item, 8 KiB an item, 32 KiB;
// D = 8192, 64 KiB; Little's law wants 23 KiB for 4.3 TB/s at 700 ns. Rows pass by the L1 cache, where the weights stay.
#include "cuda/linear.h"

#include "cuda/launch.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 128;

// What a block needs of shared memory; a team of one warp needs none of it.
struct LinearShared {
  float norm[2 * 4 * kWarp];
  // Two turns: a warp may write the sums of the next outputs while another still reads the last ones.
  float sums[2][4][4 * kWarp];
};

// Outputs begin .. begin + kOutputs - 1 of a vector: dot products in row order, in every thread of the team.
template <int32_t kHead, int kTeam, int kOutputs, typename Vector>
__device__ inline void dot_outputs(const Linear &l, const Vector &vector, NormScale scale, Seat seat, int64_t begin,
                                   float (*parts)[4 * kWarp], float sums[kOutputs]) {
  const int64_t width = l.source.vector_width;
  Accumulators<kTeam> totals[kOutputs];
  vector.each([&](int a, int64_t k, const float *y, int count) {
    float x[kChunk];
    finish_vector<kHead>(l.norm, scale, k, width, count, y, x);
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) {
      if (begin + o >= l.output.outputs) break;
      float w[kChunk];
      load_parameter_8<kHead>(static_cast<const char *>(l.weight) + (begin + o) * width * kElementBytes<kHead>, k, width, w);
      for (int i = 0; i < kChunk; ++i) {
        if (i < count) totals[o].sums[a] = fmaf(x[i], w[i], totals[o].sums[a]);
      }
    }
  });
  if constexpr (kTeam > 1) {
    // One barrier for all outputs, so not team_sum.
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) parts[o][seat.warp * kWarp + seat.lane] = fold_accumulators<kTeam>(totals[o]);
    __syncthreads();
  }
#pragma unroll
  for (int o = 0; o < kOutputs; ++o) {
    float value;
    if constexpr (kTeam > 1) {
      static_assert(kTeam == 4);
      const float *part = parts[o] + seat.lane;
      value = (part[0] + part[2 * kWarp]) + (part[kWarp] + part[3 * kWarp]);
    } else {
      value = fold_accumulators<kTeam>(totals[o]);
    }
    sums[o] = sum_lanes(value);
  }
}

template <int32_t kHead, int kTeam, int kOutputs, typename Vector>
__device__ inline void score_item(const Linear &l, int64_t r, const Item &item, Seat seat, const Vector &vector,
                                  LinearShared &shared) {
  const NormScale scale = find_scale<kTeam>(l.norm, vector, l.source.vector_width, seat, shared.norm);
  if (l.pooled != nullptr) {
    vector.each([&](int, int64_t k, const float *y, int count) {
      for (int i = 0; i < kChunk; ++i) {
        if (i < count) l.pooled[r * l.pooled_stride + k + i] = y[i];
      }
    });
  }
  bool nan = false;
  for (int64_t begin = 0; begin < l.output.outputs; begin += kOutputs) {
    float sums[kOutputs];
    dot_outputs<kHead, kTeam, kOutputs>(l, vector, scale, seat, begin, shared.sums[begin / kOutputs % 2], sums);
    if (seat.warp != 0 || seat.lane != 0) continue;
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) {
      if (begin + o < l.output.outputs) nan |= write_score(l.output, r, begin + o, sums[o], item.state);
    }
  }
  if (seat.warp == 0 && seat.lane == 0) count_item(l.output, r, item.state, nan);
}

template <int32_t kHead, int32_t kHidden, LinearKernel kKernel, int kOutputs>
__global__ void __launch_bounds__(kThreads) linear_kernel(const __grid_constant__ Linear l) {
  constexpr int kTeam = kKernel == LinearKernel::WARP ? 1 : 4;
  GAVEL_SHARED(LinearShared, shared);
  wait_for_previous_kernel();
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const Seat seat = {warp % kTeam, static_cast<int>(threadIdx.x) % kWarp};
  const int64_t r = (int64_t{blockIdx.x} * kThreads / kWarp + warp) / kTeam;
  if (r < l.source.items) {
    const Item item = look_up_item(l.source, r, seat.warp == 0 && seat.lane == 0);
    if constexpr (kKernel != LinearKernel::STREAM) {
      score_item<kHead, kTeam, kOutputs>(l, r, item, seat, HeldVector<kHidden, kTeam>(l.source, item, seat), shared);
    } else if (l.source.aligned) {
      score_item<kHead, kTeam, kOutputs>(l, r, item, seat, StreamedVector<kHidden, kTeam, true>(l.source, item, seat), shared);
    } else {
      score_item<kHead, kTeam, kOutputs>(l, r, item, seat, StreamedVector<kHidden, kTeam, false>(l.source, item, seat), shared);
    }
  }
  let_next_kernel_start();
  finish_call(l.output, gridDim.x);
}

template <int32_t kHead, int32_t kHidden, int kOutputs>
void enqueue(const Linear &l, LinearKernel kernel, cudaStream_t stream) {
  const int64_t per_block = kernel == LinearKernel::WARP ? kThreads / kWarp : 1;
  const dim3 grid(static_cast<unsigned>((l.source.items + per_block - 1) / per_block));
  const auto run = kernel == LinearKernel::WARP   ? linear_kernel<kHead, kHidden, LinearKernel::WARP, kOutputs>
                   : kernel == LinearKernel::TEAM ? linear_kernel<kHead, kHidden, LinearKernel::TEAM, kOutputs>
                                                  : linear_kernel<kHead, kHidden, LinearKernel::STREAM, kOutputs>;
  launch(run, grid, kThreads, 0, stream, l);
}

}  // namespace

bool linear_possible(LinearKernel kernel, const Source &source) {
  if (kernel == LinearKernel::STREAM) return true;
  return source.aligned && source.vector_width <= (kernel == LinearKernel::WARP ? 1 : 4) * kMostHeld;
}

LinearKernel choose_linear(const Source &source, int sm_count) {
  // A warp an item needs fewer steps in all, but four are sooner done with one: worth it while the device has room for all of them.
  const bool crowded = source.items > int64_t{4} * sm_count;
  if (linear_possible(LinearKernel::WARP, source) && (crowded || source.vector_width <= kStripe)) return LinearKernel::WARP;
  return linear_possible(LinearKernel::TEAM, source) ? LinearKernel::TEAM : LinearKernel::STREAM;
}

void enqueue_linear(const Linear &linear, LinearKernel kernel, cudaStream_t stream) {
  with_type(linear.source.dtype, [&](auto hidden) {
    constexpr int32_t kHidden = decltype(hidden)::value;
    // A 16-bit head's hidden states are of its dtype, or means in f32.
    const auto with_head = [&](auto head) {
      constexpr int32_t kHead = decltype(head)::value;
      constexpr int32_t kOwn = kHead == GAVEL_F32 || kHidden == GAVEL_F32 ? kHidden : kHead;
      if (linear.output.outputs == 1) return enqueue<kHead, kOwn, 1>(linear, kernel, stream);
      enqueue<kHead, kOwn, 4>(linear, kernel, stream);
    };
    with_type(linear.dtype, with_head);
  });
}

}  // namespace gavel::cuda
