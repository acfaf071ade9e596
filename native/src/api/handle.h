// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// handle.h: what every opaque handle starts with: a word that tells its type, and a count of who keeps it alive.
#ifndef GAVEL_API_HANDLE_H
#define GAVEL_API_HANDLE_H

#include <atomic>
#include <cstdint>

#include "common/error.h"

namespace gavel {

// Eight readable bytes per type, so that a head passed as a context, or memory that is no handle at all, is refused by name.
constexpr uint64_t magic_word(const char (&text)[9]) {
  uint64_t word = 0;
  for (int k = 7; k >= 0; --k) word = word << 8 | static_cast<unsigned char>(text[k]);
  return word;
}
constexpr uint64_t kContextMagic = magic_word("GvContxt");
constexpr uint64_t kHeadMagic = magic_word("GavlHead");
constexpr uint64_t kOptimizerMagic = magic_word("GvOptimz");
constexpr uint64_t kStreamMagic = magic_word("GvStream");
constexpr uint64_t kBufferMagic = magic_word("GvBuffer");
constexpr uint64_t kVocabularyMagic = magic_word("GvVocabu");

struct Handle {
  explicit Handle(uint64_t type) : magic(type) {}
  // Overwritten even where the compiler sees that the object ends here: a stale handle should not look like a live one.
  ~Handle() { *const_cast<volatile uint64_t *>(&magic) = 0; }
  Handle(const Handle &) = delete;
  Handle &operator=(const Handle &) = delete;

  void keep() { references.fetch_add(1, std::memory_order_relaxed); }
  // True where the last reference went; the caller then deletes the object.
  bool release() { return references.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  uint64_t magic;
  std::atomic<int64_t> references{1};
};

// The handle as a reference, or Failure. Type is a struct derived from Handle.
template <typename Type>
Type &checked_handle(Type *handle, uint64_t magic, const char *name) {
  GAVEL_CHECK(handle != nullptr, "%s is NULL", name);
  GAVEL_CHECK(reinterpret_cast<uintptr_t>(handle) % alignof(Type) == 0 && handle->magic == magic,
              "%s is not a live handle of that type: it was destroyed, or is something else", name);
  return *handle;
}

}  // namespace gavel

#endif
