// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Products over registers on the CPU: how many operations a round is, on every instruction set, and what is refused. How long they take is a
// matter of benchmarks.
#include "api_fixture.h"

using namespace gavel::test;

namespace {

int64_t products(const TestContext &context, int32_t dtype, int64_t rounds) {
  auto error = sized<gavel_error>();
  int64_t operations = -1;
  expect_status("products", gavel_register_products(context.get(), dtype, rounds, nullptr, &operations, &error), GAVEL_OK,
                error);
  return operations;
}

void test_operations(const TestContext &context, int32_t set) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    const int64_t round = products(context, dtype, 1);
    // Whole vectors of 16 multiplications and additions, or four products of AMX tiles.
    CHECK(round > 0 && round % 32 == 0, "set %d, %s: %lld operations", set, name_of(dtype), static_cast<long long>(round));
    if (set == GAVEL_INSTRUCTION_SET_AMX && dtype == GAVEL_BF16) check_equal("of tiles", round, 4 * 16 * 16 * 32 * 2);
    check_equal("no round", products(context, dtype, 0), 0);
    check_equal("rounds", products(context, dtype, 1001), 1001 * round);
  }
}

void test_refusals(const TestContext &context) {
  auto error = sized<gavel_error>();
  int64_t operations = -1;
  const auto refused = [&](int32_t dtype, int64_t rounds, gavel_stream *stream, const char *text) {
    operations = -1;
    expect_status(text, gavel_register_products(context.get(), dtype, rounds, stream, &operations, &error),
                  GAVEL_INVALID_ARGUMENT, error);
    CHECK(std::strstr(error.message, text) != nullptr, "\"%s\" lacks \"%s\"", error.message, text);
    check_equal("nothing was done", operations, 0);
  };
  refused(GAVEL_I32, 1, nullptr, "dtype is 4");
  refused(GAVEL_F32, -1, nullptr, "rounds is -1");
  refused(GAVEL_F32, int64_t{1} << 31, nullptr, "rounds is 2147483648");
  refused(GAVEL_F32, 1, reinterpret_cast<gavel_stream *>(&operations), "stream");
  expect_status("no target", gavel_register_products(context.get(), GAVEL_F32, 1, nullptr, nullptr, &error),
                GAVEL_INVALID_ARGUMENT, error);
  expect_status("no context", gavel_register_products(nullptr, GAVEL_F32, 1, nullptr, &operations, &error),
                GAVEL_INVALID_ARGUMENT, error);
}

}  // namespace

int main() {
  for (int32_t set = GAVEL_INSTRUCTION_SET_SCALAR; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    const TestContext context(1, set);
    if (context.get() == nullptr) {
      std::fprintf(stderr, "not here: instruction set %d\n", set);
      continue;
    }
    test_operations(context, set);
  }
  test_refusals(TestContext(2, GAVEL_INSTRUCTION_SET_BEST));
  return finish();
}
