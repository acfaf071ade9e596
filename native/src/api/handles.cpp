// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "api/handles.h"

using namespace gavel;

namespace {

// Far below what readers can add up to.
constexpr int32_t kWriting = -(1 << 30);

}  // namespace

gavel_context::gavel_context(std::unique_ptr<CpuContext> part)
    : Handle(kContextMagic),
      device_type(GAVEL_CPU),
      device_id(0),
      cpu(std::move(part)),
      plugin(nullptr),
      cuda(nullptr, nullptr) {}

gavel_context::gavel_context(const cuda::Plugin &opened, int32_t device, CudaPart<cuda::Context> part)
    : Handle(kContextMagic), device_type(GAVEL_CUDA), device_id(device), plugin(&opened), cuda(std::move(part)) {}

Memory gavel_context::memory() const {
  if (plugin == nullptr) return kHostMemory;
  Memory memory;
  memory.host = false;
  memory.cuda_device = device_id;
  memory.asked = const_cast<gavel_context *>(this);
  memory.check_place = [](void *asked, const void *data, int32_t place, const TensorName &name) {
    const auto &context = *static_cast<const gavel_context *>(asked);
    on_plugin(context.plugin->check_place, *context.cuda, data, place, name);
  };
  return memory;
}

// Children: the part ends before what it was made with may.
gavel_head::gavel_head(gavel_context &parent, std::unique_ptr<CpuHead> part)
    : Handle(kHeadMagic), context(parent), spec(part->spec), cpu(std::move(part)), cuda(nullptr, nullptr) {
  context.keep();
}

gavel_head::gavel_head(gavel_context &parent, const HeadSpec &checked, CudaPart<cuda::Head> part)
    : Handle(kHeadMagic), context(parent), spec(checked), cuda(std::move(part)) {
  context.keep();
}

gavel_head::~gavel_head() {
  cpu.reset();
  cuda.reset();
  destroy(&context, kContextMagic);
}

gavel_optimizer::gavel_optimizer(gavel_head &parent, std::unique_ptr<CpuOptimizer> part)
    : Handle(kOptimizerMagic), head(parent), cpu(std::move(part)), cuda(nullptr, nullptr) {
  head.keep();
}

gavel_optimizer::gavel_optimizer(gavel_head &parent, CudaPart<cuda::Optimizer> part)
    : Handle(kOptimizerMagic), head(parent), cuda(std::move(part)) {
  head.keep();
}

gavel_optimizer::~gavel_optimizer() {
  cpu.reset();
  cuda.reset();
  destroy(&head, kHeadMagic);
}

gavel_stream::gavel_stream(gavel_context &parent, CudaPart<cuda::Stream> part)
    : Handle(kStreamMagic), context(parent), cuda(std::move(part)) {
  context.keep();
}

gavel_stream::~gavel_stream() {
  cuda.reset();
  destroy(&context, kContextMagic);
}

gavel_buffer::gavel_buffer(gavel_context &parent, gavel_stream *order, CudaPart<cuda::Buffer> part)
    : Handle(kBufferMagic), context(parent), stream(order), cuda(std::move(part)) {
  context.keep();
  if (stream != nullptr) stream->keep();
}

gavel_buffer::~gavel_buffer() {
  cuda.reset();
  destroy(stream, kStreamMagic);
  destroy(&context, kContextMagic);
}

gavel_vocabulary::gavel_vocabulary(gavel_context &parent, std::unique_ptr<CpuVocabulary> part)
    : Handle(kVocabularyMagic),
      context(parent),
      dtype(part->dtype),
      tokens(part->tokens),
      width(part->width),
      cpu(std::move(part)),
      cuda(nullptr, nullptr) {
  context.keep();
}

gavel_vocabulary::gavel_vocabulary(gavel_context &parent, const Tensor &weight, CudaPart<cuda::Vocabulary> part)
    : Handle(kVocabularyMagic),
      context(parent),
      dtype(weight.dtype),
      tokens(weight.shape[0]),
      width(weight.shape[1]),
      cuda(std::move(part)) {
  context.keep();
}

gavel_vocabulary::~gavel_vocabulary() {
  cpu.reset();
  cuda.reset();
  destroy(&context, kContextMagic);
}

namespace gavel {

cuda::Stream *stream_of_call(const gavel_context &context, gavel_stream *stream, const char *name) {
  if (context.plugin == nullptr) {
    GAVEL_CHECK(stream == nullptr, "%s is not NULL; calls on the CPU run at once, without a stream: set it to NULL", name);
    return nullptr;
  }
  GAVEL_CHECK(stream != nullptr, "%s is NULL; calls on CUDA are enqueued on a stream: make one with gavel_stream_create", name);
  const gavel_stream &given = checked(stream, name);
  GAVEL_CHECK(given.context.device_id == context.device_id,
              "%s is of CUDA device %d, the context of device %d: use a stream of the context's device", name,
              given.context.device_id, context.device_id);
  return given.cuda.get();
}

void require_same_device(const gavel_context &context, const gavel_head &head) {
  const gavel_context &made = head.context;
  GAVEL_CHECK(made.device_type == context.device_type && made.device_id == context.device_id,
              "head lies on device type %d, id %d, the context is of device type %d, id %d: use a context of the head's device",
              made.device_type, made.device_id, context.device_type, context.device_id);
}

void set_bytes(int64_t *target, int64_t bytes) {
  GAVEL_CHECK(target != nullptr, "bytes is NULL; pass the address of a number to be set");
  *target = bytes;
}

HeadReader::HeadReader(gavel_head &head) : head_(head) {
  // Counted first: a writer that comes now sees this reader, and one that is here shows as a negative count.
  if (head.users.fetch_add(1, std::memory_order_acquire) < 0) {
    head.users.fetch_sub(1, std::memory_order_relaxed);
    fail(GAVEL_BUSY,
         "a call that writes the parameters of this head (an optimizer step or write) is running; try again after it");
  }
}

HeadWriter::HeadWriter(gavel_head &head) : head_(head) {
  int32_t users = 0;
  if (!head.users.compare_exchange_strong(users, kWriting, std::memory_order_acq_rel)) {
    fail(GAVEL_BUSY, "%s on this head; try again after it",
         users < 0 ? "another call that writes its parameters is running" : "calls that read its parameters are running");
  }
}

// Not a store of 0: a reader on its way out with GAVEL_BUSY may be counted still.
HeadWriter::~HeadWriter() {
  head_.users.fetch_sub(kWriting, std::memory_order_release);
}

}  // namespace gavel
