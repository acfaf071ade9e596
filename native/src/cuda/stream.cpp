// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/stream.h"

#include <cstring>

#include "common/error.h"

namespace gavel::cuda {
namespace {

// Enough for every call but one with very many items: counters of a call are one per 8 or more of them.
constexpr int64_t kFirstCounters = 16384;
// Scratch memory grows to a multiple of this, so that slowly growing batches do not allocate each time.
constexpr int64_t kScratchUnit = int64_t{1} << 20;

cudaStream_t make_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  return stream;
}

}  // namespace

Stream::Stream(Context &of) : Stream(of, make_stream(), true) {}

Stream::Stream(Context &of, cudaStream_t callers) : Stream(of, callers, false) {}

Stream::Stream(Context &of, cudaStream_t handle, bool owned) try
    : context(of), native(handle), fault(of.take_fault()), owned_(owned) {
  try {
    if (!owned && native != nullptr) {
      int device = 0;
      check(cudaStreamGetDevice(native, &device), "asking for the device of the stream");
      GAVEL_CHECK(device == context.device, "the stream belongs to device %d, the context to device %d", device,
                  context.device);
    }
    check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event");
    // Not by counters(): a stream that is being captured can be wrapped as well, and gets them when it needs them.
    if (!capturing()) grow(counters_, kFirstCounters * 4, "the counters of a stream");
  } catch (...) {
    release(counters_);
    if (event_ != nullptr) note(cudaEventDestroy(event_));
    context.give_back_fault(fault, nullptr);
    throw;
  }
} catch (...) {
  if (owned) note(cudaStreamDestroy(handle));
}

Stream::~Stream() {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  note(cudaStreamIsCapturing(native, &status));
  if (status == cudaStreamCaptureStatusNone) {
    release(scratch_);
    release(counters_);
    for (const Memory &memory : kept_) release(memory);
    note(cudaEventRecord(event_, native));
  } else {
    // The graph will use the memory; nothing may be freed, nor the event recorded, inside it.
    context.keep(scratch_.data, scratch_.bytes);
    context.keep(counters_.data, counters_.bytes);
    for (const Memory &memory : kept_) context.keep(memory.data, memory.bytes);
  }
  context.give_back_fault(fault, event_);
  if (owned_) note(cudaStreamDestroy(native));
}

bool Stream::capturing() const {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(native, &status), "asking whether the stream is being captured");
  return status != cudaStreamCaptureStatusNone;
}

void Stream::release(const Memory &memory) noexcept {
  free_in_order(context, memory.data, memory.bytes, native);
}

void Stream::grow(Memory &memory, int64_t bytes, const char *what) {
  // A graph keeps the addresses it was captured with.
  if (memory.captured) {
    kept_.push_back(memory);
    memory = {};
  }
  // Freed first, behind the work that uses it, so that the pool can give the same memory again.
  release(memory);
  memory = {};
  memory.data = allocate_in_order(context, bytes, native, what);
  memory.bytes = bytes;
  if (&memory == &counters_) {
    check(cudaMemsetAsync(memory.data, 0, static_cast<size_t>(bytes), native), "clearing the counters of a stream");
  }
}

void *Stream::scratch(int64_t bytes) {
  const bool captured = capturing();
  if (bytes > scratch_.bytes) {
    GAVEL_CHECK(!captured,
                "the stream is being captured and has %lld bytes of scratch memory; the call needs %lld: reserve them with "
                "gavel_stream_reserve before the capture",
                static_cast<long long>(scratch_.bytes), static_cast<long long>(bytes));
    GAVEL_CHECK(bytes <= INT64_MAX - kScratchUnit, "%lld bytes of scratch memory are more than there can be",
                static_cast<long long>(bytes));
    grow(scratch_, (bytes + kScratchUnit - 1) / kScratchUnit * kScratchUnit, "the scratch memory of the stream");
  }
  scratch_.captured |= captured;
  return scratch_.data;
}

uint32_t *Stream::counters(int64_t count) {
  const bool captured = capturing();
  if (count * 4 > counters_.bytes) {
    GAVEL_CHECK(
        !captured,
        "the stream is being captured and has %lld counters; the call needs %lld: make the call once before the capture",
        static_cast<long long>(counters_.bytes / 4), static_cast<long long>(count));
    grow(counters_, count * 4, "the counters of the stream");
  }
  counters_.captured |= captured;
  return static_cast<uint32_t *>(counters_.data);
}

void Stream::synchronize() {
  GAVEL_CHECK(!capturing(), "the stream is being captured into a graph: end the capture, launch the graph, then wait");
  check(cudaStreamSynchronize(native), "waiting for the stream");
  if (fault->kind == kNoFault) return;
  const Fault found = *fault;
  *fault = {};
  fail_fault(found);
}

void Stream::wait(Stream &awaited) {
  if (&awaited == this) return;
  check(cudaEventRecord(awaited.event_, awaited.native), "recording an event");
  check(cudaStreamWaitEvent(native, awaited.event_, cudaEventWaitDefault), "waiting for an event");
}

StreamUse::StreamUse(Stream &stream) : stream_(stream) {
  if (stream.in_use.exchange(true, std::memory_order_acquire)) {
    fail(GAVEL_BUSY, "another call is enqueuing on this stream; make one call at a time, or use a stream per thread");
  }
}

StreamUse::~StreamUse() {
  stream_.in_use.store(false, std::memory_order_release);
}

}  // namespace gavel::cuda
