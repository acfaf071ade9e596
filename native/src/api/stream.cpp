// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of gavel_stream, gavel_buffer and gavel_copy, which CUDA contexts have.
#include "api/handles.h"
#include "common/error.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

[[noreturn]] void refuse(const char *what) {
  fail(GAVEL_UNSUPPORTED, "%s belong to CUDA; this context is on the CPU, whose calls run at once on the caller's own memory",
       what);
}

}  // namespace

extern "C" {

int32_t gavel_stream_create(gavel_context *context, gavel_stream **stream, gavel_error *error) {
  return enter("gavel_stream_create", error, [&] {
    GAVEL_CHECK(stream != nullptr, "stream is NULL; pass the address of a pointer to be set");
    *stream = nullptr;
    checked(context);
    refuse("streams");
  });
}

int32_t gavel_stream_wrap(gavel_context *context, void *, gavel_stream **stream, gavel_error *error) {
  return enter("gavel_stream_wrap", error, [&] {
    GAVEL_CHECK(stream != nullptr, "stream is NULL; pass the address of a pointer to be set");
    *stream = nullptr;
    checked(context);
    refuse("streams");
  });
}

void gavel_stream_destroy(gavel_stream *) {}

void *gavel_stream_native(gavel_stream *) {
  return nullptr;
}

int32_t gavel_stream_reserve(gavel_stream *, int64_t, gavel_error *error) {
  return enter("gavel_stream_reserve", error,
               [&] { fail(GAVEL_INVALID_ARGUMENT, "stream is not a live handle of that type"); });
}

int32_t gavel_stream_synchronize(gavel_stream *, gavel_error *error) {
  return enter("gavel_stream_synchronize", error,
               [&] { fail(GAVEL_INVALID_ARGUMENT, "stream is not a live handle of that type"); });
}

int32_t gavel_stream_wait(gavel_stream *, gavel_stream *, gavel_error *error) {
  return enter("gavel_stream_wait", error, [&] { fail(GAVEL_INVALID_ARGUMENT, "waiting is not a live handle of that type"); });
}

int32_t gavel_buffer_create(gavel_context *context, int32_t, int64_t, gavel_stream *, gavel_buffer **buffer,
                            gavel_error *error) {
  return enter("gavel_buffer_create", error, [&] {
    GAVEL_CHECK(buffer != nullptr, "buffer is NULL; pass the address of a pointer to be set");
    *buffer = nullptr;
    checked(context);
    refuse("buffers");
  });
}

void gavel_buffer_destroy(gavel_buffer *) {}

void *gavel_buffer_data(gavel_buffer *) {
  return nullptr;
}

int32_t gavel_copy(gavel_context *context, const gavel_tensor *, const gavel_tensor *, gavel_stream *, gavel_error *error) {
  return enter("gavel_copy", error, [&] {
    checked(context);
    refuse("copies");
  });
}

}  // extern "C"
