// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/processor.h"

#include <cpuid.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/error.h"
#include "gavel/gavel.h"

namespace gavel {

namespace {

constexpr const char *kVariable = "GAVEL_INSTRUCTION_SET";
constexpr const char *kNames[] = {"best", "scalar", "avx2", "avx512", "amx"};

// The set the environment lowers to, or GAVEL_INSTRUCTION_SET_BEST where it says nothing.
int32_t set_of_environment() {
  const char *value = std::getenv(kVariable);
  if (value == nullptr || *value == 0) return GAVEL_INSTRUCTION_SET_BEST;
  for (int32_t set = GAVEL_INSTRUCTION_SET_SCALAR; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    if (std::strcmp(value, kNames[set]) == 0) return set;
  }
  fail(GAVEL_INVALID_ARGUMENT, "the environment variable %s is \"%.40s\"; say scalar, avx2, avx512 or amx, or unset it",
       kVariable, value);
}

}  // namespace

const char *instruction_set_name(int32_t instruction_set) {
  return instruction_set >= 0 && instruction_set <= GAVEL_INSTRUCTION_SET_AMX ? kNames[instruction_set] : "unknown";
}

const Kernels &choose_kernels(int32_t instruction_set, char *detail, int64_t detail_capacity) {
  GAVEL_CHECK(instruction_set >= GAVEL_INSTRUCTION_SET_BEST && instruction_set <= GAVEL_INSTRUCTION_SET_AMX,
              "options.instruction_set is %d; say 0 (best), 1 (scalar), 2 (avx2), 3 (avx512) or 4 (amx)", instruction_set);
  const char *reason = nullptr;
  const int32_t best = best_instruction_set();
  if (instruction_set != GAVEL_INSTRUCTION_SET_BEST) {
    const Kernels *kernels = kernels_for(instruction_set, &reason);
    if (kernels == nullptr) {
      fail(GAVEL_UNSUPPORTED, "instruction set %s was asked for: %s; the best of this machine is %s",
           instruction_set_name(instruction_set), reason ? reason : "this machine lacks it", instruction_set_name(best));
    }
    if (instruction_set < best) {
      snprintf(detail, static_cast<size_t>(detail_capacity), "%s was asked for; this machine has %s",
               instruction_set_name(instruction_set), instruction_set_name(best));
    }
    return *kernels;
  }
  const int32_t lowered = set_of_environment();
  if (lowered != GAVEL_INSTRUCTION_SET_BEST && lowered < best) {
    snprintf(detail, static_cast<size_t>(detail_capacity), "lowered by the environment variable %s=%s; this machine has %s",
             kVariable, instruction_set_name(lowered), instruction_set_name(best));
    return *kernels_for(lowered, nullptr);
  }
  if (best < GAVEL_INSTRUCTION_SET_AMX) {
    kernels_for(best + 1, &reason);
    snprintf(detail, static_cast<size_t>(detail_capacity), "%s: %s", instruction_set_name(best + 1),
             reason ? reason : "this machine lacks it");
  }
  return *kernels_for(best, nullptr);
}

void processor_name(char *name, int64_t capacity) {
  unsigned int words[12];
  for (unsigned int leaf = 0; leaf < 3; ++leaf) {
    unsigned int *part = words + 4 * leaf;
    if (__get_cpuid(0x80000002u + leaf, part, part + 1, part + 2, part + 3) == 0) {
      copy_text(name, capacity, "x86-64 processor");
      return;
    }
  }
  char text[sizeof words + 1] = {};
  std::memcpy(text, words, sizeof words);
  // Some processors pad the name with spaces on the left, some on the right.
  const char *begin = text + std::strspn(text, " ");
  for (char *end = text + std::strlen(text); end > begin && end[-1] == ' ';) *--end = 0;
  copy_text(name, capacity, begin);
}

}  // namespace gavel
