// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/context.h"

#include <cstdio>
#include <cstring>

#include "common/error.h"

namespace gavel::cuda {
namespace {

// What the pool keeps of freed memory when the device is waited for, so that a loop that makes and frees the same buffers does not go to
// the driver each time, and other users of the device are not starved.
constexpr uint64_t kPoolKeepsBytes = uint64_t{256} << 20;
constexpr int kFaultsPerPage = 64;

[[noreturn]] void fail_unavailable(cudaError_t error, const char *message) {
  cudaGetLastError();
  Failure failure(GAVEL_DEVICE_UNAVAILABLE, error);
  copy_text(failure.buffer(), GAVEL_MESSAGE_CAPACITY, message);
  throw failure;
}

void check_driver(int version) {
  constexpr int kNeeded = CUDART_VERSION / 1000;
  char message[GAVEL_MESSAGE_CAPACITY];
  if (version == 0) {
    snprintf(message, sizeof message,
             "there is no NVIDIA driver on this machine (libcuda.so.1 was not found); install one for CUDA %d or newer, or use "
             "the CPU",
             kNeeded);
    fail_unavailable(cudaErrorInsufficientDriver, message);
  }
  if (version / 1000 < kNeeded) {
    snprintf(message, sizeof message,
             "the NVIDIA driver is too old: it is for CUDA %d.%d, this library needs one for CUDA %d.0 or newer (version 580); "
             "update "
             "it, or use the CPU",
             version / 1000, version % 1000 / 10, kNeeded);
    fail_unavailable(cudaErrorInsufficientDriver, message);
  }
}

void check_count(cudaError_t error, int count, int device) {
  char message[GAVEL_MESSAGE_CAPACITY];
  if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) {
    fail_unavailable(
        cudaErrorNoDevice,
        "the NVIDIA driver finds 0 devices; see what nvidia-smi lists, whether CUDA_VISIBLE_DEVICES hides them and "
        "whether the container was given any");
  }
  if (error != cudaSuccess) {
    snprintf(message, sizeof message, "counting the CUDA devices failed: CUDA says %s (%s)", cudaGetErrorName(error),
             cudaGetErrorString(error));
    fail_unavailable(error, message);
  }
  if (device < 0 || device >= count) {
    snprintf(message, sizeof message, "device %d was asked for; this machine has %d, numbered from 0", device, count);
    fail_unavailable(cudaErrorInvalidDevice, message);
  }
}

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, device), "asking for the properties of the device");
  return value;
}

}  // namespace

Context::Context(int32_t device_number, int32_t wanted_mode, const char *cublaslt) : device(device_number), mode(wanted_mode) {
  find_device();
  // The primary context of the process is made here; a device in exclusive use says so.
  const ActiveDevice active(*this);
  cudaMemPoolProps properties = {};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  if (cublaslt != nullptr) blaslt = std::make_unique<BlasLt>(cublaslt);
  check(cudaMemPoolCreate(&pool, &properties), "making a memory pool");
  uint64_t keep_bytes = kPoolKeepsBytes;
  note(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep_bytes));
}

void Context::find_device() {
  check(cudaDriverGetVersion(&driver_version), "asking for the driver's version");
  check_driver(driver_version);
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  check_count(error, count, device);
  require_device(device);

  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, device), "asking for the properties of the device");
  copy_text(name, sizeof name, properties.name);
  memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
  compute_capability = 10 * properties.major + properties.minor;
  sm_count = properties.multiProcessorCount;
  shared_bytes = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  char message[GAVEL_MESSAGE_CAPACITY];
  if (compute_capability < 80 || attribute(cudaDevAttrMemoryPoolsSupported, device) == 0) {
    snprintf(
        message, sizeof message,
        "device %d (%s) has compute capability %d.%d; 8.0 (Ampere) or newer with memory pools is needed: use another device or "
        "the CPU",
        device, name, compute_capability / 10, compute_capability % 10);
    fail_unavailable(cudaErrorInvalidDevice, message);
  }
}

Context::~Context() {
  int before = 0;
  const bool moved = cudaGetDevice(&before) == cudaSuccess && before != device && cudaSetDevice(device) == cudaSuccess;
  for (const UsedFault &used : used_faults_) {
    note(cudaEventSynchronize(used.done));
    note(cudaEventDestroy(used.done));
  }
  if (!kept_.empty()) note(cudaDeviceSynchronize());
  for (const Kept &kept : kept_) note(cudaFree(kept.memory));
  for (Fault *page : fault_pages_) note(cudaFreeHost(page));
  if (pool != nullptr) note(cudaMemPoolDestroy(pool));
  if (moved) note(cudaSetDevice(before));
}

int64_t Context::free_bytes() const {
  size_t free_now = 0, total = 0;
  check(cudaMemGetInfo(&free_now, &total), "asking for the free memory of the device");
  return static_cast<int64_t>(free_now);
}

void Context::add_faults() {
  PinnedBytes page(*this, static_cast<int64_t>(kFaultsPerPage * sizeof(Fault)), "the fault records of streams");
  // Whatever is thrown from here on, the page has an owner.
  fault_pages_.reserve(fault_pages_.size() + 1);
  free_faults_.reserve(free_faults_.size() + kFaultsPerPage);
  used_faults_.reserve((fault_pages_.size() + 1) * kFaultsPerPage);
  Fault *faults = static_cast<Fault *>(page.release());
  memset(faults, 0, kFaultsPerPage * sizeof(Fault));
  fault_pages_.push_back(faults);
  for (int i = 0; i < kFaultsPerPage; ++i) free_faults_.push_back(faults + i);
}

Fault *Context::take_fault() {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (size_t i = 0; i < used_faults_.size() && free_faults_.empty(); ++i) {
    const cudaError_t state = cudaEventQuery(used_faults_[i].done);
    if (state == cudaErrorNotReady) continue;
    check(state, "asking whether a stream has ended");
    free_faults_.push_back(used_faults_[i].fault);
    note(cudaEventDestroy(used_faults_[i].done));
    used_faults_.erase(used_faults_.begin() + static_cast<ptrdiff_t>(i));
  }
  if (free_faults_.empty()) add_faults();
  Fault *fault = free_faults_.back();
  free_faults_.pop_back();
  *fault = {};
  return fault;
}

void Context::give_back_fault(Fault *fault, cudaEvent_t done) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  // Cannot throw: add_faults has reserved a place for every record there is.
  if (done == nullptr) {
    free_faults_.push_back(fault);
  } else {
    used_faults_.push_back({fault, done});
  }
}

void Context::keep(void *memory, int64_t bytes) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  try {
    kept_.push_back({memory, bytes});
  } catch (const std::bad_alloc &) {
    // The memory stays allocated until the pool ends with the process: better than freeing what a graph reads.
  }
}

ActiveDevice::ActiveDevice(const Context &context) : before_(context.device), changed_(false) {
  require_device(context.device);
  check(cudaGetDevice(&before_), "asking for the current device");
  if (before_ == context.device) return;
  check(cudaSetDevice(context.device), "making the device the current one");
  changed_ = true;
}

ActiveDevice::~ActiveDevice() {
  if (changed_) note(cudaSetDevice(before_));
}

}  // namespace gavel::cuda
