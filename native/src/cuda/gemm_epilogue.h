// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_epilogue.h: from the sums of a block's tile of a product to everything Epilogue (gemm.h) may ask for. Shared by all kernels of the
// component: the tile lies in shared memory, as one plane or as one for each slice of the depth.
#ifndef GAVEL_CUDA_GEMM_EPILOGUE_H
#define GAVEL_CUDA_GEMM_EPILOGUE_H

#include <cstdint>

#include "cuda/chains.h"
#include "cuda/gemm.h"

namespace gavel::cuda {

constexpr int kProductThreads = 256;

// The part of bias, slope and output weights that belongs to a block's neurons, as f32; zeros for neurons that fill up.
template <int kNeurons>
struct NeuronParameters {
  float bias[kNeurons];
  float slope[kNeurons];
  float output[kFusedOutputs][kNeurons];
};

// Every thread calls it, early, so that the loads are done when the sums are. Visible behind the next barrier.
template <int kNeurons>
__device__ inline void load_neuron_parameters(const Product &p, int64_t neuron0, NeuronParameters<kNeurons> &parameters) {
  const Epilogue &e = p.epilogue;
  for (int i = static_cast<int>(threadIdx.x); i < kNeurons; i += kProductThreads) {
    const int64_t neuron = neuron0 + i;
    const bool real = neuron < p.neurons;
    parameters.bias[i] = real && e.bias != nullptr ? load_element(e.dtype, e.bias, neuron) : 0.0f;
    parameters.slope[i] = real && e.slope != nullptr ? load_element(e.dtype, e.slope, neuron * e.slope_step) : e.shared_slope;
    if (e.partials == nullptr) continue;
    for (int k = 0; k < e.output.outputs; ++k) {
      parameters.output[k][i] = real ? load_element(e.dtype, e.output_weight, k * p.neurons + neuron) : 0.0f;
    }
  }
}

// Where the block's tile lies, and what of the product it is. Sum of neuron i and item c: tile[plane][i * pitch + c], planes in order.
struct TileView {
  float *values;
  int64_t plane;  // floats from one plane to the next
  int planes;
  int64_t neuron0;
  int64_t item0;
};

// The sum of a column's slices. f32: in pairs, with zeros for slices that the depth has not, which change nothing.
template <int32_t kType>
__device__ __forceinline__ float add_slices(const float *at, const TileView &tile) {
  if constexpr (kType == GAVEL_F32) {
    const auto pair = [&](int s) { return at[s * tile.plane] + at[(s + 1) * tile.plane]; };
    const float first = pair(0) + pair(2);
    return first + (pair(4) + pair(6));
  } else {
    float a = at[0];
    for (int s = 1; s < tile.planes; ++s) a += at[s * tile.plane];
    return a;
  }
}

// values[0][i * pitch + c] becomes u; preactivations and activated are written.
template <int32_t kType, int kNeurons, int kItems, int kPitch>
__device__ inline void activate_tile(const Product &p, const TileView &tile, const uint8_t *states,
                                     const NeuronParameters<kNeurons> &parameters) {
  const Epilogue &e = p.epilogue;
  // Neighbouring threads take neighbouring neurons where those go to memory, else neighbouring items, which are neighbours in the tile.
  const bool to_memory = e.preactivations != nullptr || e.activated != nullptr;
  for (int n = static_cast<int>(threadIdx.x); n < kNeurons * kItems; n += kProductThreads) {
    const int i = to_memory ? n % kNeurons : n / kItems;
    const int c = to_memory ? n / kNeurons : n % kItems;
    float *at = tile.values + i * kPitch + c;
    float a = add_slices<kType>(at, tile);
    if (e.bias != nullptr) a += parameters.bias[i];
    const int64_t neuron = tile.neuron0 + i, r = tile.item0 + c;
    const bool real = neuron < p.neurons;
    const float u = real ? lane::activate(e.activation, a, parameters.slope[i]) : 0.0f;
    at[0] = u;
    if (!to_memory || !real || r >= p.items) continue;
    if (e.preactivations != nullptr) {
      const bool invalid = states != nullptr && states[c] == static_cast<uint8_t>(ItemState::INVALID);
      e.preactivations[r * e.preactivation_stride + neuron] = invalid ? 0.0f : a;
    }
    if (e.activated != nullptr) e.activated[r * e.activated_stride + neuron] = u;
  }
}

// u, rounded, as blocks of the next product's vectors: a tile of 32 neurons is one step of its depth.
template <int32_t kType, int kNeurons, int kItems, int kPitch>
__device__ inline void pack_tile(const Product &p, const TileView &tile) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  constexpr int kBlocks = kNeurons / static_cast<int>(kBlockColumns) * kItems / static_cast<int>(kBlockRows);
  for (int b = warp; b < kBlocks; b += kProductThreads / kWarp) {
    const int step = b % (kNeurons / static_cast<int>(kBlockColumns)), rows = b / (kNeurons / static_cast<int>(kBlockColumns));
    const int64_t neuron = tile.neuron0 + step * kBlockColumns;
    if (neuron >= p.neurons) continue;
    float u[kChunk];
    for (int i = 0; i < kChunk; ++i) {
      u[i] = tile.values[(step * kBlockColumns + lane % 4 * kChunk + i) * kPitch + rows * kBlockRows + lane / 4];
    }
    const int64_t offset = packed_offset(tile.item0 + rows * kBlockRows, neuron, p.neurons) + lane * kChunk;
    store_raw<kType>(static_cast<char *>(p.epilogue.next) + offset * kElementBytes<kType>, narrow_raw<kType>(u));
  }
}

