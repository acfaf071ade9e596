// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// tensor_cores.cu: how this GPU's tensor cores add, and how fast: what the order of the product kernels (gemm.h) takes for granted, and
// what decides whether a kernel of wgmma is worth having and may stand beside those of mma. Prints one JSON object.
//   sums   of so many trials, those whose bits differ from the sum of 16 products that mma m16n8k16 leaves in its first row and column:
//     position      in one of the other rows and columns
//     neighbours    with other numbers in the other rows and columns. These two must be 0, or scores depend on their batch.
//     swapped       with the two matrices in each other's place
//     order         with the 16 products in another order; halves: another order within the first 8 and within the last 8
//     fmaf          by 16 fmaf in order, as the emulator adds
//     wgmma_n8, wgmma_n128, wgmma_swapped   by wgmma m64nNk16. 0: both kinds of kernels may serve one batch
//     wgmma_integers  of small integers, which are exact in any order: not 0 means that this program feeds wgmma wrongly
//   tflops of the instructions alone: mma with operands in registers, mma as gemm_tiled.cu feeds it from shared memory, and wgmma
//     m64n128k16 with both operands in shared memory
// wgmma is of compute capability 9.0 alone; elsewhere its values are null.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tensor_core_products.h"

namespace {

constexpr int kTrials = 1 << 16;
constexpr int kMostColumns = 128;

void check(cudaError_t status, const char *what) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "tensor_cores: %s: %s\n", what, cudaGetErrorString(status));
  std::exit(3);
}

__host__ __device__ uint32_t mixed(uint32_t x) {
  x ^= x >> 16, x *= 0x7feb352du, x ^= x >> 15, x *= 0x846ca68bu;
  return x ^ x >> 16;
}

// A number of either sign between 2^-6 and 2^6, whose sums therefore round, with so few digits that f16 and bf16 both have it.
__device__ float random_value(uint32_t seed) {
  const uint32_t bits = mixed(seed);
  return __uint_as_float((bits & 0x80000000u) | (121u + bits % 12) << 23 | (bits >> 8 & 0x7f) << 16);
}

template <bool kF16>
__device__ uint16_t narrow(float value) {
  uint16_t bits;
  if constexpr (kF16) {
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  } else {
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  }
  return bits;
}

// One trial: the numbers x and y whose products are summed, added to `start`.
struct Trial {
  float x[kDepth];
  float y[kDepth];
  float start;
};

__device__ Trial make_trial(uint32_t number) {
  Trial trial;
  for (int k = 0; k < kDepth; ++k) {
    trial.x[k] = random_value(number * 64 + k);
    trial.y[k] = random_value(number * 64 + 16 + k);
  }
  trial.start = random_value(number * 64 + 32);
  return trial;
}

// What an element of either matrix is: the trial's, in a row that shall hold it, else some number.
struct Sides {
  const float *x;
  const float *y;
  bool everywhere;
  uint32_t seed;

  __device__ float left(int row, int k) const { return everywhere || row == 0 ? x[k] : random_value(seed ^ (row * 16 + k)); }
  __device__ float right(int column, int k) const {
    return everywhere || column == 0 ? y[k] : random_value(seed ^ (4096 + column * 16 + k));
  }
};

template <bool kF16>
__device__ uint32_t pair(float low, float high) {
  return narrow<kF16>(low) | static_cast<uint32_t>(narrow<kF16>(high)) << 16;
}

// By one warp; d as mma leaves it.
template <bool kF16>
__device__ void multiply(const Sides &sides, float start, float (&d)[4]) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  uint32_t a[4], b[2];
  for (int i = 0; i < 4; ++i) {
    const int row = g + 8 * (i & 1), k = 2 * t + 8 * (i >> 1);
    a[i] = pair<kF16>(sides.left(row, k), sides.left(row, k + 1));
    d[i] = start;
  }
  for (int i = 0; i < 2; ++i) {
    const int k = 2 * t + 8 * i;
    b[i] = pair<kF16>(sides.right(g, k), sides.right(g, k + 1));
  }
  mma<kF16>(d, a, b);
}

