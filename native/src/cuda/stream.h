// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// stream.h: a CUDA stream with what the calls enqueued on it share: scratch memory, counters, the fault record.
#ifndef GAVEL_CUDA_STREAM_H
#define GAVEL_CUDA_STREAM_H

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "cuda/context.h"
#include "cuda/fault.h"

namespace gavel::cuda {

// All functions but the destructor want an ActiveDevice and, since the work of one call stays together, a StreamUse.
struct Stream {
  // A stream of its own (non-blocking), or the caller's, null being the default one. The latter must belong to the context's device.
  explicit Stream(Context &context);
  Stream(Context &context, cudaStream_t native);
  ~Stream();
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;

  Context &context;
  const cudaStream_t native;
  Fault *const fault;  // pinned: for the host and for kernels

  bool capturing() const;
  // Scratch memory of at least this many bytes, aligned to 256, not initialised, for the call that asks; it may hold what the work
  // enqueued before has left. Valid until the next scratch or reserve. Throws Failure during a capture that finds too little, naming the
  // bytes needed, else GAVEL_OUT_OF_DEVICE_MEMORY.
  void *scratch(int64_t bytes);
  void reserve(int64_t bytes) { scratch(bytes); }
  // At least `count` counters that are 0 when the next kernel of this stream starts, if every kernel leaves those it used at 0. Valid
  // until the next call of counters.
  uint32_t *counters(int64_t count);
  // Waits, then throws the first fault of what has run, and forgets it.
  void synchronize();
  // What is enqueued here from now on runs after what is on `awaited` now.
  void wait(Stream &awaited);

  std::atomic<bool> in_use{false};

 private:
  struct Memory {
    void *data = nullptr;
    int64_t bytes = 0;
    bool captured = false;  // a graph may use it: kept until the stream ends
  };
  Stream(Context &context, cudaStream_t native, bool owned);
  void grow(Memory &memory, int64_t bytes, const char *what);
  void release(const Memory &memory) noexcept;

  const bool owned_;
  cudaEvent_t event_ = nullptr;
  Memory scratch_;
  Memory counters_;
  std::vector<Memory> kept_;
};

// Marks the stream as taken by one call while it lives; throws GAVEL_BUSY where it is taken.
class StreamUse {
 public:
  explicit StreamUse(Stream &stream);
  ~StreamUse();
  StreamUse(const StreamUse &) = delete;
  StreamUse &operator=(const StreamUse &) = delete;

 private:
  Stream &stream_;
};

}  // namespace gavel::cuda

#endif
