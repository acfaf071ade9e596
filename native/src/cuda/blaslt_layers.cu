// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// blaslt_layers.cu: launches of a hidden layer: its weight unpacked; then, for some rows after one another, the rows unpacked (first layer),
// the product, and what follows on its sums. So many rows at a time that their sums stay in the L2 cache.
#include "cuda/blaslt_layers.h"

#include <algorithm>

#include "common/error.h"
#include "cuda/context.h"
#include "cuda/head.h"
#include "cuda/launch.h"
#include "cuda/packed.h"
#include "cuda/stream.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int64_t kMostBlocks = 8192;
// Sums of a product at a time: 16 MiB.
constexpr int64_t kSumsAtOnce = int64_t{4} << 20;
constexpr int kOutputsAtOnce = 4;

// matrix [rows, depth] <- packed, a chunk of a row a thread; kTo: the dtype, or f32. depth is a multiple of kChunk.
template <int32_t kType, int32_t kTo>
__global__ void __launch_bounds__(kThreads) unpack_kernel(const char *packed, int64_t rows, int64_t depth, char *matrix) {
  const int64_t chunks = depth / kChunk, count = rows * chunks;
  for (int64_t n = blockIdx.x * int64_t{kThreads} + threadIdx.x; n < count; n += int64_t{gridDim.x} * int64_t{kThreads}) {
    const char *from = packed + packed_offset(n / chunks, n % chunks * kChunk, depth) * kElementBytes<kType>;
    const Raw<kType> raw = load_raw<kType, true>(from, 0, kChunk);
    char *to = matrix + n * kChunk * kElementBytes<kTo>;
    if constexpr (kTo == kType) {
      store_raw<kType>(to, raw);
    } else {
      float values[kChunk];
      widen_raw<kType>(raw, values);
      store_raw<kTo>(to, narrow_raw<kTo>(values));
    }
  }
}

// What follows on the sums of a product. What is optional is null.
struct LayerEnd {
  float *sums;  // [rows of the grid, neurons]; becomes u where there is an output layer
  int64_t neurons;
  int64_t first;  // item of the first row
  int32_t activation;
  const void *bias;   // [neurons]
  const void *slope;  // [neurons], or [1] with slope_step 0
  int32_t slope_step;
  float shared_slope;
  const uint8_t *states;  // [items]
  float *preactivations;  // [items, neurons]
  int64_t preactivation_stride;
  uint16_t *next;             // u rounded: [items, neurons]
  const void *output_weight;  // [outputs, neurons]
  Output output;
};

// Adds the products of u, of neuron i, and rows k0 .. of the output weight to `found`.
template <int32_t kType>
__device__ inline void add_outputs(const LayerEnd &e, int64_t k0, int64_t i, float u, float (&found)[kOutputsAtOnce]) {
  GAVEL_UNROLL
  for (int k = 0; k < kOutputsAtOnce; ++k) {
    if (k0 + k < e.output.outputs) found[k] = fmaf(u, load_element<kType>(e.output_weight, (k0 + k) * e.neurons + i), found[k]);
  }
}

// A block a row, a thread a neuron at a time: the activation, which is many instructions, stands in the code once.
template <int32_t kType>
__global__ void __launch_bounds__(kThreads) layer_end_kernel(const __grid_constant__ LayerEnd e) {
  GAVEL_SHARED(float[kOutputsAtOnce][kWarps], parts);
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
  const int64_t r = e.first + blockIdx.x;
  float *sums = e.sums + blockIdx.x * e.neurons;
  const ItemState state = static_cast<ItemState>(e.states[r]);
  float found[kOutputsAtOnce] = {};
  for (int64_t i = thread; i < e.neurons; i += kThreads) {
    float a = sums[i];
    if (e.bias != nullptr) a += load_element<kType>(e.bias, i);
    const float slope = e.slope == nullptr ? e.shared_slope : load_element<kType>(e.slope, i * e.slope_step);
    const float u = lane::activate(e.activation, a, slope);
    if (e.preactivations != nullptr) {
      e.preactivations[r * e.preactivation_stride + i] = state == ItemState::INVALID ? 0.0f : a;
    }
    if (e.next != nullptr) {
      e.next[r * e.neurons + i] = narrow<kType>(u);
      continue;
    }
    add_outputs<kType>(e, 0, i, u, found);
    if (e.output.outputs > kOutputsAtOnce) sums[i] = u;
  }
  if (e.output_weight == nullptr) return;
  bool nan = false;
  for (int64_t k0 = 0;; k0 += kOutputsAtOnce) {
    GAVEL_UNROLL
    for (int k = 0; k < kOutputsAtOnce; ++k) {
      for (int step = kWarp / 2; step > 0; step /= 2) found[k] += __shfl_xor_sync(kAllLanes, found[k], step);
      if (lane == 0) parts[k][warp] = found[k];
    }
    __syncthreads();
    for (int k = 0; thread == 0 && k < kOutputsAtOnce; ++k) {
      if (k0 + k >= e.output.outputs) break;
      float sum = parts[k][0];
      for (int w = 1; w < kWarps; ++w) sum += parts[k][w];
      nan |= write_score(e.output, r, k0 + k, sum, state);
    }
    if (k0 + kOutputsAtOnce >= e.output.outputs) break;
    __syncthreads();
    GAVEL_UNROLL
    for (float &sum : found) sum = 0;
    // A thread reads what it wrote itself.
    for (int64_t i = thread; i < e.neurons; i += kThreads) add_outputs<kType>(e, k0 + kOutputsAtOnce, i, sums[i], found);
  }
  if (thread == 0) count_item(e.output, r, state, nan);
  // Blocks of all launches of the call count together.
  if (e.output.counts != nullptr) finish_counts(e.output, static_cast<unsigned>(e.output.items));
}

