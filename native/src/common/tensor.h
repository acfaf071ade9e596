// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// tensor.h: a caller's gavel_tensor, checked once and then safe to walk.
//
// Nothing else in the library looks at a gavel_tensor: entry points turn each one into a Tensor with call_tensors.h.
#ifndef GAVEL_COMMON_TENSOR_H
#define GAVEL_COMMON_TENSOR_H

#include <cstdint>
#include <initializer_list>

#include "gavel/gavel.h"

namespace gavel {

// Bytes of one element, 0 for an unknown dtype.
inline int64_t dtype_size(int32_t dtype) {
  constexpr int8_t kSizes[] = {0, 4, 2, 2, 4, 8, 1};
  return dtype >= 0 && dtype <= GAVEL_U8 ? kSizes[dtype] : 0;
}
const char *dtype_name(int32_t dtype);  // "f32", ..., "none", or "unknown dtype"
inline bool is_float_dtype(int32_t dtype) {
  return dtype >= GAVEL_F32 && dtype <= GAVEL_BF16;
}

// A set of dtypes, as bits.
using Dtypes = uint32_t;
constexpr Dtypes only(int32_t dtype) {
  return 1u << dtype;
}
constexpr Dtypes kFloatDtypes = only(GAVEL_F32) | only(GAVEL_F16) | only(GAVEL_BF16);

// Name of a tensor in messages: a plain one ("hidden"), or one of an array, with what it stands for
// ("parameters[3] (hidden.0.weight)"). Put together only when it is printed.
struct TensorName {
  const char *base;
  int32_t index = -1;
  const char *meaning = nullptr;
  TensorName(const char *plain) : base(plain) {}  // NOLINT: implicit, so that input(t, "hidden", ...) reads well
  TensorName(const char *array, int32_t position, const char *what) : base(array), index(position), meaning(what) {}
};
// Text of a name; `text` holds at least kNameText bytes. Returns text.
constexpr int64_t kNameText = 96;
const char *name_text(const TensorName &name, char *text);

// A checked view. Absent: dtype GAVEL_NONE, data null. Entries of shape and stride from rank on are 1 and 0.
struct Tensor {
  int32_t dtype = GAVEL_NONE;
  int32_t rank = 0;
  int64_t shape[GAVEL_MAX_RANK] = {1, 1, 1, 1};
  int64_t stride[GAVEL_MAX_RANK] = {0, 0, 0, 0};  // elements; of the last dimension always 1
  char *data = nullptr;
  int64_t extent_bytes = 0;  // from the first byte of the walk to behind the last one; 0 where a shape is 0

  bool present() const { return dtype != GAVEL_NONE; }
  // Start of row i of a tensor of rank 2 (or element i of rank 1).
  char *at(int64_t i) const { return data + i * stride[0] * dtype_size(dtype); }
  template <typename Element>
  Element *row(int64_t i) const {
    return reinterpret_cast<Element *>(data) + i * stride[0];
  }
  template <typename Element>
  Element *as() const {
    return reinterpret_cast<Element *>(data);
  }
};

// Columns begin .. begin + width - 1 of an f32 matrix; an absent one stays absent.
inline Tensor columns(Tensor matrix, int64_t begin, int64_t width) {
  if (!matrix.present()) return matrix;
  matrix.shape[1] = width;
  if (matrix.data != nullptr) matrix.data += begin * static_cast<int64_t>(sizeof(float));
  return matrix;
}

// Any length is accepted for a dimension given as kAny.
constexpr int64_t kAny = -1;
using Shape = std::initializer_list<int64_t>;

// Memory that the tensors of a call may lie in. CUDA_HOST is welcome everywhere.
struct Memory {
  bool host = true;          // GAVEL_CPU
  int32_t cuda_device = -1;  // number of the CUDA device, -1: none

  // Asks the driver: throws Failure where data is not in memory of that device type (GAVEL_CUDA, GAVEL_CUDA_HOST). Null where there is
  // no driver.
  void (*check_place)(void *asked, const void *data, int32_t device_type, const TensorName &name) = nullptr;
  void *asked = nullptr;
};
constexpr Memory kHostMemory = {};

// True for dtype GAVEL_NONE, whose other fields must be 0 (struct_size may be set): a forgotten dtype is not taken for "absent".
bool is_absent(const gavel_tensor &tensor, const TensorName &name);
// Throws Failure (GAVEL_INVALID_ARGUMENT) with the tensor's name, what was expected and what was found. Checked, in this order:
// struct_size, dtype, device, reserved fields, rank, shape, strides, products and sums for overflow, byte_length, data (null, aligned,
// wrapping, of the memory it is said to be).
Tensor check_tensor(const gavel_tensor &tensor, const TensorName &name, const Memory &memory, Dtypes dtypes, Shape shape,
                    bool written);
// Throws Failure: "NAME is bf16[3,4096]: " and the reason.
[[noreturn]] void refuse_tensor(const gavel_tensor &tensor, const TensorName &name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Text such as "bf16[3,4096]" or "absent"; `text` holds at least kTensorText bytes. Returns text.
constexpr int64_t kTensorText = 128;
const char *tensor_text(const gavel_tensor &tensor, char *text);

// Products of sizes that come from outside; throws Failure naming `what` where the result does not fit.
int64_t multiply_sizes(int64_t a, int64_t b, const char *what);
int64_t add_sizes(int64_t a, int64_t b, const char *what);

}  // namespace gavel

#endif
