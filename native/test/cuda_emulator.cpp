// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The emulator computes what CUDA would: indices, barriers, warp intrinsics, atomics, 16-bit numbers, the matrix product.
#include <cmath>
#include <cstring>
#include <vector>

#include "check.h"
#include "cuda/device.h"
#include "cuda/ptx.h"
#include "cuda_case.h"

namespace gavel::test {
namespace {

using namespace gavel::cuda;
using emulator::EngineKind;

__global__ void write_indices(unsigned *out) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 10000 + thread;
}

void indices() {
  DeviceArray<unsigned> out(12 * 48);
  run(write_indices, dim3(2, 3, 2), dim3(8, 3, 2), 0, out.data());
  const std::vector<unsigned> got = out.read();
  for (unsigned i = 0; i < got.size(); ++i) check_equal("index", got[i], i / 48 * 10000 + i % 48);
}

// Reads its shared memory before it writes there.
__global__ void read_shared(uint32_t *out, int dynamic_words) {
  GAVEL_SHARED(uint32_t[4], words);
  GAVEL_DYNAMIC_SHARED(uint32_t, more);
  if (threadIdx.x == 0) {
    uint32_t all = words[3];
    for (int i = 0; i < dynamic_words; ++i) all &= more[i];
    out[blockIdx.x] = all;
    words[3] = 1;
    more[0] = 2;
  }
}

void poisoned_shared() {
  DeviceArray<uint32_t> out(5);
  run(read_shared, dim3(5), dim3(32), 400, out.data(), 100);
  for (const uint32_t bits : out.read()) CHECK(bits == 0xffffffffu, "shared memory begins as %08x", bits);
}

// Sums of blocks, then of all by the block that comes last.
__global__ void ticket_sum(const float *x, int n, float *partial, unsigned *counter, float *out) {
  GAVEL_SHARED(float[32], warps);
  GAVEL_SHARED(unsigned[1], ticket);
  float sum = 0.0f;
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < n; i += static_cast<int>(gridDim.x * blockDim.x)) {
    sum += x[i];
  }
  for (int step = 16; step > 0; step >>= 1) sum += __shfl_xor_sync(kAllLanes, sum, step);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    float all = 0.0f;
    for (unsigned w = 0; w < blockDim.x / 32; ++w) all += warps[w];
    __stcg(&partial[blockIdx.x], all);
    __threadfence();
    ticket[0] = atomicAdd(counter, 1u);
  }
  __syncthreads();
  if (ticket[0] + 1 != gridDim.x || threadIdx.x != 0) return;
  __threadfence();
  float all = 0.0f;
  for (unsigned b = 0; b < gridDim.x; ++b) all += __ldcg(&partial[b]);
  *out = all;
  *counter = 0;
}

void same_bits_under_every_schedule() {
  std::vector<float> x(1000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i) * 1.7f) * 3.0f;
  DeviceArray<float> input(x), partial(7), out(1);
  DeviceArray<unsigned> counter(std::vector<unsigned>{0});
  float first = 0.0f;
  for (int schedule = 0; schedule < 12; ++schedule) {
    const Schedule chosen(schedule);
    run(ticket_sum, dim3(7), dim3(64), 0, input.data(), 1000, partial.data(), counter.data(), out.data());
    const float sum = out.read()[0];
    if (schedule == 0) first = sum;
    check_bits("sum", &sum, &first, 1, static_cast<uint64_t>(schedule));
    check_equal("counter", counter.read()[0], 0);
  }
  double expected = 0.0;
  for (const float value : x) expected += value;
  CHECK(std::fabs(first - expected) < 1e-4, "%g, expected %g", static_cast<double>(first), expected);
}

__global__ void write_order(unsigned *counter, unsigned *order) {
  order[atomicAdd(counter, 1u)] = blockIdx.x * blockDim.x + threadIdx.x;
}

