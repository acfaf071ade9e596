// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// kernel.h: what a kernel may call, for g++: indices, barriers, warp intrinsics, atomics.
#ifndef GAVEL_TEST_CUDA_EMULATOR_KERNEL_H
#define GAVEL_TEST_CUDA_EMULATOR_KERNEL_H

#include <cmath>
#include <cstring>
#include <type_traits>

#include "engine.h"

#define threadIdx (::gavel::emulator::current->index)
#define blockIdx (::gavel::emulator::current->block->index)
#define blockDim (::gavel::emulator::current->block->launch->block)
#define gridDim (::gavel::emulator::current->block->launch->grid)
#define warpSize 32

namespace gavel::emulator {

inline constexpr uint32_t kAllLanes = 0xffffffffu;

void complete_nothing(Warp &warp, uint32_t lanes);
void complete_shuffle(Warp &warp, uint32_t lanes);
void complete_ballot(Warp &warp, uint32_t lanes);
void complete_match(Warp &warp, uint32_t lanes);

inline void collective(uint32_t mask, const char *name, Completion complete) {
  current->block->engine->collective(mask, name, complete);
}

template <typename T>
T shuffle(uint32_t mask, T value, uint32_t source, const char *name) {
  static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "CUDA shuffles 4 or 8 bytes");
  std::memcpy(&current->given, &value, sizeof value);
  current->source = source;
  collective(mask, name, complete_shuffle);
  T result;
  std::memcpy(&result, &current->taken, sizeof result);
  return result;
}

// Lanes that a predicate holds for.
inline uint32_t ballot(uint32_t mask, int predicate, const char *name) {
  current->given.words[0] = predicate != 0;
  collective(mask, name, complete_ballot);
  return current->taken.words[0];
}

void check_shuffle_width(int width, const char *name);

template <typename T>
T atomic(T *address, T value, T (*combine)(T, T)) {
  current->block->engine->pass();
  T before = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(address, &before, combine(before, value), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
  return before;
}

}  // namespace gavel::emulator

// ---- barriers and fences ----

inline int __syncthreads_count(int predicate) {
  return gavel::emulator::current->block->engine->barrier(predicate);
}
inline int __syncthreads_or(int predicate) {
  return __syncthreads_count(predicate) != 0;
}
inline int __syncthreads_and(int predicate) {
  return __syncthreads_count(!predicate) == 0;
}
inline void __syncthreads() {
  __syncthreads_count(0);
}
inline void __syncwarp(unsigned mask = gavel::emulator::kAllLanes) {
  gavel::emulator::collective(mask, "__syncwarp", gavel::emulator::complete_nothing);
}
// Atomics below are sequentially consistent, so a fence has nothing to order; it is a point where other threads may run.
inline void __threadfence() {
  gavel::emulator::current->block->engine->pass();
}
inline void __threadfence_block() {
  __threadfence();
}
inline void __threadfence_system() {
  __threadfence();
}

// Where a thread waits for another block by reading a counter, it says so by this or by __threadfence.
inline void __nanosleep(unsigned) {
  __threadfence();
}

// ---- warp intrinsics ----

template <typename T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
  gavel::emulator::check_shuffle_width(width, "__shfl_sync");
  const uint32_t self = gavel::emulator::current->lane;
  const uint32_t first = self & ~static_cast<uint32_t>(width - 1);
  return gavel::emulator::shuffle(mask, value, first + (static_cast<uint32_t>(lane) & static_cast<uint32_t>(width - 1)),
                                  "__shfl_sync");
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32) {
  gavel::emulator::check_shuffle_width(width, "__shfl_xor_sync");
  const uint32_t self = gavel::emulator::current->lane;
  const uint32_t last = self | static_cast<uint32_t>(width - 1);
  const uint32_t lane = self ^ static_cast<uint32_t>(lane_mask);
  return gavel::emulator::shuffle(mask, value, lane > last ? self : lane, "__shfl_xor_sync");
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  gavel::emulator::check_shuffle_width(width, "__shfl_down_sync");
  const uint32_t self = gavel::emulator::current->lane;
  const uint32_t last = self | static_cast<uint32_t>(width - 1);
  return gavel::emulator::shuffle(mask, value, delta > last - self ? self : self + delta, "__shfl_down_sync");
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  gavel::emulator::check_shuffle_width(width, "__shfl_up_sync");
  const uint32_t self = gavel::emulator::current->lane;
  const uint32_t first = self & ~static_cast<uint32_t>(width - 1);
  return gavel::emulator::shuffle(mask, value, delta > self - first ? self : self - delta, "__shfl_up_sync");
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return gavel::emulator::ballot(mask, predicate, "__ballot_sync");
}
inline int __any_sync(unsigned mask, int predicate) {
  return gavel::emulator::ballot(mask, predicate, "__any_sync") != 0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return gavel::emulator::ballot(mask, !predicate, "__all_sync") == 0;
}
template <typename T>
unsigned __match_any_sync(unsigned mask, T value) {
  static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "CUDA matches 4 or 8 bytes");
  gavel::emulator::current->given = {};
  std::memcpy(&gavel::emulator::current->given, &value, sizeof value);
  gavel::emulator::collective(mask, "__match_any_sync", gavel::emulator::complete_match);
  return gavel::emulator::current->taken.words[0];
}

