// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/error.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>

#include "common/versioned.h"

namespace gavel {

void fail(int32_t status, const char *format, ...) {
  Failure failure(status, 0);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(failure.buffer(), sizeof(gavel_error::message) * 2, format, arguments);
  va_end(arguments);
  throw failure;
}

void fail_errno(int32_t status, int error_number, const char *format, ...) {
  Failure failure(status, error_number);
  va_list arguments;
  va_start(arguments, format);
  char *text = failure.buffer();
  vsnprintf(text, GAVEL_MESSAGE_CAPACITY, format, arguments);
  va_end(arguments);
  // The descriptions are constants of the C library; strerror would write to a buffer shared by all threads.
  const char *description = strerrordesc_np(error_number);
  const size_t used = strlen(text);
  snprintf(text + used, 2 * GAVEL_MESSAGE_CAPACITY - used, ": %s", description ? description : "unknown error");
  throw failure;
}

void copy_text(char *target, int64_t capacity, const char *text) {
  int64_t length = static_cast<int64_t>(strnlen(text, static_cast<size_t>(capacity)));
  if (length == capacity) {
    length = capacity - 1;
    // A byte 10xxxxxx continues a character: step back to the byte that starts it.
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  }
  memcpy(target, text, static_cast<size_t>(length));
  memset(target + length, 0, static_cast<size_t>(capacity - length));
}

namespace detail {

bool usable(const gavel_error *error) {
  return error == nullptr || (error->struct_size >= sizeof(gavel_error) && error->struct_size <= kLargestStruct);
}

namespace {

int32_t write(const char *operation, gavel_error *error, int32_t status, int32_t vendor_code, const char *message) {
  if (error != nullptr) {
    error->status = status;
    error->vendor_code = vendor_code;
    error->reserved = 0;
    copy_text(error->operation, GAVEL_OPERATION_CAPACITY, operation);
    copy_text(error->message, GAVEL_MESSAGE_CAPACITY, message);
  }
  return status;
}

}  // namespace

int32_t report(const char *operation, gavel_error *error) noexcept {
  try {
    throw;
  } catch (const Failure &failure) {
    return write(operation, error, failure.status(), failure.vendor_code(), failure.what());
  } catch (const std::bad_alloc &) {
    return write(operation, error, GAVEL_OUT_OF_HOST_MEMORY, 0, "the C++ allocator found no memory for this call");
  } catch (const std::exception &exception) {
    return write(operation, error, GAVEL_INTERNAL, 0, exception.what());
  } catch (...) {
    return write(operation, error, GAVEL_INTERNAL, 0, "an exception of an unknown type was thrown; please report it");
  }
}

}  // namespace detail
}  // namespace gavel