std::vector<unsigned> order_of(uint64_t seed) {
  emulator::set_seed(seed);
  DeviceArray<unsigned> counter(std::vector<unsigned>{0}), order(4 * 64);
  run(write_order, dim3(4), dim3(64), 0, counter.data(), order.data());
  return order.read();
}

void schedules_differ() {
  if (emulator::engine() != EngineKind::FIBRES) return;
  const std::vector<unsigned> one = order_of(1), two = order_of(2);
  CHECK(one != two, "seeds 1 and 2 give the same order of threads");
  CHECK(one == order_of(1), "seed 1 gives two orders");
  std::vector<unsigned> sorted = one;
  std::sort(sorted.begin(), sorted.end());
  for (unsigned i = 0; i < sorted.size(); ++i) check_equal("thread that ran", sorted[i], i);
  emulator::set_seed(0);
}

__global__ void shuffles(int *out) {
  const int lane = static_cast<int>(threadIdx.x);
  int *row = out + lane * 16;
  row[0] = __shfl_sync(kAllLanes, lane * 3, 5);
  row[1] = __shfl_sync(kAllLanes, lane * 3, lane + 9, 8);
  row[2] = __shfl_xor_sync(kAllLanes, lane, 6);
  row[3] = __shfl_down_sync(kAllLanes, lane, 3u);
  row[4] = __shfl_down_sync(kAllLanes, lane, 3u, 8);
  row[5] = __shfl_up_sync(kAllLanes, lane, 2u, 16);
  row[6] = static_cast<int>(__ballot_sync(kAllLanes, lane % 3 == 0));
  row[7] = __any_sync(kAllLanes, lane == 31) + 2 * __any_sync(kAllLanes, lane == 32);
  row[8] = __all_sync(kAllLanes, lane < 32) + 2 * __all_sync(kAllLanes, lane < 31);
  row[9] = static_cast<int>(__match_any_sync(kAllLanes, lane % 4));
  const unsigned long long wide = __shfl_xor_sync(kAllLanes, (1ull << 40) + static_cast<unsigned long long>(lane), 1);
  row[10] = static_cast<int>(wide - (1ull << 40));
  // Two parts of the warp on ways of their own.
  if (lane < 12) {
    row[11] = __shfl_sync(0xfffu, lane, 11);
  } else {
    row[11] = __shfl_sync(0xfffff000u, lane, 12);
    row[11] += static_cast<int>(__ballot_sync(0xfffff000u, lane == 13));
  }
  row[12] = __syncthreads_count(lane < 7);
  row[13] = __syncthreads_or(lane == 3) + 2 * __syncthreads_or(0);
  row[14] = __syncthreads_and(1) + 2 * __syncthreads_and(lane != 3);
  row[15] = __popc(0xf0f0u) + __ffs(8) + __clz(1) + min(3, lane) + max(30, lane);
}

void intrinsics() {
  for (int schedule = 0; schedule < 4; ++schedule) {
    const Schedule chosen(schedule);
    DeviceArray<int> out(32 * 16);
    run(shuffles, dim3(1), dim3(32), 0, out.data());
    const std::vector<int> got = out.read();
    for (int lane = 0; lane < 32; ++lane) {
      const int *row = &got[static_cast<size_t>(lane) * 16];
      const int expected[16] = {15,
                                (lane / 8 * 8 + (lane + 9) % 8) * 3,
                                lane ^ 6,
                                lane + 3 > 31 ? lane : lane + 3,
                                lane % 8 + 3 > 7 ? lane : lane + 3,
                                lane % 16 < 2 ? lane : lane - 2,
                                0x49249249,
                                1,
                                1,
                                static_cast<int>(0x11111111u << (lane % 4)),
                                lane ^ 1,
                                lane < 12 ? 11 : 12 + (1 << 13),
                                7,
                                1,
                                1,
                                8 + 4 + 31 + std::min(3, lane) + std::max(30, lane)};
      for (int i = 0; i < 16; ++i) {
        CHECK(row[i] == expected[i], "lane %d, value %d: %d, expected %d", lane, i, row[i], expected[i]);
      }
    }
  }
}