template <bool kWiden>
void enqueue_unpack(int32_t dtype, const void *packed, int64_t rows, int64_t depth, void *matrix, cudaStream_t stream) {
  const int64_t blocks = std::min(kMostBlocks, divide_up(rows * (depth / kChunk), int64_t{kThreads}));
  const auto run = [&](auto type) {
    constexpr int32_t kType = decltype(type)::value;
    launch(unpack_kernel < kType, kWiden ? GAVEL_F32 : kType >, dim3(static_cast<unsigned>(blocks)), kThreads, 0, stream,
           static_cast<const char *>(packed), rows, depth, static_cast<char *>(matrix));
  };
  if (dtype == GAVEL_F16) return run(TypeConstant<GAVEL_F16>());
  run(TypeConstant<GAVEL_BF16>());
}

// Pieces of the scratch memory. base: null to find out how much there has to be.
class Scratch {
 public:
  Scratch(const HeadSpec &spec, int64_t items, char *base) : base_(base) {
    int64_t largest = 0, widest = 0, inner[2] = {};
    for (int32_t l = 0; l < spec.fields.hidden_layers; ++l) {
      const HiddenLayer &layer = spec.hidden[l];
      largest = std::max(largest, layer.width * layer.depth);
      widest = std::max(widest, layer.width);
      if (l + 1 < spec.fields.hidden_layers) inner[l % 2] = std::max(inner[l % 2], layer.width);
    }
    rows_at_once = std::max(kBlockRows, std::min(padded(items, kBlockRows), kSumsAtOnce / widest / 128 * 128));
    blas = take(BlasLt::kWorkspaceBytes, 1);
    weight = take(largest, dtype_size(spec.fields.dtype));
    rows = take(rows_at_once * spec.hidden[0].depth, dtype_size(spec.fields.dtype));
    sums = reinterpret_cast<float *>(take(rows_at_once * widest, sizeof(float)));
    for (int turn = 0; turn < 2; ++turn) {
      next[turn] = take(multiply_sizes(items, inner[turn], "inputs of layers"), dtype_size(spec.fields.dtype));
    }
  }

  int64_t rows_at_once;
  char *blas, *weight, *rows, *next[2];
  float *sums;
  int64_t bytes = 0;

 private:
  char *take(int64_t count, int64_t size) {
    char *piece = base_ == nullptr ? nullptr : base_ + bytes;
    bytes = add_sizes(bytes, padded(multiply_sizes(count, size, "scratch memory"), int64_t{256}), "scratch memory");
    return piece;
  }
  char *const base_;
};

LayerEnd layer_end(const BlasLtLayers &layers, int32_t l, const Scratch &scratch) {
  const Head &head = layers.head;
  const HeadSpec &spec = head.spec;
  const HiddenLayer &layer = spec.hidden[l];
  LayerEnd end = {};
  end.sums = scratch.sums;
  end.neurons = layer.width;
  end.activation = spec.fields.activation;
  if (layer.bias != kNoParameter) end.bias = head.parameter(layer.bias);
  if (layer.slope != kNoParameter) end.slope = head.parameter(layer.slope);
  end.slope_step = spec.fields.flags & GAVEL_HEAD_SLOPE_PER_CHANNEL ? 1 : 0;
  end.shared_slope = spec.fields.negative_slope;
  end.states = layers.states;
  if (layers.preactivations.present()) {
    end.preactivations = layers.preactivations.as<float>() + layer.preactivation_column;
    end.preactivation_stride = layers.preactivations.stride[0];
  }
  if (l + 1 < spec.fields.hidden_layers) {
    end.next = reinterpret_cast<uint16_t *>(scratch.next[l % 2]);
  } else {
    end.output_weight = head.parameter(spec.output_weight);
    end.output = layers.output;
  }
  return end;
}

}  // namespace

