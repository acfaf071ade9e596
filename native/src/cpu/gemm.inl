// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm.inl: products of packed rows with panels, over the wrapper of vector.h. Included by each instruction-set file inside its
// namespace, after gemm_rows.inl.
//
// The walk is written once; a panel type says how operands are read and multiplied. Here: rows packed as floats that hold
// values of the dtype, [group][k / 32][kGroupRows][32], and one FMA per k. gemm_bf16.inl has the other.

#if defined(__AVX512F__)
// 16 even and odd chains and 8 sums leave 8 of 32 registers for operands. 12 chains hide the 6 cycles of VDPBF16PS on 2
// ports, 8 an FMA.
constexpr int kRowsAtOnce = 4, kHalvesAtOnce = 2, kStepsUnrolled = 16;
GAVEL_INLINE void in_register(Vector &v) {
  asm("" : "+v"(v.all));
}
GAVEL_INLINE void in_register(Words &w) {
  asm("" : "+v"(w.all));
}
GAVEL_INLINE void in_order(Vector &v) {
  asm volatile("" : "+v"(v.all) : : "memory");
}
#elif defined(__AVX2__)
// A Vector takes two of 16 registers: 8 for the chains, 4 for the sums, 4 for operands.
constexpr int kRowsAtOnce = 2, kHalvesAtOnce = 1, kStepsUnrolled = 16;
GAVEL_INLINE void in_register(Vector &v) {
  asm("" : "+x"(v.low), "+x"(v.high));
}
GAVEL_INLINE void in_order(Vector &v) {
  asm volatile("" : "+x"(v.low), "+x"(v.high) : : "memory");
}
#else
constexpr int kRowsAtOnce = 1, kHalvesAtOnce = 1, kStepsUnrolled = 1;
GAVEL_INLINE void in_register(Vector &) {}
GAVEL_INLINE void in_order(Vector &) {}
#endif
// in_register: the compiler would otherwise make a value that was just loaded the memory operand of each FMA that uses it,
// and load it once per row: more loads than FMAs, on as few ports.
// in_order: nothing of what follows is begun before. The compiler would otherwise mix two cuts of a block, more of whose operands are
// wanted at a time than there are registers (g++ 12).

// The orders of gemm.h: into how many chains of even and odd k each a block is cut, of how many blocks sums are whole (0: all), and the first
// step of a chain.
struct TileOrder {
  static constexpr int kCuts = 1;
  static constexpr int64_t kSpanBlocks = 0;
  GAVEL_INLINE static Vector begin(Vector a, Vector b) { return multiply_add(a, b, zero()); }
};
struct F32Order {
  static constexpr int kCuts = 2;
  static constexpr int64_t kSpanBlocks = kSumSpan / kDepthBlock;
  GAVEL_INLINE static Vector begin(Vector a, Vector b) { return multiply(a, b); }
};

// What the panels below have in common. A step is the work on one k of the even and one of the odd chain.
template <typename SumOrder>
struct FloatRows {
  using Order = SumOrder;
  using Row = float;
  using Operand = Vector;
  static constexpr int kSteps = 16;                 // per block of 32 k
  static constexpr int64_t kRowStride = 32;         // Row elements from one row to the next in a group
  static constexpr int64_t kBlockValues = 32 * 32;  // Values of the panel in one block
  GAVEL_INLINE static Vector even(const float *row, int step) { return set(row[2 * step]); }
  GAVEL_INLINE static Vector odd(const float *row, int step) { return set(row[2 * step + 1]); }
  GAVEL_INLINE static Vector begin(Vector a, Vector b) { return Order::begin(a, b); }
  GAVEL_INLINE static Vector advance(Vector chain, Vector a, Vector b) { return multiply_add(a, b, chain); }
  GAVEL_INLINE static void keep(float *to, Vector operand) { store(to, operand); }
};

// A panel, from column 0 or 16 on (from_half). read: what a step needs of 16 columns, `half` of them further right.
template <typename SumOrder>
struct FloatPanel : FloatRows<SumOrder> {
  using Value = float;
  using Kept = FloatPanel;
  static constexpr bool kIsKept = true;
  const float *at;
  explicit FloatPanel(const float *values) : at(values) {}
  GAVEL_INLINE FloatPanel from_half(int half) const { return FloatPanel(at + half * 16); }
  GAVEL_INLINE void read(int step, int half, Vector &even, Vector &odd) const {
    even = load(at + step * 64 + half * 16);
    odd = load(at + step * 64 + half * 16 + 32);
  }
};
struct F16Panel : FloatRows<TileOrder> {
  using Value = uint16_t;
  using Kept = FloatPanel<TileOrder>;
  static constexpr bool kIsKept = false;
  const uint16_t *at;
  explicit F16Panel(const uint16_t *values) : at(values) {}
  GAVEL_INLINE F16Panel from_half(int half) const { return F16Panel(at + half * 16); }
  GAVEL_INLINE void read(int step, int half, Vector &even, Vector &odd) const {
    even = load_f16(at + step * 64 + half * 16);
    odd = load_f16(at + step * 64 + half * 16 + 32);
  }
};
struct Bf16Panel : FloatRows<TileOrder> {
  using Value = uint16_t;
  using Kept = FloatPanel<TileOrder>;
  static constexpr bool kIsKept = false;
  const uint16_t *at;
  explicit Bf16Panel(const uint16_t *values) : at(values) {}
  GAVEL_INLINE Bf16Panel from_half(int half) const { return Bf16Panel(at + half * 512); }
  GAVEL_INLINE void read(int step, int half, Vector &even, Vector &odd) const {
    const Words both = load_words(at + half * 512 + step * 32);
    even = vector_of(shift_left<16>(both));
    odd = vector_of(and_words(both, set_words(0xffff0000)));
  }
};

