// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// dispatch.cpp: which kernel tables this machine can run, asked of the processor and of the operating system once, and the
// floating-point state the kernels run in.
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>

#include "cpu/kernels.h"
#include "gavel/gavel.h"

namespace gavel {

namespace {

struct Bits {
  uint64_t value;
  bool has(uint64_t wanted) const { return (value & wanted) == wanted; }
};

constexpr uint64_t bit(int number) {
  return uint64_t{1} << number;
}

// XCR0 says which registers the operating system saves for a thread. Others must not be used, whatever the processor offers (Intel
// SDM volume 1, sections 13.3 and 14.3).
constexpr uint64_t kAvxState = bit(1) | bit(2);
constexpr uint64_t kAvx512State = kAvxState | bit(5) | bit(6) | bit(7);
constexpr uint64_t kTileState = bit(17) | bit(18);

Bits saved_state() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return {static_cast<uint64_t>(high) << 32 | low};
}

// Linux gives a process the large tile state only when it asks (since 5.16): arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA).
bool tiles_granted() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

// Why this machine cannot run each table; null where it can.
struct Machine {
  const char *lacks[GAVEL_INSTRUCTION_SET_AMX + 1] = {};
  const Kernels *avx512 = &kAvx512Kernels;

  Machine() {
    // Each table needs what the one before it needs.
    const char *why = nullptr;
    unsigned a, b, c, d;
    Bits basic{0}, extended{0}, amx{0}, more{0};
    if (__get_cpuid(1, &a, &b, &c, &d) != 0) basic.value = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) extended.value = b, amx.value = d;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) more.value = a;
    const Bits saved = basic.has(bit(27)) ? saved_state() : Bits{0};  // 27: xgetbv may be used

    if (!basic.has(bit(12) | bit(28) | bit(29)) || !extended.has(bit(5))) {
      why = "this processor lacks one of AVX2, FMA and F16C";
    } else if (!saved.has(kAvxState)) {
      why = "the operating system does not save the AVX registers";
    }
    lacks[GAVEL_INSTRUCTION_SET_AVX2] = why;

    if (!why && !extended.has(bit(16) | bit(17) | bit(30) | bit(31))) {
      why = "this processor lacks one of AVX-512 F, DQ, BW and VL";
    } else if (!why && !saved.has(kAvx512State)) {
      why = "the operating system does not save the AVX-512 registers";
    }
    lacks[GAVEL_INSTRUCTION_SET_AVX512] = why;
    const FlushDenormals flush;
    // 5: AVX512-BF16.
    if (!why && more.has(bit(5)) && bf16_products_in_order()) avx512 = &kAvx512Bf16Kernels;

    if (!why && !amx.has(bit(22) | bit(24))) {
      why = "this processor lacks AMX-TILE or AMX-BF16";
    } else if (!why && !saved.has(kTileState)) {
      why = "the operating system does not save the AMX tiles";
    } else if (!why && !tiles_granted()) {
      why =
          "the operating system refused leave to use the AMX tiles (arch_prctl ARCH_REQ_XCOMP_PERM; Linux 5.16 or newer is "
          "needed)";
    }
    lacks[GAVEL_INSTRUCTION_SET_AMX] = why;
  }
};

const Machine &machine() {
  static const Machine machine;
  return machine;
}

}  // namespace

const Kernels *kernels_for(int32_t instruction_set, const char **reason) {
  const Kernels *const tables[] = {nullptr, &kScalarKernels, &kAvx2Kernels, machine().avx512, &kAmxKernels};
  const bool known = instruction_set >= GAVEL_INSTRUCTION_SET_SCALAR && instruction_set <= GAVEL_INSTRUCTION_SET_AMX;
  const char *why = known ? machine().lacks[instruction_set] : "there is no such instruction set";
  if (reason) *reason = why;
  return why ? nullptr : tables[instruction_set];
}

int32_t best_instruction_set() {
  int32_t best = GAVEL_INSTRUCTION_SET_AMX;
  while (machine().lacks[best]) --best;
  return best;
}

FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
  constexpr uint32_t kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040, kMaskAll = 0x1f80;
  // The sticky flags (the low six bits) stay the caller's; rounding (bits 13 and 14) becomes nearest even.
  _mm_setcsr((saved_ & 0x3f) | kFlushToZero | kDenormalsAreZero | kMaskAll);
}

FlushDenormals::~FlushDenormals() {
  _mm_setcsr(saved_);
}

}  // namespace gavel
