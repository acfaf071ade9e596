// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_bf16.inl: products in bf16 with VDPBF16PS, included by avx512_bf16.cpp after gemm.inl.
//
// The instruction is two FMAs per lane, each rounded to nearest even with denormals read and written as zero: first the
// product of the two upper halves of the operands' words is added to the lane, then that of the lower halves (Intel SDM
// volume 2, VDPBF16PS). On natural pairs (k, k + 1) that is not the tile order. Here a word holds k in its upper half and k
// + 2 in its lower one: then one instruction is two steps of the even, or of the odd, chain, in order, and gives the same
// bits as the two FMAs at twice their rate. That a processor adds in this order is checked when the table is chosen
// (products_in_order below), not assumed.
//
// Rows are packed as words of that kind: [group][k / 32][kGroupRows][8 times (k + 2, k, k + 3, k + 1)].

struct PairRows {
  using Order = TileOrder;
  using Row = uint32_t;
  using Operand = Words;
  static constexpr int kSteps = 8;
  static constexpr int64_t kRowStride = 16;
  static constexpr int64_t kBlockValues = 32 * 32;
  GAVEL_INLINE static Words even(const uint32_t *row, int step) { return set_words(row[2 * step]); }
  GAVEL_INLINE static Words odd(const uint32_t *row, int step) { return set_words(row[2 * step + 1]); }
  GAVEL_INLINE static Vector begin(Words a, Words b) { return advance(zero(), a, b); }
  GAVEL_INLINE static Vector advance(Vector chain, Words a, Words b) {
    return {_mm512_dpbf16_ps(chain.all, reinterpret_cast<__m512bh>(a.all), reinterpret_cast<__m512bh>(b.all))};
  }
  GAVEL_INLINE static void keep(uint32_t *to, Words operand) { store_words(to, operand); }
};

// Operands as PairPanel makes them.
struct KeptPairs : PairRows {
  using Value = uint32_t;
  using Kept = KeptPairs;
  static constexpr int64_t kBlockValues = 8 * 64;
  const uint32_t *at;
  explicit KeptPairs(const uint32_t *values) : at(values) {}
  GAVEL_INLINE KeptPairs from_half(int half) const { return KeptPairs(at + half * 16); }
  GAVEL_INLINE void read(int step, int half, Words &even, Words &odd) const {
    even = load_words(at + step * 64 + half * 16);
    odd = load_words(at + step * 64 + half * 16 + 32);
  }
};

struct PairPanel : PairRows {
  using Value = uint16_t;
  using Kept = KeptPairs;
  static constexpr bool kIsKept = false;
  const uint16_t *at;
  explicit PairPanel(const uint16_t *values) : at(values) {}
  GAVEL_INLINE PairPanel from_half(int half) const { return PairPanel(at + half * 512); }
  GAVEL_INLINE void read(int step, int half, Words &even, Words &odd) const {
    // (k, k + 1) and (k + 2, k + 3), lower half first.
    const __m512i x = load_words(at + half * 512 + step * 64).all, y = load_words(at + half * 512 + step * 64 + 32).all;
    constexpr __mmask32 kUpper = 0xaaaaaaaa;
    even = {_mm512_mask_blend_epi16(kUpper, y, _mm512_slli_epi32(x, 16))};
    odd = {_mm512_mask_blend_epi16(kUpper, _mm512_srli_epi32(y, 16), x)};
  }
};

int64_t pairs_packed_rows_bytes(int32_t dtype, int64_t rows, int64_t depth) {
  if (dtype != GAVEL_BF16) return packed_rows_bytes(dtype, rows, depth);
  return group_count(rows) * depth_blocks(depth) * kGroupRows * kDepthBlock * static_cast<int64_t>(sizeof(uint16_t));
}

void pairs_pack_row(int32_t dtype, int32_t source_dtype, const void *source, int64_t element_stride, int64_t depth,
                    void *packed, int64_t r, int64_t rows) {
  if (dtype != GAVEL_BF16) return pack_row(dtype, source_dtype, source, element_stride, depth, packed, r, rows);
  const SourceRow row{source, source_dtype, element_stride, depth};
  constexpr int64_t kGroupBlock = kGroupRows * kDepthBlock;
  uint16_t *out =
      static_cast<uint16_t *>(packed) + r / kGroupRows * depth_blocks(depth) * kGroupBlock + r % kGroupRows * kDepthBlock;
  for (int64_t k = 0; k < depth; k += kDepthBlock, out += kGroupBlock) {
    read_bf16(row, k, out);
    // 2, 0, 3, 1 of each four.
    constexpr int kOrder = 2 | 0 << 2 | 3 << 4 | 1 << 6;
    store_words(out, {_mm512_shufflehi_epi16(_mm512_shufflelo_epi16(load_words(out).all, kOrder), kOrder)});
  }
}

void pairs_multiply(int32_t dtype, const void *packed, int64_t rows, const void *panel, const void *next, int64_t depth,
                    float *c) {
  if (dtype != GAVEL_BF16) return multiply(dtype, packed, rows, panel, next, depth, c);
  multiply_panel<PairPanel>(packed, rows, panel, next, depth, c);
}

// Whether VDPBF16PS adds here in the order written above, on values chosen so that another order or rounding shows: alike
// exponents that cancel, far ones, products near the smallest and the largest floats, and denormals. The caller flushes
// denormals.
bool products_in_order() {
  uint32_t state = 1;
  for (int round = 0; round < 256; ++round) {
    uint32_t a[16], b[16], c[16];
    // Exponents from `low` on, `spread` of them.
    const uint32_t lows[] = {122, 96, 56, 0, 180}, spreads[] = {8, 64, 16, 2, 16};
    const uint32_t low = lows[round % 5], spread = spreads[round % 5];
    for (int i = 0; i < 16; ++i) {
      uint32_t *to[] = {&a[i], &b[i]};
      for (uint32_t *word : to) {
        *word = 0;
        for (int half = 0; half < 2; ++half) {
          state = state * 1664525 + 1013904223;  // Numerical Recipes, section 7.1
          *word = *word << 16 | (state >> 16 & 0x807f) | (low + (state >> 8 & 0xff) % spread) << 7;
        }
      }
      state = state * 1664525 + 1013904223;
      const uint32_t exponent = 2 * low + (state >> 24) % (2 * spread);
      c[i] = (state & 0x807fffff) | (exponent < 127 ? 0 : exponent - 127 > 254 ? 254 : exponent - 127) << 23;
    }
    const Vector start = vector_of(load_words(c));
    const Words x = load_words(a), y = load_words(b), upper = set_words(0xffff0000);
    const Vector first = multiply_add(vector_of(and_words(x, upper)), vector_of(and_words(y, upper)), start);
    const Vector both = multiply_add(vector_of(shift_left<16>(x)), vector_of(shift_left<16>(y)), first);
    if (_mm512_cmpneq_epi32_mask(words_of(both).all, words_of(PairRows::advance(start, x, y)).all) != 0) return false;
  }
  return true;
}
