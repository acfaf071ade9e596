// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// error.h: how a failure travels from where it is found to the caller's gavel_error.
//
// Inside the library a failure is a C++ exception; it never leaves. Every fallible entry point has one statement,
//   return gavel::enter("gavel_score", error, [&] { ... });
// which turns whatever is thrown into a status and fills the caller's error.
#ifndef GAVEL_COMMON_ERROR_H
#define GAVEL_COMMON_ERROR_H

#include <cstdint>
#include <exception>

#include "gavel/gavel.h"

namespace gavel {

// Carries its text in place: reporting that memory ran out must not need memory.
class Failure : public std::exception {
 public:
  Failure(int32_t status, int32_t vendor_code) : status_(status), vendor_code_(vendor_code) { message_[0] = 0; }
  int32_t status() const { return status_; }
  int32_t vendor_code() const { return vendor_code_; }
  const char *what() const noexcept override { return message_; }
  char *buffer() { return message_; }

 private:
  int32_t status_;
  int32_t vendor_code_;
  // Longer than what the caller gets, so that the cut is made once and at a character boundary.
  char message_[2 * GAVEL_MESSAGE_CAPACITY];
};

[[noreturn]] void fail(int32_t status, const char *format, ...) __attribute__((format(printf, 2, 3)));
// For a failed system call: vendor_code is its errno, whose text is appended.
[[noreturn]] void fail_errno(int32_t status, int error_number, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Arguments after the condition: printf format and values. The message says what was asked, what was found, what to do.
#define GAVEL_CHECK(condition, ...)                       \
  do {                                                    \
    if (!(condition)) [[unlikely]] {                      \
      ::gavel::fail(GAVEL_INVALID_ARGUMENT, __VA_ARGS__); \
    }                                                     \
  } while (0)

// Copies text into a buffer of `capacity` bytes, always ended with 0, cut at a UTF-8 character boundary, the rest cleared.
void copy_text(char *target, int64_t capacity, const char *text);

namespace detail {
// False where the caller's error is of a size this library does not know: there is no safe way to write to it.
bool usable(const gavel_error *error);
// Translates the exception in flight; call from a catch block only.
int32_t report(const char *operation, gavel_error *error) noexcept;
}  // namespace detail

// Runs the body of an entry point. A body that returns has succeeded.
template <typename Body>
int32_t enter(const char *operation, gavel_error *error, Body &&body) noexcept {
  if (!detail::usable(error)) return GAVEL_INVALID_ARGUMENT;
  try {
    body();
    return GAVEL_OK;
  } catch (...) {
    return detail::report(operation, error);
  }
}

}  // namespace gavel

#endif
