// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_error.h: from a cudaError_t to a Failure, with the runtime's own code and text.
#ifndef GAVEL_CUDA_CUDA_ERROR_H
#define GAVEL_CUDA_CUDA_ERROR_H

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace gavel::cuda {

// Throws Failure with `error` as its vendor code, saying that `what` (as "copying the parameters") failed. A sticky error, after which
// the driver answers nothing any more, is GAVEL_DEVICE_LOST and is remembered for the device, see lost_error.
[[noreturn]] void fail_cuda(cudaError_t error, const char *what);
[[noreturn]] void fail_launch(cudaError_t error, const void *kernel, dim3 grid, unsigned block, size_t dynamic_shared_bytes);

inline void check(cudaError_t error, const char *what) {
  if (error != cudaSuccess) [[unlikely]] {
    fail_cuda(error, what);
  }
}

// For destructors, which can report nothing: remembers a sticky error, forgets any other.
void note(cudaError_t error) noexcept;

// The sticky error a device was lost to, cudaSuccess while it works. Nothing brings a device back but a new process.
cudaError_t lost_error(int device) noexcept;
// Throws GAVEL_DEVICE_LOST where that is so.
void require_device(int device);

}  // namespace gavel::cuda

#endif