// Of the 16 products, an order drawn from `seed`: within halves of 8, or of all.
__device__ void shuffled(const Trial &trial, int unit, uint32_t seed, Trial &other) {
  other = trial;
  for (int begin = 0; begin < kDepth; begin += unit) {
    for (int i = unit - 1; i > 0; --i) {
      const int j = mixed(seed + begin + i) % (i + 1);
      const float x = other.x[begin + i], y = other.y[begin + i];
      other.x[begin + i] = other.x[begin + j], other.y[begin + i] = other.y[begin + j];
      other.x[begin + j] = x, other.y[begin + j] = y;
    }
  }
}

enum Sum { POSITION, NEIGHBOURS, SWAPPED, ORDER, HALVES, FMAF, WGMMA_N8, WGMMA_N128, WGMMA_SWAPPED, WGMMA_INTEGERS, kSums };
constexpr const char *kNames[kSums] = {"position", "neighbours", "swapped",    "order",         "halves",
                                       "fmaf",     "wgmma_n8",   "wgmma_n128", "wgmma_swapped", "wgmma_integers"};

// A warp a block. first[trial]: the sum all others are held against.
template <bool kF16>
__global__ void mma_sums(float *first, unsigned *differing) {
  const int lane = threadIdx.x;
  for (uint32_t number = blockIdx.x; number < kTrials; number += gridDim.x) {
    const Trial trial = make_trial(number);
    float d[4];
    multiply<kF16>({trial.x, trial.y, true, 0}, trial.start, d);
    const float expected = __shfl_sync(~0u, d[0], 0);
    if (lane == 0) first[number] = expected;
    bool other = false;
    for (const float value : d) other |= __float_as_uint(value) != __float_as_uint(expected);
    if (__any_sync(~0u, other) && lane == 0) atomicAdd(&differing[POSITION], 1u);
    const auto compare = [&](Sum sum, float value) {
      if (lane == 0 && __float_as_uint(value) != __float_as_uint(expected)) atomicAdd(&differing[sum], 1u);
    };
    multiply<kF16>({trial.x, trial.y, false, mixed(number)}, trial.start, d);
    compare(NEIGHBOURS, d[0]);
    multiply<kF16>({trial.y, trial.x, true, 0}, trial.start, d);
    compare(SWAPPED, d[0]);
    Trial another;
    shuffled(trial, 16, number * 32, another);
    multiply<kF16>({another.x, another.y, true, 0}, trial.start, d);
    compare(ORDER, d[0]);
    shuffled(trial, 8, number * 32, another);
    multiply<kF16>({another.x, another.y, true, 0}, trial.start, d);
    compare(HALVES, d[0]);
    float sum = trial.start;
    for (int k = 0; k < kDepth; ++k) sum = fmaf(trial.x[k], trial.y[k], sum);
    compare(FMAF, sum);
  }
}

// ---- the same by wgmma: 4 warps a block ----

#ifdef GAVEL_WGMMA
// All of the block's 64 x 8 n / 4 results against `expected`; the other rows and columns hold other numbers, so only the first is looked at
// where `everywhere` is false.
template <bool kF16, int kRegisters>
__device__ bool wgmma_differs(const Sides &sides, float start, float expected, uint16_t *left, uint16_t *right) {
  constexpr int kColumns = kRegisters * 2;
  for (int i = threadIdx.x; i < 64 * kDepth; i += blockDim.x) {
    left[element_at(i / kDepth, i % kDepth, 64)] = narrow<kF16>(sides.left(i / kDepth, i % kDepth));
  }
  for (int i = threadIdx.x; i < kColumns * kDepth; i += blockDim.x) {
    right[element_at(i / kDepth, i % kDepth, kColumns)] = narrow<kF16>(sides.right(i / kDepth, i % kDepth));
  }
  float d[kRegisters];
  for (float &value : d) value = start;
  begin_wgmma(d);
  wgmma<kF16>(d, descriptor(left, 64), descriptor(right, kColumns));
  commit_wgmma();
  wait_wgmma();
  hold(d);
  bool other = false;
  if (sides.everywhere) {
    for (const float value : d) other |= __float_as_uint(value) != __float_as_uint(expected);
  } else {
    other = threadIdx.x == 0 && __float_as_uint(d[0]) != __float_as_uint(expected);
  }
  return __syncthreads_or(other);
}
#endif

