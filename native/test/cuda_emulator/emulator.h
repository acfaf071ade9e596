// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// emulator.h: what a test can ask of the emulated CUDA runtime and set in it. Settings hold for the whole process; reset() takes them
// back. Environment: GAVEL_EMULATOR = fibres | threads, GAVEL_EMULATOR_SEED = a number.
#ifndef GAVEL_TEST_CUDA_EMULATOR_EMULATOR_H
#define GAVEL_TEST_CUDA_EMULATOR_EMULATOR_H

#include <cstddef>
#include <cstdint>

#include "runtime.h"

namespace gavel::emulator {

// FIBRES: fast, one OS thread, a random but repeatable order of threads and blocks. THREADS: an OS thread per CUDA thread, two blocks
// at a time; slow, for ThreadSanitizer, which forces it.
enum class EngineKind { FIBRES, THREADS };
EngineKind engine();
void set_engine(EngineKind engine);
// Another seed is another order; the same seed is the same order from here on (FIBRES).
void set_seed(uint64_t seed);

// What was made by the runtime and not yet given back.
struct Live {
  int64_t device_allocations;
  int64_t device_bytes;
  int64_t host_allocations;
  int64_t host_bytes;
  int64_t streams;
  int64_t events;
  int64_t pools;
};
Live live();
inline int64_t live_allocations() {
  return live().device_allocations + live().host_allocations;
}
inline int64_t live_bytes() {
  return live().device_bytes + live().host_bytes;
}

// What the machine has. 0 devices: cudaGetDeviceCount says cudaErrorNoDevice.
void set_device_count(int devices);
// CUDA's numbering (13000 = 13.0); 0: no driver. Below the runtime's major version everything says cudaErrorInsufficientDriver.
void set_driver_version(int version);
void set_device_memory(int64_t bytes);
// 10 major + minor.
void set_compute_capability(int compute_capability);

// The call of this name (as "cudaMalloc") answers `error` once, after `calls_before` calls that work.
void fail_call(const char *function, cudaError_t error, int calls_before = 0);
// From now on every call answers `error`, as after a kernel that wrote to a wrong address.
void lose_device(cudaError_t error);

// From now on host code may touch device memory, which AddressSanitizer otherwise reports: for tests of kernels, whose own code looks at
// what they write.
void let_host_touch_device_memory();

// Kernels run since the process began: what a graph replay or a call with an empty batch really launched.
int64_t launches();

// All settings but engine and seed as at the start; memory stays as it is.
void reset();

}  // namespace gavel::emulator

#endif
