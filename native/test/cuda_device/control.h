// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// control.h of tests on a real device: the CUDA runtime under the names that tests use on the emulator (cuda_emulator/control.h). What
// only an emulator can do or count is nothing here.
#ifndef GAVEL_TEST_CUDA_DEVICE_CONTROL_H
#define GAVEL_TEST_CUDA_DEVICE_CONTROL_H

#include <cuda_runtime.h>

#include <cstdint>

#define GAVEL_TEST_ON_DEVICE 1

namespace gavel::emulator {

// Contexts are made on the first one.
constexpr int32_t kTestDevices = 1;

struct Live {
  int64_t device_allocations = 0;
  int64_t host_allocations = 0;
  int64_t streams = 0;
  int64_t events = 0;
};

struct Control {
  static Live live() { return {}; }
  static void set_seed(uint64_t) {}
  static void set_device_count(int) {}
  static cudaError_t set_device(int device) { return cudaSetDevice(device); }
  static cudaError_t get_device(int *device) { return cudaGetDevice(device); }
  static cudaError_t stream_create(cudaStream_t *stream, unsigned flags) { return cudaStreamCreateWithFlags(stream, flags); }
  static cudaError_t stream_destroy(cudaStream_t stream) { return cudaStreamDestroy(stream); }
  static cudaError_t begin_capture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    return cudaStreamBeginCapture(stream, mode);
  }
  static cudaError_t end_capture(cudaStream_t stream, cudaGraph_t *graph) { return cudaStreamEndCapture(stream, graph); }
  static cudaError_t instantiate(cudaGraphExec_t *instance, cudaGraph_t graph, unsigned long long flags) {
    return cudaGraphInstantiate(instance, graph, flags);
  }
  static cudaError_t launch_graph(cudaGraphExec_t instance, cudaStream_t stream) { return cudaGraphLaunch(instance, stream); }
  static cudaError_t destroy_instance(cudaGraphExec_t instance) { return cudaGraphExecDestroy(instance); }
  static cudaError_t destroy_graph(cudaGraph_t graph) { return cudaGraphDestroy(graph); }
};

}  // namespace gavel::emulator

#endif
