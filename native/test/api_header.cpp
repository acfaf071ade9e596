// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The header alone, twice, in strict C++17: declarations have C linkage and need nothing else.
#include "gavel/gavel.h"

#include <type_traits>

static_assert(__cplusplus < 202002L, "the header must not need more than C++17");
static_assert(std::is_standard_layout<gavel_score_args>::value && std::is_trivially_copyable<gavel_score_args>::value, "flat");
static_assert(sizeof(gavel_tensor) == 104, "descriptors are copied by callers in other languages");

int main() {
  return gavel_abi_version() == GAVEL_ABI_VERSION && gavel_version()[0] != 0 ? 0 : 1;
}
