// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/cuda_error.h"

#include <cxxabi.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "common/error.h"

namespace gavel::cuda {
namespace {

// CUDA numbers devices from 0; no machine has as many.
constexpr int kMostDevices = 256;
std::atomic<int> lost_errors[kMostDevices];

// After these the context of the process on the device is gone: the driver answers every further call with them.
bool is_sticky(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorContained:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorContextIsDestroyed:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorMpsClientTerminated:
    case cudaErrorExternalDevice:
      return true;
    default:
      return false;
  }
}

// The device it was may not be asked for any more, but the runtime keeps its number for the thread.
void remember(cudaError_t error) noexcept {
  if (!is_sticky(error)) return;
  int device = 0;
  cudaGetDevice(&device);
  if (device >= 0 && device < kMostDevices) lost_errors[device].store(error, std::memory_order_relaxed);
}

}  // namespace

void fail_cuda(cudaError_t error, const char *what) {
  remember(error);
  // The runtime would report it again to whoever asks for the last error.
  cudaGetLastError();
  const bool sticky = is_sticky(error);
  Failure failure(sticky                               ? GAVEL_DEVICE_LOST
                  : error == cudaErrorMemoryAllocation ? GAVEL_OUT_OF_DEVICE_MEMORY
                                                       : GAVEL_INTERNAL,
                  error);
  snprintf(failure.buffer(), GAVEL_MESSAGE_CAPACITY, "%s failed: CUDA says %s (%s)%s", what, cudaGetErrorName(error),
           cudaGetErrorString(error), sticky ? "; the device is lost to this process: start a new one" : "");
  throw failure;
}

void fail_launch(cudaError_t error, const void *kernel, dim3 grid, unsigned block, size_t dynamic_shared_bytes) {
  const char *symbol = nullptr;
  if (cudaFuncGetName(&symbol, kernel) != cudaSuccess) symbol = nullptr;
  int status = 0;
  char *name = symbol != nullptr ? abi::__cxa_demangle(symbol, nullptr, nullptr, &status) : nullptr;
  char what[GAVEL_MESSAGE_CAPACITY / 2];
  snprintf(what, sizeof what, "launching %.120s with %u x %u x %u blocks of %u threads and %zu bytes of shared memory",
           name != nullptr     ? name
           : symbol != nullptr ? symbol
                               : "a kernel",
           grid.x, grid.y, grid.z, block, dynamic_shared_bytes);
  free(name);
  fail_cuda(error, what);
}

void note(cudaError_t error) noexcept {
  if (error == cudaSuccess) return;
  remember(error);
  cudaGetLastError();
}

cudaError_t lost_error(int device) noexcept {
  return device >= 0 && device < kMostDevices ? static_cast<cudaError_t>(lost_errors[device].load(std::memory_order_relaxed))
                                              : cudaSuccess;
}

void require_device(int device) {
  const cudaError_t error = lost_error(device);
  if (error == cudaSuccess) return;
  Failure failure(GAVEL_DEVICE_LOST, error);
  snprintf(failure.buffer(), GAVEL_MESSAGE_CAPACITY,
           "device %d was lost to this process by an earlier %s (%s); nothing on it can be used any more: start a new process",
           device, cudaGetErrorName(error), cudaGetErrorString(error));
  throw failure;
}

}  // namespace gavel::cuda
