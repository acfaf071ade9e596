// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/buffer.h"

#include "common/error.h"

namespace gavel::cuda {

Buffer::Buffer(Context &of, int32_t device_type, int64_t size, Stream *in_order_of)
    : context(of), stream(device_type == GAVEL_CUDA ? in_order_of : nullptr), bytes(size) {
  GAVEL_CHECK(size >= 0, "a buffer of %lld bytes was asked for; say 0 or more", static_cast<long long>(size));
  GAVEL_CHECK(device_type == GAVEL_CUDA || device_type == GAVEL_CUDA_HOST,
              "a buffer on a device of type %d was asked for; say 2 (CUDA) or 3 (CUDA_HOST)", device_type);
  if (size == 0) return;
  if (device_type == GAVEL_CUDA_HOST) {
    pinned_ = PinnedBytes(context, size, "a buffer");
    data = pinned_.data();
  } else if (stream == nullptr) {
    device_ = DeviceBytes(context, size, "a buffer");
    data = device_.data();
  } else {
    GAVEL_CHECK(!stream->capturing(), "the stream is being captured into a graph: make the buffer before the capture");
    data = allocate_in_order(context, size, stream->native, "a buffer");
  }
}

Buffer::~Buffer() {
  if (data == nullptr || stream == nullptr) return;
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  note(cudaStreamIsCapturing(stream->native, &status));
  if (status == cudaStreamCaptureStatusNone) {
    free_in_order(context, data, bytes, stream->native);
  } else {
    // The graph may use it; freed with the context.
    context.keep(data, bytes);
  }
}

void require_place(const Context &context, const void *data, int32_t device_type, const TensorName &name) {
  if (data == nullptr) return;
  cudaPointerAttributes attributes;
  check(cudaPointerGetAttributes(&attributes, data), "asking where a tensor lies");
  char text[kNameText];
  const bool on_device = attributes.type == cudaMemoryTypeDevice;
  const bool managed = attributes.type == cudaMemoryTypeManaged;
  const char *found = on_device                               ? "device memory"
                      : managed                               ? "managed memory"
                      : attributes.type == cudaMemoryTypeHost ? "pinned host memory"
                                                              : "host memory that is not pinned";
  if (device_type == GAVEL_CUDA) {
    GAVEL_CHECK(on_device || managed,
                "%s is said to be on device %d, but its data lie in %s: copy them, or describe them as they are",
                name_text(name, text), context.device, found);
    GAVEL_CHECK(managed || attributes.device == context.device,
                "%s lies on device %d, the context is on device %d: copy it, or use a context of its device",
                name_text(name, text), attributes.device, context.device);
  } else if (device_type == GAVEL_CUDA_HOST) {
    GAVEL_CHECK(
        attributes.type == cudaMemoryTypeHost || managed,
        "%s is said to be in pinned host memory, but its data lie in %s: make it with gavel_buffer_create or cudaHostAlloc",
        name_text(name, text), found);
  } else {
    GAVEL_CHECK(!on_device, "%s is said to be in host memory, but its data lie on device %d", name_text(name, text),
                attributes.device);
  }
}

}  // namespace gavel::cuda
