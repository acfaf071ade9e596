// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// buffer.h: memory the library owns for its caller, copies between places, and where a pointer points to.
#ifndef GAVEL_CUDA_BUFFER_H
#define GAVEL_CUDA_BUFFER_H

#include <cstdint>

#include "common/tensor.h"
#include "cuda/context.h"
#include "cuda/stream.h"

namespace gavel::cuda {

// All want an ActiveDevice.
struct Buffer {
  // device_type: GAVEL_CUDA or GAVEL_CUDA_HOST. stream: null, or the stream in whose order device memory is made and freed, which must
  // outlive the buffer (pinned memory takes no notice of it). Not initialised, aligned to 256 bytes.
  Buffer(Context &context, int32_t device_type, int64_t bytes, Stream *stream);
  // Wants no StreamUse: freeing in the order of a stream may happen beside a call on it.
  ~Buffer();
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  Context &context;
  Stream *const stream;
  void *data = nullptr;  // null where bytes is 0
  const int64_t bytes;

 private:
  DeviceBytes device_;
  PinnedBytes pinned_;
};

// target = source: one dtype and shape, rank 1 or 2, rows may be padded, each in pageable, pinned or device memory (copy.cpp).
void enqueue_copy(const Tensor &source, const Tensor &target, Stream &stream);

// Throws GAVEL_INVALID_ARGUMENT where `data` does not lie where its descriptor says (device_type GAVEL_CPU, GAVEL_CUDA or
// GAVEL_CUDA_HOST): a host pointer passed as device memory, memory of another device. Null is accepted. About a microsecond.
void require_place(const Context &context, const void *data, int32_t device_type, const TensorName &name);

}  // namespace gavel::cuda

#endif
