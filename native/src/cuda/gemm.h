// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm.h: the packed product with a fused epilogue, of which heads are made: for item r and neuron i
//
//   a[r][i] = (sum over depth of W[i][k] X[r][k]) + bias[i]      u[r][i] = activation(a[r][i])
//
// W and X are packed (packed.h) in one dtype. The epilogue can write a, write u as f32, write u rounded and packed as the X of the next
// product, and multiply u with an output layer of up to 4 rows and go on to scores.
//
// Order, the same in every kernel of this component, so that the choice between them never shows: each slice of the depth (packed.h) from
// +0 step by step, a step being two mma m16n8k16 of its 32 columns; then slices in index order. f32: the chains of chains.h for a step, and slices
// in pairs. Output layer: within a tile of 32 neurons shorter chains in pairs; then TileSum. How the hardware adds inside one mma is its own affair, but the
// same for every row and column (bench/gpu/tensor_cores.cu asks it).
#ifndef GAVEL_CUDA_GEMM_H
#define GAVEL_CUDA_GEMM_H

#include <cstdint>

#include "cuda/norm.h"
#include "cuda/output.h"
#include "cuda/packed.h"

namespace gavel::cuda {

// Outputs that the epilogue takes along; more go through enqueue_output (score_output.h).
constexpr int kFusedOutputs = 4;

// What is optional is null.
struct Epilogue {
  int32_t dtype;  // of bias, slope, output_weight and next
  int32_t activation;
  const void *bias;   // [neurons]
  const void *slope;  // [neurons], or [1] with slope_step 0
  int32_t slope_step;
  float shared_slope;  // where slope is null
  const uint8_t
      *states;  // [items] ItemState: a row of preactivations is 0 for an invalid item. null: made on the spot, or all valid
  float *preactivations;  // a: [items, neurons]
  int64_t preactivation_stride;
  float *activated;  // u: [items, neurons]
  int64_t activated_stride;
  void *next;                 // u, packed; items filled up as vectors are
  const void *output_weight;  // [outputs, neurons]; outputs at most kFusedOutputs
  float *partials;            // [tiles][outputs][items]
  unsigned *tickets;          // [product_groups], 0; left so
  Output output;
};

struct Product {
  const void *weight;   // packed, neurons filled up to kTileNeurons
  const void *vectors;  // packed, items filled up to product_unit
  int64_t neurons;
  int64_t depth;
  int64_t items;
  int32_t dtype;
  Epilogue epilogue;
};

// Where the vectors of a product are made on the spot, by every block for itself, from hidden states.
struct FusedVectors {
  Source source;  // of aligned rows
  Norm norm;
  float *pooled;  // [items, depth] before the norm, or null
  int64_t pooled_stride;
  uint8_t *states;  // [items] ItemState, for the layers that follow, or null
  int stages;       // fused_stages
};

// The kernels, and when each is the fast one (H200, bf16, 4096 neurons of 4096; figures stand at each).
enum class ProductKernel : int32_t {
  FUSED = 0,      // at most 8 items, vectors made in shared memory: one launch
  COLUMNS_8 = 1,  // a block takes 32 neurons and 8 items, its 8 warps one slice of the depth each
  COLUMNS_16 = 2,
  COLUMNS_32 = 3,  // this and the following not for f32
  COLUMNS_64 = 4,
  TILED = 5,  // 128 neurons and 128 items
};

struct DeviceLimits {
  int sm_count;
  int64_t shared_bytes;  // dynamic shared memory a block may ask for
};

// Of a device, less the static shared memory of the product kernels, which counts against the same limit.
inline DeviceLimits product_limits(int sm_count, int64_t shared_bytes) {
  return {sm_count, shared_bytes - 16 * 1024};
}

// Items a block takes.
int64_t product_columns(ProductKernel kernel);
// What `vectors` and `next` are filled up to a multiple of.
inline int64_t product_unit(ProductKernel kernel) {
  return product_columns(kernel);
}
inline int64_t product_groups(ProductKernel kernel, int64_t items) {
  return divide_up(items, product_columns(kernel));
}
inline int64_t product_tiles(int64_t neurons) {
  return divide_up(neurons, kTileNeurons);
}
int64_t product_shared_bytes(ProductKernel kernel, int32_t dtype, int64_t depth);
// How many steps of W the kernel FUSED has under way.
int fused_stages(int32_t dtype, int64_t depth, const DeviceLimits &limits);
// Whether the kernel exists for the dtype and fits the device.
bool product_possible(ProductKernel kernel, int32_t dtype, int64_t depth, const DeviceLimits &limits);
// The one to use where vectors are packed already.
ProductKernel choose_product(int64_t items, int64_t neurons, int64_t depth, int32_t dtype, const DeviceLimits &limits);

// items > 0. early: the device overlaps launches (Context::overlaps_launches), and the kernel before it in the stream is one of this library
// that calls let_next_kernel_start only after wait_for_previous_kernel, so weights may be read before it has ended.
void enqueue_product(const Product &product, ProductKernel kernel, bool early, cudaStream_t stream);
// kernel FUSED: 1 to 8 items; product.vectors is not read.
void enqueue_fused_product(const Product &product, const FusedVectors &vectors, cudaStream_t stream);

}  // namespace gavel::cuda

#endif
