// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// machine.h: the emulated machine behind runtime.h: its devices, memory, streams, and the errors a test has set.
#ifndef GAVEL_TEST_CUDA_EMULATOR_MACHINE_H
#define GAVEL_TEST_CUDA_EMULATOR_MACHINE_H

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "emulator.h"
#include "guarded.h"
#include "runtime.h"

struct CUgraph_st {
  std::vector<std::function<void()>> work;
};
struct CUgraphExec_st {
  std::vector<std::function<void()>> work;
};
struct CUstream_st {
  int device = 0;
  std::shared_ptr<CUgraph_st> capture;  // null: not capturing
  bool began_capture = false;
};
struct CUevent_st {
  std::shared_ptr<CUgraph_st> capture;
  bool recorded = false;
};
struct CUmemPool_st {
  int device = 0;
};

namespace gavel::emulator {

struct Allocation {
  std::unique_ptr<Guarded> memory;
  cudaMemoryType type;
  int device;
};

struct PlannedFailure {
  cudaError_t error;
  int calls_before;
};

struct Machine {
  // One lock for everything; a kernel runs under it.
  std::recursive_mutex mutex;

  int devices = 1;
  int driver_version = CUDART_VERSION;
  int64_t device_memory = int64_t{8} << 30;
  int compute_capability = 90;
  cudaError_t lost = cudaSuccess;
  std::map<std::string, PlannedFailure> planned;

  std::map<uintptr_t, Allocation> allocations;  // by first byte
  std::set<cudaStream_t> streams;
  std::set<cudaEvent_t> events;
  std::set<cudaMemPool_t> pools;
  CUstream_st default_stream;
  std::map<const void *, int> dynamic_shared_limit;  // by kernel
  int64_t launches = 0;
};

Machine &machine();
using Lock = std::lock_guard<std::recursive_mutex>;

// Every call begins with it: what stands in the way of it, cudaSuccess where nothing does.
cudaError_t begin_call(const char *function);
// Remembers the error for cudaGetLastError.
cudaError_t result(cudaError_t error);
int &current_device();

// The stream behind a handle; aborts where it is none.
CUstream_st &stream_of(cudaStream_t stream);
// Aborts where a stream captures: the call `function` is not allowed then.
void refuse_capture(const char *function, cudaStream_t stream);
void refuse_any_capture(const char *function);
// Runs the work, or records it.
void enqueue(CUstream_st &stream, std::function<void()> work);

// The allocation that holds a byte, null where none does.
Allocation *find_allocation(const void *pointer);

// Device memory may be touched while one of these lives (with AddressSanitizer; without it, always).
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess &) = delete;
  DeviceAccess &operator=(const DeviceAccess &) = delete;
};

#define GAVEL_EMULATED_CALL(function)                   \
  ::gavel::emulator::Lock lock(machine().mutex);        \
  do {                                                  \
    const cudaError_t stopped = begin_call(function);   \
    if (stopped != cudaSuccess) return result(stopped); \
  } while (false)

}  // namespace gavel::emulator

#endif
