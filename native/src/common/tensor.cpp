// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/tensor.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "common/error.h"

namespace gavel {

const char *dtype_name(int32_t dtype) {
  static constexpr const char *kNames[] = {"none", "f32", "f16", "bf16", "i32", "i64", "u8"};
  return dtype >= 0 && dtype <= GAVEL_U8 ? kNames[dtype] : "unknown dtype";
}

const char *name_text(const TensorName &name, char *text) {
  if (name.index < 0) {
    snprintf(text, kNameText, "%s", name.base);
  } else {
    snprintf(text, kNameText, "%s[%d] (%s)", name.base, name.index, name.meaning);
  }
  return text;
}

const char *tensor_text(const gavel_tensor &tensor, char *text) {
  if (tensor.dtype == GAVEL_NONE) {
    snprintf(text, kTensorText, "absent");
    return text;
  }
  int used = snprintf(text, kTensorText, "%s[", dtype_name(tensor.dtype));
  // A rank out of range is printed as such by the caller; here it only must not lead out of the array.
  const int32_t rank = tensor.rank < 0 ? 0 : tensor.rank > GAVEL_MAX_RANK ? GAVEL_MAX_RANK : tensor.rank;
  for (int32_t i = 0; i < rank; ++i) {
    used += snprintf(text + used, kTensorText - used, i ? ",%" PRId64 : "%" PRId64, tensor.shape[i]);
  }
  snprintf(text + used, kTensorText - used, "]");
  return text;
}

void refuse_tensor(const gavel_tensor &tensor, const TensorName &name, const char *format, ...) {
  char reason[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  char name_buffer[kNameText];
  char tensor_buffer[kTensorText];
  fail(GAVEL_INVALID_ARGUMENT, "%s is %s: %s", name_text(name, name_buffer), tensor_text(tensor, tensor_buffer), reason);
}

namespace {

const char *dtypes_text(Dtypes dtypes, char *text, size_t capacity) {
  size_t used = 0;
  text[0] = 0;
  for (int32_t dtype = GAVEL_F32; dtype <= GAVEL_U8; ++dtype) {
    if (dtypes >> dtype & 1u && used < capacity) {
      used += static_cast<size_t>(snprintf(text + used, capacity - used, used ? " or %s" : "%s", dtype_name(dtype)));
    }
  }
  return text;
}

bool lies_in(const gavel_tensor &tensor, const Memory &memory) {
  switch (tensor.device_type) {
    case GAVEL_CPU:
      return memory.host && tensor.device_id == 0;
    case GAVEL_CUDA_HOST:
      return tensor.device_id == 0;
    case GAVEL_CUDA:
      return memory.cuda_device >= 0 && tensor.device_id == memory.cuda_device;
    default:
      return false;
  }
}

const char *memory_text(const Memory &memory, char *text, size_t capacity) {
  size_t used = 0;
  text[0] = 0;
  if (memory.cuda_device >= 0) {
    used = static_cast<size_t>(snprintf(text, capacity, "GAVEL_CUDA (2), id %d, or ", memory.cuda_device));
  }
  snprintf(text + used, capacity - used, "%sGAVEL_CUDA_HOST (3), id 0", memory.host ? "GAVEL_CPU (1) or " : "");
  return text;
}

const char *shape_text(Shape shape, char *text, size_t capacity) {
  size_t used = static_cast<size_t>(snprintf(text, capacity, "["));
  bool later = false;
  for (const int64_t length : shape) {
    if (later) used += static_cast<size_t>(snprintf(text + used, capacity - used, ","));
    later = true;
    used += static_cast<size_t>(length == kAny ? snprintf(text + used, capacity - used, "*")
                                               : snprintf(text + used, capacity - used, "%" PRId64, length));
  }
  snprintf(text + used, capacity - used, "]");
  return text;
}

void check_kind(const gavel_tensor &tensor, const TensorName &name, const Memory &memory, Dtypes dtypes, Shape shape) {
  char text[112];
  if (tensor.struct_size != sizeof(gavel_tensor)) {
    refuse_tensor(tensor, name, "struct_size is %u; set it to sizeof(gavel_tensor), %zu", tensor.struct_size,
                  sizeof(gavel_tensor));
  }
  if (dtype_size(tensor.dtype) == 0) refuse_tensor(tensor, name, "dtype %d is unknown", tensor.dtype);
  if ((dtypes >> tensor.dtype & 1u) == 0) {
    refuse_tensor(tensor, name, "the dtype must be %s", dtypes_text(dtypes, text, sizeof text));
  }
  if (!lies_in(tensor, memory)) {
    refuse_tensor(tensor, name, "it lies on device type %d, id %d; this call takes %s: copy it there first", tensor.device_type,
                  tensor.device_id, memory_text(memory, text, sizeof text));
  }
  if (tensor.reserved != 0) refuse_tensor(tensor, name, "reserved is %u; set it to 0", tensor.reserved);
  if (tensor.rank != static_cast<int32_t>(shape.size())) {
    refuse_tensor(tensor, name, "the rank is %d; the shape must be %s", tensor.rank, shape_text(shape, text, sizeof text));
  }
}

// Fills view.shape, view.stride and view.extent_bytes.
void check_walk(const gavel_tensor &tensor, const TensorName &name, Shape shape, bool written, Tensor &view) {
  const int32_t rank = tensor.rank;
  bool empty = false;
  for (int32_t i = 0; i < GAVEL_MAX_RANK; ++i) {
    const int64_t length = tensor.shape[i];
    const int64_t stride = tensor.stride[i];
    if (i >= rank) {
      if (length != 0 || stride != 0)
        refuse_tensor(tensor, name, "shape[%d] and stride[%d] must be 0 for a rank of %d", i, i, rank);
      continue;
    }
    const int64_t expected = shape.begin()[i];
    if (length < 0 || (expected != kAny && length != expected)) {
      char text[112];
      refuse_tensor(tensor, name, "the shape must be %s", shape_text(shape, text, sizeof text));
    }
    if (stride < 0) refuse_tensor(tensor, name, "stride[%d] is %" PRId64 "; strides may not be negative", i, stride);
    if (i == rank - 1 && length > 1 && stride != 1) {
      refuse_tensor(tensor, name, "stride[%d] is %" PRId64 "; the last dimension must be contiguous (stride 1)", i, stride);
    }
    empty = empty || length == 0;
    view.shape[i] = length;
    view.stride[i] = i == rank - 1 ? 1 : stride;
  }
  if (tensor.byte_length < 0) refuse_tensor(tensor, name, "byte_length is %" PRId64, tensor.byte_length);
  if (empty) return;

  int64_t last = 0;  // element the walk reaches last, from inner to outer dimensions
  for (int32_t i = rank - 1; i >= 0; --i) {
    if (view.shape[i] == 1) continue;
    if (written && view.stride[i] <= last && i != rank - 1) {
      refuse_tensor(tensor, name,
                    "stride[%d] is %" PRId64 ", but one inner part has %" PRId64 " elements: an output may not overlap itself",
                    i, view.stride[i], last + 1);
    }
    int64_t step;
    if (__builtin_mul_overflow(view.shape[i] - 1, view.stride[i], &step) || __builtin_add_overflow(last, step, &last)) {
      refuse_tensor(tensor, name, "shape and stride [%" PRId64 "] reach beyond 2^63 elements", view.stride[i]);
    }
  }
  if (__builtin_add_overflow(last, 1, &last) || __builtin_mul_overflow(last, dtype_size(tensor.dtype), &view.extent_bytes)) {
    refuse_tensor(tensor, name, "its walk is longer than 2^63 bytes");
  }
  if (view.extent_bytes > tensor.byte_length) {
    refuse_tensor(tensor, name, "its walk needs %" PRId64 " bytes, but byte_length is %" PRId64, view.extent_bytes,
                  tensor.byte_length);
  }
}

void check_data(const gavel_tensor &tensor, const TensorName &name, const Tensor &view) {
  if (view.extent_bytes == 0) return;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(tensor.data);
  if (begin == 0) refuse_tensor(tensor, name, "data is NULL");
  if (begin % static_cast<uintptr_t>(dtype_size(tensor.dtype)) != 0) {
    refuse_tensor(tensor, name, "data is at address %p; it must be aligned to %d bytes", tensor.data,
                  static_cast<int>(dtype_size(tensor.dtype)));
  }
  uintptr_t end;
  if (__builtin_add_overflow(begin, static_cast<uintptr_t>(view.extent_bytes), &end)) {
    refuse_tensor(tensor, name, "its walk goes beyond the end of the address space");
  }
}

}  // namespace

bool is_absent(const gavel_tensor &tensor, const TensorName &name) {
  if (tensor.dtype != GAVEL_NONE) return false;
  if (tensor.struct_size != 0 && tensor.struct_size != sizeof(gavel_tensor)) {
    refuse_tensor(tensor, name, "struct_size is %u; set it to sizeof(gavel_tensor), %zu", tensor.struct_size,
                  sizeof(gavel_tensor));
  }
  static_assert(sizeof(gavel_tensor) == 6 * 4 + 10 * 8, "a new field must be looked at here");
  // Field by field: a small call has twenty such tensors and little else to do, and a call of memcmp for each would show.
  int64_t others = tensor.device_type | tensor.device_id | tensor.rank | static_cast<int32_t>(tensor.reserved);
  for (int k = 0; k < GAVEL_MAX_RANK; ++k) others |= tensor.shape[k] | tensor.stride[k];
  if (others != 0 || tensor.data != nullptr || tensor.byte_length != 0) {
    refuse_tensor(tensor, name, "its dtype is GAVEL_NONE, but other fields are not 0; set the dtype, or clear the tensor");
  }
  return true;
}

Tensor check_tensor(const gavel_tensor &caller, const TensorName &name, const Memory &memory, Dtypes dtypes, Shape shape,
                    bool written) {
  // A copy: what was checked is what is used, whatever another thread does to the caller's memory meanwhile.
  const gavel_tensor tensor = caller;
  if (tensor.dtype == GAVEL_NONE) refuse_tensor(tensor, name, "this call needs it");
  check_kind(tensor, name, memory, dtypes, shape);
  Tensor view;
  check_walk(tensor, name, shape, written, view);
  check_data(tensor, name, view);
  // The device reads through this address later, on its own, where a wrong one would end every use of the device by this process.
  if (view.extent_bytes > 0 && memory.check_place != nullptr && tensor.device_type != GAVEL_CPU) {
    memory.check_place(memory.asked, tensor.data, tensor.device_type, name);
  }
  view.dtype = tensor.dtype;
  view.rank = tensor.rank;
  view.data = static_cast<char *>(tensor.data);
  return view;
}

int64_t multiply_sizes(int64_t a, int64_t b, const char *what) {
  int64_t product;
  GAVEL_CHECK(!__builtin_mul_overflow(a, b, &product), "%s: %" PRId64 " x %" PRId64 " does not fit 63 bits", what, a, b);
  return product;
}

int64_t add_sizes(int64_t a, int64_t b, const char *what) {
  int64_t sum;
  GAVEL_CHECK(!__builtin_add_overflow(a, b, &sum), "%s: %" PRId64 " + %" PRId64 " does not fit 63 bits", what, a, b);
  return sum;
}

}  // namespace gavel
