// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/token_rows.h"

#include <algorithm>

#include "common/numeric.h"
#include "common/vocabulary_chunk.h"
#include "cuda/gemm.h"
#include "cuda/lane.h"
#include "cuda/launch.h"
#include "cuda/row_order.h"
#include "cuda/stream.h"
#include "cuda/vocabulary.h"
#include "cuda/warp_walk.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
// A block of rows and a slab of tokens are 16 MiB of logits, which stay in the L2 cache until they are reduced (H200: 50 MiB).
constexpr int64_t kBlockOfRows = 1024;
constexpr int64_t kSlab = 4 * kVocabularyChunk;
constexpr float kLeast = -0x1.fffffep127f;  // the least float

// A kernel argument.
struct ChunkTask {
  const char *logits;  // of the first row and the first token of the slab
  int64_t stride;      // elements
  int64_t rows;
  int64_t tokens;       // of the slab
  int64_t first_chunk;  // of the slab in the vocabulary
  int64_t chunks;       // of the vocabulary
  const uint8_t *wanted;
  const int64_t *targets;
  ChunkSum *sums;        // [rows, chunks]
  float *target_logits;  // [rows]
};

// A warp a chunk of a row. Dot order has 64 partial sums, of which lane l has those with the numbers l and l + 32.
template <int32_t kType>
__global__ void __launch_bounds__(kThreads) chunks_kernel(const __grid_constant__ ChunkTask task) {
  const int lane = WarpWalk::lane();
  const int64_t in_slab = divide_up(task.tokens, kVocabularyChunk);
  const int64_t unit = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  const int64_t r = unit / in_slab, chunk = unit % in_slab;
  if (r >= task.rows || task.wanted[r] != static_cast<uint8_t>(RowState::WANTED)) return;
  const char *z = task.logits + (r * task.stride + chunk * kVocabularyChunk) * kElementBytes<kType>;
  const int64_t left = task.tokens - chunk * kVocabularyChunk;
  const int n = static_cast<int>(left < kVocabularyChunk ? left : kVocabularyChunk);
  float most = __uint_as_float(0xff800000u);
  for (int k = lane; k < n; k += kWarp) {
    const float value = load_element<kType>(z, k);
    most = value > most ? value : most;
  }
  GAVEL_UNROLL
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, most, distance);
    most = other > most ? other : most;
  }
  const float shift = most < kLeast ? kLeast : most;
  float even = 0.0f, odd = 0.0f;
  for (int k = lane; k < n; k += 2 * kWarp) {
    even += lane::exponential(load_element<kType>(z, k) - shift);
    if (k + kWarp < n) odd += lane::exponential(load_element<kType>(z, k + kWarp) - shift);
  }
  const float sum = sum_lanes(even + odd);
  if (lane != 0) return;
  task.sums[r * task.chunks + task.first_chunk + chunk] = {shift, sum};
  const int64_t target = task.targets[r] - (task.first_chunk + chunk) * kVocabularyChunk;
  if (target >= 0 && target < n) task.target_logits[r] = load_element<kType>(z, target);
}

// A warp a row.
__global__ void __launch_bounds__(kThreads)
    logprobs_kernel(const uint8_t *wanted, int64_t rows, int64_t chunks, const ChunkSum *all_sums, const float *target_logits,
                    float *logprobs) {
  const int64_t r = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  if (r >= rows || wanted[r] == static_cast<uint8_t>(RowState::UNWANTED)) return;
  if (wanted[r] == static_cast<uint8_t>(RowState::FAULT)) {
    WarpWalk::put(logprobs + r, __uint_as_float(0x7fc00000u));
    return;
  }
  const ChunkSum *sums = all_sums + r * chunks;
  float largest = kLeast;
  for (int64_t c = WarpWalk::lane(); c < chunks; c += kWarp) largest = sums[c].shift > largest ? sums[c].shift : largest;
  GAVEL_UNROLL
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, largest, distance);
    largest = other > largest ? other : largest;
  }
  const float sum = WarpWalk::sum(chunks, [&](int64_t c) { return sums[c].sum * gavel::exponential(sums[c].shift - largest); });
  WarpWalk::put(logprobs + r, canonical((target_logits[r] - largest) - natural_log(sum)));
}

// Hidden states as a product reads them: in the vocabulary's dtype, rows and columns filled up with zeros.
template <int32_t kVocabulary, int32_t kHidden>
__global__ void __launch_bounds__(kThreads)
    pack_rows_kernel(const char *rows, int64_t row_bytes, int64_t count, int64_t width, char *packed) {
  const int64_t r = blockIdx.x;
  for (int64_t k = threadIdx.x; k < step_count(width) * kBlockColumns; k += kThreads) {
    const float value = r < count && k < width ? load_element<kHidden>(rows + r * row_bytes, k) : 0.0f;
    char *target = packed + packed_offset(r, k, width) * kElementBytes<kVocabulary>;
    if constexpr (kVocabulary == GAVEL_F32) {
      *reinterpret_cast<float *>(target) = value;
    } else {
      *reinterpret_cast<uint16_t *>(target) = narrow<kVocabulary>(value);  // exact: they are of that dtype
    }
  }
}

