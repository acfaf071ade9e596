// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// What a device, its driver or its memory can do to a caller: each is a status with a message that names it, nothing crashes, nothing
// leaks.
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "cuda_api_checks.h"
#include "cuda_api_good_call.h"
#include "cuda_training_call.h"
#include "hostile.h"
#include "loss_problem.h"

using namespace gavel::test;

namespace {

// Everything a program makes, in order; stops at the first failure and gives everything back.
int32_t whole_program(gavel_error &error) {
  gavel_context *context = nullptr;
  gavel_stream *stream = nullptr;
  gavel_head *head = nullptr;
  gavel_optimizer *optimizer = nullptr;
  gavel_buffer *buffers[4] = {};
  Random random(9);
  const gavel_head_spec spec = mlp_spec(GAVEL_BF16, 32, {32}, 1, GAVEL_ACTIVATION_RELU);
  std::vector<uint16_t> zeros(32 * 32);
  const gavel_tensor parameters[2] = {describe(zeros.data(), GAVEL_BF16, {32, 32}),
                                      describe(zeros.data(), GAVEL_BF16, {1, 32})};
  const gavel_context_options options = cuda_options();
  const gavel_optimizer_options adamw = default_options();
  std::vector<int64_t> last(20, 0);
  std::vector<float> gradient(32 * 32, 0.0f);
  gavel_tensor tensors[4] = {describe(zeros.data(), GAVEL_BF16, {4, 32}), describe(last.data(), GAVEL_I64, {20}),
                             describe(nullptr, GAVEL_F32, {20, 1}), describe(gradient.data(), GAVEL_F32, {32, 32})};
  const std::function<int32_t()> steps[] = {
      [&] { return gavel_context_create(&options, &context, &error); },
      [&] { return gavel_stream_create(context, &stream, &error); },
      [&] { return gavel_head_create(context, &spec, parameters, 2, &head, &error); },
      [&] { return gavel_optimizer_create(head, &adamw, &optimizer, &error); },
      [&] {
        for (int k = 0; k < 4; ++k) {
          const gavel_tensor host = tensors[k];
          const int32_t made = gavel_buffer_create(context, k == 2 ? GAVEL_CUDA_HOST : GAVEL_CUDA, host.byte_length,
                                                   k == 0 ? nullptr : stream, &buffers[k], &error);
          if (made != GAVEL_OK) return made;
          tensors[k].device_type = k == 2 ? GAVEL_CUDA_HOST : GAVEL_CUDA;
          tensors[k].data = gavel_buffer_data(buffers[k]);
          const int32_t copied = host.data == nullptr ? GAVEL_OK : gavel_copy(context, &host, &tensors[k], stream, &error);
          if (copied != GAVEL_OK) return copied;
        }
        return static_cast<int32_t>(GAVEL_OK);
      },
      [&] {
        auto args = sized<gavel_score_args>();
        args.pooling = GAVEL_POOLING_INDEX;
        args.hidden = tensors[0], args.last = tensors[1], args.scores = tensors[2];
        args.stream = stream;
        return gavel_score(context, head, &args, nullptr, &error);
      },
      [&] {
        const gavel_tensor gradients[2] = {tensors[3], {}};
        return gavel_optimizer_step(optimizer, gradients, 2, 0.0f, stream, &error);
      },
      [&] { return gavel_head_read(head, 0, &parameters[0], &error); },
      [&] { return gavel_stream_synchronize(stream, &error); },
  };
  int32_t status = GAVEL_OK;
  for (const auto &step : steps) {
    status = step();
    if (status != GAVEL_OK) break;
  }
  // Parents first: children keep them.
  gavel_context_destroy(context);
  gavel_stream_destroy(stream);
  gavel_head_destroy(head);
  for (gavel_buffer *buffer : buffers) gavel_buffer_destroy(buffer);
  gavel_optimizer_destroy(optimizer);
  return status;
}

// Every call of the runtime that can fail does so once, at each place where it is made.
void test_failing_calls() {
  auto error = sized<gavel_error>();
  expect_status("program", whole_program(error), GAVEL_OK, error);
  nothing_lives("a program that works", 0);
  // A machine with more and more memory, until there is enough.
  int64_t too_small = 0;
  for (int64_t bytes = 0; bytes < 64 << 20; bytes += bytes < 65536 ? 2048 : bytes) {
    machine().set_device_memory(bytes);
    const int32_t status = whole_program(error);
    nothing_lives("device memory", bytes);
    if (status == GAVEL_OK) break;
    ++too_small;
    expect_status("too little memory", status, GAVEL_OUT_OF_DEVICE_MEMORY, error);
    CHECK(error.vendor_code == cudaErrorMemoryAllocation && std::strstr(error.message, "free") != nullptr, "%s", error.message);
  }
  CHECK(too_small > 4, "only %lld sizes were too small", static_cast<long long>(too_small));
  machine().reset();
  machine().set_device_count(2);
  // One failure is survived: what the pool keeps is given back, then it is tried again.
  for (const char *function : {"cudaMalloc", "cudaMallocFromPoolAsync"}) {
    machine().fail_call(function, cudaErrorMemoryAllocation, 0);
    expect_status(function, whole_program(error), GAVEL_OK, error);
  }
  for (int before = 0;; ++before) {
    machine().fail_call("cudaHostAlloc", cudaErrorMemoryAllocation, before);
    const int32_t status = whole_program(error);
    machine().reset();
    machine().set_device_count(2);
    nothing_lives("cudaHostAlloc", before);
    if (status == GAVEL_OK) {
      CHECK(before > 1, "cudaHostAlloc failed %d times", before);
      break;
    }
    expect_status("pinned memory", status, GAVEL_OUT_OF_HOST_MEMORY, error);
  }
  for (const char *function :
       {"cudaStreamCreateWithFlags", "cudaEventCreateWithFlags", "cudaMemcpyAsync", "cudaMemcpy", "cudaMemsetAsync",
        "cudaMemPoolCreate", "cudaGetDeviceProperties", "cudaSetDevice", "cudaStreamSynchronize", "cudaDeviceSynchronize",
        "cudaPointerGetAttributes", "cudaLaunchKernelEx", "cudaStreamIsCapturing"}) {
    for (int before = 0;; ++before) {
      machine().fail_call(function, cudaErrorUnknown, before);
      const int32_t status = whole_program(error);
      machine().reset();
      machine().set_device_count(2);
      nothing_lives(function, before);
      if (status == GAVEL_OK) break;
      CHECK(status == GAVEL_INTERNAL && error.vendor_code == cudaErrorUnknown && error.message[0] != 0, "%s: %d, %s", function,
            status, error.message);
      if (before > 1000) break;
    }
  }
}

void test_memory(const CudaContext &context) {
  auto error = sized<gavel_error>();
  const gavel::emulator::Live before = machine().live();
  gavel_buffer *buffer = nullptr;
  for (gavel_stream *stream : {static_cast<gavel_stream *>(nullptr), context.stream()}) {
    expect_status("too large", gavel_buffer_create(context.get(), GAVEL_CUDA, int64_t{1} << 50, stream, &buffer, &error),
                  GAVEL_OUT_OF_DEVICE_MEMORY, error);
    CHECK(std::strstr(error.message, "1125899906842624") != nullptr && std::strstr(error.message, "free") != nullptr, "%s",
          error.message);
  }
  CHECK(buffer == nullptr, "nothing was handed out");
  expect_status("scratch", gavel_stream_reserve(context.stream(), int64_t{1} << 50, &error), GAVEL_OUT_OF_DEVICE_MEMORY, error);
  check_equal("device allocations", machine().live().device_allocations <= before.device_allocations, 1);
  // Still works.
  const GoodCall good(context);
  expect_status("after it", good.score(good.args, error), GAVEL_OK, error);
  context.synchronize();
}

// Runs in a process of its own: what it does to the machine cannot be taken back.
void in_child(const char *what, const std::function<void()> &body) {
  std::fflush(stderr);
  const pid_t child = fork();
  if (child == 0) {
    checks = failures = 0;
    body();
    std::fflush(stderr);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %d", what, status);
}

void test_lost_device() {
  auto error = sized<gavel_error>();
  const CudaContext context;
  {
    const GoodCall good(context);
    const TestOptimizer optimizer(good.head, default_options());
    machine().lose_device(cudaErrorIllegalAddress);
    for (int again = 0; again < 2; ++again) {
      expect_status("score", good.score(good.args, error), GAVEL_DEVICE_LOST, error);
      check_equal("vendor code", error.vendor_code, cudaErrorIllegalAddress);
      expect_status("synchronize", gavel_stream_synchronize(context.stream(), &error), GAVEL_DEVICE_LOST, error);
      auto info = sized<gavel_context_info>();
      expect_status("describe", gavel_context_describe(context.get(), &info, &error), GAVEL_DEVICE_LOST, error);
      check_equal("steps", gavel_optimizer_step_count(optimizer.get()), -1);
    }
    gavel_context *another = nullptr;
    const gavel_context_options options = cuda_options();
    CHECK(gavel_context_create(&options, &another, &error) != GAVEL_OK && error.vendor_code == cudaErrorIllegalAddress, "%s",
          error.message);
  }
  // Ending the handles of a lost device must work all the same.
}

void unavailable(const char *what, const char *names, Where where = Where::current()) {
  auto error = sized<gavel_error>();
  gavel_context *context = nullptr;
  const gavel_context_options options = cuda_options();
  expect_status(what, gavel_context_create(&options, &context, &error), GAVEL_DEVICE_UNAVAILABLE, error, where);
  if (failed(std::strstr(error.message, names) != nullptr, where)) {
    std::fprintf(stderr, "%s: '%s' lacks '%s'\n", what, error.message, names);
  }
}

void test_machines() {
  machine().set_device_count(0);
  unavailable("no device", "device");
  machine().reset();
  machine().set_driver_version(0);
  unavailable("no driver", "driver");
  machine().set_driver_version(12080);
  unavailable("old driver", "12.8");
  machine().reset();
  machine().set_compute_capability(75);
  unavailable("old device", "7.5");
  machine().reset();
  auto error = sized<gavel_error>();
  gavel_context *context = nullptr;
  const gavel_context_options options = cuda_options(3);
  expect_status("device 3", gavel_context_create(&options, &context, &error), GAVEL_DEVICE_UNAVAILABLE, error);
  CHECK(std::strstr(error.message, "3") != nullptr, "%s", error.message);
  nothing_lives("unavailable", 0);
}

// Kernels overlap only where their code can wait, and give the same bits where they do not.
void test_generations() {
  auto spec = mlp_spec(GAVEL_BF16, 24, {40, 16}, 6, GAVEL_ACTIVATION_SILU);
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS;
  for (const int64_t items : {3, 12, 70}) {
    Random random(static_cast<uint64_t>(items));
    const TrainingCase training = random_case(random, spec, items);
    Scores expected;
    for (const int compute_capability : {90, 80, 89, 100, 120}) {
      machine().set_compute_capability(compute_capability);
      const CudaContext context;
      const TestHead head(context.get(), spec, 9);
      Scores actual;
      score_on_device(context, head.get(), score_args(spec, training.batch, training.pooling, training.combine, true, actual),
                      nullptr);
      if (compute_capability == 90) expected = actual;
      check_scores(std::to_string(compute_capability), actual, expected, static_cast<uint64_t>(items));
    }
    machine().reset();
  }
}

}  // namespace

int main() {
  machine().set_device_count(2);
  in_child("lost device", test_lost_device);
  in_child("machines", test_machines);
  in_child("generations", test_generations);
  test_failing_calls();
  {
    const CudaContext context(0);
    test_memory(context);
  }
  nothing_lives("everything", 0);
  return finish();
}
