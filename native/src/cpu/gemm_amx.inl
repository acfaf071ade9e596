// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_amx.inl: products in bf16 on the AMX tiles; f32 and f16 go to gemm.inl. Included by amx.cpp after table.inl, and by
// the tests over a tile unit in software.
//
// Rows are packed as the left operand of one tile product after the other: [rows / 16][k / 32][16][32].

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileValues = kTileRows * kDepthBlock;
constexpr int64_t kTileBytes = 64 * kTileRows;

// What LDTILECFG reads (Intel SDM volume 1, section 18.2).
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Tiles 0 to 3 are sums (rows 0 to 15 by left and right half, then rows 16 to 31), 4 and 5 rows, 6 and 7 the halves of a
// panel. Tiles that a kernel with `rows` < 16 rows uses for rows and sums are no longer than that: nothing behind the last
// row is read or written.
GAVEL_INLINE void configure_tiles(int64_t rows) {
  TileConfig config;
  for (int tile = 0; tile < 8; ++tile) {
    config.row_bytes[tile] = 64;
    config.rows[tile] = static_cast<uint8_t>(tile < 6 && rows < kTileRows ? rows : kTileRows);
  }
  GAVEL_TILE_CONFIGURE(config);
}

// c (as many rows as the tiles are configured for, at most 16, of 32 columns) = or += rows times `blocks` blocks of the panel.
void one_tile_of_rows(const uint16_t *rows, const uint16_t *panel, int64_t blocks, bool first, Ahead &ahead, float *c) {
  if (first) {
    GAVEL_TILE_ZERO(0);
    GAVEL_TILE_ZERO(1);
  } else {
    GAVEL_TILE_LOAD(0, c, kPanelColumns * 4);
    GAVEL_TILE_LOAD(1, c + 16, kPanelColumns * 4);
  }
  for (int64_t block = 0; block < blocks; ++block) {
    GAVEL_TILE_LOAD(4, rows, 64);
    GAVEL_TILE_LOAD(6, panel, 64);
    GAVEL_TILE_LOAD(7, panel + kTileValues, 64);
    GAVEL_TILE_DOT_BF16(0, 4, 6);
    GAVEL_TILE_DOT_BF16(1, 4, 7);
    ahead.block<2>();
    rows += kTileValues;
    panel += 2 * kTileValues;
  }
  GAVEL_TILE_STORE(0, c, kPanelColumns * 4);
  GAVEL_TILE_STORE(1, c + 16, kPanelColumns * 4);
}

// As above for 32 rows, the lower 16 `tile_stride` values behind the upper ones: four products for four tiles read, where the
// other needs three for two.
void two_tiles_of_rows(const uint16_t *rows, int64_t tile_stride, const uint16_t *panel, int64_t blocks, bool first,
                       Ahead &ahead, float *c) {
  float *lower_c = c + kTileRows * kPanelColumns;
  const uint16_t *lower_rows = rows + tile_stride;
  if (first) {
    GAVEL_TILE_ZERO(0);
    GAVEL_TILE_ZERO(1);
    GAVEL_TILE_ZERO(2);
    GAVEL_TILE_ZERO(3);
  } else {
    GAVEL_TILE_LOAD(0, c, kPanelColumns * 4);
    GAVEL_TILE_LOAD(1, c + 16, kPanelColumns * 4);
    GAVEL_TILE_LOAD(2, lower_c, kPanelColumns * 4);
    GAVEL_TILE_LOAD(3, lower_c + 16, kPanelColumns * 4);
  }
  for (int64_t block = 0; block < blocks; ++block) {
    GAVEL_TILE_LOAD(4, rows, 64);
    GAVEL_TILE_LOAD(6, panel, 64);
    GAVEL_TILE_LOAD(7, panel + kTileValues, 64);
    GAVEL_TILE_LOAD(5, lower_rows, 64);
    GAVEL_TILE_DOT_BF16(0, 4, 6);
    GAVEL_TILE_DOT_BF16(1, 4, 7);
    GAVEL_TILE_DOT_BF16(2, 5, 6);
    GAVEL_TILE_DOT_BF16(3, 5, 7);
    ahead.block<2>();
    rows += kTileValues;
    lower_rows += kTileValues;
    panel += 2 * kTileValues;
  }
  GAVEL_TILE_STORE(0, c, kPanelColumns * 4);
  GAVEL_TILE_STORE(1, c + 16, kPanelColumns * 4);
  GAVEL_TILE_STORE(2, lower_c, kPanelColumns * 4);
  GAVEL_TILE_STORE(3, lower_c + 16, kPanelColumns * 4);
}

