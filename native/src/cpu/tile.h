// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// tile.h: the AMX tile unit, eight registers of 16 rows of 64 bytes. Macros, because the intrinsics want the register's
// number as a literal. With GAVEL_SOFTWARE_TILES (tests only) software_tile.h of the tests stands in for the unit, so that
// the kernels written over these names run, and are checked, on machines without it.
#ifndef GAVEL_CPU_TILE_H
#define GAVEL_CPU_TILE_H

#ifdef GAVEL_SOFTWARE_TILES

#include "software_tile.h"

#else

#include <immintrin.h>

// GCC 12 tells the compiler of the first 8 bytes of the 64 that are read, hence the barrier.
#define GAVEL_TILE_CONFIGURE(config)                    \
  do {                                                  \
    __asm__ volatile("" : : "r"(&(config)) : "memory"); \
    _tile_loadconfig(&(config));                        \
  } while (false)
#define GAVEL_TILE_RELEASE() _tile_release()
#define GAVEL_TILE_ZERO(tile) _tile_zero(tile)
#define GAVEL_TILE_LOAD(tile, from, stride) _tile_loadd(tile, from, stride)
#define GAVEL_TILE_STORE(tile, to, stride) _tile_stored(tile, to, stride)
// sum += a b^T in bf16 pairs: TDPBF16PS.
#define GAVEL_TILE_DOT_BF16(sum, a, b) _tile_dpbf16ps(sum, a, b)

#endif

#endif
