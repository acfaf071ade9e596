// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Contexts and streams on the emulated runtime: machines that have no device, scratch memory and counters in and out of captures,
// faults, lost devices, calls that meet, and that nothing is left behind.
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "cuda/context.h"
#include "cuda/launch.h"
#include "cuda/report_fault.h"
#include "cuda/stream.h"
#include "cuda_case.h"

namespace gavel::test {
namespace {

using namespace gavel::cuda;

Context new_context_must_fail() {
  return Context(0, GAVEL_MODE_INVARIANT, nullptr);
}

void machines_without() {
  emulator::set_driver_version(0);
  check_fails(GAVEL_DEVICE_UNAVAILABLE, {"no NVIDIA driver", "CUDA 13"}, new_context_must_fail);
  emulator::set_driver_version(12040);
  check_fails(GAVEL_DEVICE_UNAVAILABLE, {"too old", "CUDA 12.4", "CUDA 13.0", "580"}, new_context_must_fail);
  emulator::reset();
  emulator::set_device_count(0);
  check_fails(GAVEL_DEVICE_UNAVAILABLE, {"0 devices", "CUDA_VISIBLE_DEVICES"}, new_context_must_fail);
  emulator::set_device_count(2);
  check_fails(GAVEL_DEVICE_UNAVAILABLE, {"device 3 was asked for", "has 2"}, [] { Context(3, GAVEL_MODE_INVARIANT, nullptr); });
  emulator::set_compute_capability(75);
  check_fails(GAVEL_DEVICE_UNAVAILABLE, {"7.5", "8.0"}, new_context_must_fail);
  emulator::reset();
  emulator::fail_call("cudaGetDeviceCount", cudaErrorInitializationError);
  check_fails(GAVEL_DEVICE_UNAVAILABLE, {"cudaErrorInitializationError"}, new_context_must_fail);
  emulator::fail_call("cudaMemPoolCreate", cudaErrorInvalidValue);
  check_fails(GAVEL_INTERNAL, {"making a memory pool", "cudaErrorInvalidValue"}, new_context_must_fail);
  check_fails(GAVEL_UNSUPPORTED, {"no-such-library"}, [] { Context(0, GAVEL_MODE_FAST, "./no-such-library.so"); });
}

void properties() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  check_equal("compute capability", context.compute_capability, 90);
  check_equal("shared memory", context.shared_bytes, 227 * 1024);
  check_equal("free at first", context.free_bytes(), context.memory_bytes);
  CHECK(std::string(context.name).find("emulated") != std::string::npos, "the name is %s", context.name);
  check_equal("held", context.held_bytes, 0);
}

// The caller's device is current again afterwards.
void device_of_the_caller() {
  emulator::set_device_count(2);
  Context second(1, GAVEL_MODE_INVARIANT, nullptr);
  int device = -1;
  cudaGetDevice(&device);
  check_equal("device behind the constructor", device, 0);
  {
    const ActiveDevice active(second);
    cudaGetDevice(&device);
    check_equal("device within", device, 1);
    Stream stream(second);
    cudaStream_t foreign = nullptr;
    cudaSetDevice(0);
    cudaStreamCreateWithFlags(&foreign, cudaStreamNonBlocking);
    cudaSetDevice(1);
    check_fails(GAVEL_INVALID_ARGUMENT, {"belongs to device 0", "device 1"}, [&] { Stream(second, foreign); });
    cudaStreamDestroy(foreign);
  }
  cudaGetDevice(&device);
  check_equal("device afterwards", device, 0);
}

__global__ void fill(uint8_t *bytes, int64_t n) {
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) bytes[i] = 1;
}

__global__ void count_blocks(uint32_t *counters, uint32_t *out) {
  if (threadIdx.x == 0 && atomicAdd(&counters[1], 1u) + 1 == gridDim.x) {
    *out = counters[1];
    counters[1] = 0;
  }
}

void scratch_grows() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  {
    Stream stream(context);
    const int64_t before = context.held_bytes;
    CHECK(stream.scratch(0) == nullptr, "no bytes need no memory");
    void *small = stream.scratch(1000);
    CHECK(reinterpret_cast<uintptr_t>(small) % 256 == 0, "scratch memory at %p", small);
    CHECK(stream.scratch(2000) == small, "a request that fits moved the scratch memory");
    const int64_t held = context.held_bytes;
    CHECK(held > before, "held bytes do not count the scratch memory");
    void *large = stream.scratch(5 << 20);
    launch(fill, dim3(1), 64, 0, stream.native, static_cast<uint8_t *>(large), int64_t{5} << 20);
    stream.synchronize();
    check_equal("allocations", emulator::live().device_allocations, 2);
    check_fails(GAVEL_INVALID_ARGUMENT, {"more than there can be"}, [&] { stream.scratch(INT64_MAX); });
    emulator::set_device_memory(16 << 20);
    check_fails(GAVEL_OUT_OF_DEVICE_MEMORY, {"asked for", "33554432", "16777216 are free"}, [&] { stream.scratch(32 << 20); });
    CHECK(stream.scratch(1000) != nullptr, "no scratch memory after a failed request");
    emulator::reset();
  }
  check_equal("held", context.held_bytes, emulator::live().host_bytes);
}

