// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// rows.h: eight neighbouring elements of a row, of any dtype, as f32. Eight 16-bit elements are the 16 bytes of one load; loads are kept
// apart from the conversion, so that a loop can ask for several before it waits for the first.
#ifndef GAVEL_CUDA_ROWS_H
#define GAVEL_CUDA_ROWS_H

#include <cstdint>

#include "cuda/ptx.h"
#include "gavel/gavel.h"

namespace gavel::cuda {

constexpr int kChunk = 8;  // elements that a thread handles at a time

template <int32_t kType>
constexpr int kElementBytes = kType == GAVEL_F32 ? 4 : 2;

// Eight elements as they lie in memory.
template <int32_t kType>
struct Raw {
  uint4 words[kType == GAVEL_F32 ? 2 : 1];
};

template <int32_t kType>
__device__ inline float widen(uint16_t bits) {
  return kType == GAVEL_F16 ? widen_f16(bits) : widen_bf16(bits);
}

template <int32_t kType>
__device__ inline uint16_t narrow(float value) {
  return kType == GAVEL_F16 ? narrow_f16(value) : narrow_bf16(value);
}

// value rounded to the dtype, as f32.
template <int32_t kType>
__device__ inline float rounded(float value) {
  if constexpr (kType == GAVEL_F32) {
    return value;
  } else {
    return widen<kType>(narrow<kType>(value));
  }
}

template <int32_t kType>
__device__ inline float load_element(const void *row, int64_t k) {
  if constexpr (kType == GAVEL_F32) {
    return static_cast<const float *>(row)[k];
  } else {
    return widen<kType>(static_cast<const uint16_t *>(row)[k]);
  }
}

// The same for a dtype that is not known before, such as a parameter's.
__device__ inline float load_element(int32_t dtype, const void *row, int64_t k) {
  return dtype == GAVEL_F32   ? load_element<GAVEL_F32>(row, k)
         : dtype == GAVEL_F16 ? load_element<GAVEL_F16>(row, k)
                              : load_element<GAVEL_BF16>(row, k);
}

template <int32_t kType>
__device__ __forceinline__ uint32_t load_bits(const char *element) {
  if constexpr (kType == GAVEL_F32) {
    return *reinterpret_cast<const uint32_t *>(element);
  } else {
    return *reinterpret_cast<const uint16_t *>(element);
  }
}

// Puts one element in front of the others; the last one falls out.
template <int32_t kType>
__device__ __forceinline__ void push_front(Raw<kType> &raw, uint32_t bits) {
  uint4 &low = raw.words[0];
  if constexpr (kType == GAVEL_F32) {
    raw.words[1] = {low.w, raw.words[1].x, raw.words[1].y, raw.words[1].z};
    low = {bits, low.x, low.y, low.z};
  } else {
    low = {low.x << 16 | bits, low.y << 16 | low.x >> 16, low.z << 16 | low.y >> 16, low.w << 16 | low.z >> 16};
  }
}

// Elements from[0 .. count - 1] and zeros behind them. One at a time and not written out: eight loads, each with its test, would be most of the
// code of a kernel, for rows that are rare. Those behind the first find their sector in the L1 cache.
template <int32_t kType>
__device__ inline Raw<kType> load_raw_one_by_one(const char *from, int count) {
  Raw<kType> raw = {};
  GAVEL_UNROLL_BY(1)
  for (int i = kChunk - 1; i >= 0; --i) {
    push_front<kType>(raw, i < count ? load_bits<kType>(from + i * kElementBytes<kType>) : 0);
  }
  return raw;
}

// Elements k .. k + 7 of two rows of `width` elements, one behind the other; zeros behind them.
template <int32_t kType>
__device__ inline Raw<kType> load_raw_across(const void *first, const void *second, int64_t k, int64_t width) {
  Raw<kType> raw = {};
  GAVEL_UNROLL_BY(1)
  for (int i = kChunk - 1; i >= 0; --i) {
    const int64_t column = k + i < width ? k + i : k + i - width;
    const char *from = static_cast<const char *>(k + i < width ? first : second) + column * kElementBytes<kType>;
    push_front<kType>(raw, column < width ? load_bits<kType>(from) : 0);
  }
  return raw;
}

// Elements k .. k + 7; those from `width` on are zeros and not read. kAligned: the row is aligned to 16 bytes, k and
// width to 8 elements.
// kOnce: the bytes are read once, so that they need not stay in the L1 cache.
template <int32_t kType, bool kAligned, bool kOnce = false>
__device__ inline Raw<kType> load_raw(const void *row, int64_t k, int64_t width) {
  if constexpr (!kAligned) {
    const int64_t left = width - k;
    return load_raw_one_by_one<kType>(static_cast<const char *>(row) + k * kElementBytes<kType>,
                                      left < kChunk ? static_cast<int>(left) : kChunk);
  } else {
    Raw<kType> raw = {};
    if (k >= width) return raw;
    const uint4 *from = reinterpret_cast<const uint4 *>(static_cast<const char *>(row) + k * kElementBytes<kType>);
    raw.words[0] = kOnce ? load_stream_16(from) : *from;
    if constexpr (kType == GAVEL_F32) raw.words[1] = kOnce ? load_stream_16(from + 1) : from[1];
    return raw;
  }
}

template <int32_t kType>
__device__ inline void widen_raw(const Raw<kType> &raw, float out[kChunk]) {
  if constexpr (kType == GAVEL_F32) {
    for (int half = 0; half < 2; ++half) {
      out[4 * half] = __uint_as_float(raw.words[half].x);
      out[4 * half + 1] = __uint_as_float(raw.words[half].y);
      out[4 * half + 2] = __uint_as_float(raw.words[half].z);
      out[4 * half + 3] = __uint_as_float(raw.words[half].w);
    }
  } else {
    const uint32_t words[4] = {raw.words[0].x, raw.words[0].y, raw.words[0].z, raw.words[0].w};
    for (int i = 0; i < 4; ++i) {
      out[2 * i] = widen<kType>(static_cast<uint16_t>(words[i]));
      out[2 * i + 1] = widen<kType>(static_cast<uint16_t>(words[i] >> 16));
    }
  }
}

// Rounds to nearest even.
template <int32_t kType>
__device__ inline Raw<kType> narrow_raw(const float in[kChunk]) {
  Raw<kType> raw;
  if constexpr (kType == GAVEL_F32) {
    raw.words[0] = {__float_as_uint(in[0]), __float_as_uint(in[1]), __float_as_uint(in[2]), __float_as_uint(in[3])};
    raw.words[1] = {__float_as_uint(in[4]), __float_as_uint(in[5]), __float_as_uint(in[6]), __float_as_uint(in[7])};
  } else {
    const auto pair = [&](int i) {
      return static_cast<uint32_t>(narrow<kType>(in[i])) | static_cast<uint32_t>(narrow<kType>(in[i + 1])) << 16;
    };
    raw.words[0] = {pair(0), pair(2), pair(4), pair(6)};
  }
  return raw;
}

template <int32_t kType>
__device__ inline void store_raw(void *target, const Raw<kType> &raw) {
  uint4 *to = static_cast<uint4 *>(target);
  to[0] = raw.words[0];
  if constexpr (kType == GAVEL_F32) to[1] = raw.words[1];
}

// Elements k .. k + 7 of a row of `width` elements of a parameter, widened; zeros behind its end. k is a multiple of 8.
template <int32_t kType>
__device__ inline void load_parameter_8(const void *row, int64_t k, int64_t width, float out[kChunk]) {
  // Rows of a matrix lie at multiples of 16 bytes only where their width allows it. The test is the same for all threads.
  if (reinterpret_cast<uintptr_t>(row) % 16 == 0 && k + kChunk <= width) {
    widen_raw<kType>(load_raw<kType, true>(row, k, k + kChunk), out);
  } else {
    widen_raw<kType>(load_raw<kType, false>(row, k, width), out);
  }
}

// use(TypeConstant<dtype>()) for a checked float dtype: how host code picks an instance of a kernel.
template <int32_t kType>
struct TypeConstant {
  static constexpr int32_t value = kType;
};
template <typename Use>
void with_type(int32_t dtype, Use &&use) {
  if (dtype == GAVEL_F32) return use(TypeConstant<GAVEL_F32>());
  if (dtype == GAVEL_F16) return use(TypeConstant<GAVEL_F16>());
  use(TypeConstant<GAVEL_BF16>());
}

}  // namespace gavel::cuda

#endif
