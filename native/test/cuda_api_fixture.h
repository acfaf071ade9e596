// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_api_fixture.h: CUDA contexts, streams and tensors for tests that go through the C interface and the plugin as a user's program
// does; the plugin is the emulated one, or, compiled with cuda_device/control.h, the real one.
#ifndef GAVEL_TEST_CUDA_API_FIXTURE_H
#define GAVEL_TEST_CUDA_API_FIXTURE_H

#include <dlfcn.h>

#include <deque>

#include "api_fixture.h"
#include "control.h"
#ifndef GAVEL_TEST_ON_DEVICE
#include "libraries.h"
#endif

namespace gavel::test {

#ifdef GAVEL_TEST_ON_DEVICE
// The device itself; the plugin is the one beside the test, or GAVEL_CUDA_LIBRARY.
inline const gavel::emulator::Control &machine() {
  static const gavel::emulator::Control control;
  return control;
}
#else
// The emulated machine, in the plugin that libgavel opens. Names that plugin to libgavel.
inline const gavel::emulator::Control &machine() {
  static const gavel::emulator::Control *control = [] {
    const std::string path = emulated_library();
    setenv("GAVEL_CUDA_LIBRARY", path.c_str(), 1);
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    void *function = library == nullptr ? nullptr : dlsym(library, "gavel_cuda_emulator");
    if (function == nullptr) {
      std::fprintf(stderr, "no emulated plugin: %s\n", dlerror());
      std::abort();
    }
    return reinterpret_cast<const gavel::emulator::Control *(*)()>(function)();
  }();
  return *control;
}
#endif

inline gavel_context_options cuda_options(int32_t device = 0) {
  auto options = sized<gavel_context_options>();
  options.device_type = GAVEL_CUDA;
  options.device_id = device;
  options.threads = 1;
  return options;
}

// A context with one stream; stops the test where it cannot be made.
class CudaContext {
 public:
  explicit CudaContext(int32_t device = 0) : CudaContext(cuda_options(device)) {}
  explicit CudaContext(const gavel_context_options &options) : device_(options.device_id) {
    machine();
    auto error = sized<gavel_error>();
    if (gavel_context_create(&options, &context_, &error) != GAVEL_OK ||
        gavel_stream_create(context_, &stream_, &error) != GAVEL_OK) {
      std::fprintf(stderr, "no CUDA context: %s\n", error.message);
      std::abort();
    }
  }
  ~CudaContext() {
    gavel_stream_destroy(stream_);
    gavel_context_destroy(context_);
  }
  CudaContext(const CudaContext &) = delete;
  CudaContext &operator=(const CudaContext &) = delete;

  gavel_context *get() const { return context_; }
  gavel_stream *stream() const { return stream_; }
  int32_t device() const { return device_; }
  void synchronize(Where where = Where::current()) const {
    auto error = sized<gavel_error>();
    expect_status("synchronize", gavel_stream_synchronize(stream_, &error), GAVEL_OK, error, where);
  }

 private:
  int32_t device_;
  gavel_context *context_ = nullptr;
  gavel_stream *stream_ = nullptr;
};

// Moves the tensors of a call to the device, each into a buffer of exactly its bytes, and back. `place` is GAVEL_CUDA or GAVEL_CUDA_HOST.
class OnDevice {
 public:
  explicit OnDevice(const CudaContext &context, int32_t place = GAVEL_CUDA) : context_(context), place_(place) {}
  ~OnDevice() {
    for (const Moved &moved : moved_) gavel_buffer_destroy(moved.buffer);
  }
  OnDevice(const OnDevice &) = delete;
  OnDevice &operator=(const OnDevice &) = delete;

  void upload(gavel_tensor &tensor, Where where = Where::current()) {
    if (tensor.dtype == GAVEL_NONE) return;
    auto error = sized<gavel_error>();
    Moved moved{tensor, tensor, nullptr};
    if (!expect_status(
            "buffer", gavel_buffer_create(context_.get(), place_, tensor.byte_length, context_.stream(), &moved.buffer, &error),
            GAVEL_OK, error, where)) {
      return;
    }
    moved.device.device_type = place_;
    moved.device.device_id = place_ == GAVEL_CUDA ? context_.device() : 0;
    moved.device.data = gavel_buffer_data(moved.buffer);
    copy(moved.host, moved.device, where);
    tensor = moved.device;
    moved_.push_back(moved);
  }
  // The tensors of an args struct between two offsets.
  template <typename Args>
  void upload(Args &args, size_t first, size_t end, Where where = Where::current()) {
    char *bytes = reinterpret_cast<char *>(&args);
    for (size_t at = first; at < end; at += sizeof(gavel_tensor)) {
      upload(*reinterpret_cast<gavel_tensor *>(bytes + at), where);
    }
  }
  // Everything to the device once more, as it now is on the host.
  void again(Where where = Where::current()) {
    for (const Moved &moved : moved_) copy(moved.host, moved.device, where);
    context_.synchronize(where);
  }
  // Waits, then everything to where it came from. Inputs are compared by that, too: they may not have changed.
  void download(Where where = Where::current()) {
    context_.synchronize(where);
    for (const Moved &moved : moved_) copy(moved.device, moved.host, where);
    context_.synchronize(where);
  }

 private:
  struct Moved {
    gavel_tensor host;
    gavel_tensor device;
    gavel_buffer *buffer;
  };
  void copy(const gavel_tensor &source, const gavel_tensor &target, Where where) const {
    auto error = sized<gavel_error>();
    expect_status("copy", gavel_copy(context_.get(), &source, &target, context_.stream(), &error), GAVEL_OK, error, where);
  }

  const CudaContext &context_;
  const int32_t place_;
  std::deque<Moved> moved_;
};

inline void upload(OnDevice &device, gavel_score_args &args) {
  device.upload(args, offsetof(gavel_score_args, hidden), offsetof(gavel_score_args, stream));
}
inline void upload(OnDevice &device, gavel_loss_args &args) {
  device.upload(args, offsetof(gavel_loss_args, scores), offsetof(gavel_loss_args, stream));
  device.upload(args, offsetof(gavel_loss_args, zeta_values), sizeof args);
}
inline void upload(OnDevice &device, gavel_backward_args &args) {
  device.upload(args, offsetof(gavel_backward_args, hidden), offsetof(gavel_backward_args, stream));
}
inline void upload(OnDevice &device, gavel_scatter_args &args) {
  device.upload(args, offsetof(gavel_scatter_args, first), offsetof(gavel_scatter_args, stream));
}

// gavel_score on the device, of tensors described in host memory, which get the results.
inline void score_on_device(const CudaContext &context, gavel_head *head, gavel_score_args args, gavel_loss_args *loss,
                            int32_t place = GAVEL_CUDA, Where where = Where::current()) {
  OnDevice device(context, place);
  upload(device, args);
  args.stream = context.stream();
  gavel_loss_args moved_loss;
  if (loss != nullptr) {
    moved_loss = *loss;
    upload(device, moved_loss);
  }
  auto error = sized<gavel_error>();
  expect_status("score", gavel_score(context.get(), head, &args, loss != nullptr ? &moved_loss : nullptr, &error), GAVEL_OK,
                error, where);
  device.download(where);
}

}  // namespace gavel::test

#endif