// ---- atomics: int, unsigned, unsigned long long. None on floats: their sums would depend on the order ----

#define GAVEL_EMULATED_ATOMICS(T)                                                                      \
  inline T atomicAdd(T *address, T value) {                                                            \
    gavel::emulator::current->block->engine->pass();                                                   \
    return __atomic_fetch_add(address, value, __ATOMIC_SEQ_CST);                                       \
  }                                                                                                    \
  inline T atomicExch(T *address, T value) {                                                           \
    gavel::emulator::current->block->engine->pass();                                                   \
    return __atomic_exchange_n(address, value, __ATOMIC_SEQ_CST);                                      \
  }                                                                                                    \
  inline T atomicCAS(T *address, T compare, T value) {                                                 \
    gavel::emulator::current->block->engine->pass();                                                   \
    __atomic_compare_exchange_n(address, &compare, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);  \
    return compare;                                                                                    \
  }                                                                                                    \
  inline T atomicMax(T *address, T value) {                                                            \
    return gavel::emulator::atomic<T>(address, value, [](T a, T b) { return a > b ? a : b; });         \
  }                                                                                                    \
  inline T atomicMin(T *address, T value) {                                                            \
    return gavel::emulator::atomic<T>(address, value, [](T a, T b) { return a < b ? a : b; });         \
  }                                                                                                    \
  inline T atomicOr(T *address, T value) {                                                             \
    return gavel::emulator::atomic<T>(address, value, [](T a, T b) { return static_cast<T>(a | b); }); \
  }                                                                                                    \
  inline T atomicAnd(T *address, T value) {                                                            \
    return gavel::emulator::atomic<T>(address, value, [](T a, T b) { return static_cast<T>(a & b); }); \
  }
GAVEL_EMULATED_ATOMICS(int)
GAVEL_EMULATED_ATOMICS(unsigned)
GAVEL_EMULATED_ATOMICS(unsigned long long)
#undef GAVEL_EMULATED_ATOMICS

// ---- loads with a cache hint, bits, small maths ----

template <typename T>
T __ldg(const T *address) {
  return *address;
}
template <typename T>
T __ldcg(const T *address) {
  return *address;
}
template <typename T>
T __ldcs(const T *address) {
  return *address;
}
template <typename T>
void __stcg(T *address, T value) {
  *address = value;
}
template <typename T>
void __stcs(T *address, T value) {
  *address = value;
}

namespace gavel::emulator {
template <typename To, typename From>
To same_bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}
}  // namespace gavel::emulator

inline unsigned __float_as_uint(float x) {
  return gavel::emulator::same_bits<unsigned>(x);
}
inline int __float_as_int(float x) {
  return gavel::emulator::same_bits<int>(x);
}
inline float __uint_as_float(unsigned x) {
  return gavel::emulator::same_bits<float>(x);
}
inline float __int_as_float(int x) {
  return gavel::emulator::same_bits<float>(x);
}
inline int __popc(unsigned x) {
  return __builtin_popcount(x);
}
inline int __ffs(int x) {
  return __builtin_ffs(x);
}
inline int __clz(int x) {
  return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x));
}
template <typename T>
requires std::is_arithmetic_v<T> T min(T a, T b) {
  return b < a ? b : a;
}
template <typename T>
requires std::is_arithmetic_v<T> T max(T a, T b) {
  return a < b ? b : a;
}

#endif
