// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// launch.h: starting a kernel.
#ifndef GAVEL_CUDA_LAUNCH_H
#define GAVEL_CUDA_LAUNCH_H

#include "cuda/cuda_error.h"
#include "cuda/device.h"

namespace gavel::cuda {

// Dynamic shared memory that every device gives without being asked.
constexpr size_t kPlainSharedBytes = 48 * 1024;

namespace detail {

template <typename... Parameters, typename... Arguments>
void launch(bool early, void (*kernel)(Parameters...), dim3 grid, unsigned block, size_t dynamic_shared_bytes,
            cudaStream_t stream, Arguments &&...arguments) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  const cudaLaunchConfig_t config = {grid, dim3(block), dynamic_shared_bytes, stream, &attribute, early ? 1u : 0u};
  cudaError_t error = cudaSuccess;
  if (dynamic_shared_bytes > kPlainSharedBytes) {
    error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(dynamic_shared_bytes));
  }
  if (error == cudaSuccess) {
    error = cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  }
  if (error != cudaSuccess) [[unlikely]] {
    fail_launch(error, reinterpret_cast<const void *>(kernel), grid, block, dynamic_shared_bytes);
  }
}

}  // namespace detail

// Enqueues kernel<<<grid, block, dynamic_shared_bytes, stream>>>(arguments...). Throws Failure where that is refused; what goes wrong
// while the kernel runs shows at the next wait for the stream. A grid of 0 blocks is refused: an empty batch launches nothing.
template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, unsigned block, size_t dynamic_shared_bytes, cudaStream_t stream,
            Arguments &&...arguments) {
  detail::launch(false, kernel, grid, block, dynamic_shared_bytes, stream, arguments...);
}

// The same, but the kernel may start before the one in front of it in the stream has ended: it must call wait_for_previous_kernel() before it
// touches anything that the other writes or reads. Only on devices where that waits (Context::overlaps_launches).
template <typename... Parameters, typename... Arguments>
void launch_early(void (*kernel)(Parameters...), dim3 grid, unsigned block, size_t dynamic_shared_bytes, cudaStream_t stream,
                  Arguments &&...arguments) {
  detail::launch(true, kernel, grid, block, dynamic_shared_bytes, stream, arguments...);
}

}  // namespace gavel::cuda

#endif