__global__ void multiply(const uint16_t *a, const uint16_t *b, const float *c, float *d, bool bf16) {
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  uint32_t fa[4], fb[2];
  float fd[4];
  for (int i = 0; i < 4; ++i) {
    const int row = g + 8 * (i & 1), column = 2 * t + 8 * (i >> 1);
    fa[i] = a[row * 16 + column] | static_cast<uint32_t>(a[row * 16 + column + 1]) << 16;
    fd[i] = c[(g + 8 * (i >> 1)) * 8 + 2 * t + (i & 1)];
  }
  for (int i = 0; i < 2; ++i) {
    const int k = 2 * t + 8 * i;
    fb[i] = b[k * 8 + g] | static_cast<uint32_t>(b[(k + 1) * 8 + g]) << 16;
  }
  if (bf16) {
    mma_16816_bf16(fd, fa, fb);
  } else {
    mma_16816_f16(fd, fa, fb);
  }
  for (int i = 0; i < 4; ++i) d[(g + 8 * (i >> 1)) * 8 + 2 * t + (i & 1)] = fd[i];
}

void matrix_product() {
  for (const bool bf16 : {true, false}) {
    std::vector<uint16_t> a(256), b(128);
    std::vector<float> c(128), expected(128);
    for (int i = 0; i < 256; ++i) {
      const float value = std::sin(static_cast<float>(i) * 1.3f) * 2.0f;
      a[static_cast<size_t>(i)] = bf16 ? narrow_bf16(value) : narrow_f16(value);
    }
    for (int i = 0; i < 128; ++i) {
      const float value = std::cos(static_cast<float>(i) * 0.7f);
      b[static_cast<size_t>(i)] = bf16 ? narrow_bf16(value) : narrow_f16(value);
      c[static_cast<size_t>(i)] = static_cast<float>(i) * 0.125f;
    }
    auto wide = [&](uint16_t bits) { return bf16 ? widen_bf16(bits) : widen_f16(bits); };
    for (size_t row = 0; row < 16; ++row) {
      for (size_t column = 0; column < 8; ++column) {
        float sum = c[row * 8 + column];
        for (size_t k = 0; k < 16; ++k) sum = std::fmaf(wide(a[row * 16 + k]), wide(b[k * 8 + column]), sum);
        expected[row * 8 + column] = sum;
      }
    }
    DeviceArray<uint16_t> da(a), db(b);
    DeviceArray<float> dc(c), dd(128);
    run(multiply, dim3(1), dim3(32), 0, da.data(), db.data(), dc.data(), dd.data(), bf16);
    check_bits(bf16 ? "bf16 product" : "f16 product", dd.read().data(), expected.data(), 128, 0);
  }
}

