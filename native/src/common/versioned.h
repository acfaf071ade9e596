// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// versioned.h: structs that begin with struct_size and may come from a caller compiled with a newer header.
//
// A caller's struct is copied in before anything in it is looked at: what was checked is then what is used, whatever another thread
// does to the caller's memory meanwhile.
#ifndef GAVEL_COMMON_VERSIONED_H
#define GAVEL_COMMON_VERSIONED_H

#include <cstdint>

#include "common/error.h"

namespace gavel {

// No struct of this interface will ever come near this; a larger struct_size is a field that was never set.
constexpr uint32_t kLargestStruct = 65536;

// Checks pointer and struct_size. A larger size comes from a newer caller and is accepted while everything beyond what this library
// knows is 0, that is, while nothing is asked for that it has not heard of.
template <typename Struct>
void check_struct(const Struct *caller, const char *name) {
  constexpr uint32_t kKnown = sizeof(Struct);
  GAVEL_CHECK(caller != nullptr, "%s is NULL; pass a struct whose struct_size is %u", name, kKnown);
  GAVEL_CHECK(reinterpret_cast<uintptr_t>(caller) % alignof(Struct) == 0, "%s is not aligned to %zu bytes", name,
              alignof(Struct));
  const uint32_t size = caller->struct_size;
  GAVEL_CHECK(size >= kKnown && size <= kLargestStruct,
              "%s.struct_size is %u; this library knows %u: set it to sizeof the struct", name, size, kKnown);
  const unsigned char *bytes = reinterpret_cast<const unsigned char *>(caller);
  for (uint32_t k = kKnown; k < size; ++k) {
    GAVEL_CHECK(bytes[k] == 0, "byte %u of %s is not 0, and this library knows only %u bytes of it: use a newer library", k,
                name, kKnown);
  }
}

template <typename Struct>
void read_struct(const Struct *caller, const char *name, Struct &copy) {
  check_struct(caller, name);
  copy = *caller;
}

template <typename Struct>
Struct read_struct(const Struct *caller, const char *name) {
  check_struct(caller, name);
  return *caller;
}

}  // namespace gavel

#endif
