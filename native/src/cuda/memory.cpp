// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// memory.cpp: device and pinned memory, counted, with the message of a device that has too little.
#include <cstdio>
#include <utility>

#include "common/error.h"
#include "cuda/context.h"

namespace gavel::cuda {
namespace {

[[noreturn]] void fail_allocation(cudaError_t error, const Context &context, int64_t bytes, bool on_device, const char *what) {
  if (error != cudaErrorMemoryAllocation) {
    char text[GAVEL_MESSAGE_CAPACITY / 2];
    snprintf(text, sizeof text, "allocating %lld bytes for %s", static_cast<long long>(bytes), what);
    fail_cuda(error, text);
  }
  cudaGetLastError();
  Failure failure(on_device ? GAVEL_OUT_OF_DEVICE_MEMORY : GAVEL_OUT_OF_HOST_MEMORY, error);
  if (on_device) {
    size_t free_now = 0, total = 0;
    note(cudaMemGetInfo(&free_now, &total));
    snprintf(
        failure.buffer(), GAVEL_MESSAGE_CAPACITY,
        "device %d has no memory for %s: %lld bytes were asked for, %zu of %zu are free, %lld are held by this context; close "
        "what is not needed, or score fewer items at a time",
        context.device, what, static_cast<long long>(bytes), free_now, total,
        static_cast<long long>(context.held_bytes.load()));
  } else {
    snprintf(failure.buffer(), GAVEL_MESSAGE_CAPACITY,
             "there is no pinned host memory for %s: %lld bytes were asked for; use less, or raise the limit of locked memory "
             "(ulimit -l)",
             what, static_cast<long long>(bytes));
  }
  throw failure;
}

// What the pool holds back of freed memory may be just what is missing.
void empty_pool(const Context &context) {
  cudaGetLastError();
  note(cudaDeviceSynchronize());
  note(cudaMemPoolTrimTo(context.pool, 0));
}

}  // namespace

DeviceBytes::DeviceBytes(Context &context, int64_t bytes, const char *what) : context_(&context), bytes_(bytes) {
  if (bytes == 0) return;
  cudaError_t error = cudaMalloc(&data_, static_cast<size_t>(bytes));
  if (error == cudaErrorMemoryAllocation) {
    empty_pool(context);
    error = cudaMalloc(&data_, static_cast<size_t>(bytes));
  }
  if (error != cudaSuccess) fail_allocation(error, context, bytes, true, what);
  context.held_bytes += bytes;
}

DeviceBytes::~DeviceBytes() {
  if (data_ == nullptr) return;
  note(cudaFree(data_));
  context_->held_bytes -= bytes_;
}

DeviceBytes::DeviceBytes(DeviceBytes &&other) noexcept
    : context_(other.context_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

DeviceBytes &DeviceBytes::operator=(DeviceBytes &&other) noexcept {
  std::swap(context_, other.context_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

PinnedBytes::PinnedBytes(Context &context, int64_t bytes, const char *what) : context_(&context), bytes_(bytes) {
  if (bytes == 0) return;
  const cudaError_t error = cudaHostAlloc(&data_, static_cast<size_t>(bytes), cudaHostAllocPortable);
  if (error != cudaSuccess) fail_allocation(error, context, bytes, false, what);
  context.held_bytes += bytes;
}

PinnedBytes::~PinnedBytes() {
  if (data_ == nullptr) return;
  // Work that was enqueued may still read or write it, and the runtime does not promise to wait.
  note(cudaDeviceSynchronize());
  note(cudaFreeHost(data_));
  context_->held_bytes -= bytes_;
}

PinnedBytes::PinnedBytes(PinnedBytes &&other) noexcept
    : context_(other.context_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

PinnedBytes &PinnedBytes::operator=(PinnedBytes &&other) noexcept {
  std::swap(context_, other.context_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void *allocate_in_order(Context &context, int64_t bytes, cudaStream_t stream, const char *what) {
  void *memory = nullptr;
  cudaError_t error = cudaMallocFromPoolAsync(&memory, static_cast<size_t>(bytes), context.pool, stream);
  if (error == cudaErrorMemoryAllocation) {
    empty_pool(context);
    error = cudaMallocFromPoolAsync(&memory, static_cast<size_t>(bytes), context.pool, stream);
  }
  if (error != cudaSuccess) fail_allocation(error, context, bytes, true, what);
  context.held_bytes += bytes;
  return memory;
}

void free_in_order(Context &context, void *memory, int64_t bytes, cudaStream_t stream) noexcept {
  if (memory == nullptr) return;
  note(cudaFreeAsync(memory, stream));
  context.held_bytes -= bytes;
}

}  // namespace gavel::cuda
