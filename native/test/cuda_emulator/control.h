// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// control.h: emulator.h and the CUDA runtime for tests that load emulated/libgavel_cuda.so as a user loads the real one and have no
// other way in: the library's symbol gavel_cuda_emulator is a function that returns this table.
#ifndef GAVEL_TEST_CUDA_EMULATOR_CONTROL_H
#define GAVEL_TEST_CUDA_EMULATOR_CONTROL_H

#include <functional>

#include "cuda_runtime.h"
#include "emulator.h"

namespace gavel::emulator {

// Contexts of tests are made on one after the other.
constexpr int32_t kTestDevices = 2;

struct Control {
  Live (*live)();
  int64_t (*launches)();
  void (*set_seed)(uint64_t seed);
  void (*set_device_count)(int devices);
  void (*set_driver_version)(int version);
  void (*set_device_memory)(int64_t bytes);
  void (*set_compute_capability)(int compute_capability);
  void (*fail_call)(const char *function, cudaError_t error, int calls_before);
  void (*lose_device)(cudaError_t error);
  void (*reset)();
  // Does work of the host in the order of a stream, or puts it into the graph that the stream is captured into.
  void (*on_stream)(void *stream, const std::function<void()> &work);

  cudaError_t (*set_device)(int device);
  cudaError_t (*get_device)(int *device);
  cudaError_t (*stream_create)(cudaStream_t *stream, unsigned flags);
  cudaError_t (*stream_destroy)(cudaStream_t stream);
  cudaError_t (*begin_capture)(cudaStream_t stream, cudaStreamCaptureMode mode);
  cudaError_t (*end_capture)(cudaStream_t stream, cudaGraph_t *graph);
  cudaError_t (*instantiate)(cudaGraphExec_t *instance, cudaGraph_t graph, unsigned long long flags);
  cudaError_t (*launch_graph)(cudaGraphExec_t instance, cudaStream_t stream);
  cudaError_t (*destroy_instance)(cudaGraphExec_t instance);
  cudaError_t (*destroy_graph)(cudaGraph_t graph);
};

}  // namespace gavel::emulator

extern "C" __attribute__((visibility("default"))) const gavel::emulator::Control *gavel_cuda_emulator(void);

#endif
