// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// check.h: all the test framework there is. A test is a main() that checks and returns finish(), or skip("what is missing").
// A failed check prints and the test goes on, so one run shows everything that is wrong; the lists below print how many
// elements failed, the worst one, both values, its bound and the seed of the data.
#ifndef GAVEL_TEST_CHECK_H
#define GAVEL_TEST_CHECK_H

#include <bit>
#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <source_location>
#include <string>

// Of AddressSanitizer's run time.
extern "C" __attribute__((weak)) void __asan_init();

namespace gavel::test {

// AddressSanitizer and UndefinedBehaviorSanitizer make a test ten to forty times slower. They watch what code does to memory, not its
// numbers: tests of many cases then leave out those that reach no other code, which the plain libraries run. A test is compiled once and
// linked with either libraries, so that only the running one can tell.
inline const bool kSanitized = __asan_init != nullptr;

inline int64_t checks = 0;
inline int64_t failures = 0;

// Counts a check; true (and a line on stderr) where it failed. Only the first 40 failures of a test are printed.
inline bool failed(bool ok, const std::source_location &where) {
  ++checks;
  if (ok) return false;
  ++failures;
  if (failures > 40) return false;
  std::fprintf(stderr, "FAILED %s:%u: ", where.file_name(), static_cast<unsigned>(where.line()));
  return true;
}

using Where = std::source_location;

// CHECK(condition, "format", ...): the message says what was being tried.
#define CHECK(condition, ...)                                              \
  do {                                                                     \
    if (gavel::test::failed((condition), gavel::test::Where::current())) { \
      std::fprintf(stderr, "%s: ", #condition);                            \
      std::fprintf(stderr, __VA_ARGS__);                                   \
      std::fputc('\n', stderr);                                            \
    }                                                                      \
  } while (false)

inline void check_equal(const std::string &what, int64_t actual, int64_t expected, Where where = Where::current()) {
  if (failed(actual == expected, where)) {
    std::fprintf(stderr, "%s: %" PRId64 ", expected %" PRId64 "\n", what.c_str(), actual, expected);
  }
}

// Equal bits, except that any NaN equals any other: their payload is not defined.
inline bool same_bits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

inline void check_bits(const std::string &what, const float *actual, const float *expected, int64_t n, uint64_t seed,
                       Where where = Where::current()) {
  int64_t wrong = 0, first = -1;
  for (int64_t i = 0; i < n; ++i) {
    if (same_bits(actual[i], expected[i])) continue;
    if (wrong++ == 0) first = i;
  }
  if (failed(wrong == 0, where)) {
    std::fprintf(stderr,
                 "%s: %" PRId64 " of %" PRId64 " differ in bits, first [%" PRId64 "] = %a, expected %a, seed %" PRIu64 "\n",
                 what.c_str(), wrong, n, first, actual[first], expected[first], seed);
  }
}

// |actual - expected| <= bound, elementwise; NaN must meet NaN and an infinity the same infinity. Returns the largest error in
// units of its bound.
inline double check_bound(const std::string &what, const float *actual, const double *expected, const double *bound, int64_t n,
                          uint64_t seed, Where where = Where::current()) {
  int64_t wrong = 0, worst = 0;
  double worst_ratio = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double a = actual[i], e = expected[i];
    double ratio = 0;
    if (std::isnan(a) != std::isnan(e)) {
      ratio = INFINITY;
    } else if (!std::isnan(a) && a != e) {
      ratio = std::isinf(a) || std::isinf(e) || !(bound[i] > 0) ? INFINITY : std::fabs(a - e) / bound[i];
    }
    if (ratio > 1) ++wrong;
    if (ratio > worst_ratio) worst_ratio = ratio, worst = i;
  }
  if (failed(wrong == 0, where)) {
    std::fprintf(stderr,
                 "%s: %" PRId64 " of %" PRId64 " outside their bound, worst [%" PRId64
                 "] = %.9g, expected %.17g, "
                 "bound %.3g, error %.3g bounds, seed %" PRIu64 "\n",
                 what.c_str(), wrong, n, worst, actual[worst], expected[worst], bound[worst], worst_ratio, seed);
  }
  return worst_ratio;
}

// The value of main(): 0, or 1 where a check failed or none was made.
inline int finish() {
  std::fprintf(stderr, "%" PRId64 " checks, %" PRId64 " failed\n", checks, failures);
  return failures == 0 && checks > 0 ? 0 : 1;
}

// The value of main() of a test that cannot run here; CTest shows it as skipped.
inline int skip(const std::string &reason) {
  std::fprintf(stderr, "SKIPPED: %s\n", reason.c_str());
  return 77;
}

}  // namespace gavel::test

#endif
