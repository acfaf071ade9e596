// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Streams, copies, graph captures and what a context tells of itself, through the C interface on CUDA.
#include "cuda_api_checks.h"
#include "cuda_api_fixture.h"
#include "loss_problem.h"
#include "training_fixture.h"

using namespace gavel::test;

namespace {

void test_copy(const CudaContext &cuda) {
  auto error = sized<gavel_error>();
  std::vector<float> source(5 * 9), target(5 * 11, -1.0f);
  for (size_t k = 0; k < source.size(); ++k) source[k] = static_cast<float>(k);
  // Rows of 7: host with rows 9 apart -> device, rows 8 apart -> pinned, rows 7 apart -> host, rows 11 apart.
  gavel_buffer *device = nullptr, *pinned = nullptr;
  expect_status("device", gavel_buffer_create(cuda.get(), GAVEL_CUDA, 160, nullptr, &device, &error), GAVEL_OK, error);
  expect_status("pinned", gavel_buffer_create(cuda.get(), GAVEL_CUDA_HOST, 140, nullptr, &pinned, &error), GAVEL_OK, error);
  gavel_tensor places[4] = {
      describe(source.data(), GAVEL_F32, {5, 7}, 9), describe(gavel_buffer_data(device), GAVEL_F32, {5, 7}, 8),
      describe(gavel_buffer_data(pinned), GAVEL_F32, {5, 7}), describe(target.data(), GAVEL_F32, {5, 7}, 11)};
  places[1].device_type = GAVEL_CUDA;
  places[1].device_id = cuda.device();
  places[2].device_type = GAVEL_CUDA_HOST;
  for (int k = 0; k < 3; ++k) {
    expect_status("copy", gavel_copy(cuda.get(), &places[k], &places[k + 1], cuda.stream(), &error), GAVEL_OK, error);
  }
  cuda.synchronize();
  for (size_t r = 0; r < 5; ++r) {
    for (size_t k = 0; k < 11; ++k) {
      const bool gap = k >= 7 || r * 11 + k >= static_cast<size_t>(places[3].byte_length / 4);
      check_equal("copied", static_cast<int64_t>(target[r * 11 + k]), gap ? -1 : static_cast<int64_t>(r * 9 + k));
    }
  }
  gavel_buffer_destroy(pinned);
  gavel_buffer_destroy(device);
}

// Work of two streams in the order that gavel_stream_wait gives it; a wrapped stream is the caller's.
void test_streams(const CudaContext &cuda) {
  auto error = sized<gavel_error>();
  cudaStream_t native = nullptr;
  machine().set_device(cuda.device());
  machine().stream_create(&native, 0);
  machine().set_device(0);
  gavel_stream *wrapped = nullptr;
  expect_status("wrap", gavel_stream_wrap(cuda.get(), native, &wrapped, &error), GAVEL_OK, error);
  CHECK(gavel_stream_native(wrapped) == native, "native stream");
  CHECK(gavel_stream_native(cuda.stream()) != nullptr, "own stream");
  gavel_stream *initial = nullptr;
  expect_status("wrap the default stream", gavel_stream_wrap(cuda.get(), nullptr, &initial, &error), GAVEL_OK, error);
  CHECK(gavel_stream_native(initial) == nullptr, "default stream");
  gavel_stream_destroy(initial);

  std::vector<float> values(64, 3.0f), back(64, 0.0f);
  gavel_buffer *buffer = nullptr;
  expect_status("buffer", gavel_buffer_create(cuda.get(), GAVEL_CUDA, 256, wrapped, &buffer, &error), GAVEL_OK, error);
  gavel_tensor host = describe(values.data(), GAVEL_F32, {64});
  gavel_tensor device = describe(gavel_buffer_data(buffer), GAVEL_F32, {64});
  device.device_type = GAVEL_CUDA;
  device.device_id = cuda.device();
  gavel_tensor result = describe(back.data(), GAVEL_F32, {64});
  expect_status("copy in", gavel_copy(cuda.get(), &host, &device, wrapped, &error), GAVEL_OK, error);
  expect_status("wait", gavel_stream_wait(cuda.stream(), wrapped, &error), GAVEL_OK, error);
  expect_status("copy out", gavel_copy(cuda.get(), &device, &result, cuda.stream(), &error), GAVEL_OK, error);
  cuda.synchronize();
  check_bits("ordered", back.data(), values.data(), 64, 0);
  // The buffer keeps its stream, and that its context.
  gavel_stream_destroy(wrapped);
  gavel_buffer_destroy(buffer);
  machine().stream_destroy(native);
}

// A step captured once and replayed gives what calls give: workspace asked for and reserved, nothing allocated inside.
void test_capture(const CudaContext &cuda) {
  auto error = sized<gavel_error>();
  Random random(600);
  const gavel_head_spec spec = mlp_spec(GAVEL_BF16, 40, {48}, 1, GAVEL_ACTIVATION_GELU);
  const TestHead head(cuda.get(), spec, 600);
  TrainingCase training = random_case(random, spec, 40);
  const LossProblem problem = random_pairs(random, 40, 30);
  Scores expected, actual;
  LossOutputs expected_loss, actual_loss;
  gavel_loss_args plain_loss = loss_args(problem, expected_loss);
  plain_loss.scores = gavel_tensor{};
  score_on_device(cuda, head.get(), score_args(spec, training.batch, training.pooling, training.combine, true, expected),
                  &plain_loss);

  gavel_stream *stream = nullptr;
  expect_status("stream", gavel_stream_create(cuda.get(), &stream, &error), GAVEL_OK, error);
  gavel_score_args args = score_args(spec, training.batch, training.pooling, training.combine, true, actual);
  gavel_loss_args loss = loss_args(problem, actual_loss);
  loss.scores = gavel_tensor{};
  OnDevice device(cuda);
  upload(device, args);
  upload(device, loss);
  cuda.synchronize();
  args.stream = stream;
  int64_t bytes = -1;
  expect_status("workspace", gavel_score_workspace(cuda.get(), head.get(), &args, &loss, &bytes, &error), GAVEL_OK, error);
  const auto native = static_cast<cudaStream_t>(gavel_stream_native(stream));
  if (bytes > 0) {
    // Without it, inside a capture: refused, naming what is missing.
    machine().begin_capture(native, cudaStreamCaptureModeThreadLocal);
    expect_status("too little", gavel_score(cuda.get(), head.get(), &args, &loss, &error), GAVEL_INVALID_ARGUMENT, error);
    CHECK(std::strstr(error.message, "gavel_stream_reserve") != nullptr, "%s", error.message);
    cudaGraph_t partial = nullptr;
    machine().end_capture(native, &partial);
    machine().destroy_graph(partial);
  }
  expect_status("reserve", gavel_stream_reserve(stream, bytes, &error), GAVEL_OK, error);
  expect_status("synchronize", gavel_stream_synchronize(stream, &error), GAVEL_OK, error);

  const gavel::emulator::Live before = machine().live();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t instance = nullptr;
  machine().begin_capture(native, cudaStreamCaptureModeThreadLocal);
  expect_status("captured", gavel_score(cuda.get(), head.get(), &args, &loss, &error), GAVEL_OK, error);
  CHECK(machine().end_capture(native, &graph) == cudaSuccess, "end of the capture");
  check_equal("allocated inside", machine().live().device_allocations, before.device_allocations);
  CHECK(machine().instantiate(&instance, graph, 0) == cudaSuccess, "instantiate");
  for (int replay = 0; replay < 3; ++replay) {
    CHECK(machine().launch_graph(instance, native) == cudaSuccess, "launch");
    expect_status("replayed", gavel_stream_synchronize(stream, &error), GAVEL_OK, error);
    device.download();
    check_scores("replayed", actual, expected, 600);
    check_losses(problem, actual_loss, expected_loss, 600);
  }
  machine().destroy_instance(instance);
  machine().destroy_graph(graph);
  gavel_stream_destroy(stream);
}

void test_describe(const CudaContext &cuda) {
  auto error = sized<gavel_error>();
  auto info = sized<gavel_context_info>();
  expect_status("describe", gavel_context_describe(cuda.get(), &info, &error), GAVEL_OK, error);
  check_equal("device type", info.device_type, GAVEL_CUDA);
  check_equal("threads", info.threads, 1);
  check_equal("mode", info.mode, GAVEL_MODE_INVARIANT);
  CHECK(info.compute_capability >= 80, "compute capability %d", info.compute_capability);
  CHECK(info.device_name[0] != 0 && std::strstr(info.detail, "driver") != nullptr, "%s, %s", info.device_name, info.detail);
  CHECK(info.free_memory_bytes > 0 && info.free_memory_bytes <= info.memory_bytes, "memory");
  gavel_buffer *buffer = nullptr;
  const int64_t held = info.held_bytes;
  expect_status("buffer", gavel_buffer_create(cuda.get(), GAVEL_CUDA, 4096, nullptr, &buffer, &error), GAVEL_OK, error);
  gavel_context_describe(cuda.get(), &info, &error);
  check_equal("held by the buffer", info.held_bytes - held, 4096);
  gavel_buffer_destroy(buffer);
  gavel_context_describe(cuda.get(), &info, &error);
  check_equal("given back", info.held_bytes, held);
}

// Enqueued like any other work; what a round is depends on the device, what rounds are does not.
void test_register_products(const CudaContext &cuda) {
  auto error = sized<gavel_error>();
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    int64_t operations[3] = {-1, -1, -1};
    for (int64_t rounds = 0; rounds < 3; ++rounds) {
      expect_status("products", gavel_register_products(cuda.get(), dtype, rounds, cuda.stream(), &operations[rounds], &error),
                    GAVEL_OK, error);
    }
    cuda.synchronize();
    check_equal("no round", operations[0], 0);
    CHECK(operations[1] > 0, "a round is %lld operations", static_cast<long long>(operations[1]));
    check_equal("two rounds", operations[2], 2 * operations[1]);
  }
  int64_t operations = -1;
  expect_status("no stream", gavel_register_products(cuda.get(), GAVEL_F32, 1, nullptr, &operations, &error),
                GAVEL_INVALID_ARGUMENT, error);
}

}  // namespace

int main() {
  machine().set_device_count(2);
  for (const uint64_t seed : {1, 2}) {
    machine().set_seed(seed);
    // The second device is not the thread's current one: calls make it so and leave the thread as it was.
    const CudaContext cuda((static_cast<int32_t>(seed) - 1) % gavel::emulator::kTestDevices);
    test_describe(cuda);
    test_copy(cuda);
    test_streams(cuda);
    test_capture(cuda);
    test_register_products(cuda);
    int current = -1;
    machine().get_device(&current);
    check_equal("current device", current, 0);
  }
  check_equal("live device allocations", machine().live().device_allocations, 0);
  check_equal("live pinned allocations", machine().live().host_allocations, 0);
  check_equal("live streams", machine().live().streams, 0);
  check_equal("live events", machine().live().events, 0);
  return finish();
}
