// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// versioned.h: structs that begin with struct_size and may come from a caller compiled with a newer header.
//
// A caller's struct is copied in before anything in it is looked at: what was checked is then what is used, whatever another thread
// does to the caller's memory meanwhile.
#ifndef GAVEL_COMMON_VERSIONED_H
#define GAVEL_COMMON_VERSIONED_H

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/error.h"

namespace gavel {

// No struct of this interface will ever come near this; a larger struct_size is a field that was never set.
constexpr uint32_t kLargestStruct = 65536;

// Checks the struct_size of a struct this library knows as `known` bytes. A larger one comes from a newer caller and is accepted while
// everything beyond `known` is 0, that is, while nothing is asked for that this library has not heard of.
inline void check_struct(const void *caller, uint32_t known, const char *name) {
  GAVEL_CHECK(caller != nullptr, "%s is NULL; pass a struct whose struct_size is %u", name, known);
  GAVEL_CHECK(reinterpret_cast<uintptr_t>(caller) % 8 == 0, "%s is not aligned to 8 bytes", name);
  uint32_t size;
  memcpy(&size, caller, sizeof size);
  GAVEL_CHECK(size >= known && size <= kLargestStruct,
              "%s.struct_size is %u; this library knows %u: set it to sizeof the struct", name, size, known);
  const unsigned char *bytes = static_cast<const unsigned char *>(caller);
  for (uint32_t k = known; k < size; ++k) {
    GAVEL_CHECK(bytes[k] == 0, "byte %u of %s is not 0: this library knows only %u bytes of that struct; use a newer library",
                k, name, known);
  }
}

template <typename Struct>
Struct read_struct(const Struct *caller, const char *name) {
  check_struct(caller, sizeof(Struct), name);
  Struct copy;
  memcpy(&copy, caller, sizeof copy);
  return copy;
}

}  // namespace gavel

#endif