// 4 warps a block.
template <bool kF16>
__global__ void __launch_bounds__(128) wgmma_sums([[maybe_unused]] const float *first, [[maybe_unused]] unsigned *differing) {
#ifdef GAVEL_WGMMA
  __shared__ __align__(128) uint16_t left[64 * kDepth];
  __shared__ __align__(128) uint16_t right[kMostColumns * kDepth];
  for (uint32_t number = blockIdx.x; number < kTrials; number += gridDim.x) {
    const Trial trial = make_trial(number);
    const float expected = first[number];
    const auto count = [&](Sum sum, bool differs) {
      if (threadIdx.x == 0 && differs) atomicAdd(&differing[sum], 1u);
    };
    const bool everywhere = number % 2 == 0;
    const Sides sides = {trial.x, trial.y, everywhere, mixed(number)}, swapped = {trial.y, trial.x, everywhere, mixed(number)};
    count(WGMMA_N8, wgmma_differs<kF16, 4>(sides, trial.start, expected, left, right));
    count(WGMMA_N128, wgmma_differs<kF16, 64>(sides, trial.start, expected, left, right));
    count(WGMMA_SWAPPED, wgmma_differs<kF16, 64>(swapped, trial.start, expected, left, right));
    Trial integers;
    float sum = 3;
    for (int k = 0; k < kDepth; ++k) {
      integers.x[k] = static_cast<float>(mixed(number * 64 + k) % 17) - 8;
      integers.y[k] = static_cast<float>(mixed(number * 64 + 16 + k) % 17) - 8;
      sum += integers.x[k] * integers.y[k];
    }
    count(WGMMA_INTEGERS, wgmma_differs<kF16, 64>({integers.x, integers.y, everywhere, mixed(number)}, 3, sum, left, right));
  }
#endif
}

// ---- rates: 8 warps a block, a block for every multiprocessor, random numbers, since zeros would not heat the chip ----

constexpr int kThreads = 256;
constexpr int kRounds = 2048;

// `shared`: operands are read anew for every step, as in gemm_tiled.cu: 12 accesses of 16 bytes for 32 mma.
template <bool kShared>
__global__ void __launch_bounds__(kThreads, 1) mma_rate(float *out) {
  __shared__ __align__(16) uint4 numbers[32 * 32];
  for (int i = threadIdx.x; i < 32 * 32; i += kThreads) {
    uint32_t words[4];
    for (int w = 0; w < 4; ++w) {
      words[w] = pair<false>(random_value(i * 8 + 2 * w), random_value(i * 8 + 2 * w + 1));
    }
    numbers[i] = {words[0], words[1], words[2], words[3]};
  }
  __syncthreads();
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  float sums[4][4][4] = {};
  uint4 a[8], b[4];
  for (int round = 0; round < kRounds; ++round) {
    if (kShared || round == 0) {
      // The address changes from round to round, so that no load can be kept.
      const int from = kShared ? round % 2 : 0;
#pragma unroll
      for (int i = 0; i < 8; ++i) a[i] = numbers[((warp / 4 * 8 + i + from) % 32) * 32 + lane];
#pragma unroll
      for (int i = 0; i < 4; ++i) b[i] = numbers[((16 + warp % 4 * 4 + i + from) % 32) * 32 + lane];
    }
#pragma unroll
    for (int m = 0; m < 4; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint4 upper = a[2 * m], lower = a[2 * m + 1];
        const uint32_t left[4] = {half ? upper.z : upper.x, half ? lower.z : lower.x, half ? upper.w : upper.y,
                                  half ? lower.w : lower.y};
#pragma unroll
        for (int n = 0; n < 4; ++n) {
          const uint32_t right[2] = {half ? b[n].z : b[n].x, half ? b[n].w : b[n].y};
          mma<false>(sums[m][n], left, right);
        }
      }
    }
  }
  float total = 0;
  for (const auto &m : sums) {
    for (const auto &n : m) {
      for (const float value : n) total += value;
    }
  }
  out[blockIdx.x * kThreads + threadIdx.x] = total;
}
// Of a warp in a round: 32 products of 16 x 8 x 16.
constexpr double kMmaOperations = 32 * 2.0 * 16 * 8 * 16;

