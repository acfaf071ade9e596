// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// software_tile.h: the AMX tile unit after the pseudo-code of Intel's SDM (volume 2: LDTILECFG, TILELOADD, TILESTORED,
// TILEZERO, TILERELEASE, TDPBF16PS), for machines without one. What the unit would answer with an exception (a tile that is
// not configured, shapes that do not fit) ends the test.
#ifndef GAVEL_TEST_SOFTWARE_TILE_H
#define GAVEL_TEST_SOFTWARE_TILE_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace gavel::test {

class TileUnit {
 public:
  // 64 bytes: palette, start row, 14 reserved, 16 row lengths in bytes (two bytes each), 16 row counts.
  void configure(const void *config) {
    unsigned char bytes[64];
    std::memcpy(bytes, config, sizeof bytes);
    require(bytes[0] == 1, "the palette is 1");
    for (int i = 1; i < 16; ++i) require(bytes[i] == 0, "reserved bytes and the start row are 0");
    for (int tile = 0; tile < 16; ++tile) {
      uint16_t length;
      std::memcpy(&length, bytes + 16 + 2 * tile, 2);
      const int rows = bytes[48 + tile];
      require(tile < 8 || (length == 0 && rows == 0), "there are 8 tiles");
      require(length <= 64 && rows <= 16 && (length == 0) == (rows == 0), "a tile has at most 16 rows of 64 bytes");
      if (tile < 8) row_bytes_[tile] = length, rows_[tile] = rows;
    }
    std::memset(data_, 0, sizeof data_);
    configured_ = true;
    ++configurations_;
  }
  void release() {
    configured_ = false;
    std::memset(data_, 0, sizeof data_);
  }
  void zero(int tile) {
    use(tile);
    std::memset(data_[tile], 0, sizeof data_[tile]);
  }
  void load(int tile, const void *from, int64_t stride) {
    zero(tile);
    for (int r = 0; r < rows_[tile]; ++r) {
      std::memcpy(data_[tile][r], static_cast<const char *>(from) + r * stride, static_cast<size_t>(row_bytes_[tile]));
    }
  }
  void store(int tile, void *to, int64_t stride) {
    use(tile);
    for (int r = 0; r < rows_[tile]; ++r) {
      std::memcpy(static_cast<char *>(to) + r * stride, data_[tile][r], static_cast<size_t>(row_bytes_[tile]));
    }
  }
  void dot_bf16(int sum, int a, int b) {
    use(sum), use(a), use(b);
    require(sum != a && sum != b && a != b, "the tiles of a product differ");
    require(rows_[sum] == rows_[a] && row_bytes_[sum] == row_bytes_[b] && row_bytes_[a] == 4 * rows_[b], "the shapes fit");
    for (int m = 0; m < rows_[sum]; ++m) {
      for (int n = 0; n < row_bytes_[sum] / 4; ++n) {
        float even = 0, odd = 0;
        for (int k = 0; k < row_bytes_[a] / 4; ++k) {
          even = fused(half(a, m, 2 * k), half(b, k, 2 * n), even);
          odd = fused(half(a, m, 2 * k + 1), half(b, k, 2 * n + 1), odd);
        }
        float total;
        std::memcpy(&total, data_[sum][m] + 4 * n, 4);
        total = flushed(flushed(total) + flushed(even + odd));
        std::memcpy(data_[sum][m] + 4 * n, &total, 4);
      }
    }
  }

  bool configured() const { return configured_; }
  int64_t configurations() const { return configurations_; }

 private:
  static void require(bool ok, const char *rule) {
    if (ok) return;
    std::fprintf(stderr, "tile unit: the rule \"%s\" was broken\n", rule);
    std::abort();
  }
  void use(int tile) const {
    require(configured_ && tile >= 0 && tile < 8 && rows_[tile] > 0, "a tile is configured before it is used");
  }
  // The unit reads and writes denormals as zero, whatever the thread's state says.
  static float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }
  static float fused(float a, float b, float c) { return flushed(std::fmaf(flushed(a), flushed(b), c)); }
  float half(int tile, int row, int column) const {
    uint16_t bits;
    std::memcpy(&bits, data_[tile][row] + 2 * column, 2);
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float out;
    std::memcpy(&out, &wide, 4);
    return out;
  }

  bool configured_ = false;
  int64_t configurations_ = 0;
  int row_bytes_[8] = {};
  int rows_[8] = {};
  unsigned char data_[8][16][64] = {};
};

// One per thread, as in the processor.
inline thread_local TileUnit tile_unit;

}  // namespace gavel::test

#define GAVEL_TILE_CONFIGURE(config) gavel::test::tile_unit.configure(&(config))
#define GAVEL_TILE_RELEASE() gavel::test::tile_unit.release()
#define GAVEL_TILE_ZERO(tile) gavel::test::tile_unit.zero(tile)
#define GAVEL_TILE_LOAD(tile, from, stride) gavel::test::tile_unit.load(tile, from, stride)
#define GAVEL_TILE_STORE(tile, to, stride) gavel::test::tile_unit.store(tile, to, stride)
#define GAVEL_TILE_DOT_BF16(sum, a, b) gavel::test::tile_unit.dot_bf16(sum, a, b)

#endif
