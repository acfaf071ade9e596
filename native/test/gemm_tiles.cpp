// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_tiles.cpp: the tile unit in software does what Intel's pseudo-code says on a product worked out by hand, and the AMX
// kernels use it as the unit demands and give it back. That their results have the right bits is gemm_bits.cpp's to show.
#include "check.h"
#include "gemm_case.h"
#include "software_tile.h"

namespace gavel::test {
namespace {

struct Config {
  unsigned char bytes[64] = {};
  void shape(int tile, int rows, int row_bytes) {
    bytes[16 + 2 * tile] = static_cast<unsigned char>(row_bytes);
    bytes[48 + tile] = static_cast<unsigned char>(rows);
  }
};

void put(std::vector<uint16_t> &to, size_t at, float x) {
  to[at] = static_cast<uint16_t>(to_bits(GAVEL_BF16, x));
}

void check_unit() {
  // 2 rows by 2 pairs times 2 pairs by 3 columns.
  Config config;
  config.bytes[0] = 1;
  config.shape(0, 2, 12), config.shape(1, 2, 8), config.shape(2, 2, 12);
  TileUnit unit;
  unit.configure(config.bytes);
  std::vector<uint16_t> a(8), b(12);
  for (size_t i = 0; i < 8; ++i) put(a, i, static_cast<float>(i + 1));  // rows 1 2 3 4 and 5 6 7 8
  for (size_t i = 0; i < 12; ++i) put(b, i, static_cast<float>(i));  // pairs (0, 1) (2, 3) (4, 5) then (6, 7) (8, 9) (10, 11)
  unit.zero(0);
  unit.load(1, a.data(), 8);
  unit.load(2, b.data(), 12);
  unit.dot_bf16(0, 1, 2);
  unit.dot_bf16(0, 1, 2);
  float c[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
  unit.store(0, c, 16);
  // Twice 1*0+2*1+3*6+4*7, 1*2+2*3+3*8+4*9, ...; the column behind the tile stays.
  constexpr float kExpected[8] = {96, 136, 176, -1, 208, 312, 416, -1};
  check_bits("a tile product", c, kExpected, 8, 0);

  // The chains are kept apart and added last. 2^24 + 1 is 2^24 in a float: summed one after the other, this would be 0.
  Config single;
  single.bytes[0] = 1;
  single.shape(0, 1, 4), single.shape(1, 1, 8), single.shape(2, 2, 4);
  const auto one_element = [&](std::vector<float> x) {
    std::vector<uint16_t> left(4), right(4);
    for (size_t i = 0; i < 4; ++i) put(left, i, x[i]), put(right, i, 1);
    unit.configure(single.bytes);
    unit.zero(0);
    unit.load(1, left.data(), 8);
    unit.load(2, right.data(), 4);
    unit.dot_bf16(0, 1, 2);
    float out = NAN;
    unit.store(0, &out, 4);
    return out;
  };
  CHECK(one_element({0x1p24f, 1, 1, -0x1p24f}) == 1, "even 2^24 + 1, odd 1 - 2^24: %g", one_element({0x1p24f, 1, 1, -0x1p24f}));
  CHECK(one_element({0x1p24f, 1, -0x1p24f, 1}) == 2, "even 2^24 - 2^24, odd 1 + 1: %g", one_element({0x1p24f, 1, -0x1p24f, 1}));
  // Denormals are zero on the way in and on the way out, whatever the thread's own state says.
  CHECK(one_element({0x1p-130f, 0, 0, 0}) == 0, "a denormal operand");
}

void check_use_of_tiles(int64_t rows, int64_t depth) {
  Random random(1);
  const auto draw = [&] { return random.normal(); };
  for (const int32_t dtype : kDtypes) {
    const Matrix a = filled(dtype, rows, depth, draw), b = filled(dtype, 90, depth, draw);
    const AlignedBytes panels = panels_of(b, dtype);
    const int64_t before = tile_unit.configurations();
    product(kSoftwareAmxKernels, a, rows, panels, 90);
    check_equal(std::string(dtype_text(dtype)) + ": configurations for three panels", tile_unit.configurations() - before,
                dtype == GAVEL_BF16 ? 3 : 0);
    CHECK(!tile_unit.configured(), "%s: tiles are released", dtype_text(dtype));
  }
}

// Rows that fill up the last of several tiles are zeros: the unit multiplies them, too.
void check_tail(int64_t rows) {
  constexpr int64_t kDepth = 40, kPadded = 64;
  const Matrix a = filled(GAVEL_BF16, rows, kDepth, [] { return 1.0f; });
  const AlignedBytes packed = packed_rows(kSoftwareAmxKernels, a, rows);
  const int64_t padded_rows = (rows + 15) / 16 * 16;
  check_equal("bytes of packed rows", packed.bytes(), padded_rows * kPadded * 2);
  int64_t wrong = 0;
  for (int64_t r = 0; r < padded_rows; ++r) {
    for (int64_t k = 0; k < kPadded; ++k) {
      const uint16_t value = packed.as<uint16_t>()[r / 16 * 16 * kPadded + k / 32 * 512 + r % 16 * 32 + k % 32];
      wrong += value != (r < rows && k < kDepth ? 0x3f80 : 0);
    }
  }
  CHECK(wrong == 0, "%d rows: %d values of their tiles are wrong", static_cast<int>(rows), static_cast<int>(wrong));
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  check_unit();
  const gavel::FlushDenormals flush;
  for (const int64_t rows : {1, 15, 16, 17, 31, 32, 33, 70}) check_use_of_tiles(rows, 100);
  for (const int64_t rows : {16, 17, 31, 32, 45}) check_tail(rows);
  return finish();
}