// Two groups of 4 warps, each 64 x 128 x 64 a round: 4 instructions.
__global__ void __launch_bounds__(kThreads, 1) wgmma_rate([[maybe_unused]] float *out) {
#ifdef GAVEL_WGMMA
  extern __shared__ __align__(128) uint16_t tiles[];
  constexpr int kSteps = 4, kLeft = 64 * kDepth, kRight = kMostColumns * kDepth;
  uint16_t *left = tiles, *right = tiles + 2 * kSteps * kLeft;
  for (int i = threadIdx.x; i < 2 * kSteps * kLeft + kSteps * kRight; i += kThreads) tiles[i] = narrow<false>(random_value(i));
  const int group = threadIdx.x / 128;
  float d[64] = {};
  begin_wgmma(d);
  for (int round = 0; round < kRounds; ++round) {
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      wgmma<false>(d, descriptor(left + (group * kSteps + step) * kLeft, 64), descriptor(right + step * kRight, kMostColumns));
    }
    commit_wgmma();
    wait_wgmma();
  }
  hold(d);
  float total = 0;
#pragma unroll
  for (const float value : d) total += value;
  out[blockIdx.x * kThreads + threadIdx.x] = total;
#endif
}
constexpr size_t kWgmmaBytes = sizeof(uint16_t) * 4 * kDepth * (2 * 64 + kMostColumns);
// Of a block in a round.
constexpr double kWgmmaOperations = 2 * 4 * 2.0 * 64 * kMostColumns * kDepth;

template <typename Launch>
double teraflops(double operations, Launch launch) {
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "event");
  check(cudaEventCreate(&end), "event");
  std::vector<float> times;
  for (int round = 0; round < 12; ++round) {
    check(cudaEventRecord(begin), "record");
    for (int i = 0; i < 20; ++i) launch();
    check(cudaEventRecord(end), "record");
    check(cudaEventSynchronize(end), "a kernel");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin, end), "elapsed");
    if (round > 0) times.push_back(milliseconds / 20);
  }
  check(cudaGetLastError(), "launch");
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return operations / times[times.size() / 2] * 1e-9;
}

template <bool kF16>
void print_sums(const char *dtype, float *first, unsigned *differing, bool hopper) {
  check(cudaMemset(differing, 0, kSums * sizeof(unsigned)), "cudaMemset");
  mma_sums<kF16><<<1024, 32>>>(first, differing);
  if (hopper) wgmma_sums<kF16><<<1024, 128>>>(first, differing);
  unsigned counts[kSums];
  check(cudaMemcpy(counts, differing, sizeof counts, cudaMemcpyDeviceToHost), "sums");
  std::printf("  \"%s\": {", dtype);
  for (int i = 0; i < kSums; ++i) {
    std::printf("%s\"%s\": ", i > 0 ? ", " : "", kNames[i]);
    if (i < WGMMA_N8 || hopper) {
      std::printf("%u", counts[i]);
    } else {
      std::printf("null");
    }
  }
  std::printf("}");
}

}  // namespace

int main() {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0), "properties");
  const bool hopper = properties.major == 9 && properties.minor == 0;
  const unsigned blocks = static_cast<unsigned>(properties.multiProcessorCount);
  float *first = nullptr;
  float *out = nullptr;
  unsigned *differing = nullptr;
  check(cudaMalloc(&first, kTrials * sizeof(float)), "cudaMalloc");
  check(cudaMalloc(&out, size_t{blocks} * kThreads * sizeof(float)), "cudaMalloc");
  check(cudaMalloc(&differing, kSums * sizeof(unsigned)), "cudaMalloc");
  std::printf("{\n \"trials\": %d,\n \"sums\": {\n", kTrials);
  print_sums<false>("bf16", first, differing, hopper);
  std::printf(",\n");
  print_sums<true>("f16", first, differing, hopper);
  const double warps = kThreads / 32.0;
  std::printf("\n },\n \"tflops\": {\"mma\": %.1f, ",
              teraflops(kMmaOperations * kRounds * warps * blocks, [&] { mma_rate<false><<<blocks, kThreads>>>(out); }));
  std::printf("\"mma_from_shared\": %.1f, ",
              teraflops(kMmaOperations * kRounds * warps * blocks, [&] { mma_rate<true><<<blocks, kThreads>>>(out); }));
  if (hopper) {
    check(cudaFuncSetAttribute(wgmma_rate, cudaFuncAttributeMaxDynamicSharedMemorySize, kWgmmaBytes), "shared memory");
    std::printf("\"wgmma\": %.1f}\n}\n",
                teraflops(kWgmmaOperations * kRounds * blocks, [&] { wgmma_rate<<<blocks, kThreads, kWgmmaBytes>>>(out); }));
  } else {
    std::printf("\"wgmma\": null}\n}\n");
  }
  return 0;
}