void sixteen_bits() {
  for (uint32_t i = 0; i < 65536; ++i) {
    const uint16_t bits = static_cast<uint16_t>(i);
    const bool nan_f16 = (i & 0x7fff) > 0x7c00, nan_bf16 = (i & 0x7fff) > 0x7f80;
    _Float16 half;
    std::memcpy(&half, &bits, 2);
    const float wide = widen_f16(bits), expected = static_cast<float>(half);
    CHECK(nan_f16 ? std::isnan(wide) : same_bits(wide, expected), "f16 %04x widens to %a, expected %a", i,
          static_cast<double>(wide), static_cast<double>(expected));
    CHECK(narrow_f16(wide) == (nan_f16 ? 0x7fff : bits), "f16 %04x comes back as %04x", i, narrow_f16(wide));
    CHECK(narrow_bf16(widen_bf16(bits)) == (nan_bf16 ? 0x7fff : bits), "bf16 %04x comes back as %04x", i,
          narrow_bf16(widen_bf16(bits)));
  }
  // Every 977th float, and the ones around the middle between two neighbours.
  for (uint64_t i = 0; i < (uint64_t{1} << 32); i += 977) {
    for (const uint32_t bits : {static_cast<uint32_t>(i), (static_cast<uint32_t>(i) & 0xffff0000u) | 0x8000u,
                                (static_cast<uint32_t>(i) & 0xffffe000u) | 0x1000u}) {
      const float value = emulator::same_bits<float>(bits);
      if (std::isnan(value)) continue;
      const _Float16 half = static_cast<_Float16>(value);
      uint16_t expected;
      std::memcpy(&expected, &half, 2);
      if (narrow_f16(value) != expected)
        CHECK(false, "%a narrows to f16 %04x, expected %04x", value, narrow_f16(value), expected);
      // The two bf16 numbers around it, compared in double.
      const uint16_t down = static_cast<uint16_t>(bits >> 16), up = static_cast<uint16_t>(down + 1);
      const double below = std::fabs(static_cast<double>(widen_bf16(down)) - value);
      const double above = std::isinf(widen_bf16(up)) ? std::ldexp(1.0, 128) - std::fabs(value)
                                                      : std::fabs(static_cast<double>(widen_bf16(up)) - value);
      const uint16_t nearest = std::isinf(value) || below < above || (below == above && down % 2 == 0) ? down : up;
      if (narrow_bf16(value) != nearest) {
        CHECK(false, "%a narrows to bf16 %04x, expected %04x", value, narrow_bf16(value), nearest);
      }
    }
  }
}

__global__ void copy_then_read(const uint32_t *source, uint32_t *out) {
  GAVEL_SHARED(uint32_t[2][32][4], tile);
  const unsigned lane = threadIdx.x;
  for (int stage = 0; stage < 2; ++stage) {
    copy_async_16(tile[stage][lane], source + (static_cast<unsigned>(stage) * 32 + lane) * 4);
    copy_async_commit();
  }
  out[lane * 4 + 0] = tile[0][lane][1];
  copy_async_wait<1>();
  out[lane * 4 + 1] = tile[0][lane][1];
  out[lane * 4 + 2] = tile[1][lane][1];
  copy_async_wait<0>();
  out[lane * 4 + 3] = tile[1][lane][1];
}

// A copy arrives as late as it may.
void asynchronous_copies() {
  std::vector<uint32_t> source(256);
  for (uint32_t i = 0; i < 256; ++i) source[i] = i;
  DeviceArray<uint32_t> input(source), out(128);
  run(copy_then_read, dim3(1), dim3(32), 0, input.data(), out.data());
  const std::vector<uint32_t> got = out.read();
  for (uint32_t lane = 0; lane < 32; ++lane) {
    check_equal("before the wait", got[lane * 4], 0xffffffffu);
    check_equal("behind the first wait", got[lane * 4 + 1], lane * 4 + 1);
    check_equal("the second, behind the first wait", got[lane * 4 + 2], 0xffffffffu);
    check_equal("behind the second wait", got[lane * 4 + 3], 128 + lane * 4 + 1);
  }
}

__global__ void halve(float *x) {
  x[0] = x[0] * 0.5f;
  x[1] = x[1] + 0.0f;
}

void denormals() {
  DeviceArray<float> x(std::vector<float>{0x1p-126f, 0x1p-130f});
  run(halve, dim3(1), dim3(1), 0, x.data());
  const std::vector<float> got = x.read();
  CHECK(got[0] == 0.0f && got[1] == 0.0f, "denormals stay: %a, %a", static_cast<double>(got[0]), static_cast<double>(got[1]));
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  indices();
  poisoned_shared();
  same_bits_under_every_schedule();
  schedules_differ();
  intrinsics();
  matrix_product();
  asynchronous_copies();
  denormals();
  if (gavel::emulator::engine() == gavel::emulator::EngineKind::FIBRES) sixteen_bits();
  check_equal("allocations left", gavel::emulator::live_allocations(), 0);
  return finish();
}
