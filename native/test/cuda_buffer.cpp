// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Buffers, copies and places on the emulated runtime: what they hold, what they refuse, and that nothing is left behind.
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "cuda/buffer.h"
#include "cuda_case.h"

namespace gavel::test {
namespace {

using namespace gavel::cuda;

void kinds_of_memory() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  Stream stream(context);
  const int64_t before = context.held_bytes;
  {
    const Buffer plain(context, GAVEL_CUDA, 1000, nullptr), ordered(context, GAVEL_CUDA, 2000, &stream),
        pinned(context, GAVEL_CUDA_HOST, 3000, &stream), none(context, GAVEL_CUDA, 0, &stream);
    for (const Buffer *buffer : {&plain, &ordered, &pinned}) {
      CHECK(reinterpret_cast<uintptr_t>(buffer->data) % 256 == 0, "data at %p", buffer->data);
    }
    CHECK(none.data == nullptr, "0 bytes lie at %p", none.data);
    check_equal("held", context.held_bytes - before, 6000);
    std::memset(pinned.data, 1, 3000);
    require_place(context, plain.data, GAVEL_CUDA, "t");
    require_place(context, static_cast<char *>(ordered.data) + 1999, GAVEL_CUDA, "t");
    require_place(context, pinned.data, GAVEL_CUDA_HOST, "t");
    require_place(context, pinned.data, GAVEL_CPU, "t");
    require_place(context, &active, GAVEL_CPU, "t");
    require_place(context, nullptr, GAVEL_CUDA, "t");
    check_fails(GAVEL_INVALID_ARGUMENT, {"scores is said to be on device 0", "host memory that is not pinned"},
                [&] { require_place(context, &active, GAVEL_CUDA, "scores"); });
    check_fails(GAVEL_INVALID_ARGUMENT, {"scores", "pinned host memory"},
                [&] { require_place(context, pinned.data, GAVEL_CUDA, "scores"); });
    check_fails(GAVEL_INVALID_ARGUMENT, {"said to be in pinned", "device memory"},
                [&] { require_place(context, plain.data, GAVEL_CUDA_HOST, "t"); });
    check_fails(GAVEL_INVALID_ARGUMENT, {"said to be in pinned", "not pinned"},
                [&] { require_place(context, &active, GAVEL_CUDA_HOST, "t"); });
    check_fails(GAVEL_INVALID_ARGUMENT, {"said to be in host memory", "device 0"},
                [&] { require_place(context, plain.data, GAVEL_CPU, "t"); });
  }
  check_equal("held afterwards", context.held_bytes, before);
}

void other_device() {
  emulator::set_device_count(2);
  Context first(0, GAVEL_MODE_INVARIANT, nullptr), second(1, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(second);
  Stream stream(second);
  const Buffer buffer(second, GAVEL_CUDA, 16, &stream), plain(second, GAVEL_CUDA, 16, nullptr);
  require_place(second, buffer.data, GAVEL_CUDA, "t");
  require_place(second, plain.data, GAVEL_CUDA, "t");
  check_fails(GAVEL_INVALID_ARGUMENT, {"t lies on device 1", "context is on device 0"},
              [&] { require_place(first, buffer.data, GAVEL_CUDA, "t"); });
}

void refused() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  Stream stream(context);
  const emulator::Live before = emulator::live();
  check_fails(GAVEL_INVALID_ARGUMENT, {"-1 bytes"}, [&] { Buffer(context, GAVEL_CUDA, -1, nullptr); });
  check_fails(GAVEL_INVALID_ARGUMENT, {"type 1"}, [&] { Buffer(context, GAVEL_CPU, 8, nullptr); });
  emulator::set_device_memory(1 << 20);
  for (Stream *in_order_of : {static_cast<Stream *>(nullptr), &stream}) {
    check_fails(GAVEL_OUT_OF_DEVICE_MEMORY,
                {"device 0 has no memory for a buffer", "2097152 bytes were asked for", "of 1048576"},
                [&] { Buffer(context, GAVEL_CUDA, 2 << 20, in_order_of); });
    check_fails(GAVEL_OUT_OF_DEVICE_MEMORY, {}, [&] { Buffer(context, GAVEL_CUDA, INT64_MAX, in_order_of); });
  }
  emulator::reset();
  // What the pool held back may be all that was missing.
  emulator::fail_call("cudaMalloc", cudaErrorMemoryAllocation);
  const Buffer second_try(context, GAVEL_CUDA, 64, nullptr);
  CHECK(second_try.data != nullptr, "no memory although the second try had some");
  emulator::fail_call("cudaHostAlloc", cudaErrorMemoryAllocation);
  check_fails(GAVEL_OUT_OF_HOST_MEMORY, {"pinned", "64 bytes", "ulimit"},
              [&] { Buffer(context, GAVEL_CUDA_HOST, 64, nullptr); });
  emulator::fail_call("cudaMallocFromPoolAsync", cudaErrorInvalidValue);
  check_fails(GAVEL_INTERNAL, {"allocating 64 bytes for a buffer", "cudaErrorInvalidValue"},
              [&] { Buffer(context, GAVEL_CUDA, 64, &stream); });
  check_equal("allocations", emulator::live().device_allocations - before.device_allocations, 1);

  cudaGraph_t graph = nullptr;
  auto *ordered = new Buffer(context, GAVEL_CUDA, 64, &stream);
  require(cudaStreamBeginCapture(stream.native, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  check_fails(GAVEL_INVALID_ARGUMENT, {"before the capture"}, [&] { Buffer(context, GAVEL_CUDA, 64, &stream); });
  delete ordered;  // the graph may use it, so it stays
  require(cudaStreamEndCapture(stream.native, &graph), "cudaStreamEndCapture");
  check_equal("allocations behind the capture", emulator::live().device_allocations - before.device_allocations, 2);
  cudaGraphDestroy(graph);
}

// What owns memory can be moved, and frees it once.
void owners_move() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  {
    DeviceBytes one(context, 100, "one"), two(context, 200, "two");
    void *first = one.data();
    two = std::move(one);
    CHECK(two.data() == first && two.bytes() == 100, "the target is not what was moved");
    DeviceBytes three(std::move(two));
    CHECK(three.data() == first && two.data() == nullptr && two.bytes() == 0, "the source still owns");
    PinnedBytes four(context, 300, "four");
    PinnedBytes five(std::move(four));
    CHECK(five.bytes() == 300 && four.data() == nullptr, "the source still owns");
    five = PinnedBytes();
    DeviceBytes empty(context, 0, "nothing");
    CHECK(empty.data() == nullptr, "0 bytes lie at %p", empty.data());
  }
  check_equal("held", context.held_bytes, 0);
}

// Rows of `columns` floats, `stride` apart, in one of the places; value r * 1000 + c.
struct Matrix {
  Matrix(Context &context, int32_t place, int64_t row_count, int64_t column_count, int64_t row_stride, bool filled)
      : rows(row_count), columns(column_count), stride(row_stride), on_device(place == GAVEL_CUDA) {
    const int64_t floats = rows == 0 ? 0 : (rows - 1) * stride + columns;
    host.assign(static_cast<size_t>(floats), -1.0f);
    for (int64_t r = 0; r < rows && filled; ++r) {
      for (int64_t c = 0; c < columns; ++c) host[static_cast<size_t>(r * stride + c)] = static_cast<float>(r * 1000 + c);
    }
    if (place != GAVEL_CPU) buffer = std::make_unique<Buffer>(context, place, floats * 4, nullptr);
    data = place == GAVEL_CPU ? host.data() : static_cast<float *>(buffer->data);
    if (place != GAVEL_CPU) require(cudaMemcpy(data, host.data(), host.size() * 4, cudaMemcpyDefault), "cudaMemcpy");
  }
  Tensor view(int32_t rank) const {
    Tensor tensor;
    tensor.dtype = GAVEL_F32;
    tensor.rank = rank;
    tensor.shape[0] = rank == 1 ? columns : rows;
    tensor.stride[0] = rank == 1 ? 1 : stride;
    if (rank == 2) tensor.shape[1] = columns, tensor.stride[1] = 1;
    tensor.data = reinterpret_cast<char *>(data);
    return tensor;
  }
  std::vector<float> read() const {
    std::vector<float> values(host.size());
    require(cudaMemcpy(values.data(), data, host.size() * 4, cudaMemcpyDefault), "cudaMemcpy");
    return values;
  }

  int64_t rows, columns, stride;
  bool on_device;
  std::vector<float> host;
  std::unique_ptr<Buffer> buffer;
  float *data;
};

void copies() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  Stream stream(context);
  const struct {
    int64_t rows, columns, from, to;
    int32_t rank;
  } shapes[] = {{1, 7, 7, 7, 1}, {3, 5, 5, 5, 2}, {3, 5, 8, 6, 2}, {4, 1, 3, 2, 2}, {1, 5, 9, 9, 2},
                {0, 5, 5, 5, 2}, {3, 0, 4, 4, 2}, {3, 5, 0, 7, 2}, {3, 5, 2, 5, 2}, {1, 0, 1, 1, 1}};
  const int32_t places[] = {GAVEL_CPU, GAVEL_CUDA, GAVEL_CUDA_HOST};
  for (const auto &shape : shapes) {
    for (const int32_t from : places) {
      for (const int32_t to : places) {
        // Rows that overlap hold what was written last.
        const Matrix source(context, from, shape.rows, shape.columns, shape.from, true);
        const Matrix target(context, to, shape.rows, shape.columns, shape.to, false);
        enqueue_copy(source.view(shape.rank), target.view(shape.rank), stream);
        stream.synchronize();
        const std::vector<float> got = target.read(), given = source.read();
        std::vector<float> expected(got.size(), -1.0f);
        for (int64_t r = 0; r < shape.rows; ++r) {
          for (int64_t c = 0; c < shape.columns; ++c) {
            expected[static_cast<size_t>(r * shape.to + c)] = given[static_cast<size_t>(r * shape.from + c)];
          }
        }
        check_bits("copy from " + std::to_string(from) + " to " + std::to_string(to) + ", rows " + std::to_string(shape.rows) +
                       ", from stride " + std::to_string(shape.from),
                   got.data(), expected.data(), static_cast<int64_t>(got.size()), 0);
      }
    }
  }
}

void failed_copy() {
  Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const ActiveDevice active(context);
  Stream stream(context);
  const Matrix source(context, GAVEL_CPU, 1, 8, 8, true), target(context, GAVEL_CUDA, 1, 8, 8, false);
  emulator::fail_call("cudaMemcpyAsync", cudaErrorInvalidValue);
  check_fails(GAVEL_INTERNAL, {"copying a tensor", "cudaErrorInvalidValue"},
              [&] { enqueue_copy(source.view(1), target.view(1), stream); });
  check_equal("error left for others", cudaGetLastError(), cudaSuccess);
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  kinds_of_memory();
  other_device();
  gavel::emulator::reset();
  refused();
  owners_move();
  copies();
  failed_copy();
  const gavel::emulator::Live live = gavel::emulator::live();
  check_equal("device memory left", live.device_bytes, 0);
  check_equal("pinned memory left", live.host_bytes, 0);
  check_equal("streams left", live.streams, 0);
  check_equal("events left", live.events, 0);
  check_equal("pools left", live.pools, 0);
  return finish();
}
