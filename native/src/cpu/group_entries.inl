// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// group_entries.inl: entries of sixteen groups between memory and vectors, entries[e] being entry e of each, over the wrapper of vector.h.
// Included by each instruction-set file inside its namespace, before losses.inl. Where they lie: GroupBlock.

// Sixteen groups of kSize that lie one behind the other. A round takes the lowest bit off the numbers of places in a vector and puts it
// above those of the vectors. A gather would be as many accesses as there are lanes.
template <int kSize>
GAVEL_INLINE void deal_entries(const float *from, Vector *entries) {
  Vector now[kSize], next[kSize];
#pragma GCC unroll 16
  for (int v = 0; v < kSize; ++v) now[v] = load(from + 16 * v);
#pragma GCC unroll 4
  for (int round = 1; round < kSize; round *= 2) {
#pragma GCC unroll 8
    for (int v = 0; v < kSize / 2; ++v) {
      next[v] = even_lanes(now[2 * v], now[2 * v + 1]);
      next[v + kSize / 2] = odd_lanes(now[2 * v], now[2 * v + 1]);
    }
#pragma GCC unroll 16
    for (int v = 0; v < kSize; ++v) now[v] = next[v];
  }
#pragma GCC unroll 16
  for (int e = 0; e < kSize; ++e) entries[e] = now[e];
}

// The way back.
template <int kSize>
GAVEL_INLINE void collect_entries(const Vector *entries, float *to) {
  Vector now[kSize], next[kSize];
#pragma GCC unroll 16
  for (int e = 0; e < kSize; ++e) now[e] = entries[e];
#pragma GCC unroll 4
  for (int round = 1; round < kSize; round *= 2) {
#pragma GCC unroll 8
    for (int v = 0; v < kSize / 2; ++v) {
      next[2 * v] = interleave_low(now[v], now[v + kSize / 2]);
      next[2 * v + 1] = interleave_high(now[v], now[v + kSize / 2]);
    }
#pragma GCC unroll 16
    for (int v = 0; v < kSize; ++v) now[v] = next[v];
  }
#pragma GCC unroll 16
  for (int v = 0; v < kSize; ++v) store(to + 16 * v, now[v]);
}

template <typename Block>
GAVEL_INLINE void read_entries(const Block *block, const float *from, Vector *entries) {
  const int64_t size = block->lane_step == 1 ? 0 : block->entries;
  if (size == 2) return deal_entries<2>(from, entries);
  if (size == 4) return deal_entries<4>(from, entries);
  if (size == 8) return deal_entries<8>(from, entries);
  if (size == 16) return deal_entries<16>(from, entries);
  const auto read_entry = [&](int64_t e) {
    const float *at = from + e * block->entry_step;
    return block->lane_step == 1 ? load(at) : gather(at, block->lane_step);
  };
  // The first apart: the compiler does not know that there is one.
  entries[0] = read_entry(0);
  for (int64_t e = 1; e < block->entries; ++e) entries[e] = read_entry(e);
}

template <typename Block>
GAVEL_INLINE void write_entries(const Block *block, const Vector *entries, float *to) {
  const int64_t size = block->lane_step == 1 ? 0 : block->entries;
  if (size == 2) return collect_entries<2>(entries, to);
  if (size == 4) return collect_entries<4>(entries, to);
  if (size == 8) return collect_entries<8>(entries, to);
  if (size == 16) return collect_entries<16>(entries, to);
  for (int64_t e = 0; e < block->entries; ++e) {
    float *at = to + e * block->entry_step;
    if (block->lane_step == 1) {
      store(at, entries[e]);
    } else {
      scatter(at, block->lane_step, entries[e]);
    }
  }
}