// One block of kRows rows times the panel, of 16 kHalvesAtOnce columns. With kKeep the operands are also written to `kept`, as Panel::Kept
// reads them.
template <int kRows, bool kKeep, typename Panel>
GAVEL_INLINE void block_sums(const typename Panel::Row *rows, Panel panel, typename Panel::Kept::Value *kept,
                             Vector (&block)[kRows][kHalvesAtOnce]) {
  constexpr int kHalves = kHalvesAtOnce;
  using Operand = typename Panel::Operand;
  using Order = typename Panel::Order;
  constexpr int kCutSteps = Panel::kSteps / Order::kCuts;
#pragma GCC unroll 2
  for (int cut = 0; cut < Order::kCuts; ++cut) {
    const int first_step = cut * kCutSteps;
    Vector even[kRows][kHalves], odd[kRows][kHalves];
#pragma GCC unroll kStepsUnrolled
    for (int step = first_step; step < first_step + kCutSteps; ++step) {
      Operand b_even[kHalves], b_odd[kHalves];
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) {
        panel.read(step, h, b_even[h], b_odd[h]);
        if constexpr (kKeep) {
          Panel::keep(kept + step * 64 + h * 16, b_even[h]);
          Panel::keep(kept + step * 64 + h * 16 + 32, b_odd[h]);
        }
      }
#pragma GCC unroll 2
      for (int h = 0; kRows > 1 && h < kHalves; ++h) in_register(b_even[h]);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const Operand a = Panel::even(rows + r * Panel::kRowStride, step);
#pragma GCC unroll 2
        for (int h = 0; h < kHalves; ++h)
          even[r][h] = step == first_step ? Panel::begin(a, b_even[h]) : Panel::advance(even[r][h], a, b_even[h]);
      }
#pragma GCC unroll 2
      for (int h = 0; kRows > 1 && h < kHalves; ++h) in_register(b_odd[h]);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const Operand a = Panel::odd(rows + r * Panel::kRowStride, step);
#pragma GCC unroll 2
        for (int h = 0; h < kHalves; ++h)
          odd[r][h] = step == first_step ? Panel::begin(a, b_odd[h]) : Panel::advance(odd[r][h], a, b_odd[h]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) {
        const Vector both = add(even[r][h], odd[r][h]);
        block[r][h] = cut == 0 ? both : add(block[r][h], both);
        if (cut + 1 < Order::kCuts) in_order(block[r][h]);
      }
    }
  }
}

// c (kRows rows of 16 kHalvesAtOnce columns) = or += rows times `blocks` blocks of the panel, which begin a span.
template <int kRows, bool kKeep, typename Panel>
void product(const typename Panel::Row *rows, Panel panel, typename Panel::Kept::Value *kept, int64_t blocks, bool first,
             Ahead &ahead, float *c) {
  constexpr int kHalves = kHalvesAtOnce;
  constexpr int64_t kSpan = Panel::Order::kSpanBlocks;
  for (int64_t begin = 0; begin < blocks; first = false) {
    const int64_t end = kSpan != 0 && begin + kSpan < blocks ? begin + kSpan : blocks;
    Vector sum[kRows][kHalves];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) sum[r][h] = first || kSpan != 0 ? zero() : load(c + r * kPanelColumns + h * 16);
    }
    for (; begin < end; ++begin) {
      Vector block[kRows][kHalves];
      block_sums<kRows, kKeep>(rows, panel, kept, block);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (int h = 0; h < kHalves; ++h) sum[r][h] = add(sum[r][h], block[r][h]);
      }
      ahead.block();
      rows += kGroupRows * Panel::kRowStride;
      panel.at += Panel::kBlockValues;
      if constexpr (kKeep) kept += Panel::kSteps * 64;
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) {
        float *to = c + r * kPanelColumns + h * 16;
        store(to, first || kSpan == 0 ? sum[r][h] : add(load(to), sum[r][h]));
      }
    }
  }
}

// The instance of product for `count` rows, 1 to kRows or more.
template <int kRows, typename Panel>
GAVEL_INLINE void product_of(int64_t count, const typename Panel::Row *rows, Panel panel, int64_t blocks, bool first,
                             Ahead &ahead, float *c) {
  if constexpr (kRows > 1) {
    if (count < kRows) return product_of<kRows - 1>(count, rows, panel, blocks, first, ahead, c);
  }
  product<kRows, false>(rows, panel, nullptr, blocks, first, ahead, c);
}

