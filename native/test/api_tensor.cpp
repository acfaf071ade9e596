// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Every way a tensor can be wrong, each with the message it gets.
#include <cstring>

#include "api_fixture.h"
#include "common/call_tensors.h"
#include "common/error.h"

using namespace gavel;
using namespace gavel::test;

namespace {

alignas(64) unsigned char memory[4096];

gavel_tensor good() {
  return describe(memory, GAVEL_BF16, {3, 32});
}

template <typename Call>
void refused(Call call, const char *text, Where where = Where::current()) {
  std::string message = "(accepted)";
  try {
    call();
  } catch (const Failure &failure) {
    message = failure.what();
  }
  if (failed(message.find(text) != std::string::npos, where))
    std::fprintf(stderr, "\"%s\" lacks \"%s\"\n", message.c_str(), text);
}

void refused_input(void (*change)(gavel_tensor &), const char *text, Where where = Where::current()) {
  gavel_tensor tensor = good();
  change(tensor);
  refused([&] { CallTensors(kHostMemory).input(tensor, "args.hidden", kFloatDtypes, {kAny, 32}); }, text, where);
}

void refused_output(void (*change)(gavel_tensor &), const char *text, Where where = Where::current()) {
  gavel_tensor tensor = good();
  change(tensor);
  refused([&] { CallTensors(kHostMemory).output(tensor, "args.hidden", kFloatDtypes, {kAny, 32}); }, text, where);
}

void test_refused() {
  refused_input([](auto &t) { t.struct_size = 96; }, "args.hidden is bf16[3,32]: struct_size is 96");
  refused_input([](auto &t) { t.dtype = 7; }, "dtype 7 is unknown");
  refused_input([](auto &t) { t.dtype = -5; }, "dtype -5 is unknown");
  refused_input([](auto &t) { t.dtype = GAVEL_I64; }, "args.hidden is i64[3,32]: the dtype must be f32 or f16 or bf16");
  refused_input([](auto &t) { t = {}; }, "args.hidden is absent: this call needs it");
  refused_input([](auto &t) { t.device_type = 2; }, "device type 2");
  refused_input([](auto &t) { t.device_id = -1; }, "id -1");
  refused_input([](auto &t) { t.reserved = 1; }, "reserved is 1");
  refused_input([](auto &t) { t.rank = 1; }, "the rank is 1; the shape must be [*,32]");
  refused_input([](auto &t) { t.rank = -1; }, "the rank is -1");
  refused_input([](auto &t) { t.rank = INT32_MAX; }, "the rank is 2147483647");
  refused_input([](auto &t) { t.shape[1] = 31; }, "args.hidden is bf16[3,31]: the shape must be [*,32]");
  refused_input([](auto &t) { t.shape[0] = -1; }, "args.hidden is bf16[-1,32]: the shape must be [*,32]");
  refused_input([](auto &t) { t.shape[2] = 1; }, "shape[2] and stride[2] must be 0");
  refused_input([](auto &t) { t.stride[3] = 1; }, "shape[3] and stride[3] must be 0");
  refused_input([](auto &t) { t.stride[0] = -32; }, "stride[0] is -32; strides may not be negative");
  refused_input([](auto &t) { t.stride[1] = 2; }, "stride[1] is 2; the last dimension must be contiguous");
  refused_input([](auto &t) { t.stride[1] = 0; }, "stride[1] is 0; the last dimension must be contiguous");
  refused_input([](auto &t) { t.byte_length = 191; }, "needs 192 bytes, but byte_length is 191");
  refused_input([](auto &t) { t.byte_length = -1; }, "byte_length is -1");
  refused_input([](auto &t) { t.byte_length = INT64_MIN; }, "byte_length is -9223372036854775808");
  refused_input([](auto &t) { t.data = nullptr; }, "data is NULL");
  refused_input([](auto &t) { t.data = memory + 1; }, "it must be aligned to 2 bytes");
  refused_input([](auto &t) { t.shape[0] = INT64_MAX, t.byte_length = INT64_MAX; }, "beyond 2^63");
  refused_input([](auto &t) { t.shape[0] = int64_t{1} << 58, t.byte_length = INT64_MAX; }, "longer than 2^63 bytes");
  refused_input([](auto &t) { t.stride[0] = INT64_MAX, t.byte_length = INT64_MAX; }, "beyond 2^63");
  refused_input([](auto &t) { t.data = reinterpret_cast<void *>(UINTPTR_MAX - 63); }, "beyond the end of the address space");
  refused_output([](auto &t) { t.stride[0] = 31; }, "stride[0] is 31, but one inner part has 32 elements");
  refused_output([](auto &t) { t.stride[0] = 0; }, "an output may not overlap itself");
  refused(
      [] {
        CallTensors(kHostMemory).input(good(), {"parameters", 3, "hidden.0.weight"}, kFloatDtypes, {4, 32});
      },
      "parameters[3] (hidden.0.weight) is bf16[3,32]: the shape must be [4,32]");
  refused([] { CallTensors::require_absent(good(), "args.first", "with INDEX"); },
          "args.first is bf16[3,32]: it must be absent with INDEX");
  // Every byte behind struct_size and dtype.
  for (size_t at = offsetof(gavel_tensor, device_type); at < sizeof(gavel_tensor); ++at) {
    gavel_tensor half_absent = {};
    reinterpret_cast<unsigned char *>(&half_absent)[at] = 0x80;
    refused([&] { CallTensors(kHostMemory).optional_input(half_absent, "x", kFloatDtypes, {3}); },
            "its dtype is GAVEL_NONE, but other fields are not 0");
  }
}

void test_accepted() {
  const auto accepted = [](const gavel_tensor &tensor, bool written) {
    try {
      CallTensors tensors(kHostMemory);
      return written ? tensors.output(tensor, "t", kFloatDtypes, {kAny, kAny})
                     : tensors.input(tensor, "t", kFloatDtypes, {kAny, kAny});
    } catch (const Failure &failure) {
      CHECK(false, "%s", failure.what());
      return Tensor{};
    }
  };
  check_equal("extent", accepted(good(), true).extent_bytes, 192);
  gavel_tensor tensor = describe(memory, GAVEL_BF16, {3, 32}, 40);
  check_equal("strided extent", accepted(tensor, true).extent_bytes, (2 * 40 + 32) * 2);
  check_equal("row 2", accepted(tensor, true).at(2) - accepted(tensor, true).at(0), 2 * 40 * 2);
  tensor.stride[0] = 0;  // every row the same: an input may
  check_equal("repeated row", accepted(tensor, false).extent_bytes, 64);
  tensor = describe(memory, GAVEL_F32, {1, 32}, 7);  // one row: its stride means nothing
  check_equal("one row", accepted(tensor, true).extent_bytes, 128);
  tensor = describe(memory, GAVEL_F32, {5, 1}, 3);
  tensor.stride[1] = 9;  // one column: its stride means nothing
  check_equal("one column", accepted(tensor, true).extent_bytes, (4 * 3 + 1) * 4);
  tensor = describe(nullptr, GAVEL_F32, {0, 32});
  check_equal("no rows, no memory", accepted(tensor, true).extent_bytes, 0);
  tensor = describe(nullptr, GAVEL_F32, {INT64_MAX, 0}, INT64_MAX);
  check_equal("no columns", accepted(tensor, false).extent_bytes, 0);
  gavel_tensor none = {};
  none.struct_size = sizeof none;
  CHECK(!CallTensors(kHostMemory).optional_output(none, "t", kFloatDtypes, {3}).present(), "absent, with its size set");
}

void test_overlaps() {
  const auto at = [](int64_t offset, int64_t floats) { return describe(memory + offset, GAVEL_F32, {floats}); };
  const auto read = [&](CallTensors &tensors, int64_t offset, int64_t floats, const TensorName &name) {
    tensors.input(at(offset, floats), name, kFloatDtypes, {kAny});
  };
  const auto write = [&](CallTensors &tensors, int64_t offset, int64_t floats, const TensorName &name) {
    tensors.output(at(offset, floats), name, kFloatDtypes, {kAny});
  };
  CallTensors inputs(kHostMemory);
  read(inputs, 0, 16, "a");
  read(inputs, 4, 16, "b");
  inputs.check_overlaps();
  CallTensors apart(kHostMemory);
  read(apart, 0, 16, "a");
  write(apart, 64, 16, "b");
  write(apart, 128, 0, "c");
  write(apart, 132, 1, "d");
  apart.check_overlaps();
  refused(
      [&] {
        CallTensors tensors(kHostMemory);
        read(tensors, 0, 16, "args.hidden");
        write(tensors, 60, 1, "args.scores");
        tensors.check_overlaps();
      },
      "output args.scores overlaps input args.hidden");
  refused(
      [&] {
        CallTensors tensors(kHostMemory);
        write(tensors, 0, 4, {"gradients", 0, "output.weight"});
        write(tensors, 0, 4, {"gradients", 1, "output.bias"});
        tensors.check_overlaps();
      },
      "output gradients[0] (output.weight) overlaps output gradients[1] (output.bias)");
}

// What each kind of call takes, and what a driver says about an address.
void test_memory() {
  const auto taken = [](const Memory &memory_of_call, int32_t type, int32_t id) {
    gavel_tensor tensor = good();
    tensor.device_type = type;
    tensor.device_id = id;
    CallTensors(memory_of_call).input(tensor, "args.hidden", kFloatDtypes, {kAny, 32});
  };
  Memory device;
  device.host = false;
  device.cuda_device = 1;
  Memory both = device;
  both.host = true;
  taken(kHostMemory, GAVEL_CPU, 0);
  taken(kHostMemory, GAVEL_CUDA_HOST, 0);
  taken(device, GAVEL_CUDA_HOST, 0);
  taken(device, GAVEL_CUDA, 1);
  taken(both, GAVEL_CPU, 0);
  refused([&] { taken(kHostMemory, GAVEL_CUDA, 0); },
          "it lies on device type 2, id 0; this call takes GAVEL_CPU (1) or GAVEL_CUDA_HOST (3), id 0");
  refused([&] { taken(kHostMemory, GAVEL_CUDA_HOST, 1); }, "device type 3, id 1");
  refused([&] { taken(device, GAVEL_CUDA, 0); },
          "it lies on device type 2, id 0; this call takes GAVEL_CUDA (2), id 1, or GAVEL_CUDA_HOST (3), id 0");
  refused([&] { taken(device, GAVEL_CPU, 0); }, "it lies on device type 1, id 0");
  refused([&] { taken(both, 4, 0); }, "it lies on device type 4, id 0");

  // The driver is asked about device and pinned memory, and about nothing that is empty.
  int32_t asked = 0;
  both.asked = &asked;
  both.check_place = [](void *count, const void *data, int32_t device_type, const TensorName &name) {
    ++*static_cast<int32_t *>(count);
    GAVEL_CHECK(device_type == GAVEL_CUDA, "%s at %p is elsewhere", name.base, data);
  };
  taken(both, GAVEL_CPU, 0);
  check_equal("host memory asked for", asked, 0);
  taken(both, GAVEL_CUDA, 1);
  refused([&] { taken(both, GAVEL_CUDA_HOST, 0); }, "args.hidden at ");
  check_equal("asked", asked, 2);
  gavel_tensor empty = describe(memory, GAVEL_F32, {0});
  empty.device_type = GAVEL_CUDA_HOST;
  CallTensors(both).input(empty, "t", kFloatDtypes, {0});
  check_equal("nothing to ask", asked, 2);
}

// Messages are cut between characters, never inside one.
void test_text() {
  char text[6];
  copy_text(text, sizeof text, "abcd\xc3\xa9");
  CHECK(std::strcmp(text, "abcd") == 0, "%s", text);
  copy_text(text, sizeof text, "abc\xc3\xa9");
  CHECK(std::strcmp(text, "abc\xc3\xa9") == 0, "%s", text);
  copy_text(text, sizeof text, "\xf0\x9f\x99\x82\xf0\x9f\x99\x82");
  CHECK(std::strcmp(text, "\xf0\x9f\x99\x82") == 0, "%s", text);
  auto error = sized<gavel_error>();
  const std::string longer(3000, 'x');
  CHECK(enter("test", &error, [&] { fail(GAVEL_BUSY, "%s", longer.c_str()); }) == GAVEL_BUSY, "status");
  check_equal("length", static_cast<int64_t>(std::strlen(error.message)), GAVEL_MESSAGE_CAPACITY - 1);
  CHECK(enter("test", &error, [] { throw std::bad_alloc(); }) == GAVEL_OUT_OF_HOST_MEMORY, "bad_alloc");
  CHECK(enter("test", &error, [] { throw 1; }) == GAVEL_INTERNAL, "anything else");
  CHECK(enter("test", &error, [] { fail_errno(GAVEL_UNSUPPORTED, 11, "no thread"); }) == GAVEL_UNSUPPORTED, "errno");
  CHECK(error.vendor_code == 11 && std::strstr(error.message, "no thread: Resource temporarily unavailable"), "%s",
        error.message);
}

}  // namespace

int main() {
  test_refused();
  test_accepted();
  test_overlaps();
  test_memory();
  test_text();
  return finish();
}
