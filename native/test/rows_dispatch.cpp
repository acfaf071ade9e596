// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Which tables a machine is given, and the floating-point state kernels run in.
#include <xmmintrin.h>

#include <cstring>
#include <fstream>

#include "check.h"
#include "rows.h"

namespace gavel::test {
namespace {

// The flags Linux shows for this processor; they include what the operating system supports.
std::string flags() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) == 0) return line + " ";
  }
  return "";
}

void test_tables() {
  const std::string all = flags();
  const char *needed[5][5] = {
      {}, {}, {"avx2", "fma", "f16c"}, {"avx512f", "avx512dq", "avx512bw", "avx512vl"}, {"amx_tile", "amx_bf16"}};
  bool there = true;
  int32_t best = GAVEL_INSTRUCTION_SET_SCALAR;
  for (int32_t set = GAVEL_INSTRUCTION_SET_SCALAR; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    const char *reason = "unset";
    const Kernels *kernels = kernels_for(set, &reason);
    CHECK((kernels == nullptr) == (reason != nullptr), "set %d: a table or a reason, not both nor neither", set);
    CHECK(kernels == kernels_for(set, nullptr), "set %d: without a reason the answer is another", set);
    if (kernels) check_equal(std::string("instruction_set of table ") + std::to_string(set), kernels->instruction_set, set);
    if (reason) {
      std::fprintf(stderr, "set %d: %s\n", set, reason);
      CHECK(std::strlen(reason) > 20 && std::strlen(reason) < 150, "set %d: the reason should be a sentence: %s", set, reason);
    }
    for (const char *flag : needed[set])
      there = there && (!flag || all.find(std::string(" ") + flag + " ") != std::string::npos);
    // Leave to use tiles may be refused although the flags are there.
    if (!all.empty() && set != GAVEL_INSTRUCTION_SET_AMX)
      CHECK((kernels != nullptr) == there, "set %d against /proc/cpuinfo", set);
    if (kernels && !all.empty()) CHECK(there, "set %d is offered, and /proc/cpuinfo lacks it", set);
    if (kernels) best = set;
  }
  check_equal("best_instruction_set", best_instruction_set(), best);
  for (int32_t unknown : {-1, 0, 5, 1 << 30}) {
    const char *reason = nullptr;
    CHECK(kernels_for(unknown, &reason) == nullptr && reason, "set %d does not exist", unknown);
  }
}

// A table is all there, so no caller can meet a null entry.
void test_complete() {
  for (const Table &table : row_tables()) {
    const Kernels &k = *table.kernels;
    CHECK(k.widen && k.narrow && k.dot && k.sum && k.add && k.subtract && k.divide && k.multiply_add && k.norm &&
              k.norm_gradient && k.activate && k.activate_gradient && k.sigmoid && k.adamw && k.packed_rows_bytes &&
              k.pack_row && k.pack_tail && k.multiply && k.panel_dot,
          "%s has a hole", table.name.c_str());
  }
}

void test_state() {
  constexpr uint32_t kFlushing = 0x8040, kMasks = 0x1f80, kRounding = 0x6000;
  const uint32_t callers[] = {0x1f80, 0x1f80 | 0x6000, 0x1f80 | 0x8000, 0x1f80 | 0x0040 | 0x2000, 0x1f80 & ~0x0800u, 0x1fa3};
  const uint32_t own = _mm_getcsr();
  for (uint32_t caller : callers) {
    _mm_setcsr(caller);
    uint32_t inside = 0;
    {
      FlushDenormals flush;
      inside = _mm_getcsr();
      const float x = 0x1p-130f, large = 0x1p100f;
      float y = 0;
      kScalarKernels.multiply_add(&y, large, &x, 1);
      if (y != 0) inside = 0;
    }
    const uint32_t after = _mm_getcsr();
    _mm_setcsr(own);
    CHECK((inside & kFlushing) == kFlushing && (inside & kMasks) == kMasks && (inside & kRounding) == 0,
          "inside, state is %x for a caller's %x", inside, caller);
    CHECK(after == caller, "a caller's state %x comes back as %x", caller, after);
  }
  const float x = 0x1p-130f, large = 0x1p100f;
  float y = 0;
  kScalarKernels.multiply_add(&y, large, &x, 1);
  CHECK(y == 0x1p-30f, "without the scope a denormal counts: %a", y);
}

}  // namespace
}  // namespace gavel::test

int main() {
  gavel::test::test_tables();
  gavel::test::test_complete();
  gavel::test::test_state();
  return gavel::test::finish();
}
