// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// What a caller can get wrong on CUDA: each is a status with a message that names it, nothing crashes, nothing leaks.
#include <functional>

#include "cuda_api_good_call.h"
#include "hostile.h"
#include "loss_problem.h"

using namespace gavel::test;

namespace {

void refused(const char *what, const GoodCall &good, const std::function<void(gavel_score_args &)> &change, const char *names,
             Where where = Where::current()) {
  gavel_score_args args = good.args;
  change(args);
  auto error = sized<gavel_error>();
  expect_refused(what, good.score(args, error), error, "gavel_score", names, where);
}

void test_places(const CudaContext &first, const CudaContext &second, const TestContext &cpu) {
  const GoodCall good(first);
  const GoodCall other(second);
  auto error = sized<gavel_error>();
  expect_status("as it is", good.score(good.args, error), GAVEL_OK, error);
  refused(
      "device 1 in a call on 0", good, [&](auto &a) { a.hidden = other.args.hidden; },
      "args.hidden is f32[6,12]: it lies on device type 2, id 1; this call takes GAVEL_CUDA (2), id 0, or "
      "GAVEL_CUDA_HOST (3), id 0");
  refused(
      "host memory", good, [&](auto &a) { a.last = good.host.last; }, "args.last is i64[6]: it lies on device type 1");
  refused(
      "host memory as device memory", good, [&](auto &a) { a.hidden.data = good.host.hidden.data; },
      "args.hidden is said to be");
  refused(
      "host memory as pinned", good,
      [&](auto &a) {
        a.scores = good.host.scores;
        a.scores.device_type = GAVEL_CUDA_HOST;
      },
      "args.scores is said to be");
  refused(
      "memory of device 1 as of 0", good,
      [&](auto &a) {
        a.hidden = other.args.hidden;
        a.hidden.device_id = 0;
      },
      "args.hidden lies on device 1");
  refused(
      "device memory as pinned", good, [&](auto &a) { a.hidden.device_type = GAVEL_CUDA_HOST; },
      "args.hidden is said to be in pinned host memory");
  refused(
      "overlap", good, [&](auto &a) { a.scores.data = a.logits.data; }, "args.scores overlaps output args.logits");

  const gavel_score_args on_cpu = good.args;
  const TestHead cpu_head(cpu.get(), good.spec, 7);
  expect_refused("device tensors on the CPU", gavel_score(cpu.get(), cpu_head.get(), &on_cpu, nullptr, &error), error,
                 "gavel_score", "args.hidden is f32[6,12]: it lies on device type 2, id 0; this call takes GAVEL_CPU (1)");
  gavel_score_args host = good.host;
  host.stream = first.stream();
  expect_refused("a stream on the CPU", gavel_score(cpu.get(), cpu_head.get(), &host, nullptr, &error), error, "gavel_score",
                 "args.stream is not NULL");
  expect_refused("head of the CPU", gavel_score(first.get(), cpu_head.get(), &good.args, nullptr, &error), error, "gavel_score",
                 "head lies on device type 1, id 0, the context is of device type 2, id 0");
  expect_refused("head of device 1", gavel_score(first.get(), other.head.get(), &good.args, nullptr, &error), error,
                 "gavel_score", "head lies on device type 2, id 1");
  refused(
      "no stream", good, [&](auto &a) { a.stream = nullptr; }, "args.stream is NULL");
  refused(
      "stream of device 1", good, [&](auto &a) { a.stream = second.stream(); }, "args.stream is of CUDA device 1");
  refused(
      "a head as stream", good, [&](auto &a) { a.stream = reinterpret_cast<gavel_stream *>(good.head.get()); },
      "args.stream is not a live handle");

  // Pinned memory is the CPU's, too.
  OnDevice pinned(first, GAVEL_CUDA_HOST);
  gavel_score_args shared = good.host;
  upload(pinned, shared);
  first.synchronize();
  expect_status("pinned on the CPU", gavel_score(cpu.get(), cpu_head.get(), &shared, nullptr, &error), GAVEL_OK, error);
  // A second context of the same device may use the head.
  const CudaContext again(first.device());
  expect_status("same device", gavel_score(again.get(), good.head.get(), &good.args, nullptr, &error), GAVEL_OK, error);
  first.synchronize();
}

void test_arguments(const CudaContext &first, const CudaContext &second, const TestContext &cpu) {
  auto error = sized<gavel_error>();
  gavel_stream *stream = nullptr;
  gavel_buffer *buffer = nullptr;
  expect_status("stream on the CPU", gavel_stream_create(cpu.get(), &stream, &error), GAVEL_UNSUPPORTED, error);
  expect_status("wrap on the CPU", gavel_stream_wrap(cpu.get(), nullptr, &stream, &error), GAVEL_UNSUPPORTED, error);
  expect_status("buffer on the CPU", gavel_buffer_create(cpu.get(), GAVEL_CUDA, 8, nullptr, &buffer, &error), GAVEL_UNSUPPORTED,
                error);
  expect_refused("no target", gavel_stream_create(first.get(), nullptr, &error), error, "gavel_stream_create",
                 "stream is NULL");
  expect_refused("no stream", gavel_stream_synchronize(nullptr, &error), error, "gavel_stream_synchronize", "stream is NULL");
  expect_refused("negative", gavel_stream_reserve(first.stream(), -1, &error), error, "gavel_stream_reserve", "bytes is -1");
  expect_refused("two devices", gavel_stream_wait(first.stream(), second.stream(), &error), error, "gavel_stream_wait",
                 "both must be of one device");
  expect_refused("device type", gavel_buffer_create(first.get(), GAVEL_CPU, 8, nullptr, &buffer, &error), error,
                 "gavel_buffer_create", "device_type is 1");
  expect_refused("negative", gavel_buffer_create(first.get(), GAVEL_CUDA, -8, nullptr, &buffer, &error), error,
                 "gavel_buffer_create", "bytes is -8");
  expect_refused("stream of device 1", gavel_buffer_create(first.get(), GAVEL_CUDA, 8, second.stream(), &buffer, &error), error,
                 "gavel_buffer_create", "stream is of CUDA device 1");
  CHECK(buffer == nullptr && stream == nullptr, "nothing was handed out");
  CHECK(gavel_buffer_data(nullptr) == nullptr && gavel_stream_native(nullptr) == nullptr, "no handle, no pointer");
  gavel_stream_destroy(nullptr);
  gavel_buffer_destroy(nullptr);
  cudaStream_t native = nullptr;
  machine().set_device(1);
  machine().stream_create(&native, 0);
  machine().set_device(0);
  expect_refused("native stream of device 1", gavel_stream_wrap(first.get(), native, &stream, &error), error,
                 "gavel_stream_wrap", "the stream belongs to device 1");
  machine().stream_destroy(native);

  const GoodCall good(first);
  const auto copy = [&](const gavel_tensor &source, const gavel_tensor &target, gavel_stream *on, const char *names,
                        Where where = Where::current()) {
    expect_refused("copy", gavel_copy(first.get(), &source, &target, on, &error), error, "gavel_copy", names, where);
  };
  gavel_tensor wide = good.args.vectors;
  copy(good.args.hidden, good.args.last, first.stream(), "target is i64[6]: the dtype must be f32");
  copy(good.args.hidden, good.args.logits, first.stream(), "target is f32[6,1]: the shape must be [6,12]");
  copy(good.args.hidden, wide, nullptr, "stream is NULL");
  copy(good.args.hidden, good.args.hidden, first.stream(), "output target overlaps input source");
  wide.device_id = 1;
  copy(good.args.hidden, wide, first.stream(),
       "target is f32[6,12]: it lies on device type 2, id 1; this call takes GAVEL_CUDA (2), id 0, or "
       "GAVEL_CPU (1) or GAVEL_CUDA_HOST (3)");
  expect_refused("no source", gavel_copy(first.get(), nullptr, &wide, first.stream(), &error), error, "gavel_copy",
                 "source is NULL");

  // Parameters and states are host memory, whatever the device.
  GradientBuffers buffers(good.spec, 0, 0);
  gavel_tensor parameter = buffers.tensors[0];
  parameter.device_type = GAVEL_CUDA;
  expect_refused("head_read to the device", gavel_head_read(good.head.get(), 0, &parameter, &error), error, "gavel_head_read",
                 "parameter[0] (output.weight) is f32[1,12]: it lies on device type 2");
  const TestOptimizer optimizer(good.head, default_options());
  expect_refused("host gradients",
                 gavel_optimizer_step(optimizer.get(), buffers.tensors.data(), 1, 0.1f, first.stream(), &error), error,
                 "gavel_optimizer_step", "gradients[0] (output.weight) is f32[1,12]: it lies on device type 1");
  gavel_tensor none = {};
  expect_refused("no stream", gavel_optimizer_step(optimizer.get(), &none, 1, 0.1f, nullptr, &error), error,
                 "gavel_optimizer_step", "stream is NULL");
  auto options = cuda_options();
  gavel_context *context = nullptr;
  options.threads = 2;
  expect_refused("threads", gavel_context_create(&options, &context, &error), error, "gavel_context_create",
                 "options.threads is 2");
  options = cuda_options(-1);
  expect_refused("device", gavel_context_create(&options, &context, &error), error, "gavel_context_create",
                 "options.device_id is -1");
  options = cuda_options();
  options.instruction_set = GAVEL_INSTRUCTION_SET_AVX2;
  expect_refused("set", gavel_context_create(&options, &context, &error), error, "gavel_context_create",
                 "instruction_set is 2");
  options = cuda_options();
  options.mode = 2;
  expect_refused("mode", gavel_context_create(&options, &context, &error), error, "gavel_context_create", "options.mode is 2");
  options.mode = GAVEL_MODE_FAST;
  options.cublaslt = "/nowhere/libcublasLt.so.13";
  expect_status("cublaslt", gavel_context_create(&options, &context, &error), GAVEL_UNSUPPORTED, error);
  CHECK(std::strstr(error.message, "/nowhere/libcublasLt.so.13") != nullptr, "%s", error.message);
  options.mode = GAVEL_MODE_INVARIANT;
  expect_refused("cublaslt", gavel_context_create(&options, &context, &error), error, "gavel_context_create",
                 "options.cublaslt");
  CHECK(context == nullptr, "nothing was handed out");
}

// What only the device sees comes at the next synchronize, once; the items it does not concern are right.
void test_faults(const CudaContext &context) {
  auto error = sized<gavel_error>();
  GoodCall good(context);
  const std::vector<float> right =
      run_forward(TestContext(1).get(), TestHead(TestContext(1).get(), good.spec, 7), good.training).scores;
  good.training.batch.last[2] = 99;
  gavel_tensor index = good.host.last;
  expect_status("new index", gavel_copy(context.get(), &index, &good.args.last, context.stream(), &error), GAVEL_OK, error);
  expect_status("score", good.score(good.args, error), GAVEL_OK, error);
  expect_refused("index 99", gavel_stream_synchronize(context.stream(), &error), error, "gavel_stream_synchronize",
                 "item 2: last[2] is 99");
  expect_status("cleared", gavel_stream_synchronize(context.stream(), &error), GAVEL_OK, error);
  good.device.download();
  for (size_t r = 0; r < 6; ++r) {
    CHECK(r == 2 ? std::isnan(good.out.scores[r]) : !std::isnan(good.out.scores[r]), "score %zu is %g", r,
          static_cast<double>(good.out.scores[r]));
    const double bound = 1e-4;  // another order of additions than the CPU's; bounds proper are in cuda_api.cpp
    CHECK(r == 2 || std::fabs(static_cast<double>(good.out.scores[r] - right[r])) < bound, "score %zu", r);
  }

  LossProblem problem = pairs_problem({1, 2, 3}, {0, 1, 1, 2});
  problem.pairs[3] = 3;
  LossOutputs out;
  gavel_loss_args loss = loss_args(problem, out);
  OnDevice device(context);
  upload(device, loss);
  loss.stream = context.stream();
  expect_status("loss", gavel_loss(context.get(), &loss, &error), GAVEL_OK, error);
  expect_refused("pair", gavel_stream_synchronize(context.stream(), &error), error, "gavel_stream_synchronize", "pair 1 has 3");
  device.download();
  CHECK(std::isnan(out.item_loss[1]) && !std::isnan(out.item_loss[0]), "item losses %g, %g",
        static_cast<double>(out.item_loss[0]), static_cast<double>(out.item_loss[1]));

  // A gradient that is not finite: nothing changes, and the step does not count.
  const TestOptimizer optimizer(good.head, default_options());
  const auto before = optimizer.read(GAVEL_OPTIMIZER_MASTER);
  GradientBuffers gradients(good.spec, 1, 0);
  gradients.memory[0][5] = std::numeric_limits<float>::infinity();
  gavel_tensor gradient = gradients.tensors[0];
  OnDevice moved(context);
  moved.upload(gradient);
  expect_status("step", gavel_optimizer_step(optimizer.get(), &gradient, 1, 0.1f, context.stream(), &error), GAVEL_OK, error);
  expect_refused("infinite gradient", gavel_stream_synchronize(context.stream(), &error), error, "gavel_stream_synchronize",
                 "element 5");
  check_bits("masters", optimizer.read(GAVEL_OPTIMIZER_MASTER)[0].data(), before[0].data(), 12, 7);
  check_equal("steps", gavel_optimizer_step_count(optimizer.get()), 0);
}

// Random wrong calls: answered, and nothing outside the tensors is touched (the emulator's memory ends where it says).
void test_spoiled(const CudaContext &context) {
  auto error = sized<gavel_error>();
  int64_t accepted = 0;
  const GoodCall good(context, 9);
  const LossProblem problem = [&] {
    Random random(11);
    return random_pairs(random, 9, 12);
  }();
  LossOutputs out;
  gavel_loss_args loss = loss_args(problem, out);
  loss.scores = gavel_tensor{};
  OnDevice device(context);
  upload(device, loss);
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    Random random(seed);
    gavel_score_args args = good.args;
    gavel_loss_args losses = loss;
    if (seed % 2 == 0) {
      Spoiler(args)
          .words(
              {offsetof(gavel_score_args, pooling), offsetof(gavel_score_args, combine), offsetof(gavel_score_args, readout)})
          .floats({offsetof(gavel_score_args, readout_mean), offsetof(gavel_score_args, readout_deviation)})
          .tensors(offsetof(gavel_score_args, hidden), offsetof(gavel_score_args, stream))
          .spoil(random);
    } else {
      Spoiler(losses)
          .words({offsetof(gavel_loss_args, kind), offsetof(gavel_loss_args, reduction)})
          .floats({offsetof(gavel_loss_args, weight), offsetof(gavel_loss_args, beta), offsetof(gavel_loss_args, tie)})
          .tensors(offsetof(gavel_loss_args, mask), offsetof(gavel_loss_args, stream))
          .spoil(random);
    }
    error.message[0] = 0;
    const int32_t status = good.score(args, error, seed % 3 == 0 ? nullptr : &losses);
    expect_answered("score", status, error, seed);
    accepted += status == GAVEL_OK;
    const int32_t waited = gavel_stream_synchronize(context.stream(), &error);
    expect_answered("synchronize", waited, error, seed);
  }
  CHECK(accepted > 100 && accepted < 3900, "%lld of 4000 accepted", static_cast<long long>(accepted));
}

}  // namespace

int main() {
  machine().set_device_count(2);
  {
    const TestContext cpu(1);
    const CudaContext first(0), second(1);
    test_places(first, second, cpu);
    test_arguments(first, second, cpu);
    test_faults(first);
    test_spoiled(first);
  }
  nothing_lives("everything", 0);
  return finish();
}
