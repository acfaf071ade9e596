// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_amx.cpp: on a machine with AMX, the tiles give the bits of the scalar table and are unused again when a call returns.
// What software_tile.h stands in for elsewhere is the unit itself; this test is what says that it stands in well.
#include "check.h"
#include "gemm_case.h"

namespace gavel::test {
namespace {

// XGETBV with 1 gives the state components in use: 17 is the tile configuration, 18 the tiles (Intel SDM volume 1, section
// 13.6).
bool tiles_in_use() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return (low & (1u << 17 | 1u << 18)) != 0;
}

void check(int64_t rows, int64_t depth, float scale) {
  const uint64_t seed = static_cast<uint64_t>(rows * 10000 + depth);
  Random random(seed);
  const auto draw = [&] { return random.normal() * std::exp2(static_cast<float>(random.integer(-8, 8))) * scale; };
  const Matrix a = filled(GAVEL_BF16, rows, depth, draw), b = filled(GAVEL_BF16, 50, depth, draw);
  const AlignedBytes panels = panels_of(b, GAVEL_BF16);
  const std::vector<float> expected = product(kScalarKernels, a, rows, panels, 50);
  const std::vector<float> actual = product(kAmxKernels, a, rows, panels, 50);
  CHECK(!tiles_in_use(), "rows %d: tiles are released", static_cast<int>(rows));
  check_bits("amx rows " + std::to_string(rows) + " depth " + std::to_string(depth), actual.data(), expected.data(),
             std::ssize(actual), seed);
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  const char *reason = nullptr;
  if (gavel::kernels_for(GAVEL_INSTRUCTION_SET_AMX, &reason) == nullptr) {
    return skip(std::string("the AMX tiles were not tested: ") + reason);
  }
  const gavel::FlushDenormals flush;
  for (const int64_t rows : {1, 7, 15, 16, 17, 31, 32, 33, 64, 100}) {
    for (const int64_t depth : {1, 31, 32, 33, 384, 1000, 1024}) {
      check(rows, depth, 1);
      check(rows, depth, 0x1p-62f);  // products around the smallest normal float
    }
  }
  return finish();
}
