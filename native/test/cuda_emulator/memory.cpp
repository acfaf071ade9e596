// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// memory.cpp: device and pinned memory, copies, fills.
#include <cstring>

#include "engine.h"
#include "machine.h"

namespace gavel::emulator {

namespace {

int accesses = 0;  // under the machine's lock

cudaError_t allocate(void **pointer, size_t bytes, cudaMemoryType type, int device) {
  Machine &m = machine();
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > static_cast<size_t>(INT64_MAX)) return cudaErrorMemoryAllocation;
  if (type == cudaMemoryTypeDevice && static_cast<int64_t>(bytes) > m.device_memory - live().device_bytes) {
    return cudaErrorMemoryAllocation;
  }
  const bool on_device = type == cudaMemoryTypeDevice;
  std::unique_ptr<Guarded> memory =
      Guarded::allocate(bytes, 256, on_device ? "an allocation of device memory" : "an allocation of pinned memory");
  if (!memory) return cudaErrorMemoryAllocation;
  if (on_device && accesses == 0) memory->allow(false);
  *pointer = memory->data();
  m.allocations.try_emplace(reinterpret_cast<uintptr_t>(*pointer), Allocation{std::move(memory), type, device});
  return cudaSuccess;
}

void release(void *pointer, const char *function, bool on_device) {
  if (pointer == nullptr) return;
  Machine &m = machine();
  const auto found = m.allocations.find(reinterpret_cast<uintptr_t>(pointer));
  if (found == m.allocations.end()) {
    stop("%s(%p): no allocation begins there: it was freed before, or is not the runtime's", function, pointer);
  }
  if ((found->second.type == cudaMemoryTypeDevice) != on_device) {
    stop("%s(%p): that memory is %s memory", function, pointer, on_device ? "pinned" : "device");
  }
  m.allocations.erase(found);
}

// Whether a copy of this kind may go from or to these bytes.
bool can_copy(const void *pointer, size_t bytes, bool must_be_device, bool must_be_host) {
  const Allocation *allocation = find_allocation(pointer);
  const bool on_device = allocation != nullptr && allocation->type == cudaMemoryTypeDevice;
  if ((must_be_device && !on_device) || (must_be_host && on_device)) return false;
  if (allocation == nullptr) return true;
  const size_t before = static_cast<size_t>(static_cast<const char *>(pointer) - allocation->memory->data());
  return bytes <= allocation->memory->bytes() - before;
}

cudaError_t copy(void *target, size_t target_pitch, const void *source, size_t source_pitch, size_t width, size_t height,
                 cudaMemcpyKind kind, CUstream_st &stream) {
  if (width == 0 || height == 0) return cudaSuccess;
  if (height > 1 && (target_pitch < width || source_pitch < width)) return cudaErrorInvalidValue;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool any = kind == cudaMemcpyDefault;
  if (!can_copy(source, (height - 1) * source_pitch + width, from_device, !from_device && !any) ||
      !can_copy(target, (height - 1) * target_pitch + width, to_device, !to_device && !any)) {
    return cudaErrorInvalidValue;
  }
  enqueue(stream, [=] {
    DeviceAccess access;
    for (size_t row = 0; row < height; ++row) {
      std::memmove(static_cast<char *>(target) + row * target_pitch, static_cast<const char *>(source) + row * source_pitch,
                   width);
    }
  });
  return cudaSuccess;
}

}  // namespace

Live live() {
  Lock lock(machine().mutex);
  Live live{};
  for (const auto &[address, allocation] : machine().allocations) {
    const bool on_device = allocation.type == cudaMemoryTypeDevice;
    (on_device ? live.device_allocations : live.host_allocations) += 1;
    (on_device ? live.device_bytes : live.host_bytes) += static_cast<int64_t>(allocation.memory->bytes());
  }
  live.streams = static_cast<int64_t>(machine().streams.size());
  live.events = static_cast<int64_t>(machine().events.size());
  live.pools = static_cast<int64_t>(machine().pools.size());
  return live;
}

Allocation *find_allocation(const void *pointer) {
  Machine &m = machine();
  auto next = m.allocations.upper_bound(reinterpret_cast<uintptr_t>(pointer));
  if (next == m.allocations.begin()) return nullptr;
  --next;
  return reinterpret_cast<uintptr_t>(pointer) - next->first < next->second.memory->bytes() ? &next->second : nullptr;
}

DeviceAccess::DeviceAccess() {
  machine().mutex.lock();
  if (accesses++ != 0) return;
  for (auto &[address, allocation] : machine().allocations) {
    if (allocation.type == cudaMemoryTypeDevice) allocation.memory->allow(true);
  }
}

void let_host_touch_device_memory() {
  const DeviceAccess access;
  ++accesses;
}

DeviceAccess::~DeviceAccess() {
  if (--accesses == 0) {
    for (auto &[address, allocation] : machine().allocations) {
      if (allocation.type == cudaMemoryTypeDevice) allocation.memory->allow(false);
    }
  }
  machine().mutex.unlock();
}

}  // namespace gavel::emulator

using namespace gavel::emulator;

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes) {
  GAVEL_EMULATED_CALL("cudaMemGetInfo");
  const int64_t left = machine().device_memory - live().device_bytes;
  *free_bytes = static_cast<size_t>(left > 0 ? left : 0);
  *total_bytes = static_cast<size_t>(machine().device_memory);
  return cudaSuccess;
}

