// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "roofline.h"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace gavel::bench {

namespace {

// 16 chains, more than any processor's latency times its ports asks for.
#define SIXTEEN(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15)
#define FMA(i) "vfmadd231ps %%zmm31, %%zmm30, %%zmm" #i "\n"
#define DOT(i) "vdpbf16ps %%zmm31, %%zmm30, %%zmm" #i "\n"
#define CLOBBERS                                                                                                               \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", \
      "xmm15"

// Best of several, of `work` per call.
template <typename Body>
double rate(double work, int repetitions, Body body) {
  double best = 1e9;
  for (int i = 0; i < repetitions; ++i) {
    const double start = now();
    body();
    best = std::min(best, now() - start);
  }
  return work / best;
}

constexpr int kRounds = 200000;

}  // namespace

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double fma_rate_f32() {
  if (!__builtin_cpu_supports("avx512f")) return 0;
  return rate(kRounds * 16.0 * 32, 20, [] {
    for (int i = 0; i < kRounds; ++i) __asm__ volatile(SIXTEEN(FMA) : : : CLOBBERS);
  });
}

double dot_rate_bf16() {
  if (!__builtin_cpu_supports("avx512bf16")) return 0;
  return rate(kRounds * 16.0 * 64, 20, [] {
    for (int i = 0; i < kRounds; ++i) __asm__ volatile(SIXTEEN(DOT) : : : CLOBBERS);
  });
}

double read_rate(int64_t bytes) {
  const int64_t huge = int64_t{2} << 20, mapped = (bytes + huge - 1) / huge * huge + huge;
  char *map = static_cast<char *>(
      mmap(nullptr, static_cast<size_t>(mapped), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (map == MAP_FAILED) return 0;
  char *data = map + huge - reinterpret_cast<uintptr_t>(map) % huge;
  madvise(data, static_cast<size_t>(bytes), MADV_HUGEPAGE);
  std::memset(data, 1, static_cast<size_t>(bytes));
  const int64_t passes = std::max<int64_t>(1, (int64_t{64} << 20) / bytes);
  const double out = rate(static_cast<double>(bytes * passes), 20, [&] {
    for (int64_t pass = 0; pass < passes; ++pass) {
      for (int64_t i = 0; i < bytes; i += 256) {
        // Prefetched as the kernels do, so that this is what they could reach.
        for (int64_t line = 0; line < 256; line += 64) __builtin_prefetch(data + i + 16384 + line, 0, 3);
        __asm__ volatile("movups (%0), %%xmm0\nmovups 64(%0), %%xmm1\nmovups 128(%0), %%xmm2\nmovups 192(%0), %%xmm3\n"
                         :
                         : "r"(data + i)
                         : "xmm0", "xmm1", "xmm2", "xmm3", "memory");
      }
    }
  });
  munmap(map, static_cast<size_t>(mapped));
  return out;
}

}  // namespace gavel::bench