class Plan {
 public:
  // base: scratch memory, or null to find out how much there has to be.
  Plan(const TokenRows &rows, char *base)
      : rows_(rows),
        block_(std::min(kBlockOfRows, rows.states.shape[0])),
        chunks_(vocabulary_chunks(rows.tokens)),
        base_(base) {
    sums_ = reinterpret_cast<ChunkSum *>(take(block_ * chunks_, sizeof(ChunkSum)));
    target_logits_ = reinterpret_cast<float *>(take(block_, sizeof(float)));
    if (rows.vocabulary == nullptr) return;
    const Vocabulary &vocabulary = *rows.vocabulary;
    const int64_t row = step_count(vocabulary.width) * kBlockColumns;
    packed_ = take(multiply_sizes(padded(block_, product_columns(ProductKernel::TILED)), row, "packed rows"),
                   dtype_size(vocabulary.dtype));
    logits_ = take(block_ * slab(), sizeof(float));
  }

  int64_t bytes() const { return bytes_; }

  void enqueue(Stream &stream) {
    const int64_t all = rows_.states.shape[0];
    for (int64_t begin = 0; begin < all; begin += block_) {
      const int64_t count = std::min(block_, all - begin);
      if (rows_.vocabulary != nullptr) {
        multiply(begin, count, stream);
      } else {
        const Tensor &logits = rows_.states;
        reduce(begin, count, 0, rows_.tokens, logits.at(begin), logits.stride[0], logits.dtype, stream);
      }
      launch(logprobs_kernel, blocks(count), kThreads, 0, stream.native, rows_.wanted + begin, count, chunks_, sums_,
             target_logits_, rows_.logprobs + begin);
    }
  }

 private:
  static dim3 blocks(int64_t warps) { return dim3(static_cast<unsigned>(divide_up(warps, int64_t{kWarps}))); }
  int64_t slab() const { return std::min(kSlab, padded(rows_.tokens, kTileNeurons)); }

  char *take(int64_t count, int64_t size) {
    char *piece = base_ == nullptr ? nullptr : base_ + bytes_;
    bytes_ = add_sizes(bytes_, padded(multiply_sizes(count, size, "scratch memory"), int64_t{256}), "scratch memory");
    return piece;
  }

  void pack(int64_t begin, int64_t count, ProductKernel kernel, Stream &stream) {
    const Tensor &hidden = rows_.states;
    const int64_t row_bytes = hidden.stride[0] * dtype_size(hidden.dtype);
    const dim3 grid(static_cast<unsigned>(padded(count, product_unit(kernel))));
    const int32_t dtype = rows_.vocabulary->dtype;
    with_type(hidden.dtype, [&](auto type) {
      constexpr int32_t kHidden = decltype(type)::value;
      const auto enqueue = [&](auto kernel_function) {
        launch(kernel_function, grid, kThreads, 0, stream.native, static_cast<const char *>(hidden.at(begin)), row_bytes, count,
               rows_.vocabulary->width, packed_);
      };
      if (dtype == GAVEL_F32) return enqueue(pack_rows_kernel<GAVEL_F32, kHidden>);
      // A 16-bit vocabulary's hidden states are of its dtype.
      if constexpr (kHidden != GAVEL_F32) enqueue(pack_rows_kernel<kHidden, kHidden>);
    });
  }

  void multiply(int64_t begin, int64_t count, Stream &stream) {
    const Vocabulary &vocabulary = *rows_.vocabulary;
    const int64_t width = vocabulary.width;
    const ProductKernel kernel = choose_product(count, slab(), width, vocabulary.dtype,
                                                product_limits(stream.context.sm_count, stream.context.shared_bytes));
    pack(begin, count, kernel, stream);
    for (int64_t token = 0; token < vocabulary.tokens; token += kSlab) {
      Product product = {};
      product.weight = vocabulary.packed.as<char>() + packed_offset(token, 0, width) * dtype_size(vocabulary.dtype);
      product.vectors = packed_;
      product.neurons = std::min(kSlab, vocabulary.tokens - token);
      product.depth = width;
      product.items = count;
      product.dtype = vocabulary.dtype;
      product.epilogue.dtype = vocabulary.dtype;
      product.epilogue.activation = GAVEL_ACTIVATION_IDENTITY;
      product.epilogue.activated = reinterpret_cast<float *>(logits_);
      product.epilogue.activated_stride = slab();
      enqueue_product(product, kernel, false, stream.native);
      reduce(begin, count, token, product.neurons, logits_, slab(), GAVEL_F32, stream);
    }
  }

  void reduce(int64_t begin, int64_t count, int64_t first_token, int64_t tokens, const char *logits, int64_t stride,
              int32_t dtype, Stream &stream) {
    const ChunkTask task = {logits,
                            stride,
                            count,
                            tokens,
                            first_token / kVocabularyChunk,
                            chunks_,
                            rows_.wanted + begin,
                            rows_.targets.as<const int64_t>() + begin,
                            sums_,
                            target_logits_};
    with_type(dtype, [&](auto type) {
      launch(chunks_kernel<decltype(type)::value>, blocks(count * vocabulary_chunks(tokens)), kThreads, 0, stream.native, task);
    });
  }

  const TokenRows &rows_;
  const int64_t block_;
  const int64_t chunks_;
  char *const base_;
  int64_t bytes_ = 0;
  ChunkSum *sums_ = nullptr;        // [block, chunks]
  float *target_logits_ = nullptr;  // [block]
  char *packed_ = nullptr;
  char *logits_ = nullptr;  // f32 [block, slab]
};

}  // namespace

int64_t token_rows_workspace(const TokenRows &rows) {
  return Plan(rows, nullptr).bytes();
}

void enqueue_token_rows(const TokenRows &rows, void *workspace, Stream &stream) {
  Plan(rows, static_cast<char *>(workspace)).enqueue(stream);
}

}  // namespace gavel::cuda
