// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Mode FAST through the C interface, with a fake of cuBLASLt that is opened by path as the real one is: which calls go there and as what
// products, that INVARIANT never does, captures, and libraries that cannot be used.
#include "cuda_api_checks.h"
#include "cuda_api_good_call.h"
#include "cuda_training_call.h"
#include "fake_cublaslt.h"

using namespace gavel::test;

namespace {

// As many as go to the library.
constexpr int64_t kItems = 2048;

// The fake that contexts open; it stays open over them, so that what it counts outlives them.
const fake_cublaslt::Control &library() {
  static const fake_cublaslt::Control *control = [] {
    void *opened = dlopen(GAVEL_FAKE_CUBLASLT "good.so", RTLD_NOW | RTLD_LOCAL);
    void *function = opened == nullptr ? nullptr : dlsym(opened, "fake_cublaslt_control");
    if (function == nullptr) {
      std::fprintf(stderr, "no fake of cuBLASLt: %s\n", dlerror());
      std::abort();
    }
    const auto *found = reinterpret_cast<const fake_cublaslt::Control *(*)()>(function)();
    // Its work in the order of streams, with leave to touch the device's memory.
    *found->on_stream = machine().on_stream;
    return found;
  }();
  return *control;
}

gavel_context_options fast_options(const char *path) {
  gavel_context_options options = cuda_options();
  options.mode = GAVEL_MODE_FAST;
  options.cublaslt = path;
  return options;
}

gavel_head_spec head_spec() {
  auto spec = mlp_spec(GAVEL_BF16, 16, {24, 8}, 1, GAVEL_ACTIVATION_RELU);
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
  return spec;
}

bool is_asked(size_t n, uint64_t rows, uint64_t columns, uint64_t depth, int transpose_a, int transpose_b, int type) {
  const fake_cublaslt::Asked &asked = (*library().asked)[n];
  return asked.rows == rows && asked.columns == columns && asked.depth == depth && asked.transpose_a == transpose_a &&
         asked.transpose_b == transpose_b && asked.type == type && !asked.adds;
}

// Scores, loss and gradients, all of whole numbers, as the CPU has them.
void test_calls(const CudaContext &invariant, const CudaContext &fast, const TestContext &cpu) {
  const gavel_head_spec spec = head_spec();
  Random random(3);
  const TrainingCase training = exact_case(random, spec, kItems, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE);
  const TestHead on_cpu(cpu.get(), spec, 3, 1), in_fast(fast.get(), spec, 3, 1), in_invariant(invariant.get(), spec, 3, 1);
  const Scores expected = run_forward(cpu.get(), on_cpu, training);
  const TrainingOutputs gradients = run_backward(cpu.get(), on_cpu, training, expected);
  library().asked->clear();
  // The mode is the call's, whichever context made the head.
  Scores scores;
  score_on_device(invariant, in_fast.get(), score_args(spec, training.batch, training.pooling, training.combine, true, scores),
                  nullptr);
  check_scores("INVARIANT", scores, expected, 3);
  check_same_gradients("INVARIANT", backward_on_device(invariant, in_fast.get(), spec, training, expected), gradients, 3);
  check_equal("products of INVARIANT", static_cast<int64_t>(library().asked->size()), 0);
  for (const TestHead *head : {&in_invariant, &in_fast}) {
    library().asked->clear();
    Scores actual;
    const gavel_score_args args = score_args(spec, training.batch, training.pooling, training.combine, true, actual);
    LossProblem problem = random_pairs(random, kItems, 40);
    LossOutputs loss, loss_expected;
    gavel_loss_args loss_of = loss_args(problem, loss);
    loss_of.scores = gavel_tensor{};
    score_on_device(fast, head->get(), args, &loss_of);
    check_scores("FAST", actual, expected, 3);
    Scores again;
    const gavel_score_args on_host = score_args(spec, training.batch, training.pooling, training.combine, true, again);
    gavel_loss_args loss_on_host = loss_args(problem, loss_expected);
    loss_on_host.scores = gavel_tensor{};
    auto error = sized<gavel_error>();
    expect_status("on the CPU", gavel_score(cpu.get(), on_cpu.get(), &on_host, &loss_on_host, &error), GAVEL_OK, error);
    check_losses(problem, loss, loss_expected, 3);
    check_equal("products of a score", static_cast<int64_t>(library().asked->size()), 2);
    CHECK(is_asked(0, 24, kItems, 16, 1, 0, 14) && is_asked(1, 8, kItems, 24, 1, 0, 14), "other products of a score");
    // Last layer first, column-major: dW^T [depth, width] = X^T dA, and dX^T [depth, items] = W^T dA^T. Rows of gradients that are no
    // multiple of 16 bytes apart are left to our own kernels.
    library().asked->clear();
    check_same_gradients("FAST", backward_on_device(fast, head->get(), spec, training, expected, 4), gradients, 3);
    check_equal("products of a backward call", static_cast<int64_t>(library().asked->size()), 4);
    CHECK(is_asked(0, 24, 8, kItems, 0, 1, 0) && is_asked(1, 24, kItems, 8, 0, 0, 0) && is_asked(2, 16, 24, kItems, 0, 1, 0) &&
              is_asked(3, 16, kItems, 24, 0, 0, 0),
          "other products of a backward call");
    check_equal("rows of the first gradient", (*library().asked)[2].d_stride, 16 + 4);
    library().asked->clear();
    check_same_gradients("FAST, rows apart", backward_on_device(fast, head->get(), spec, training, expected), gradients, 3);
    check_equal("products with rows apart", static_cast<int64_t>(library().asked->size()), 2);
  }
}

// A score call, captured once and replayed: nothing is allocated inside, and the library's work is in the graph.
void test_capture(const CudaContext &fast) {
  const gavel_head_spec spec = head_spec();
  Random random(4);
  const TrainingCase training = exact_case(random, spec, kItems, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE);
  const TestHead head(fast.get(), spec, 4, 1);
  Scores expected, actual;
  score_on_device(fast, head.get(), score_args(spec, training.batch, training.pooling, training.combine, true, expected),
                  nullptr);
  OnDevice device(fast);
  gavel_score_args args = score_args(spec, training.batch, training.pooling, training.combine, true, actual);
  upload(device, args);
  auto error = sized<gavel_error>();
  gavel_stream *stream = nullptr;
  expect_status("stream", gavel_stream_create(fast.get(), &stream, &error), GAVEL_OK, error);
  args.stream = stream;
  int64_t bytes = 0;
  expect_status("workspace", gavel_score_workspace(fast.get(), head.get(), &args, nullptr, &bytes, &error), GAVEL_OK, error);
  CHECK(bytes > int64_t{32} << 20, "%lld bytes of scratch do not hold the library's", static_cast<long long>(bytes));
  expect_status("reserve", gavel_stream_reserve(stream, bytes, &error), GAVEL_OK, error);
  fast.synchronize();
  const auto native = static_cast<cudaStream_t>(gavel_stream_native(stream));
  const gavel::emulator::Live before = machine().live();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t instance = nullptr;
  machine().begin_capture(native, cudaStreamCaptureModeThreadLocal);
  expect_status("captured", gavel_score(fast.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error);
  CHECK(machine().end_capture(native, &graph) == cudaSuccess, "end of the capture");
  check_equal("allocated inside", machine().live().device_allocations, before.device_allocations);
  CHECK(machine().instantiate(&instance, graph, 0) == cudaSuccess, "instantiate");
  for (int replay = 0; replay < 2; ++replay) {
    device.again();
    CHECK(machine().launch_graph(instance, native) == cudaSuccess, "launch");
    expect_status("replayed", gavel_stream_synchronize(stream, &error), GAVEL_OK, error);
    device.download();
    check_scores("replayed", actual, expected, 4);
    actual.scores.assign(actual.scores.size(), -77.0f);
  }
  machine().destroy_instance(instance);
  machine().destroy_graph(graph);
  gavel_stream_destroy(stream);
}

void refused(const char *what, const gavel_context_options &options, int32_t status, const char *names,
             Where where = Where::current()) {
  auto error = sized<gavel_error>();
  gavel_context *context = nullptr;
  expect_status(what, gavel_context_create(&options, &context, &error), status, error, where);
  CHECK(context == nullptr, "%s: a context was handed out", what);
  if (failed(std::strstr(error.message, names) != nullptr, where)) {
    std::fprintf(stderr, "%s: '%s' lacks '%s'\n", what, error.message, names);
  }
  nothing_lives(what, 0, where);
}

void test_libraries() {
  refused("version 11", fast_options(GAVEL_FAKE_CUBLASLT "old.so"), GAVEL_UNSUPPORTED, "or use mode INVARIANT");
  refused("no functions", fast_options(GAVEL_FAKE_CUBLASLT "incomplete.so"), GAVEL_UNSUPPORTED, "no function cublasLtCreate");
  refused("no file", fast_options(GAVEL_FAKE_CUBLASLT "nowhere.so"), GAVEL_UNSUPPORTED, "cannot be opened");
  gavel_context_options invariant = fast_options(GAVEL_FAKE_CUBLASLT "good.so");
  invariant.mode = GAVEL_MODE_INVARIANT;
  refused("INVARIANT", invariant, GAVEL_INVALID_ARGUMENT, "mode FAST");
}

void detail_is(const CudaContext &context, const char *text, bool there) {
  auto error = sized<gavel_error>();
  auto info = sized<gavel_context_info>();
  expect_status("describe", gavel_context_describe(context.get(), &info, &error), GAVEL_OK, error);
  CHECK((std::strstr(info.detail, text) != nullptr) == there, "the detail is '%s'", info.detail);
}

}  // namespace

int main() {
  machine().set_device_count(1);
  library();
  test_libraries();
  {
    const CudaContext invariant, fast(fast_options(GAVEL_FAKE_CUBLASLT "good.so")), without(fast_options(nullptr));
    const TestContext cpu;
    detail_is(fast, "cuBLASLt 13.1.0", true);
    detail_is(without, "cuBLASLt", false);
    detail_is(invariant, "cuBLASLt", false);
    test_calls(invariant, fast, cpu);
    test_capture(fast);
  }
  check_equal("the library's handles and descriptors", *library().live, 0);
  nothing_lives("everything", 0);
  return finish();
}
