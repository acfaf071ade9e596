// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// row_sums.h: sums over rows, sum[p][c] = sum over r of weight[r][p] value[r][c], for a few planes p: gradients of an output layer, of
// biases, slopes and norms. Values are made on the spot, so that each is read once.
//
// A block takes 1024 columns of a chunk of rows: a few rows one after another (fmaf), then such sums one after another, about as many of the one as
// of the other, where errors are smallest without a third level of sums, for which there are no registers. The last block of a column tile adds
// the chunks in pairs (common/pairwise_sum.h). Sums of the weights are in double precision. All depends on the number of rows alone: at most 64
// chunks, of at least 32 rows.
#ifndef GAVEL_CUDA_ROW_SUMS_H
#define GAVEL_CUDA_ROW_SUMS_H

#include <cstdint>

#include "cuda/launch.h"
#include "cuda/norm.h"
#include "cuda/output.h"
#include "cuda/packed.h"
#include "cuda/pairwise.h"

namespace gavel::cuda {

constexpr int kRowSumThreads = 128;
// Blocks per SM: 128 registers a thread, which the sums and the rows under way need; 168 where rows come element by element.
constexpr int kRowSumBlocks = 4;
constexpr int kRowSumBlocksUnaligned = 3;
constexpr int64_t kRowSumColumns = kRowSumThreads * kChunk;
constexpr int kStagedRows = 32;
constexpr int64_t kMostRowChunks = 64;
constexpr uint32_t kRowChunkLevels = 7;  // of a tree over them
constexpr int kMostPlanes = 4;

inline int64_t row_chunk(int64_t rows) {
  return padded(rows > 0 ? divide_up(rows, kMostRowChunks) : 1, int64_t{kStagedRows});
}
// Rows added one after another: a divisor of the rows staged, near the root of the chunk.
inline int row_leaf(int64_t chunk) {
  return chunk <= 128 ? 8 : chunk <= 512 ? 16 : 32;
}
inline int64_t row_chunks(int64_t rows) {
  return rows > 0 ? divide_up(rows, row_chunk(rows)) : 1;
}
inline int64_t row_sum_tiles(int64_t columns) {
  return divide_up(columns, kRowSumColumns);
}
// Scratch bytes and counters.
inline int64_t row_sum_bytes(int64_t rows, int64_t columns) {
  const int64_t floats =
      row_chunks(rows) * kMostPlanes * (row_sum_tiles(columns) * kRowSumColumns + int64_t{sizeof(double) / sizeof(float)});
  return padded(floats * int64_t{sizeof(float)}, int64_t{256});
}

// The gradient of one logit before output_scale.
struct LogitGradients {
  Source source;  // says which items are valid; hidden is not read
  const float *dscore;
  int64_t dscore_stride;
  const float *scores;  // SIGMOID
  int64_t score_stride;
  int32_t readout;
  float deviation;
  float scale;
};

__device__ __forceinline__ float logit_gradient(const LogitGradients &logits, int64_t r, int64_t k, ItemState state) {
  if (state != ItemState::VALID) return state == ItemState::FAULT ? __uint_as_float(0x7fc00000u) : 0.0f;
  float gradient = logits.dscore[r * logits.dscore_stride + k];
  if (logits.readout == GAVEL_READOUT_AFFINE) gradient = gradient / logits.deviation;
  if (logits.readout == GAVEL_READOUT_SIGMOID) {
    const float score = logits.scores[r * logits.score_stride + k];
    gradient = gradient * (score * (1.0f - score));
  }
  return gradient * logits.scale;
}

// ---- weights: at(r, p, report), the weight of row r in plane p ----

struct LogitWeights {
  LogitGradients logits;
  __device__ float at(int64_t r, int p, bool report) const {
    return logit_gradient(logits, r, p, look_up_item(logits.source, r, report && p == 0).state);
  }
};
struct UnitWeights {
  __device__ float at(int64_t, int, bool) const { return 1.0f; }
};

// ---- values: look_up(r), a Row, what is found of row r once for all columns; load(row, r, c, x), elements c .. c + 7 of it, zeros behind
// the last column; kUnroll rows are under way at once, in each of kBlocks blocks on an SM ----

struct NoRow {};

// Vectors without a norm, as the head reads them: rounded to its dtype where they are sums or means.
template <int32_t kHidden, bool kAligned>
struct PooledValues {
  // Rows that are not aligned come in many small loads: their addresses alone would fill the registers.
  static constexpr int kUnroll = kAligned ? 4 : 1;
  static constexpr int kBlocks = kAligned ? kRowSumBlocks : kRowSumBlocksUnaligned;
  using Row = Item;
  Source source;
  int32_t head_dtype;
  __device__ Row look_up(int64_t r) const { return look_up_item(source, r, false); }
  __device__ void load(const Row &item, int64_t, int64_t c, float x[kChunk]) const {
    PooledRaw<kHidden> raw = {};
    if (item.state == ItemState::VALID) raw = load_pooled<kHidden, kAligned, true>(source, item, c);
    widen_pooled<kHidden>(source, item, raw, x);
    const bool computed = adds_rows(source) || source.pooling == kPooled;
    if (!computed || head_dtype == GAVEL_F32) return;
    for (int i = 0; i < kChunk; ++i) {
      x[i] = head_dtype == GAVEL_F16 ? rounded<GAVEL_F16>(x[i]) : rounded<GAVEL_BF16>(x[i]);
    }
  }
};

// Rows of a matrix.
struct MatrixValues {
  static constexpr int kUnroll = 4;
  static constexpr int kBlocks = kRowSumBlocks;
  using Row = NoRow;
  const float *data;
  int64_t stride;
  int64_t columns;
  bool aligned;
  __device__ Row look_up(int64_t) const { return {}; }
  __device__ void load(Row, int64_t r, int64_t c, float x[kChunk]) const {
    const float *row = data + r * stride;
    if (aligned && c + kChunk <= columns) {
      widen_raw<GAVEL_F32>(load_raw<GAVEL_F32, true>(row, c, columns), x);
    } else {
      // Not a loop: around one the loads of several rows would not be under way at once.
      GAVEL_UNROLL
      for (int i = 0; i < kChunk; ++i) x[i] = c + i < columns ? row[c + i] : 0.0f;
    }
  }
};
inline MatrixValues matrix_values(const float *data, int64_t stride, int64_t columns) {
  return {data, stride, columns, reinterpret_cast<uintptr_t>(data) % 16 == 0 && stride % 4 == 0};
}

// Of a slope: min(a, 0) times the gradient behind the activation. Not a product with a set to 0: an infinite gradient must not become NaN where
// the slope has no part in it.
struct SlopeValues {
  static constexpr int kUnroll = 2;
  static constexpr int kBlocks = kRowSumBlocks;
  using Row = NoRow;
  MatrixValues preactivations;
  MatrixValues gradients;
  __device__ Row look_up(int64_t) const { return {}; }
  __device__ void load(Row row, int64_t r, int64_t c, float x[kChunk]) const {
    float a[kChunk];
    preactivations.load(row, r, c, a);
    gradients.load(row, r, c, x);
    for (int i = 0; i < kChunk; ++i) x[i] = a[i] > 0.0f ? 0.0f : a[i] * x[i];
  }
};

// Of a norm's weight: the gradient times the vector before the weight.
struct NormValues {
  static constexpr int kUnroll = 2;
  static constexpr int kBlocks = kRowSumBlocks;
  using Row = NormScale;
  MatrixValues pooled;
  MatrixValues gradients;
  const NormScale *scales;  // of each row
  __device__ Row look_up(int64_t r) const { return scales[r]; }
  __device__ void load(const Row &scale, int64_t r, int64_t c, float x[kChunk]) const {
    float y[kChunk];
    pooled.load(NoRow{}, r, c, y);
    gradients.load(NoRow{}, r, c, x);
    for (int i = 0; i < kChunk; ++i) x[i] = x[i] * ((y[i] - scale.mean) * scale.scale);
  }
};

// ---- the sum ----

struct RowSum {
  int64_t rows;
  int64_t columns;
  int64_t chunk;    // rows of a chunk
  int32_t leaf;     // rows added one after another
  int32_t planes;   // at most kPlanes
  bool overwrite;   // else the sums are added to what is there
  float *partials;  // [chunks][planes][columns of all tiles], then [chunks][planes] of the weights
  unsigned *tickets;
  float *targets;  // [planes, columns], rows target_stride apart, or null
  int64_t target_stride;
  float *weight_sums;  // [planes] sums of the weights, or null
};

__device__ __forceinline__ void put_gradient(float *target, float sum, bool overwrite) {
  *target = overwrite ? sum : *target + sum;
}

template <int kPlanes, typename Weights, typename Values>
__global__ void __launch_bounds__(kRowSumThreads, Values::kBlocks)
    row_sum_kernel(const __grid_constant__ RowSum sums, const __grid_constant__ Weights weights,
                   const __grid_constant__ Values values) {
  GAVEL_SHARED(float[kStagedRows][kPlanes], shared_weights);
  GAVEL_SHARED(typename Values::Row[kStagedRows], shared_rows);
  const int64_t tile = blockIdx.x, chunk = blockIdx.y, chunks = gridDim.y;
  const int64_t tiled_columns = int64_t{gridDim.x} * kRowSumColumns;
  const int64_t column = tile * kRowSumColumns + int64_t{threadIdx.x} * kChunk;
  const int64_t begin = chunk * sums.chunk, end = min(sums.rows, begin + sums.chunk);
  float total[kPlanes][kChunk] = {};
  // One number, whose rounding at the end is all that others lose.
  double weight_total = 0;
  for (int64_t base = begin; base < end; base += kStagedRows) {
    const int count = static_cast<int>(min(end - base, int64_t{kStagedRows}));
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < count * kPlanes; i += kRowSumThreads) {
      const int r = i / kPlanes, p = i % kPlanes;
      shared_weights[r][p] = p < sums.planes ? weights.at(base + r, p, tile == 0) : 0.0f;
    }
    if (static_cast<int>(threadIdx.x) < count) shared_rows[threadIdx.x] = values.look_up(base + threadIdx.x);
    __syncthreads();
    if (column < sums.columns && sums.targets != nullptr) {
      for (int first = 0; first < count; first += sums.leaf) {
        float part[kPlanes][kChunk] = {};
        GAVEL_UNROLL_BY(Values::kUnroll)
        for (int r = first; r < min(first + sums.leaf, count); ++r) {
          float x[kChunk];
          values.load(shared_rows[r], base + r, column, x);
          for (int p = 0; p < kPlanes; ++p) {
            for (int i = 0; i < kChunk; ++i) part[p][i] = fmaf(shared_weights[r][p], x[i], part[p][i]);
          }
        }
        for (int p = 0; p < kPlanes; ++p) {
          for (int i = 0; i < kChunk; ++i) total[p][i] += part[p][i];
        }
      }
    }
    if (tile == 0 && threadIdx.x < static_cast<unsigned>(sums.planes)) {
      for (int r = 0; r < count; ++r) weight_total += static_cast<double>(shared_weights[r][threadIdx.x]);
    }
  }
  // Every chunk's sums lie in memory, also where there is one chunk only: one way for all.
  float *mine = sums.partials + (chunk * sums.planes) * tiled_columns + column;
  for (int p = 0; p < kPlanes; ++p) {
    if (p >= sums.planes) break;
    for (int i = 0; i < kChunk; ++i) mine[p * tiled_columns + i] = total[p][i];
  }
  double *weight_partials = reinterpret_cast<double *>(sums.partials + chunks * sums.planes * tiled_columns);
  const bool has_weight = tile == 0 && threadIdx.x < static_cast<unsigned>(sums.planes);
  if (has_weight) weight_partials[chunk * sums.planes + threadIdx.x] = weight_total;
  if (!last_to_finish(&sums.tickets[tile], gridDim.y)) return;
  if (sums.targets != nullptr) {
    // Neighbouring threads take neighbouring columns now.
    for (int64_t c = tile * kRowSumColumns + threadIdx.x; c < min(sums.columns, (tile + 1) * kRowSumColumns);
         c += kRowSumThreads) {
      for (int p = 0; p < sums.planes; ++p) {
        ThreadPairwise<kRowChunkLevels> sum;
        for (int64_t k = 0; k < chunks; ++k) sum.add(__ldcg(sums.partials + (k * sums.planes + p) * tiled_columns + c));
        put_gradient(sums.targets + p * sums.target_stride + c, sum.total(), sums.overwrite);
      }
    }
  }
  if (has_weight && sums.weight_sums != nullptr) {
    double sum = 0;
    for (int64_t k = 0; k < chunks; ++k) sum += __ldcg(weight_partials + k * sums.planes + threadIdx.x);
    put_gradient(sums.weight_sums + threadIdx.x, static_cast<float>(sum), sums.overwrite);
  }
}

// Fills in chunk and leaf; scratch: row_sum_bytes; tickets: row_sum_tiles zeros.
template <int kPlanes, typename Weights, typename Values>
void enqueue_row_sum(RowSum sums, const Weights &weights, const Values &values, cudaStream_t stream) {
  sums.chunk = row_chunk(sums.rows);
  sums.leaf = row_leaf(sums.chunk);
  const dim3 grid(static_cast<unsigned>(row_sum_tiles(sums.columns)), static_cast<unsigned>(row_chunks(sums.rows)));
  launch(row_sum_kernel<kPlanes, Weights, Values>, grid, kRowSumThreads, 0, stream, sums, weights, values);
}

}  // namespace gavel::cuda

#endif