int64_t amx_packed_rows_bytes(int32_t dtype, int64_t rows, int64_t depth) {
  if (dtype != GAVEL_BF16) return packed_rows_bytes(dtype, rows, depth);
  return (rows + kTileRows - 1) / kTileRows * depth_blocks(depth) * kTileBytes;
}

void amx_pack_row(int32_t dtype, int32_t source_dtype, const void *source, int64_t element_stride, int64_t depth, void *packed,
                  int64_t r, int64_t rows) {
  if (dtype != GAVEL_BF16) return pack_row(dtype, source_dtype, source, element_stride, depth, packed, r, rows);
  const SourceRow row{source, source_dtype, element_stride, depth};
  uint16_t *out =
      static_cast<uint16_t *>(packed) + r / kTileRows * depth_blocks(depth) * kTileValues + r % kTileRows * kDepthBlock;
  for (int64_t k = 0; k < depth; k += kDepthBlock, out += kTileValues) read_bf16(row, k, out);
}

// Zeros for the rows the last of several tiles lacks; a single tile is made as short as its rows.
void amx_pack_tail(int32_t dtype, int64_t depth, void *packed, int64_t rows) {
  if (dtype != GAVEL_BF16) return pack_tail(dtype, depth, packed, rows);
  const int64_t used = rows % kTileRows;
  if (rows < kTileRows || used == 0) return;
  const int64_t blocks = depth_blocks(depth);
  uint16_t *tile = static_cast<uint16_t *>(packed) + rows / kTileRows * blocks * kTileValues;
  for (int64_t block = 0; block < blocks; ++block, tile += kTileValues) {
    for (int64_t r = used; r < kTileRows; ++r) store_words(tile + r * kDepthBlock, set_words(0));
  }
}

void amx_multiply(int32_t dtype, const void *packed, int64_t rows, const void *panel, const void *next, int64_t depth,
                  float *c) {
  if (dtype != GAVEL_BF16) return multiply(dtype, packed, rows, panel, next, depth, c);
  // More rows than fit the tiles at once go through the panel a chunk at a time, 16 KiB, that stays in the nearest cache with
  // the sums: rows alone then come from the second one.
  constexpr int64_t kChunk = 8;
  // How far ahead the panel is asked for, into the second-level cache. Asking for a whole panel (256 KiB at a depth of 4096)
  // puts out packed rows of 1 MiB, of which a cache of 2 MiB keeps little more.
  constexpr int64_t kAheadBytes = 64 << 10;
  constexpr int64_t kBlockBytes = 2 * kTileBytes;
  const int64_t blocks = depth_blocks(depth), passes = (rows + 2 * kTileRows - 1) / (2 * kTileRows);
  const auto *from = static_cast<const uint16_t *>(packed), *values = static_cast<const uint16_t *>(panel);
  const char *begin = static_cast<const char *>(panel), *end = begin + blocks * kBlockBytes;
  const char *limit = next == end ? end + (end - begin) : end;
  const int64_t chunk_blocks = passes == 1 ? blocks : kChunk;
  // A tile is stored whole, and c ends with the last row: sums of the last rows, where they do not fill their tiles.
  alignas(64) float whole[2 * kTileRows * kPanelColumns];

  configure_tiles(rows);
  for (int64_t block = 0; block < blocks; block += chunk_blocks) {
    const int64_t count = blocks - block < chunk_blocks ? blocks - block : chunk_blocks;
    const char *wanted = begin + block * kBlockBytes + kAheadBytes, *wanted_end = wanted + count * kBlockBytes;
    Ahead ahead{wanted, wanted_end < limit ? wanted_end : limit, (kBlockBytes / 64 + passes - 1) / passes};
    const uint16_t *chunk = values + block * 2 * kTileValues;
    for (int64_t r = 0; r < rows; r += 2 * kTileRows) {
      const uint16_t *here = from + (r / kTileRows * blocks + block) * kTileValues;
      const int64_t left = rows - r;
      const bool in_place = rows < kTileRows || left == kTileRows || left >= 2 * kTileRows;
      float *to = in_place ? c + r * kPanelColumns : whole;
      if (left > kTileRows) {
        two_tiles_of_rows(here, blocks * kTileValues, chunk, count, block == 0, ahead, to);
      } else {
        one_tile_of_rows(here, chunk, count, block == 0, ahead, to);
      }
    }
  }
  // The thread may be anybody's, the JVM's too: it gets its tiles back as unused as they were.
  GAVEL_TILE_RELEASE();
  const int64_t last = rows / (2 * kTileRows) * 2 * kTileRows, left = rows - last;
  if (rows > kTileRows && left > 0 && left != kTileRows) {
    __builtin_memcpy(c + last * kPanelColumns, whole, static_cast<uint64_t>(left * kPanelColumns) * sizeof(float));
  }
}
