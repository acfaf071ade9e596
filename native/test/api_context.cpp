// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Contexts, versioned structs and errors: what is accepted, what is refused, and what the message says.
#include <cstdlib>
#include <cstring>

#include "api_fixture.h"

using namespace gavel::test;

namespace {

gavel_context_options good_options() {
  auto options = sized<gavel_context_options>();
  options.device_type = GAVEL_CPU;
  options.threads = 2;
  return options;
}

// Creates and destroys; the status, with the message in error.
int32_t try_options(const gavel_context_options &options, gavel_error &error) {
  gavel_context *context = reinterpret_cast<gavel_context *>(1);
  const int32_t status = gavel_context_create(&options, &context, &error);
  CHECK((status == GAVEL_OK) == (context != nullptr), "a context exactly on success, status %d", status);
  gavel_context_destroy(context);
  return status;
}

void refuse(void (*change)(gavel_context_options &), int32_t status, const char *text, Where where = Where::current()) {
  gavel_context_options options = good_options();
  change(options);
  auto error = sized<gavel_error>();
  expect_status("options", try_options(options, error), status, error, where);
  CHECK(std::strstr(error.message, text) != nullptr, "\"%s\" lacks \"%s\"", error.message, text);
  CHECK(std::strcmp(error.operation, "gavel_context_create") == 0, "operation %s", error.operation);
}

void test_options() {
  auto error = sized<gavel_error>();
  expect_status("good options", try_options(good_options(), error), GAVEL_OK, error);
  refuse([](auto &o) { o.threads = 0; }, GAVEL_INVALID_ARGUMENT, "options.threads is 0");
  refuse([](auto &o) { o.threads = 257; }, GAVEL_INVALID_ARGUMENT, "options.threads is 257");
  refuse([](auto &o) { o.device_type = 3; }, GAVEL_INVALID_ARGUMENT, "options.device_type is 3");
  refuse([](auto &o) { o.device_id = 1; }, GAVEL_INVALID_ARGUMENT, "options.device_id is 1");
  refuse([](auto &o) { o.reserved = 1; }, GAVEL_INVALID_ARGUMENT, "options.reserved and options.reserved2 are 1 and 0");
  refuse([](auto &o) { o.reserved2 = 1; }, GAVEL_INVALID_ARGUMENT, "options.reserved and options.reserved2 are 0 and 1");
  refuse([](auto &o) { o.mode = GAVEL_MODE_FAST; }, GAVEL_INVALID_ARGUMENT, "options.mode is 1");
  refuse([](auto &o) { o.cublaslt = "libcublasLt.so.13"; }, GAVEL_INVALID_ARGUMENT, "options.cublaslt");
  refuse([](auto &o) { o.instruction_set = 5; }, GAVEL_INVALID_ARGUMENT, "options.instruction_set is 5");
  refuse([](auto &o) { o.instruction_set = -1; }, GAVEL_INVALID_ARGUMENT, "options.instruction_set is -1");
  refuse([](auto &o) { o.struct_size -= 4; }, GAVEL_INVALID_ARGUMENT, "options.struct_size is 36");
  refuse([](auto &o) { o.struct_size = 0; }, GAVEL_INVALID_ARGUMENT, "options.struct_size is 0");
  refuse([](auto &o) { o.struct_size = 4000000000u; }, GAVEL_INVALID_ARGUMENT, "options.struct_size is 4000000000");
  gavel_context *context = nullptr;
  expect_status("no options", gavel_context_create(nullptr, &context, &error), GAVEL_INVALID_ARGUMENT, error);
  const gavel_context_options options = good_options();
  expect_status("no target", gavel_context_create(&options, nullptr, &error), GAVEL_INVALID_ARGUMENT, error);
}

// A newer caller's struct: longer, and 0 where this library knows nothing.
void test_longer_structs() {
  struct {
    gavel_context_options options = good_options();
    uint32_t more[4] = {0, 0, 0, 0};
  } newer;
  newer.options.struct_size = sizeof newer;
  auto error = sized<gavel_error>();
  expect_status("zero tail", try_options(newer.options, error), GAVEL_OK, error);
  newer.more[3] = 0x01000000;
  expect_status("tail in use", try_options(newer.options, error), GAVEL_INVALID_ARGUMENT, error);
  CHECK(std::strstr(error.message, "byte 55 of options is not 0") != nullptr, "%s", error.message);
}

void test_errors() {
  gavel_context_options options = good_options();
  options.threads = -1;
  gavel_context *context = nullptr;
  CHECK(gavel_context_create(&options, &context, nullptr) == GAVEL_INVALID_ARGUMENT, "the error may be NULL");

  gavel_error error;
  std::memset(&error, 0xee, sizeof error);
  error.struct_size = sizeof error;
  CHECK(gavel_context_create(&options, &context, &error) == GAVEL_INVALID_ARGUMENT, "status");
  CHECK(error.status == GAVEL_INVALID_ARGUMENT && error.vendor_code == 0 && error.reserved == 0, "fields of the error");
  CHECK(error.operation[GAVEL_OPERATION_CAPACITY - 1] == 0 && error.message[GAVEL_MESSAGE_CAPACITY - 1] == 0, "ends with 0");

  // Too small to be written: the call is refused before it does anything, and the error is left alone.
  options.threads = 1;
  std::memset(&error, 0xee, sizeof error);
  error.struct_size = sizeof error - 1;
  CHECK(gavel_context_create(&options, &context, &error) == GAVEL_INVALID_ARGUMENT && context == nullptr, "short error");
  CHECK(error.message[0] == static_cast<char>(0xee), "a short error is not written");

  // On success nothing is written.
  std::memset(&error, 0xee, sizeof error);
  error.struct_size = sizeof error;
  CHECK(gavel_context_create(&options, &context, &error) == GAVEL_OK, "status");
  CHECK(error.message[0] == static_cast<char>(0xee), "a success leaves the error alone");
  gavel_context_destroy(context);
}

void test_describe() {
  const TestContext context(3, GAVEL_INSTRUCTION_SET_SCALAR);
  auto info = sized<gavel_context_info>();
  auto error = sized<gavel_error>();
  expect_status("describe", gavel_context_describe(context.get(), &info, &error), GAVEL_OK, error);
  check_equal("device", info.device_type, GAVEL_CPU);
  check_equal("threads", info.threads, 3);
  check_equal("set", info.instruction_set, GAVEL_INSTRUCTION_SET_SCALAR);
  CHECK(info.best_instruction_set >= GAVEL_INSTRUCTION_SET_SCALAR && info.best_instruction_set <= GAVEL_INSTRUCTION_SET_AMX,
        "%d", info.best_instruction_set);
  CHECK(info.device_name[0] != 0 && info.device_name[0] != ' ', "name \"%s\"", info.device_name);
  CHECK(info.best_instruction_set == GAVEL_INSTRUCTION_SET_SCALAR || info.detail[0] != 0, "says why not the best is in use");
  info.struct_size = 8;
  expect_status("short info", gavel_context_describe(context.get(), &info, &error), GAVEL_INVALID_ARGUMENT, error);
  expect_status("no info", gavel_context_describe(context.get(), nullptr, &error), GAVEL_INVALID_ARGUMENT, error);
  expect_status("no context", gavel_context_describe(nullptr, &info, &error), GAVEL_INVALID_ARGUMENT, error);
  // Memory that is no context.
  alignas(64) unsigned char nothing[512] = {};
  info.struct_size = sizeof info;
  expect_status("not a context", gavel_context_describe(reinterpret_cast<gavel_context *>(nothing), &info, &error),
                GAVEL_INVALID_ARGUMENT, error);
  gavel_context_destroy(reinterpret_cast<gavel_context *>(nothing));
}

int32_t set_in_use(int32_t wanted, std::string &detail) {
  const TestContext context(1, wanted);
  auto info = sized<gavel_context_info>();
  auto error = sized<gavel_error>();
  expect_status("describe", gavel_context_describe(context.get(), &info, &error), GAVEL_OK, error);
  detail = info.detail;
  return info.instruction_set;
}

void test_environment() {
  const char *kVariable = "GAVEL_INSTRUCTION_SET";
  unsetenv(kVariable);
  std::string detail;
  const int32_t best = set_in_use(GAVEL_INSTRUCTION_SET_BEST, detail);
  setenv(kVariable, "scalar", 1);
  check_equal("lowered", set_in_use(GAVEL_INSTRUCTION_SET_BEST, detail), GAVEL_INSTRUCTION_SET_SCALAR);
  CHECK(best == GAVEL_INSTRUCTION_SET_SCALAR || detail.find("GAVEL_INSTRUCTION_SET=scalar") != std::string::npos, "%s",
        detail.c_str());
  check_equal("an explicit set is not lowered", set_in_use(best, detail), best);
  setenv(kVariable, "amx", 1);
  check_equal("never raised", set_in_use(GAVEL_INSTRUCTION_SET_BEST, detail), best);
  setenv(kVariable, "AVX9", 1);
  auto error = sized<gavel_error>();
  expect_status("unknown value", try_options(good_options(), error), GAVEL_INVALID_ARGUMENT, error);
  CHECK(std::strstr(error.message, "\"AVX9\"") != nullptr, "%s", error.message);
  unsetenv(kVariable);
  for (int32_t set = best + 1; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    gavel_context_options options = good_options();
    options.instruction_set = set;
    expect_status("a set this machine lacks", try_options(options, error), GAVEL_UNSUPPORTED, error);
  }
}

}  // namespace

int main() {
  test_options();
  test_longer_structs();
  test_errors();
  test_describe();
  test_environment();
  return finish();
}
