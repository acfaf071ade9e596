// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// norm.h: the norm of one vector, by the warps of a team (row_order.h). Formulas as cpu/norm.inl:
//   c = y - mean (LAYER) or y (RMS);  scale = 1 / sqrt(sum(c c) / n + epsilon);  h = c scale;  y = h weight (+ bias).
// Sums are in row order. A vector is a HeldVector, which keeps in registers what it has read, or a StreamedVector, which reads it again
// for every pass; both show their elements to the same code.
#ifndef GAVEL_CUDA_NORM_H
#define GAVEL_CUDA_NORM_H

#include <cstdint>

#include "cuda/pooling.h"
#include "cuda/row_order.h"

namespace gavel::cuda {

// A kernel argument. weight and bias have the head's dtype; bias may be null.
struct Norm {
  int32_t kind;
  float epsilon;
  const void *weight;
  const void *bias;
};

// Where the eight elements begin that this thread takes at turn `outer` for its accumulator `inner`.
template <int kTeam>
__device__ inline int64_t held_element(Seat seat, int64_t outer, int inner) {
  return ((outer * kAccumulators + seat.warp + kTeam * inner) * kWarp + seat.lane) * kChunk;
}

__device__ inline int chunk_count(int64_t k, int64_t width) {
  return width - k < kChunk ? static_cast<int>(width - k) : kChunk;
}

// What a warp can keep: 32 registers of each thread.
constexpr int kHeldChunks = 4;
constexpr int64_t kMostHeld = kHeldChunks * kStripe;

template <int32_t kType, int kTeam>
class HeldVector {
 public:
  // The rows are aligned and the vector is no wider than kTeam * kMostHeld.
  __device__ HeldVector(const Source &source, const Item &item, Seat seat) : width_(source.vector_width), seat_(seat) {
    PooledRaw<kType> raw[kHeldChunks] = {};
    if (item.state == ItemState::VALID) {
      GAVEL_UNROLL
      for (int h = 0; h < kHeldChunks; ++h) {
        const int64_t k = element(h);
        if (k < width_) raw[h] = load_pooled<kType, true, true>(source, item, k);
      }
    }
    GAVEL_UNROLL
    for (int h = 0; h < kHeldChunks; ++h) widen_pooled<kType>(source, item, raw[h], values_[h]);
  }

  // body(accumulator, k, y, count): elements k .. k + count - 1 of the vector.
  template <typename Body>
  __device__ void each(Body &&body) const {
    GAVEL_UNROLL
    for (int h = 0; h < kHeldChunks; ++h) {
      const int64_t k = element(h);
      if (k < width_) body(h % kPerTurn, k, values_[h], kChunk);
    }
  }

 private:
  static constexpr int kPerTurn = kAccumulators / kTeam;
  __device__ int64_t element(int h) const { return held_element<kTeam>(seat_, h / kPerTurn, h % kPerTurn); }

  int64_t width_;
  Seat seat_;
  float values_[kHeldChunks][kChunk];
};

// What a kernel knows of the rows of a vector. ANY is shorter than both kinds side by side, but takes more predicates.
enum class Rows { ALIGNED, UNALIGNED, ANY };

template <int32_t kType, int kTeam, Rows kRows>
class StreamedVector {
 public:
  __device__ StreamedVector(const Source &source, const Item &item, Seat seat) : source_(source), item_(item), seat_(seat) {}

  template <typename Body>
  __device__ void each(Body &&body) const {
    const int64_t width = source_.vector_width;
    for (int64_t outer = 0; held_element<kTeam>(Seat{0, 0}, outer, 0) < width; ++outer) {
      PooledRaw<kType> raw[kPerTurn] = {};
      if (item_.state == ItemState::VALID) {
        if (kRows == Rows::ALIGNED || (kRows == Rows::ANY && source_.aligned)) {
          load<true>(raw, outer);
        } else {
          load<false>(raw, outer);
        }
      }
      GAVEL_UNROLL
      for (int i = 0; i < kPerTurn; ++i) {
        const int64_t k = held_element<kTeam>(seat_, outer, i);
        if (k >= width) continue;
        float y[kChunk];
        widen_pooled<kType>(source_, item_, raw[i], y);
        body(i, k, y, kRows == Rows::ALIGNED ? kChunk : chunk_count(k, width));
      }
    }
  }

 private:
  static constexpr int kPerTurn = kAccumulators / kTeam;

  template <bool kAlignedRows>
  __device__ __forceinline__ void load(PooledRaw<kType> raw[kPerTurn], int64_t outer) const {
    GAVEL_UNROLL
    for (int i = 0; i < kPerTurn; ++i) {
      const int64_t k = held_element<kTeam>(seat_, outer, i);
      if (k < source_.vector_width) raw[i] = load_pooled<kType, kAlignedRows, false>(source_, item_, k);
    }
  }

  const Source &source_;
  Item item_;
  Seat seat_;
};

struct NormScale {
  float mean;
  float scale;
};

// mean and scale of a vector. parts: [2][kTeam][32] of shared memory, as team_sum.
template <int kTeam, typename Vector>
__device__ inline NormScale find_scale(const Norm &norm, const Vector &vector, int64_t width, Seat seat, float *parts) {
  NormScale result = {0, 1};
  if (norm.kind == GAVEL_NORM_NONE) return result;
  const float count = static_cast<float>(width);
  if (norm.kind == GAVEL_NORM_LAYER) {
    Accumulators<kTeam> total;
    vector.each([&](int a, int64_t, const float *y, int n) {
      for (int i = 0; i < kChunk; ++i) {
        if (i < n) total.sums[a] += y[i];
      }
    });
    result.mean = team_sum<kTeam>(total, seat, parts) / count;
  }
  Accumulators<kTeam> squares;
  vector.each([&](int a, int64_t, const float *y, int n) {
    for (int i = 0; i < kChunk; ++i) {
      const float c = y[i] - result.mean;
      if (i < n) squares.sums[a] = fmaf(c, c, squares.sums[a]);
    }
  });
  result.scale = 1.0f / sqrtf(team_sum<kTeam>(squares, seat, parts + kTeam * kWarp) / count + norm.epsilon);
  return result;
}

// x = elements k .. k + count - 1 of the vector after the norm, rounded to the head's dtype (kHead); zeros behind them.
template <int32_t kHead>
__device__ inline void finish_vector(const Norm &norm, NormScale scale, int64_t k, int64_t width, int count, const float *y,
                                     float x[kChunk]) {
  if (norm.kind == GAVEL_NORM_NONE) {
    for (int i = 0; i < kChunk; ++i) x[i] = rounded<kHead>(y[i]);
    return;
  }
  float weight[kChunk], bias[kChunk];
  load_parameter_8<kHead>(norm.weight, k, width, weight);
  if (norm.bias != nullptr) load_parameter_8<kHead>(norm.bias, k, width, bias);
  for (int i = 0; i < kChunk; ++i) {
    // RMS has a mean of 0 here, and y - 0 is y.
    const float h = (y[i] - scale.mean) * scale.scale;
    const float normed = norm.bias != nullptr ? fmaf(h, weight[i], bias[i]) : h * weight[i];
    x[i] = i < count ? rounded<kHead>(normed) : 0.0f;
  }
}

}  // namespace gavel::cuda

#endif
