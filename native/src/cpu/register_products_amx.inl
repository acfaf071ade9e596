// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// register_products_amx.inl: register_products.inl on the AMX tiles. Included by amx.cpp after gemm_amx.inl.

// The four products that two_tiles_of_rows does for a block, each on a sum of its own: a product takes 52 cycles, and the unit begins one
// every 16 (Intel 64 and IA-32 Architectures Optimization Reference Manual, chapter on AMX).
int64_t amx_register_products(int32_t dtype, int64_t rounds) {
  if (dtype != GAVEL_BF16) return register_products(dtype, rounds);
  alignas(64) uint16_t numbers[kTileValues] = {};
  configure_tiles(kTileRows);
  GAVEL_TILE_ZERO(0);
  GAVEL_TILE_ZERO(1);
  GAVEL_TILE_ZERO(2);
  GAVEL_TILE_ZERO(3);
  GAVEL_TILE_LOAD(4, numbers, 64);
  GAVEL_TILE_LOAD(5, numbers, 64);
  GAVEL_TILE_LOAD(6, numbers, 64);
  GAVEL_TILE_LOAD(7, numbers, 64);
  for (int64_t round = 0; round < rounds; ++round) {
    GAVEL_TILE_DOT_BF16(0, 4, 6);
    GAVEL_TILE_DOT_BF16(1, 4, 7);
    GAVEL_TILE_DOT_BF16(2, 5, 6);
    GAVEL_TILE_DOT_BF16(3, 5, 7);
  }
  GAVEL_TILE_RELEASE();
  return rounds * 4 * kTileRows * kTileRows * kDepthBlock * 2;
}