void counters_begin_at_zero() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  Stream stream(context);
  DeviceArray<uint32_t> out(1);
  for (const int64_t count : {int64_t{8}, int64_t{100000}, int64_t{8}}) {
    launch(count_blocks, dim3(5), 32, 0, stream.native, stream.counters(count), out.data());
    stream.synchronize();
    check_equal("blocks counted", out.read()[0], 5);
  }
}

void captures() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  {
    Stream stream(context);
    stream.reserve(1 << 20);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t instance = nullptr;
    require(cudaStreamBeginCapture(stream.native, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    CHECK(stream.capturing(), "the stream does not know of the capture");
    auto *memory = static_cast<uint8_t *>(stream.scratch(1 << 20));
    launch(fill, dim3(1), 64, 0, stream.native, memory, int64_t{1} << 20);
    check_fails(GAVEL_INVALID_ARGUMENT, {"1048576", "needs 1048577", "gavel_stream_reserve"},
                [&] { stream.scratch((1 << 20) + 1); });
    check_fails(GAVEL_INVALID_ARGUMENT, {"counters"}, [&] { stream.counters(1 << 20); });
    check_fails(GAVEL_INVALID_ARGUMENT, {"end the capture"}, [&] { stream.synchronize(); });
    require(cudaStreamEndCapture(stream.native, &graph), "cudaStreamEndCapture");
    require(cudaGraphInstantiate(&instance, graph, 0), "cudaGraphInstantiate");
    // Growing now must not take the memory from the graph.
    CHECK(stream.scratch(8 << 20) != memory, "the memory of a graph was given again");
    const int64_t launches = emulator::launches();
    require(cudaGraphLaunch(instance, stream.native), "cudaGraphLaunch");
    stream.synchronize();
    check_equal("kernels run by the graph", emulator::launches() - launches, 1);
    uint8_t last = 0;
    require(cudaMemcpy(&last, memory + (1 << 20) - 1, 1, cudaMemcpyDeviceToHost), "cudaMemcpy");
    check_equal("byte written by the graph", last, 1);
    cudaGraphExecDestroy(instance);
    cudaGraphDestroy(graph);
  }
  check_equal("device memory behind the stream", emulator::live().device_bytes, 0);
}

// A handle may end while its stream is captured: its memory stays for the graph, until the context ends.
void ends_during_capture() {
  cudaStream_t native = nullptr;
  require(cudaStreamCreateWithFlags(&native, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t instance = nullptr;
  {
    Context context(0, GAVEL_MODE_INVARIANT, nullptr);
    const ActiveDevice active(context);
    {
      Stream stream(context, native);
      stream.reserve(100);
      require(cudaStreamBeginCapture(native, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
      launch(fill, dim3(1), 64, 0, native, static_cast<uint8_t *>(stream.scratch(100)), int64_t{100});
    }
    require(cudaStreamEndCapture(native, &graph), "cudaStreamEndCapture");
    require(cudaGraphInstantiate(&instance, graph, 0), "cudaGraphInstantiate");
    require(cudaGraphLaunch(instance, native), "cudaGraphLaunch");
    CHECK(emulator::live().device_bytes > 0, "the memory of the graph is gone");
  }
  cudaGraphExecDestroy(instance);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(native);
}

__global__ void report(Fault *fault, int32_t kind, int64_t value) {
  report_fault(fault, kind, threadIdx.x, value, 10);
}

void faults() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  Stream stream(context), other(context);
  launch(report, dim3(1), 1, 0, stream.native, stream.fault, kFaultLastIndex, int64_t{99});
  launch(report, dim3(1), 64, 0, stream.native, stream.fault, kFaultPairItself, int64_t{5});
  other.synchronize();
  check_fails(GAVEL_INVALID_ARGUMENT, {"item 0: last[0] is 99", "10 rows"}, [&] { stream.synchronize(); });
  stream.synchronize();
  const struct {
    int32_t kind;
    std::vector<std::string> words;
  } kinds[] = {
      {kFaultFirstIndex, {"first[0] is 7"}},
      {kFaultPairChosen, {"pair 0 has 7 as its chosen score", "10 scores"}},
      {kFaultPairRejected, {"rejected"}},
      {kFaultPairItself, {"pair 0 compares score 7 with itself"}},
      {kFaultOffsets, {"offsets[0] is 7"}},
      {kFaultTargetIndex, {"target_index[0] is 7", "10 entries"}},
      {kFaultTargetMasked, {"group 0 has a target on its entry 7"}},
      {kFaultGradient, {"gradients[10]: element 0"}},
      {kFaultStepCount, {"step count is 7"}},
  };
  for (const auto &kind : kinds) {
    launch(report, dim3(1), 1, 0, stream.native, stream.fault, kind.kind, int64_t{7});
    check_fails(GAVEL_INVALID_ARGUMENT, kind.words, [&] { stream.synchronize(); });
  }
  const int64_t infinity = 0x7f800000;
  launch(report, dim3(1), 1, 0, stream.native, stream.fault, kFaultTargetWeight, infinity);
  check_fails(GAVEL_INVALID_ARGUMENT, {"target_weights[0] is inf"}, [&] { stream.synchronize(); });
  launch(report, dim3(1), 1, 0, stream.native, stream.fault, 77, int64_t{7});
  check_fails(GAVEL_INTERNAL, {"unknown kind 77"}, [&] { stream.synchronize(); });
}

void one_call_at_a_time() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  Stream stream(context), other(context);
  {
    const StreamUse use(stream);
    const StreamUse beside(other);
    std::thread([&] { check_fails(GAVEL_BUSY, {"another call"}, [&] { StreamUse{stream}; }); }).join();
  }
  const StreamUse again(stream);
  stream.wait(other);
  stream.wait(stream);
}

// What a stream waits for in a capture becomes part of it.
void waiting_joins_a_capture() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  Stream first(context), second(context);
  DeviceArray<uint8_t> bytes(std::vector<uint8_t>(16));
  cudaGraph_t graph = nullptr;
  require(cudaStreamBeginCapture(first.native, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  second.wait(first);
  CHECK(second.capturing(), "the second stream is not captured");
  launch(fill, dim3(1), 32, 0, second.native, bytes.data(), int64_t{16});
  first.wait(second);
  require(cudaStreamEndCapture(first.native, &graph), "cudaStreamEndCapture");
  check_equal("bytes before the graph runs", bytes.read()[15], 0);
  CHECK(!second.capturing(), "the second stream is still captured");
  cudaGraphDestroy(graph);
}

void refused_launches() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  Stream stream(context);
  uint8_t *none = nullptr;
  check_fails(GAVEL_INTERNAL, {"fill", "0 x 1 x 1 blocks", "cudaErrorInvalidConfiguration"},
              [&] { launch(fill, dim3(0), 64, 0, stream.native, none, int64_t{0}); });
  check_fails(GAVEL_INTERNAL, {"2000 threads"}, [&] { launch(fill, dim3(1), 2000, 0, stream.native, none, int64_t{0}); });
  launch(fill, dim3(1), 64, 200 * 1024, stream.native, none, int64_t{0});
  check_fails(GAVEL_INTERNAL, {"cudaErrorInvalidValue"},
              [&] { launch(fill, dim3(1), 64, 228 * 1024, stream.native, none, int64_t{0}); });
}

// A case of its own process: nothing brings a lost device back.
int lost_device() {
  {
    Context context(0, GAVEL_MODE_INVARIANT, nullptr);
    const ActiveDevice active(context);
    Stream stream(context);
    stream.reserve(100);
    emulator::lose_device(cudaErrorIllegalAddress);
    check_fails(GAVEL_DEVICE_LOST, {"waiting for the stream", "cudaErrorIllegalAddress", "new one"}, [&] {
      // The capture query is the first to fail in synchronize; any call may be.
      check(cudaStreamSynchronize(stream.native), "waiting for the stream");
    });
    check_fails(GAVEL_DEVICE_LOST, {"device 0 was lost", "start a new process"}, [&] { ActiveDevice{context}; });
    check_fails(GAVEL_DEVICE_LOST, {}, [&] { stream.scratch(1 << 30); });
    check_fails(GAVEL_DEVICE_LOST, {"device 0 was lost"}, [&] { require_device(0); });
    require_device(1);
    emulator::reset();
  }
  check_fails(GAVEL_DEVICE_LOST, {"device 0 was lost"}, new_context_must_fail);
  return finish();
}

}  // namespace
}  // namespace gavel::test

int main(int argc, char **argv) {
  using namespace gavel::test;
  if (argc == 2 && std::string(argv[1]) == "lost_device") return lost_device();
  machines_without();
  gavel::emulator::reset();
  properties();
  device_of_the_caller();
  gavel::emulator::reset();
  scratch_grows();
  counters_begin_at_zero();
  captures();
  ends_during_capture();
  faults();
  one_call_at_a_time();
  waiting_joins_a_capture();
  refused_launches();
  const Ended lost = run_self("lost_device", "fibres");
  CHECK(lost.status == 0, "%s", lost.text.c_str());
  const gavel::emulator::Live live = gavel::emulator::live();
  check_equal("device memory left", live.device_bytes, 0);
  check_equal("pinned memory left", live.host_bytes, 0);
  check_equal("streams left", live.streams, 0);
  check_equal("events left", live.events, 0);
  check_equal("pools left", live.pools, 0);
  return finish();
}
