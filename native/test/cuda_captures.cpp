// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Every kind of call, captured once and replayed, gives what the call gives: workspace asked for and reserved, nothing allocated and no
// waiting inside. And a call of the runtime that fails inside one is a status: the same call afterwards gives the same bits.
#include <cstring>

#include "cuda_api_good_call.h"
#include "cuda_operations.h"

using namespace gavel::test;

namespace {

void same_results(const std::string &what, const Operation &operation, const std::vector<std::vector<float>> &expected) {
  const std::vector<std::vector<float>> actual = operation.results();
  for (size_t i = 0; i < expected.size(); ++i) {
    check_bits(what + " " + operation.name, actual[i].data(), expected[i].data(), static_cast<int64_t>(expected[i].size()), i);
  }
}

// What lay there before is gone, so that a call that writes nothing is seen.
void spoil(const Operation &operation) {
  for (std::vector<float> *output : operation.outputs) std::fill(output->begin(), output->end(), -77.0f);
  operation.device->again();
}

void test_capture(const CudaContext &cuda, const Operation &operation, const std::vector<std::vector<float>> &expected) {
  auto error = sized<gavel_error>();
  gavel_stream *stream = nullptr;
  expect_status("stream", gavel_stream_create(cuda.get(), &stream, &error), GAVEL_OK, error);
  int64_t bytes = -1;
  expect_status("workspace", operation.workspace(stream, &bytes, error), GAVEL_OK, error);
  CHECK(bytes >= 0, "%s: a workspace of %lld bytes", operation.name.c_str(), static_cast<long long>(bytes));
  expect_status("reserve", gavel_stream_reserve(stream, bytes, &error), GAVEL_OK, error);
  expect_status("synchronize", gavel_stream_synchronize(stream, &error), GAVEL_OK, error);
  const auto native = static_cast<cudaStream_t>(gavel_stream_native(stream));
  const gavel::emulator::Live before = machine().live();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t instance = nullptr;
  machine().begin_capture(native, cudaStreamCaptureModeThreadLocal);
  expect_status(operation.name.c_str(), operation.run(stream, error), GAVEL_OK, error);
  CHECK(machine().end_capture(native, &graph) == cudaSuccess, "%s: end of the capture", operation.name.c_str());
  check_equal(operation.name + ": allocated inside", machine().live().device_allocations, before.device_allocations);
  CHECK(machine().instantiate(&instance, graph, 0) == cudaSuccess, "instantiate");
  for (int replay = 0; replay < 2; ++replay) {
    spoil(operation);
    CHECK(machine().launch_graph(instance, native) == cudaSuccess, "launch");
    expect_status("replayed", gavel_stream_synchronize(stream, &error), GAVEL_OK, error);
    same_results("replayed", operation, expected);
  }
  machine().destroy_instance(instance);
  machine().destroy_graph(graph);
  gavel_stream_destroy(stream);
}

void test_failures(const CudaContext &cuda, const Operation &operation, const std::vector<std::vector<float>> &expected) {
  auto error = sized<gavel_error>();
  int64_t failures = 0;
  for (const char *function : {"cudaLaunchKernelEx", "cudaMemsetAsync", "cudaStreamIsCapturing", "cudaMallocFromPoolAsync"}) {
    for (int before = 0;; ++before) {
      gavel_stream *stream = nullptr;
      expect_status("stream", gavel_stream_create(cuda.get(), &stream, &error), GAVEL_OK, error);
      machine().fail_call(function, cudaErrorUnknown, before);
      const int32_t status = operation.run(stream, error);
      machine().reset();
      machine().set_device_count(2);
      if (status != GAVEL_OK) {
        ++failures;
        CHECK(status == GAVEL_INTERNAL && error.vendor_code == cudaErrorUnknown, "%s in %s: %d, %s", function,
              operation.name.c_str(), status, error.message);
      }
      gavel_stream_synchronize(stream, &error);
      spoil(operation);
      expect_status("afterwards", operation.run(stream, error), GAVEL_OK, error);
      expect_status("synchronize", gavel_stream_synchronize(stream, &error), GAVEL_OK, error);
      same_results(std::string("after a failing ") + function, operation, expected);
      gavel_stream_destroy(stream);
      if (status == GAVEL_OK) break;
    }
  }
  CHECK(failures > 0, "%s: no call of the runtime failed", operation.name.c_str());
}

}  // namespace

int main() {
  machine().set_device_count(2);
  {
    const CudaContext cuda;
    const Operations operations(cuda);
    check_equal("operations", static_cast<int64_t>(operations.all().size()), 9 + 2 * 7 + 2);
    auto error = sized<gavel_error>();
    for (const Operation &operation : operations.all()) {
      expect_status(operation.name.c_str(), operation.run(cuda.stream(), error), GAVEL_OK, error);
      const std::vector<std::vector<float>> expected = operation.results();
      test_capture(cuda, operation, expected);
      test_failures(cuda, operation, expected);
    }
  }
  nothing_lives("operations", 0);
  return finish();
}
