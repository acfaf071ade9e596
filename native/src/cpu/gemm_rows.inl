// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_rows.inl: what the packers and kernels of gemm.inl, gemm_bf16.inl and gemm_amx.inl share. Included by each
// instruction-set file inside its namespace, before them.

// Rows that lie together in a packed matrix. A group holds one block of 32 k after the other, its rows side by side in each,
// so a kernel reads it straight through and rows a power of two long do not fall into the same sets of a cache.
constexpr int64_t kGroupRows = 4;

GAVEL_INLINE int64_t depth_blocks(int64_t depth) {
  return (depth + kDepthBlock - 1) / kDepthBlock;
}
GAVEL_INLINE int64_t group_count(int64_t rows) {
  return (rows + kGroupRows - 1) / kGroupRows;
}

// A row as it lies in memory: `depth` elements of dtype, `stride` elements apart.
struct SourceRow {
  const void *data;
  int32_t dtype;
  int64_t stride;
  int64_t depth;
};

// Elements [k, k + 32) of the row side by side, zeros behind its end: in place where they lie so already, else put into
// `buffer`.
template <typename Element>
GAVEL_INLINE const Element *side_by_side(const SourceRow &row, int64_t k, Element *buffer) {
  const Element *from = static_cast<const Element *>(row.data) + k * row.stride;
  if (row.stride == 1 && row.depth - k >= kDepthBlock) return from;
  for (int64_t i = 0; i < kDepthBlock; ++i) buffer[i] = k + i < row.depth ? from[i * row.stride] : Element{0};
  return buffer;
}

// Elements [k, k + 32) as floats, rounded to dtype where the row is wider.
GAVEL_INLINE void read_floats(int32_t dtype, const SourceRow &row, int64_t k, float *out) {
  alignas(64) float wide[kDepthBlock];
  alignas(64) uint16_t narrow[kDepthBlock];
  if (row.dtype != GAVEL_F32) {
    const uint16_t *from = side_by_side(row, k, narrow);
    for (int64_t i = 0; i < kDepthBlock; i += 16) {
      store(out + i, row.dtype == GAVEL_F16 ? load_f16(from + i) : load_bf16(from + i));
    }
    return;
  }
  const float *from = side_by_side(row, k, wide);
  for (int64_t i = 0; i < kDepthBlock; i += 16) {
    Vector values = load(from + i);
    if (dtype == GAVEL_F16) {
      store_f16(narrow, values);
      values = load_f16(narrow);
    } else if (dtype == GAVEL_BF16) {
      store_bf16(narrow, values);
      values = load_bf16(narrow);
    }
    store(out + i, values);
  }
}

// Elements [k, k + 32) of a bf16 row, or of an f32 row rounded to bf16.
GAVEL_INLINE void read_bf16(const SourceRow &row, int64_t k, uint16_t *out) {
  alignas(64) float wide[kDepthBlock];
  alignas(64) uint16_t narrow[kDepthBlock];
  if (row.dtype == GAVEL_BF16) return store_words(out, load_words(side_by_side(row, k, narrow)));
  const float *from = side_by_side(row, k, wide);
  for (int64_t i = 0; i < kDepthBlock; i += 16) store_bf16(out + i, load(from + i));
}

// Memory that will be read next, asked for a few cache lines per block of 32 k while this one is worked on. Asking touches no
// memory and cannot fault.
struct Ahead {
  const char *at;
  const char *end;
  int64_t lines;

  // Into the nearest cache, or (kLocality 2) into the second one.
  template <int kLocality = 3>
  GAVEL_INLINE void block() {
    if (at >= end) return;
    for (int64_t line = 0; line < lines; ++line, at += 64) __builtin_prefetch(at, 0, kLocality);
  }
};
