// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// device.cpp: devices, versions, errors, and the settings of emulator.h.
#include <cstdlib>
#include <cstring>

#include "engine.h"
#include "machine.h"

namespace gavel::emulator {
namespace {

thread_local int device_in_use = 0;
thread_local cudaError_t last_error = cudaSuccess;

struct Settings {
  EngineKind engine;
  uint64_t seed;
  uint64_t launches = 0;
};

Settings from_environment() {
  Settings settings{};
#ifdef __SANITIZE_THREAD__
  settings.engine = EngineKind::THREADS;  // ThreadSanitizer knows nothing of a stack that was switched by hand
#else
  const char *engine = std::getenv("GAVEL_EMULATOR");
  if (engine == nullptr || std::strcmp(engine, "fibres") == 0) {
    settings.engine = EngineKind::FIBRES;
  } else if (std::strcmp(engine, "threads") == 0) {
    settings.engine = EngineKind::THREADS;
  } else {
    stop("GAVEL_EMULATOR is '%s'; say fibres or threads", engine);
  }
#endif
  const char *seed = std::getenv("GAVEL_EMULATOR_SEED");
  if (seed != nullptr) {
    char *end = nullptr;
    settings.seed = std::strtoull(seed, &end, 10);
    if (end == seed || *end != 0) stop("GAVEL_EMULATOR_SEED is '%s'; say a number", seed);
  }
  return settings;
}

Settings &settings() {
  static Settings settings = from_environment();
  return settings;
}

struct ErrorText {
  cudaError_t error;
  const char *name;
  const char *text;
};
#define GAVEL_EMULATED_ERROR(name, text) \
  { name, #name, text }
constexpr ErrorText kErrors[] = {
    GAVEL_EMULATED_ERROR(cudaSuccess, "no error"),
    GAVEL_EMULATED_ERROR(cudaErrorInvalidValue, "invalid argument"),
    GAVEL_EMULATED_ERROR(cudaErrorMemoryAllocation, "out of memory"),
    GAVEL_EMULATED_ERROR(cudaErrorInitializationError, "initialization error"),
    GAVEL_EMULATED_ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    GAVEL_EMULATED_ERROR(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    GAVEL_EMULATED_ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    GAVEL_EMULATED_ERROR(cudaErrorInvalidDevice, "invalid device ordinal"),
    GAVEL_EMULATED_ERROR(cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device"),
    GAVEL_EMULATED_ERROR(cudaErrorECCUncorrectable, "uncorrectable ECC error encountered"),
    GAVEL_EMULATED_ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    GAVEL_EMULATED_ERROR(cudaErrorNotReady, "device not ready"),
    GAVEL_EMULATED_ERROR(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    GAVEL_EMULATED_ERROR(cudaErrorLaunchFailure, "unspecified launch failure"),
    GAVEL_EMULATED_ERROR(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
};

}  // namespace

Machine &machine() {
  // Never destroyed: objects with static storage may still free device memory.
  static Machine &machine = *new Machine;
  return machine;
}

cudaError_t begin_call(const char *function) {
  Machine &m = machine();
  const auto planned = m.planned.find(function);
  if (planned != m.planned.end() && planned->second.calls_before-- == 0) {
    const cudaError_t error = planned->second.error;
    m.planned.erase(planned);
    return error;
  }
  if (m.driver_version / 1000 < CUDART_VERSION / 1000) return cudaErrorInsufficientDriver;
  if (m.devices == 0) return cudaErrorNoDevice;
  return m.lost;
}

cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
  return error;
}

int &current_device() {
  return device_in_use;
}

EngineKind engine() {
  return settings().engine;
}

void set_engine([[maybe_unused]] EngineKind engine) {
#ifndef __SANITIZE_THREAD__
  settings().engine = engine;
#endif
}

void set_seed(uint64_t seed) {
  settings().seed = seed;
  settings().launches = 0;
}

uint64_t next_seed() {
  return settings().seed * 1000003 + settings().launches++;
}

void set_device_count(int devices) {
  Lock lock(machine().mutex);
  machine().devices = devices;
}

void set_driver_version(int version) {
  Lock lock(machine().mutex);
  machine().driver_version = version;
}

void set_device_memory(int64_t bytes) {
  Lock lock(machine().mutex);
  machine().device_memory = bytes;
}

void set_compute_capability(int compute_capability) {
  Lock lock(machine().mutex);
  machine().compute_capability = compute_capability;
}

void fail_call(const char *function, cudaError_t error, int calls_before) {
  Lock lock(machine().mutex);
  machine().planned[function] = {error, calls_before};
}

void lose_device(cudaError_t error) {
  Lock lock(machine().mutex);
  machine().lost = error;
}

int64_t launches() {
  Lock lock(machine().mutex);
  return machine().launches;
}

void reset() {
  Lock lock(machine().mutex);
  Machine &m = machine();
  const Machine fresh;
  m.devices = fresh.devices;
  m.driver_version = fresh.driver_version;
  m.device_memory = fresh.device_memory;
  m.compute_capability = fresh.compute_capability;
  m.lost = fresh.lost;
  m.planned.clear();
  last_error = cudaSuccess;
  device_in_use = 0;
}

}  // namespace gavel::emulator

using namespace gavel::emulator;

cudaError_t cudaDriverGetVersion(int *version) {
  Lock lock(machine().mutex);
  *version = machine().driver_version;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count) {
  *count = 0;
  GAVEL_EMULATED_CALL("cudaGetDeviceCount");
  *count = machine().devices;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
  GAVEL_EMULATED_CALL("cudaGetDevice");
  *device = current_device();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  GAVEL_EMULATED_CALL("cudaSetDevice");
  if (device < 0 || device >= machine().devices) return result(cudaErrorInvalidDevice);
  current_device() = device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device) {
  GAVEL_EMULATED_CALL("cudaGetDeviceProperties");
  if (device < 0 || device >= machine().devices) return result(cudaErrorInvalidDevice);
  *properties = {};
  std::strcpy(properties->name, "emulated CUDA device");
  properties->totalGlobalMem = static_cast<size_t>(machine().device_memory);
  properties->major = machine().compute_capability / 10;
  properties->minor = machine().compute_capability % 10;
  properties->multiProcessorCount = 4;
  properties->sharedMemPerBlockOptin = 227 * 1024;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
  GAVEL_EMULATED_CALL("cudaDeviceGetAttribute");
  if (device < 0 || device >= machine().devices) return result(cudaErrorInvalidDevice);
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = 1024;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = 48 * 1024;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = (machine().compute_capability >= 90 ? 227 : 163) * 1024;
      return cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
      *value = 4;
      return cudaSuccess;
    case cudaDevAttrL2CacheSize:
      *value = 50 << 20;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
      *value = machine().compute_capability / 10;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = machine().compute_capability % 10;
      return cudaSuccess;
    case cudaDevAttrMemoryPoolsSupported:
      *value = 1;
      return cudaSuccess;
  }
  return result(cudaErrorInvalidValue);
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  return last_error;
}

const char *cudaGetErrorName(cudaError_t error) {
  for (const ErrorText &known : kErrors) {
    if (known.error == error) return known.name;
  }
  return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
  for (const ErrorText &known : kErrors) {
    if (known.error == error) return known.text;
  }
  return "unrecognized error code";
}
