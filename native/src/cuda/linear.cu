// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// linear.cu: s[k] = dot(x, W[k]) in row order (row_order.h), x the vector of norm.h.
//
// Memory-bound: 2 D bytes an item. Each thread asks for up to 4 chunks of 16 bytes before it uses one, 2 KiB a warp (f32: 4 KiB); at 16 (8)
// warps an SM, for which the launch bounds leave registers, that is 32 KiB under way; Little's law wants 23 KiB for 4.3 TB/s at 700 ns. Rows pass by the L1 cache, where the
// weights stay.
#include "cuda/linear.h"

#include "cuda/launch.h"

namespace gavel::cuda {

namespace {

__host__ __device__ constexpr int team_of(LinearKernel kernel) {
  return kernel == LinearKernel::WARP ? 1 : kernel == LinearKernel::TEAM_8 ? 8 : 4;
}
__host__ __device__ constexpr int threads_of(LinearKernel kernel) {
  return kernel == LinearKernel::TEAM_8 ? 256 : 128;
}
constexpr int kMostOutputs = 4;  // at a time
// Warps an SM that registers must leave room for. f32 rows have twice the bytes under way in each warp; several outputs need the registers.
constexpr int warps_wanted(int32_t hidden, int outputs) {
  return hidden == GAVEL_F32 || outputs > 1 ? 8 : 16;
}

// What a block needs of shared memory; a team of one warp needs none of it.
template <int kTeam>
struct LinearShared {
  float norm[2 * kTeam * kWarp];
  // Two turns: a warp may write the sums of the next outputs while another still reads the last ones.
  float sums[2][kMostOutputs][kTeam * kWarp];
};

// The sum of an output, from the parts of the team's warps: the rest of the order that fold_accumulators begins.
template <int kTeam>
__device__ inline float fold_parts(const float *parts, int lane) {
  float sums[kTeam];
  GAVEL_UNROLL
  for (int i = 0; i < kTeam; ++i) sums[i] = parts[i * kWarp + lane];
  GAVEL_UNROLL
  for (int half = kTeam / 2; half > 0; half /= 2) {
    GAVEL_UNROLL
    for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

// Outputs begin .. begin + kOutputs - 1 of a vector: dot products in row order, in every thread of the team.
template <int32_t kHead, int kTeam, int kOutputs, typename Vector>
__device__ inline void dot_outputs(const Linear &l, const Vector &vector, NormScale scale, Seat seat, int64_t begin,
                                   float (*parts)[kTeam * kWarp], float sums[kOutputs]) {
  const int64_t width = l.source.vector_width;
  Accumulators<kTeam> totals[kOutputs];
  vector.each([&](int a, int64_t k, const float *y, int count) {
    float x[kChunk];
    finish_vector<kHead>(l.norm, scale, k, width, count, y, x);
    GAVEL_UNROLL
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
    GAVEL_UNROLL
    for (int o = 0; o < kOutputs; ++o) parts[o][seat.warp * kWarp + seat.lane] = fold_accumulators<kTeam>(totals[o]);
    __syncthreads();
  }
  GAVEL_UNROLL
  for (int o = 0; o < kOutputs; ++o) {
    sums[o] = sum_lanes(kTeam > 1 ? fold_parts<kTeam>(parts[o], seat.lane) : fold_accumulators<kTeam>(totals[o]));
  }
}

template <int32_t kHead, int kTeam, int kOutputs, typename Vector>
__device__ inline void score_item(const Linear &l, int64_t r, const Item &item, Seat seat, const Vector &vector,
                                  LinearShared<kTeam> &shared) {
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
    GAVEL_UNROLL
    for (int o = 0; o < kOutputs; ++o) {
      if (begin + o < l.output.outputs) nan |= write_score(l.output, r, begin + o, sums[o], item.state);
    }
  }
  if (seat.warp == 0 && seat.lane == 0) count_item(l.output, r, item.state, nan);
}

template <int32_t kHead, int32_t kHidden, LinearKernel kKernel, int kOutputs>
__global__ void __launch_bounds__(threads_of(kKernel), warps_wanted(kHidden, kOutputs) * kWarp / threads_of(kKernel))
    linear_kernel(const __grid_constant__ Linear l) {
  constexpr int kTeam = team_of(kKernel);
  GAVEL_SHARED(LinearShared<kTeam>, shared);
  wait_for_previous_kernel();
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const Seat seat = {warp % kTeam, static_cast<int>(threadIdx.x) % kWarp};
  const int64_t r = (int64_t{blockIdx.x} * (threads_of(kKernel) / kWarp) + warp) / kTeam;
  if (r < l.source.items) {
    const Item item = look_up_item(l.source, r, seat.warp == 0 && seat.lane == 0);
    if constexpr (kKernel != LinearKernel::STREAM) {
      score_item<kHead, kTeam, kOutputs>(l, r, item, seat, HeldVector<kHidden, kTeam>(l.source, item, seat), shared);
    } else {
      score_item<kHead, kTeam, kOutputs>(l, r, item, seat, StreamedVector<kHidden, kTeam, Rows::ANY>(l.source, item, seat),
                                         shared);
    }
  }
  let_next_kernel_start();
  if constexpr (linear_takes_loss(kKernel)) {
    finish_call(l.output, gridDim.x);
  } else if (l.output.counts != nullptr) {
    finish_counts(l.output, gridDim.x);
  }
}

template <int32_t kHead, int32_t kHidden, LinearKernel kKernel, int kOutputs>
void enqueue(const Linear &l, cudaStream_t stream) {
  constexpr int kTeam = team_of(kKernel);
  const int64_t per_block = threads_of(kKernel) / kWarp / kTeam;
  const dim3 grid(static_cast<unsigned>((l.source.items + per_block - 1) / per_block));
  launch(linear_kernel<kHead, kHidden, kKernel, kOutputs>, grid, threads_of(kKernel), 0, stream, l);
}

template <int32_t kHead, int32_t kHidden, int kOutputs>
void enqueue_for(const Linear &l, LinearKernel kernel, cudaStream_t stream) {
  if constexpr (linear_exists(LinearKernel::WARP, kHead, kHidden, kOutputs == 1)) {
    if (kernel == LinearKernel::WARP) return enqueue<kHead, kHidden, LinearKernel::WARP, kOutputs>(l, stream);
  }
  if constexpr (linear_exists(LinearKernel::TEAM_4, kHead, kHidden, kOutputs == 1)) {
    if (kernel == LinearKernel::TEAM_4) return enqueue<kHead, kHidden, LinearKernel::TEAM_4, kOutputs>(l, stream);
  }
  if constexpr (linear_exists(LinearKernel::TEAM_8, kHead, kHidden, kOutputs == 1)) {
    if (kernel == LinearKernel::TEAM_8) return enqueue<kHead, kHidden, LinearKernel::TEAM_8, kOutputs>(l, stream);
  }
  enqueue<kHead, kHidden, LinearKernel::STREAM, kOutputs>(l, stream);
}

}  // namespace

bool linear_possible(LinearKernel kernel, const Linear &linear) {
  if (kernel == LinearKernel::STREAM) return true;
  return linear_exists(kernel, linear.dtype, linear.source.dtype, linear.output.outputs == 1) && linear.source.aligned &&
         linear.source.vector_width <= team_of(kernel) * kMostHeld;
}

LinearKernel choose_linear(const Linear &linear, int sm_count) {
  // A warp an item needs fewer steps in all, but four are sooner done with one: worth it while the device has room for all of them.
  const bool crowded = linear.source.items > int64_t{4} * sm_count || linear.source.vector_width <= kStripe;
  if (crowded && linear_possible(LinearKernel::WARP, linear)) return LinearKernel::WARP;
  if (linear_possible(LinearKernel::TEAM_4, linear)) return LinearKernel::TEAM_4;
  return linear_possible(LinearKernel::TEAM_8, linear) ? LinearKernel::TEAM_8 : LinearKernel::STREAM;
}

void enqueue_linear(const Linear &linear, LinearKernel kernel, cudaStream_t stream) {
  with_type(linear.source.dtype, [&](auto hidden) {
    with_type(linear.dtype, [&](auto head) {
      constexpr int32_t kHidden = decltype(hidden)::value, kHead = decltype(head)::value;
      // A 16-bit head's hidden states are of its dtype, or means in f32.
      constexpr int32_t kOwn = kHead == GAVEL_F32 || kHidden == GAVEL_F32 ? kHidden : kHead;
      if (linear.output.outputs == 1) return enqueue_for<kHead, kOwn, 1>(linear, kernel, stream);
      enqueue_for<kHead, kOwn, kMostOutputs>(linear, kernel, stream);
    });
  });
}

}  // namespace gavel::cuda
