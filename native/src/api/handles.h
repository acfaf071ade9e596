// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// handles.h: what is behind each opaque handle: who keeps whom alive, who may use it at the same time, and the device's own part.
#ifndef GAVEL_API_HANDLES_H
#define GAVEL_API_HANDLES_H

#include <atomic>
#include <cstdint>
#include <memory>

#include "api/cuda_plugin.h"
#include "api/handle.h"
#include "common/head_spec.h"
#include "common/tensor.h"
#include "cpu/context.h"
#include "cpu/head.h"
#include "cpu/optimizer.h"
#include "cpu/vocabulary.h"

// Of every pair of parts, one of the CPU and one of CUDA, the other is null.
struct gavel_context final : gavel::Handle {
  explicit gavel_context(std::unique_ptr<gavel::CpuContext> part);
  gavel_context(const gavel::cuda::Plugin &opened, int32_t device, gavel::CudaPart<gavel::cuda::Context> part);

  // What the tensors of a call may lie in.
  gavel::Memory memory() const;

  const int32_t device_type;
  const int32_t device_id;
  const std::unique_ptr<gavel::CpuContext> cpu;
  const gavel::cuda::Plugin *const plugin;  // null on the CPU
  const gavel::CudaPart<gavel::cuda::Context> cuda;
};

struct gavel_head final : gavel::Handle {
  gavel_head(gavel_context &parent, std::unique_ptr<gavel::CpuHead> part);
  gavel_head(gavel_context &parent, const gavel::HeadSpec &checked, gavel::CudaPart<gavel::cuda::Head> part);
  ~gavel_head();

  gavel_context &context;
  const gavel::HeadSpec spec;
  std::unique_ptr<gavel::CpuHead> cpu;
  gavel::CudaPart<gavel::cuda::Head> cuda;
  // Calls reading the parameters now; below 0 while one writes them.
  std::atomic<int32_t> users{0};
};

// Every call takes the head as reader or writer, which is also what keeps two calls on one optimizer apart: the second is GAVEL_BUSY.
struct gavel_optimizer final : gavel::Handle {
  gavel_optimizer(gavel_head &parent, std::unique_ptr<gavel::CpuOptimizer> part);
  gavel_optimizer(gavel_head &parent, gavel::CudaPart<gavel::cuda::Optimizer> part);
  ~gavel_optimizer();

  gavel_head &head;
  std::unique_ptr<gavel::CpuOptimizer> cpu;
  gavel::CudaPart<gavel::cuda::Optimizer> cuda;
};

struct gavel_stream final : gavel::Handle {
  gavel_stream(gavel_context &parent, gavel::CudaPart<gavel::cuda::Stream> part);
  ~gavel_stream();

  gavel_context &context;
  gavel::CudaPart<gavel::cuda::Stream> cuda;
};

struct gavel_buffer final : gavel::Handle {
  // stream: the one it is freed in the order of, or null.
  gavel_buffer(gavel_context &parent, gavel_stream *order, gavel::CudaPart<gavel::cuda::Buffer> part);
  ~gavel_buffer();

  gavel_context &context;
  gavel_stream *const stream;
  gavel::CudaPart<gavel::cuda::Buffer> cuda;
};

// Nothing writes it after it was made, so calls need not be kept apart.
struct gavel_vocabulary final : gavel::Handle {
  gavel_vocabulary(gavel_context &parent, std::unique_ptr<gavel::CpuVocabulary> part);
  // weight: what its shape and dtype are.
  gavel_vocabulary(gavel_context &parent, const gavel::Tensor &weight, gavel::CudaPart<gavel::cuda::Vocabulary> part);
  ~gavel_vocabulary();

  gavel_context &context;
  const int32_t dtype;
  const int64_t tokens;  // V
  const int64_t width;   // H
  std::unique_ptr<gavel::CpuVocabulary> cpu;
  gavel::CudaPart<gavel::cuda::Vocabulary> cuda;
};

namespace gavel {

inline gavel_context &checked(gavel_context *context) {
  return checked_handle(context, kContextMagic, "context");
}
inline gavel_head &checked(gavel_head *head, const char *name = "head") {
  return checked_handle(head, kHeadMagic, name);
}
inline gavel_optimizer &checked(gavel_optimizer *optimizer) {
  return checked_handle(optimizer, kOptimizerMagic, "optimizer");
}
inline gavel_vocabulary &checked(gavel_vocabulary *vocabulary) {
  return checked_handle(vocabulary, kVocabularyMagic, "vocabulary");
}
inline gavel_stream &checked(gavel_stream *stream, const char *name = "stream") {
  return checked_handle(stream, kStreamMagic, name);
}

// Where a call enqueues its work: null on the CPU, whose calls run at once and take no stream; on CUDA a stream of the context's device.
cuda::Stream *stream_of_call(const gavel_context &context, gavel_stream *stream, const char *name);
// A head is used with contexts of its own device.
void require_same_device(const gavel_context &context, const gavel_head &head);
// The answer of a workspace query.
void set_bytes(int64_t *target, int64_t bytes);

// Gives a reference up; the last one ends the object. Nothing can be reported here, so what is no live handle is left alone.
template <typename Type>
void destroy(Type *handle, uint64_t magic) {
  if (handle != nullptr && handle->magic == magic && handle->release()) delete handle;
}

// Many readers or one writer. Both throw Failure (GAVEL_BUSY) instead of waiting: a caller that trains and scores at once must decide
// itself which of the two parameters it wants.
class HeadReader {
 public:
  explicit HeadReader(gavel_head &head);
  ~HeadReader() { head_.users.fetch_sub(1, std::memory_order_release); }
  HeadReader(const HeadReader &) = delete;
  HeadReader &operator=(const HeadReader &) = delete;

 private:
  gavel_head &head_;
};

class HeadWriter {
 public:
  explicit HeadWriter(gavel_head &head);
  ~HeadWriter();
  HeadWriter(const HeadWriter &) = delete;
  HeadWriter &operator=(const HeadWriter &) = delete;

 private:
  gavel_head &head_;
};

}  // namespace gavel

#endif