template <int kNeurons, int kItems, int kPitch>
__device__ inline void dot_outputs(const Product &p, const TileView &tile, const NeuronParameters<kNeurons> &parameters) {
  const Epilogue &e = p.epilogue;
  const int outputs = e.output.outputs;
  constexpr int kTile = static_cast<int>(kTileNeurons);
  for (int n = static_cast<int>(threadIdx.x); n < kNeurons / kTile * outputs * kItems; n += kProductThreads) {
    const int c = n % kItems, k = n / kItems % outputs, t = n / kItems / outputs;
    const int64_t r = tile.item0 + c, number = tile.neuron0 / kTile + t;
    if (r >= p.items || number * kTile >= p.neurons) continue;
    const float *u = tile.values + t * kTile * kPitch + c, *w = parameters.output[k] + t * kTile;
    e.partials[(number * outputs + k) * p.items + r] =
        add_in_pairs([&](int i, float sum) { return fmaf(u[i * kPitch], w[i], sum); });
  }
}

// The last block of a group of items: adds up the tiles and writes the scores. scratch: shared memory of `floats`
// floats, through which the partial sums come so that their loads do not wait for one another.
template <int kItems>
__device__ inline void sum_tiles(const Product &p, int64_t item0, const uint8_t *states, float *scratch, int64_t floats) {
  const Epilogue &e = p.epilogue;
  const int outputs = e.output.outputs;
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t tiles = divide_up(p.neurons, kTileNeurons), r = item0 + thread;
  const int64_t at_once = floats / (outputs * kItems);
  TileSum sums[kFusedOutputs];
  for (int64_t begin = 0; begin < tiles; begin += at_once) {
    const int64_t count = (tiles - begin < at_once ? tiles - begin : at_once) * outputs;
    for (int64_t n = thread; n < count * kItems; n += kProductThreads) {
      const int64_t item = item0 + n % kItems;
      scratch[n] = item < p.items ? __ldcg(e.partials + (begin * outputs + n / kItems) * p.items + item) : 0.0f;
    }
    __syncthreads();
    if (thread < kItems) {
      for (int64_t n = 0; n < count; n += outputs) {
        for (int k = 0; k < kFusedOutputs; ++k) {
          if (k >= outputs) break;
          sums[k].add(begin + n / outputs, scratch[(n + k) * kItems + thread]);
        }
      }
    }
    __syncthreads();
  }
  if (thread >= kItems || r >= p.items) return;
  const ItemState state = states == nullptr ? ItemState::VALID : static_cast<ItemState>(states[thread]);
  bool nan = false;
  for (int k = 0; k < kFusedOutputs; ++k) {
    if (k < outputs) nan |= write_score(e.output, r, k, sums[k].total(), state);
  }
  count_item(e.output, r, state, nan);
}

// All of the epilogue. The sums are written, but no barrier was passed since. states: of the block's items (global or shared memory), or
// null. scratch may be the tile's own memory.
template <int32_t kType, int kNeurons, int kItems, int kPitch>
__device__ inline void finish_tile(const Product &p, const TileView &tile, const uint8_t *states,
                                   const NeuronParameters<kNeurons> &parameters, int64_t group, int64_t groups, int64_t blocks,
                                   float *scratch, int64_t floats) {
  const Epilogue &e = p.epilogue;
  __syncthreads();
  activate_tile<kType, kNeurons, kItems, kPitch>(p, tile, states, parameters);
  __syncthreads();
  if (e.next != nullptr) pack_tile<kType, kNeurons, kItems, kPitch>(p, tile);
  if (e.partials == nullptr) return;
  dot_outputs<kNeurons, kItems, kPitch>(p, tile, parameters);
  if (!last_to_finish(&e.tickets[group], static_cast<unsigned>(blocks))) return;
  sum_tiles<kItems>(p, tile.item0, states, scratch, floats);
  finish_call(e.output, static_cast<unsigned>(groups));
}

}  // namespace gavel::cuda

#endif
