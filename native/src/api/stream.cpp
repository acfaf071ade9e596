// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of gavel_stream, gavel_buffer and gavel_copy, which CUDA contexts have.
#include <memory>

#include "api/handles.h"
#include "common/call_tensors.h"
#include "common/error.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

gavel_context &on_cuda(gavel_context *context, const char *what) {
  gavel_context &on = checked(context);
  if (on.plugin == nullptr) {
    fail(GAVEL_UNSUPPORTED, "%s belong to CUDA; this context is on the CPU, whose calls run at once on the caller's own memory",
         what);
  }
  return on;
}

template <typename Handle>
void clear(Handle **target, const char *name) {
  GAVEL_CHECK(target != nullptr, "%s is NULL; pass the address of a pointer to be set", name);
  *target = nullptr;
}

void hand_out(gavel_context &context, cuda::Stream *made, gavel_stream **stream) {
  CudaPart<cuda::Stream> part(made, context.plugin->stream_destroy);
  *stream = std::make_unique<gavel_stream>(context, std::move(part)).release();
}

// Any memory there is, with one dtype and shape for both sides.
struct Copy {
  Tensor source;
  Tensor target;
};

Copy check_copy(const gavel_context &context, const gavel_tensor *source, const gavel_tensor *target) {
  GAVEL_CHECK(source != nullptr && target != nullptr, "%s is NULL", source == nullptr ? "source" : "target");
  Memory memory = context.memory();
  memory.host = true;
  CallTensors tensors(memory);
  const Dtypes any = (1u << (GAVEL_U8 + 1)) - only(GAVEL_F32);
  const gavel_tensor from = *source;
  Copy copy;
  copy.source = from.rank == 2 ? tensors.input(from, "source", any, {kAny, kAny}) : tensors.input(from, "source", any, {kAny});
  const Dtypes same = only(copy.source.dtype);
  copy.target = from.rank == 2 ? tensors.output(*target, "target", same, {copy.source.shape[0], copy.source.shape[1]})
                               : tensors.output(*target, "target", same, {copy.source.shape[0]});
  tensors.check_overlaps();
  return copy;
}

}  // namespace

extern "C" {

int32_t gavel_stream_create(gavel_context *context, gavel_stream **stream, gavel_error *error) {
  return enter("gavel_stream_create", error, [&] {
    clear(stream, "stream");
    gavel_context &on = on_cuda(context, "streams");
    cuda::Stream *made = nullptr;
    on_plugin(on.plugin->stream_create, *on.cuda, &made);
    hand_out(on, made, stream);
  });
}

int32_t gavel_stream_wrap(gavel_context *context, void *native_stream, gavel_stream **stream, gavel_error *error) {
  return enter("gavel_stream_wrap", error, [&] {
    clear(stream, "stream");
    gavel_context &on = on_cuda(context, "streams");
    cuda::Stream *made = nullptr;
    on_plugin(on.plugin->stream_wrap, *on.cuda, native_stream, &made);
    hand_out(on, made, stream);
  });
}

void gavel_stream_destroy(gavel_stream *stream) {
  destroy(stream, kStreamMagic);
}

void *gavel_stream_native(gavel_stream *stream) {
  if (stream == nullptr || stream->magic != kStreamMagic) return nullptr;
  return stream->context.plugin->stream_native(*stream->cuda);
}

int32_t gavel_stream_reserve(gavel_stream *stream, int64_t bytes, gavel_error *error) {
  return enter("gavel_stream_reserve", error, [&] {
    const gavel_stream &grown = checked(stream);
    GAVEL_CHECK(bytes >= 0, "bytes is %lld; it must be at least 0", static_cast<long long>(bytes));
    on_plugin(grown.context.plugin->stream_reserve, *grown.cuda, bytes);
  });
}

int32_t gavel_stream_synchronize(gavel_stream *stream, gavel_error *error) {
  return enter("gavel_stream_synchronize", error, [&] {
    const gavel_stream &waited_for = checked(stream);
    on_plugin(waited_for.context.plugin->stream_synchronize, *waited_for.cuda);
  });
}

int32_t gavel_stream_wait(gavel_stream *waiting, gavel_stream *awaited, gavel_error *error) {
  return enter("gavel_stream_wait", error, [&] {
    const gavel_stream &later = checked(waiting, "waiting");
    const gavel_stream &earlier = checked(awaited, "awaited");
    GAVEL_CHECK(later.context.device_id == earlier.context.device_id,
                "waiting is a stream of CUDA device %d, awaited of device %d; both must be of one device",
                later.context.device_id, earlier.context.device_id);
    on_plugin(later.context.plugin->stream_wait, *later.cuda, *earlier.cuda);
  });
}

int32_t gavel_buffer_create(gavel_context *context, int32_t device_type, int64_t bytes, gavel_stream *stream,
                            gavel_buffer **buffer, gavel_error *error) {
  return enter("gavel_buffer_create", error, [&] {
    clear(buffer, "buffer");
    gavel_context &on = on_cuda(context, "buffers");
    GAVEL_CHECK(device_type == GAVEL_CUDA || device_type == GAVEL_CUDA_HOST, "device_type is %d; say 2 (CUDA) or 3 (CUDA_HOST)",
                device_type);
    GAVEL_CHECK(bytes >= 0, "bytes is %lld; it must be at least 0", static_cast<long long>(bytes));
    cuda::Stream *order = stream == nullptr ? nullptr : stream_of_call(on, stream, "stream");
    cuda::Buffer *made = nullptr;
    on_plugin(on.plugin->buffer_create, *on.cuda, device_type, bytes, order, &made);
    CudaPart<cuda::Buffer> part(made, on.plugin->buffer_destroy);
    *buffer = std::make_unique<gavel_buffer>(on, stream, std::move(part)).release();
  });
}

void gavel_buffer_destroy(gavel_buffer *buffer) {
  destroy(buffer, kBufferMagic);
}

void *gavel_buffer_data(gavel_buffer *buffer) {
  if (buffer == nullptr || buffer->magic != kBufferMagic) return nullptr;
  return buffer->context.plugin->buffer_data(*buffer->cuda);
}

int32_t gavel_copy(gavel_context *context, const gavel_tensor *source, const gavel_tensor *target, gavel_stream *stream,
                   gavel_error *error) {
  return enter("gavel_copy", error, [&] {
    const gavel_context &on = on_cuda(context, "copies");
    const Copy copy = check_copy(on, source, target);
    on_plugin(on.plugin->copy, copy.source, copy.target, *stream_of_call(on, stream, "stream"));
  });
}

}  // extern "C"