cudaError_t cudaMalloc(void **pointer, size_t bytes) {
  GAVEL_EMULATED_CALL("cudaMalloc");
  refuse_any_capture("cudaMalloc");
  return result(allocate(pointer, bytes, cudaMemoryTypeDevice, current_device()));
}

cudaError_t cudaFree(void *pointer) {
  GAVEL_EMULATED_CALL("cudaFree");
  refuse_any_capture("cudaFree");
  release(pointer, "cudaFree", true);
  return cudaSuccess;
}

cudaError_t cudaMallocAsync(void **pointer, size_t bytes, cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaMallocAsync");
  refuse_capture("cudaMallocAsync", stream);
  return result(allocate(pointer, bytes, cudaMemoryTypeDevice, stream_of(stream).device));
}

cudaError_t cudaFreeAsync(void *pointer, cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaFreeAsync");
  refuse_capture("cudaFreeAsync", stream);
  release(pointer, "cudaFreeAsync", true);
  return cudaSuccess;
}

cudaError_t cudaMallocFromPoolAsync(void **pointer, size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaMallocFromPoolAsync");
  refuse_capture("cudaMallocFromPoolAsync", stream);
  if (!machine().pools.contains(pool)) stop("cudaMallocFromPoolAsync: the pool is none, or was destroyed");
  stream_of(stream);
  return result(allocate(pointer, bytes, cudaMemoryTypeDevice, pool->device));
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t *pool, const cudaMemPoolProps *properties) {
  GAVEL_EMULATED_CALL("cudaMemPoolCreate");
  refuse_any_capture("cudaMemPoolCreate");
  if (properties->allocType != cudaMemAllocationTypePinned || properties->location.type != cudaMemLocationTypeDevice ||
      properties->location.id < 0 || properties->location.id >= machine().devices) {
    return result(cudaErrorInvalidValue);
  }
  *pool = new CUmemPool_st{properties->location.id};
  machine().pools.insert(*pool);
  return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void *value) {
  GAVEL_EMULATED_CALL("cudaMemPoolSetAttribute");
  if (!machine().pools.contains(pool)) stop("cudaMemPoolSetAttribute: the pool is none, or was destroyed");
  return result(attribute == cudaMemPoolAttrReleaseThreshold && value != nullptr ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t) {
  GAVEL_EMULATED_CALL("cudaMemPoolTrimTo");
  if (!machine().pools.contains(pool)) stop("cudaMemPoolTrimTo: the pool is none, or was destroyed");
  return cudaSuccess;
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  GAVEL_EMULATED_CALL("cudaMemPoolDestroy");
  refuse_any_capture("cudaMemPoolDestroy");
  if (machine().pools.erase(pool) == 0) stop("cudaMemPoolDestroy: the pool is none, or was destroyed before");
  delete pool;
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **pointer, size_t bytes, unsigned) {
  GAVEL_EMULATED_CALL("cudaHostAlloc");
  refuse_any_capture("cudaHostAlloc");
  return result(allocate(pointer, bytes, cudaMemoryTypeHost, current_device()));
}

cudaError_t cudaFreeHost(void *pointer) {
  GAVEL_EMULATED_CALL("cudaFreeHost");
  refuse_any_capture("cudaFreeHost");
  release(pointer, "cudaFreeHost", false);
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *attributes, const void *pointer) {
  GAVEL_EMULATED_CALL("cudaPointerGetAttributes");
  const Allocation *allocation = find_allocation(pointer);
  void *plain = const_cast<void *>(pointer);
  if (allocation == nullptr) {
    *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, plain};
  } else {
    *attributes = {allocation->type, allocation->device, plain, allocation->type == cudaMemoryTypeHost ? plain : nullptr};
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void *target, const void *source, size_t bytes, cudaMemcpyKind kind) {
  GAVEL_EMULATED_CALL("cudaMemcpy");
  refuse_any_capture("cudaMemcpy");
  return result(copy(target, bytes, source, bytes, bytes, 1, kind, stream_of(nullptr)));
}

cudaError_t cudaMemcpyAsync(void *target, const void *source, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaMemcpyAsync");
  return result(copy(target, bytes, source, bytes, bytes, 1, kind, stream_of(stream)));
}

cudaError_t cudaMemcpy2DAsync(void *target, size_t target_pitch, const void *source, size_t source_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaMemcpy2DAsync");
  return result(copy(target, target_pitch, source, source_pitch, width, height, kind, stream_of(stream)));
}

cudaError_t cudaMemset(void *target, int value, size_t bytes) {
  GAVEL_EMULATED_CALL("cudaMemset");
  refuse_any_capture("cudaMemset");
  return cudaMemsetAsync(target, value, bytes, nullptr);
}

cudaError_t cudaMemsetAsync(void *target, int value, size_t bytes, cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaMemsetAsync");
  if (bytes == 0) return cudaSuccess;
  if (find_allocation(target) == nullptr || !can_copy(target, bytes, false, false)) return result(cudaErrorInvalidValue);
  enqueue(stream_of(stream), [=] {
    DeviceAccess access;
    std::memset(target, value, bytes);
  });
  return cudaSuccess;
}