bool blaslt_takes(const Context *context, const Head &head, int64_t items) {
  if (context == nullptr || context->blaslt == nullptr || items < context->blaslt_items) return false;
  const HeadSpec &spec = head.spec;
  if (spec.fields.dtype == GAVEL_F32 || !spec.has_hidden_layers()) return false;
  for (int32_t l = 0; l < spec.fields.hidden_layers; ++l) {
    if (spec.hidden[l].width % kChunk != 0 || spec.hidden[l].depth % kChunk != 0) return false;
  }
  return true;
}

int64_t blaslt_layers_workspace(const HeadSpec &spec, int64_t items) {
  return Scratch(spec, items, nullptr).bytes;
}

void enqueue_blaslt_layers(const BlasLtLayers &layers, Context &context, void *workspace, Stream &stream) {
  const HeadSpec &spec = layers.head.spec;
  const int32_t dtype = spec.fields.dtype;
  const Scratch scratch(spec, layers.items, static_cast<char *>(workspace));
  for (int32_t l = 0; l < spec.fields.hidden_layers; ++l) {
    const HiddenLayer &layer = spec.hidden[l];
    enqueue_unpack<false>(dtype, layers.head.parameter(layer.weight), layer.width, layer.depth, scratch.weight, stream.native);
    LayerEnd end = layer_end(layers, l, scratch);
    for (end.first = 0; end.first < layers.items; end.first += scratch.rows_at_once) {
      const int64_t rows = std::min(scratch.rows_at_once, layers.items - end.first);
      const char *input = scratch.rows;
      if (l == 0) {
        const int64_t begin = packed_offset(end.first, 0, layer.depth) * dtype_size(dtype);
        enqueue_unpack<false>(dtype, static_cast<const char *>(layers.packed) + begin, rows, layer.depth, scratch.rows,
                              stream.native);
      } else {
        input = scratch.next[(l - 1) % 2] + end.first * layer.depth * dtype_size(dtype);
      }
      const BlasLtProduct product = {dtype,       false,       true,        false,       rows,
                                     layer.width, layer.depth, layer.depth, layer.depth, layer.width};
      context.blaslt->multiply(product, input, scratch.weight, scratch.sums, scratch.blas, stream.native);
      const dim3 grid(static_cast<unsigned>(rows));
      if (dtype == GAVEL_F16) {
        launch(layer_end_kernel<GAVEL_F16>, grid, kThreads, 0, stream.native, end);
      } else {
        launch(layer_end_kernel<GAVEL_BF16>, grid, kThreads, 0, stream.native, end);
      }
    }
  }
}

int64_t blaslt_gradients_workspace(const HeadSpec &spec) {
  int64_t largest = 0;
  for (int32_t l = 0; l < spec.fields.hidden_layers; ++l)
    largest = std::max(largest, spec.hidden[l].width * spec.hidden[l].depth);
  return add_sizes(BlasLt::kWorkspaceBytes, multiply_sizes(largest, sizeof(float), "a weight, widened"), "scratch memory");
}

bool enqueue_blaslt_weight_gradient(const FloatMatrix &da, const FloatMatrix &input, int64_t rows, int64_t width, int64_t depth,
                                    const FloatMatrix &gradient, bool overwrite, Context &context, void *workspace,
                                    Stream &stream) {
  const BlasLtProduct product = {GAVEL_F32, true, false,     !overwrite,   width,
                                 depth,     rows, da.stride, input.stride, gradient.stride};
  if (!BlasLt::accepts(product, da.data, input.data, gradient.data)) return false;
  context.blaslt->multiply(product, da.data, input.data, gradient.data, workspace, stream.native);
  return true;
}

bool enqueue_blaslt_input_gradient(const FloatMatrix &da, int64_t rows, int64_t width, int64_t depth, int32_t dtype,
                                   const void *packed_weight, const FloatMatrix &dinput, Context &context, void *workspace,
                                   Stream &stream) {
  float *weight = reinterpret_cast<float *>(static_cast<char *>(workspace) + BlasLt::kWorkspaceBytes);
  const BlasLtProduct product = {GAVEL_F32, false, false, false, rows, depth, width, da.stride, depth, dinput.stride};
  if (!BlasLt::accepts(product, da.data, weight, dinput.data)) return false;
  enqueue_unpack<true>(dtype, packed_weight, width, depth, weight, stream.native);
  context.blaslt->multiply(product, da.data, weight, dinput.data, workspace, stream.native);
  return true;
}

}  // namespace gavel::cuda
