// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// context.h: one CUDA device as the library uses it, and memory on it.
#ifndef GAVEL_CUDA_CONTEXT_H
#define GAVEL_CUDA_CONTEXT_H

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "cuda/blaslt.h"
#include "cuda/cuda_error.h"
#include "cuda/fault.h"

namespace gavel::cuda {

// Items from which on cuBLASLt takes the products of a head. A weight is unpacked for each call: at N items that costs, by arithmetic (bytes
// at 4.3 TB/s, 16-bit products at 800 TFLOP/s), 372 / N of the product's own time. Not measured on a device.
constexpr int64_t kBlasLtItems = 2048;

// Safe from many threads. Everything made with it keeps a reference and must be destroyed before it.
struct Context {
  // mode: GAVEL_MODE_*; cublaslt: path of the library for mode FAST, or null. Throws Failure: GAVEL_DEVICE_UNAVAILABLE where there is no
  // driver, it is too old, or there is no such device, GAVEL_UNSUPPORTED where cublaslt cannot be used.
  Context(int32_t device, int32_t mode, const char *cublaslt);
  ~Context();
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  const int device;
  const int32_t mode;
  int compute_capability = 0;  // 10 major + minor
  int sm_count = 0;
  int64_t shared_bytes = 0;  // dynamic shared memory a block may ask for
  int64_t memory_bytes = 0;
  int driver_version = 0;  // as CUDA counts: 13000 = 13.0
  char name[64] = {};
  // Memory that is allocated and freed in the order of a stream; a pool of its own, so that no one else's settings change.
  cudaMemPool_t pool = nullptr;
  std::unique_ptr<BlasLt> blaslt;       // null where there is none
  int64_t blaslt_items = kBlasLtItems;  // from how many items on it is used (blaslt_layers.h); tests take fewer
  // Device and pinned memory in use by this context and what was made with it.
  std::atomic<int64_t> held_bytes{0};

  int64_t free_bytes() const;
  // Whether kernels may be launched early (launch.h): the code for 9.0 alone has the instructions that wait. Devices of other kinds run what was
  // compiled for 8.0, which would not.
  bool overlaps_launches() const { return compute_capability / 10 == 9; }

  // A record of pinned memory for a stream, with kind 0. give_back_fault takes it for reuse, and `done` with it: an event behind the
  // last work that may write to it.
  Fault *take_fault();
  void give_back_fault(Fault *fault, cudaEvent_t done) noexcept;
  // Memory of the pool that a graph under capture may use although its owner is gone: freed with the context.
  void keep(void *memory, int64_t bytes) noexcept;

 private:
  struct UsedFault {
    Fault *fault;
    cudaEvent_t done;
  };
  struct Kept {
    void *memory;
    int64_t bytes;
  };
  void find_device();
  void add_faults();

  std::mutex mutex_;
  std::vector<Fault *> fault_pages_;
  std::vector<Fault *> free_faults_;
  std::vector<UsedFault> used_faults_;
  std::vector<Kept> kept_;
};

// While it lives, the context's device is the calling thread's current one; afterwards the one before. Throws GAVEL_DEVICE_LOST where the
// device was lost. Every entry of the plugin opens one.
class ActiveDevice {
 public:
  explicit ActiveDevice(const Context &context);
  ~ActiveDevice();
  ActiveDevice(const ActiveDevice &) = delete;
  ActiveDevice &operator=(const ActiveDevice &) = delete;

 private:
  int before_;
  bool changed_;
};

// Device memory that lives as long as a handle (parameters, optimizer states): aligned to 256 bytes, not initialised, null where bytes
// is 0. The constructor needs the context's device to be current. Freeing waits for the device; neither is possible during a capture.
class DeviceBytes {
 public:
  DeviceBytes() = default;
  // `what` completes "... for the parameters of the head". Throws GAVEL_OUT_OF_DEVICE_MEMORY.
  DeviceBytes(Context &context, int64_t bytes, const char *what);
  ~DeviceBytes();
  DeviceBytes(DeviceBytes &&other) noexcept;
  DeviceBytes &operator=(DeviceBytes &&other) noexcept;

  void *data() const { return data_; }
  template <typename Element>
  Element *as() const {
    return static_cast<Element *>(data_);
  }
  int64_t bytes() const { return bytes_; }

 private:
  Context *context_ = nullptr;
  void *data_ = nullptr;
  int64_t bytes_ = 0;
};

// The same in pinned host memory, which the device reads and writes, too.
class PinnedBytes {
 public:
  PinnedBytes() = default;
  PinnedBytes(Context &context, int64_t bytes, const char *what);
  ~PinnedBytes();
  PinnedBytes(PinnedBytes &&other) noexcept;
  PinnedBytes &operator=(PinnedBytes &&other) noexcept;

  void *data() const { return data_; }
  // The memory, for cudaFreeHost; from now on it is the caller's, but still counted in held_bytes.
  void *release() { return std::exchange(data_, nullptr); }
  template <typename Element>
  Element *as() const {
    return static_cast<Element *>(data_);
  }
  int64_t bytes() const { return bytes_; }

 private:
  Context *context_ = nullptr;
  void *data_ = nullptr;
  int64_t bytes_ = 0;
};

// Memory of the context's pool in the order of a stream, counted in held_bytes. Throws GAVEL_OUT_OF_DEVICE_MEMORY.
void *allocate_in_order(Context &context, int64_t bytes, cudaStream_t stream, const char *what);
void free_in_order(Context &context, void *memory, int64_t bytes, cudaStream_t stream) noexcept;

}  // namespace gavel::cuda

#endif
