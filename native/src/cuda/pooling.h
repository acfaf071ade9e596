// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// pooling.h: the vector of an item, eight elements at a time, on the device; what the poolings are is said in cpu/pooling.h.
//
// SPAN_MEAN is not among them: its rows are added by a kernel of their own (vectors.h), which writes the means as f32 rows, and whoever
// needs vectors then reads those (kPooled). An item that is invalid is a vector of zeros. An index out of range is a fault: nothing is
// read, the vector is NaN.
#ifndef GAVEL_CUDA_POOLING_H
#define GAVEL_CUDA_POOLING_H

#include <cstdint>

#include "cuda/report_fault.h"
#include "cuda/rows.h"

namespace gavel::cuda {

// Item r is row r of the hidden states: means that a kernel before has written.
constexpr int32_t kPooled = 0;

// Where vectors come from. A kernel argument.
struct Source {
  const char *hidden;  // [tokens, hidden_width]
  int64_t row_bytes;
  int32_t dtype;
  int32_t pooling;  // kPooled, GAVEL_POOLING_INDEX (ALL, too) or GAVEL_POOLING_FIRST_LAST
  int32_t combine;
  bool aligned;  // every row starts at a multiple of 16 bytes and its width is one of 8 elements
  // A list that a call does not have is its other one (set_lists): a test of a pointer costs a predicate in every loop over items, and those
  // run out on sm_90a.
  const int64_t *first;  // FIRST_LAST and SPAN_MEAN; kPooled: as the call it stands for, to know which items are valid
  const int64_t *last;   // null, and all others: item r is row r (ALL)
  // Of a call with a gate: the rows that the other head reads of an item, which must be there, too.
  const int64_t *other_first;
  const int64_t *other_last;
  bool of_gate;    // these are the rows of the gate (TWO_STREAM: of the other stream), for the names in faults
  bool any_order;  // the last row may lie before the first: two rows, no span
  int64_t tokens;
  int64_t hidden_width;
  int64_t vector_width;
  int64_t items;
  Fault *fault;
};

inline void set_lists(Source &source, const int64_t *first, const int64_t *last, const int64_t *other_first = nullptr,
                      const int64_t *other_last = nullptr) {
  source.last = last;
  source.first = first != nullptr ? first : last;
  source.other_last = other_last != nullptr ? other_last : source.last;
  source.other_first = other_first != nullptr ? other_first : source.other_last;
}

enum class ItemState : int32_t { INVALID, VALID, FAULT };

struct Item {
  int64_t first;
  int64_t last;
  ItemState state;
};

// Where the rows of an item are, as its lists say.
struct ItemIndices {
  int64_t first;
  int64_t last;
  int64_t other_first;
  int64_t other_last;
};

// One comparison for both ends, as -1 becomes 0 and everything lower wraps.
__device__ __forceinline__ bool outside(int64_t row, int64_t tokens) {
  return static_cast<uint64_t>(row) + 1 > static_cast<uint64_t>(tokens);
}

// Of an item with a row out of range: tells of the first of them. Inlined: around a call kernels would spill the predicates they hold.
__device__ __forceinline__ void report_rows(Fault *fault, bool of_gate, int64_t tokens, int64_t r, const ItemIndices &at) {
  int32_t kind = kFaultFirstIndex;
  int64_t row = at.other_first;
  if (outside(at.other_last, tokens)) kind = of_gate ? kFaultLastIndex : kFaultGateIndex, row = at.other_last;
  if (outside(at.first, tokens)) kind = of_gate ? kFaultLastIndex : kFaultFirstIndex, row = at.first;
  if (outside(at.last, tokens)) kind = of_gate ? kFaultGateIndex : kFaultLastIndex, row = at.last;
  report_fault(fault, kind, r, row, tokens);
}

// Looks up and checks the rows of item r. report: whether this thread tells of a fault; one of those that ask should.
__device__ inline Item look_up_item(const Source &source, int64_t r, bool report) {
  // Lists of the caller's, which the device may not believe.
  ItemIndices at;
  at = {r, r, r, r};
  if (source.last != nullptr) at = {source.first[r], source.last[r], source.other_first[r], source.other_last[r]};
  const int64_t tokens = source.tokens;
  if (outside(at.last, tokens) || outside(at.first, tokens) || outside(at.other_last, tokens) ||
      outside(at.other_first, tokens)) {
    if (report) report_rows(source.fault, source.of_gate, tokens, r, at);
    return {-1, -1, ItemState::FAULT};
  }
  if (at.first < 0 || at.last < 0 || (at.last < at.first && !source.any_order)) return {-1, -1, ItemState::INVALID};
  if (at.other_first < 0 || at.other_last < at.other_first) return {-1, -1, ItemState::INVALID};
  if (source.pooling == kPooled) return {r, r, ItemState::VALID};
  return {at.first, at.last, ItemState::VALID};
}

// What has been read of a chunk of a vector; `other` only where two rows are combined by arithmetic.
template <int32_t kType>
struct PooledRaw {
  Raw<kType> row;
  Raw<kType> other;
};

__device__ inline bool adds_rows(const Source &source) {
  return source.pooling == GAVEL_POOLING_FIRST_LAST && source.combine != GAVEL_COMBINE_CONCAT;
}

// Elements k .. k + 7 of the vector of a valid item, still as they lie in memory; zeros from vector_width on. One load whatever the
// pooling: written out for each, the loads are most of a kernel.
template <int32_t kType, bool kAligned, bool kOnce>
__device__ inline PooledRaw<kType> load_pooled(const Source &source, const Item &item, int64_t k) {
  const char *last = source.hidden + item.last * source.row_bytes;
  const char *first = source.hidden + item.first * source.row_bytes;
  const int64_t width = source.hidden_width;
  const bool concat = source.pooling == GAVEL_POOLING_FIRST_LAST && source.combine == GAVEL_COMBINE_CONCAT;
  PooledRaw<kType> raw;
  if constexpr (kAligned) {
    const bool front = concat && k < width;
    raw.row = load_raw<kType, true, kOnce>(front ? first : last, concat && !front ? k - width : k, width);
  } else {
    // With CONCAT a chunk may lie across both rows.
    raw.row = concat ? load_raw_across<kType>(first, last, k, width) : load_raw<kType, false>(last, k, width);
  }
  if (adds_rows(source)) raw.other = load_raw<kType, kAligned, kOnce>(first, k, width);
  return raw;
}

template <int32_t kType>
__device__ inline void widen_pooled(const Source &source, const Item &item, const PooledRaw<kType> &raw, float y[kChunk]) {
  if (item.state != ItemState::VALID) {
    const float fill = item.state == ItemState::FAULT ? __uint_as_float(0x7fc00000u) : 0.0f;
    for (int i = 0; i < kChunk; ++i) y[i] = fill;
    return;
  }
  widen_raw<kType>(raw.row, y);
  if (!adds_rows(source)) return;
  float first[kChunk];
  widen_raw<kType>(raw.other, first);
  for (int i = 0; i < kChunk; ++i) y[i] = source.combine == GAVEL_COMBINE_ADD ? first[i] + y[i] : y[i] - first[i];
}

}  // namespace gavel::cuda

#endif