template <typename Panel>
void multiply_panel(const void *packed, int64_t rows, const void *panel, const void *next, int64_t depth, float *c) {
  using Kept = typename Panel::Kept;
  // Half of the smallest nearest cache (32 KiB) as operands; the other half is for rows and sums.
  constexpr int64_t kChunk = 16384 / (64 * sizeof(typename Kept::Value) * Panel::kSteps);
  static_assert(Panel::Order::kSpanBlocks == 0 || kChunk % Panel::Order::kSpanBlocks == 0, "a chunk would end within a span");
  // How far ahead a single pass asks for a panel. On one core of a Zen 5, of 2 to 128 KiB, 16 reads fastest from the third
  // cache (70 GB/s, with nothing asked for 40) and 8 from memory (40 GB/s); 12 is within 6 % of both.
  constexpr int64_t kStreamBytes = 12288;
  constexpr int64_t kBlockBytes = Panel::kBlockValues * sizeof(typename Panel::Value);

  const int64_t blocks = depth_blocks(depth);
  const auto *values = static_cast<const typename Panel::Value *>(panel);
  const auto *first_row = static_cast<const typename Panel::Row *>(packed);
  const char *begin = static_cast<const char *>(panel), *end = begin + blocks * kBlockBytes;
  const char *limit = next == end ? end + (end - begin) : end;
  // Few rows go through the panel once. More read it several times: a chunk of it stays in the nearest cache, as operands
  // where that saves enough work.
  const bool once = rows <= kGroupRows, keep = !Panel::kIsKept && rows > 2 * kGroupRows;
  const int64_t chunk_blocks = once ? blocks : kChunk, passes = (rows + kRowsAtOnce - 1) / kRowsAtOnce * (2 / kHalvesAtOnce);
  alignas(64) typename Kept::Value kept[kChunk * 64 * Panel::kSteps];
  for (int64_t block = 0; block < blocks; block += chunk_blocks) {
    const int64_t count = blocks - block < chunk_blocks ? blocks - block : chunk_blocks;
    const char *wanted = once ? begin + kStreamBytes : begin + (block + count) * kBlockBytes;
    const char *wanted_end = once ? end + kStreamBytes : wanted + kChunk * kBlockBytes;
    Ahead ahead{wanted, wanted_end < limit ? wanted_end : limit,
                once ? kBlockBytes / 64 : (kBlockBytes / 64 + passes - 1) / passes};
    for (int half = 0; half < 2; half += kHalvesAtOnce) {
      const Panel chunk = Panel(values + block * Panel::kBlockValues).from_half(half);
      const Kept kept_chunk = Kept(kept).from_half(half);
      for (int64_t r = 0; r < rows; r += kRowsAtOnce) {
        const auto *from = first_row + ((r / kGroupRows * blocks + block) * kGroupRows + r % kGroupRows) * Panel::kRowStride;
        float *to = c + r * kPanelColumns + half * 16;
        if (keep && r == 0) {
          product<kRowsAtOnce, true>(from, chunk, kept + half * 16, count, block == 0, ahead, to);
        } else if (keep) {
          product_of<kRowsAtOnce>(rows - r, from, kept_chunk, count, block == 0, ahead, to);
        } else {
          product_of<kRowsAtOnce>(rows - r, from, chunk, count, block == 0, ahead, to);
        }
      }
    }
  }
}

int64_t packed_rows_bytes(int32_t, int64_t rows, int64_t depth) {
  return group_count(rows) * depth_blocks(depth) * kGroupRows * kDepthBlock * static_cast<int64_t>(sizeof(float));
}

void pack_row(int32_t dtype, int32_t source_dtype, const void *source, int64_t element_stride, int64_t depth, void *packed,
              int64_t r, int64_t) {
  const SourceRow row{source, source_dtype, element_stride, depth};
  constexpr int64_t kGroupBlock = kGroupRows * kDepthBlock;
  float *out = static_cast<float *>(packed) + r / kGroupRows * depth_blocks(depth) * kGroupBlock + r % kGroupRows * kDepthBlock;
  for (int64_t k = 0; k < depth; k += kDepthBlock, out += kGroupBlock) read_floats(dtype, row, k, out);
}

// Rows the last group lacks are never read.
void pack_tail(int32_t, int64_t, void *, int64_t) {}

void multiply(int32_t dtype, const void *packed, int64_t rows, const void *panel, const void *next, int64_t depth, float *c) {
  if (dtype == GAVEL_F32) return multiply_panel<FloatPanel<F32Order>>(packed, rows, panel, next, depth, c);
  if (dtype == GAVEL_F16) return multiply_panel<F16Panel>(packed, rows, panel, next, depth, c);
  multiply_panel<Bf16Panel>(packed, rows, panel, next, depth, c);
}
