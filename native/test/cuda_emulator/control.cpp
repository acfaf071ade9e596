// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include "machine.h"

namespace {

void on_stream(void *stream, const std::function<void()> &work) {
  using namespace gavel::emulator;
  const Lock lock(machine().mutex);
  enqueue(stream_of(static_cast<cudaStream_t>(stream)), [work] {
    const DeviceAccess access;
    work();
  });
}

const gavel::emulator::Control kControl = {
    .live = gavel::emulator::live,
    .launches = gavel::emulator::launches,
    .set_seed = gavel::emulator::set_seed,
    .set_device_count = gavel::emulator::set_device_count,
    .set_driver_version = gavel::emulator::set_driver_version,
    .set_device_memory = gavel::emulator::set_device_memory,
    .set_compute_capability = gavel::emulator::set_compute_capability,
    .fail_call = gavel::emulator::fail_call,
    .lose_device = gavel::emulator::lose_device,
    .reset = gavel::emulator::reset,
    .on_stream = on_stream,
    .set_device = cudaSetDevice,
    .get_device = cudaGetDevice,
    .stream_create = cudaStreamCreateWithFlags,
    .stream_destroy = cudaStreamDestroy,
    .begin_capture = cudaStreamBeginCapture,
    .end_capture = cudaStreamEndCapture,
    .instantiate = cudaGraphInstantiate,
    .launch_graph = cudaGraphLaunch,
    .destroy_instance = cudaGraphExecDestroy,
    .destroy_graph = cudaGraphDestroy,
};

}  // namespace

const gavel::emulator::Control *gavel_cuda_emulator(void) {
  return &kControl;
}
