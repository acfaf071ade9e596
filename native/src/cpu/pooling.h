// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// pooling.h: from hidden states [T, H] and index lists to one vector [D] per item.
//
//   INDEX      y = X[last]
//   FIRST_LAST y = [X[first]; X[last]], X[first] + X[last] or X[last] - X[first]
//   ALL        y = X[r], every row an item
//   SPAN_MEAN  y = (X[first] + X[first + 1] + ... + X[last]) / n, n = last - first + 1, in the order of common/span_mean.h
// All in f32 from exactly widened rows. An item is invalid where an index it needs is -1, or, with both indices, last < first.
#ifndef GAVEL_CPU_POOLING_H
#define GAVEL_CPU_POOLING_H

#include <cstdint>

#include "common/tensor.h"
#include "cpu/kernels.h"
#include "cpu/workspace.h"

namespace gavel {

// Rows of one item, checked: 0 <= first <= last < T, or kInvalidItem in both.
struct ItemRows {
  int64_t first;  // INDEX: the same as last
  int64_t last;
  bool valid() const { return last >= 0; }
};
constexpr int64_t kInvalidItem = -1;

struct Pooling {
  int32_t pooling;  // ALL has become INDEX of every row
  int32_t combine;
  int64_t tokens;        // T
  int64_t hidden_width;  // H
  int64_t vector_width;  // D
  int64_t items;         // R
  ItemRows *rows;        // [R]; a copy, so that a caller who changes the index lists during the call cannot lead it astray
  int64_t invalid_items;
};

// Checks pooling and combine and the widths they give: D = 2H with CONCAT, else D = H. vector_width is the head's, or dvectors'.
void check_pooling_kind(int32_t pooling, int32_t combine);
// Width of the vectors that hidden states of width H give.
int64_t pooled_width(int32_t pooling, int32_t combine, int64_t hidden_width);

// Checks every index of the two lists (i64 [R], first absent for INDEX, both for ALL) against T and copies them to the workspace.
// Throws Failure naming the item, the list, the value found and the valid range; `states` and `list` are what
// the messages call the hidden states and the last rows.
Pooling resolve_pooling(int32_t pooling, int32_t combine, const Tensor &first, const Tensor &last, int64_t tokens,
                        int64_t hidden_width, Workspace &workspace, const char *states = "args.hidden",
                        const char *list = "args.last");

// Makes an item invalid in both where it is in one: of items that need the rows of both.
void join_validity(Pooling &one, Pooling &other);
// Vectors [X[a]; X[b]] of a row of each of two INDEX poolings, in any order of the rows.
Pooling concatenate_rows(const Pooling &a, const Pooling &b, Workspace &workspace);

// True where the vectors are rows of `hidden` as they are: no arithmetic and no copy is needed to read them.
inline bool pools_by_index(const Pooling &pooling) {
  return pooling.pooling == GAVEL_POOLING_INDEX;
}

// Floats of scratch that pool_item needs; a multiple of 16.
int64_t pooling_scratch(const Pooling &pooling);
// Vector of item r to out, f32 [D]; zeros for an invalid item. scratch: pooling_scratch floats, may hold anything.
void pool_item(const Kernels &kernels, const Pooling &pooling, const Tensor &hidden, int64_t r, float *scratch, float *out);

}  // namespace gavel

#endif
