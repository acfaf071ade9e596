// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/pooling.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "common/error.h"
#include "common/span_mean.h"
#include "cpu/memory.h"

namespace gavel {

namespace {

void check_index(const char *list, int64_t item, int64_t value, int64_t tokens, const char *states) {
  // One comparison for both ends: -1 becomes 0, everything lower wraps to a huge number.
  if (static_cast<uint64_t>(value) + 1 > static_cast<uint64_t>(tokens)) [[unlikely]] {
    fail(GAVEL_INVALID_ARGUMENT,
         "item %" PRId64 ": %s[%" PRId64 "] is %" PRId64 "; %s has %" PRId64
         " rows: say 0 or more and less than that, or -1 for an invalid item",
         item, list, item, value, states, tokens);
  }
}

// The sum of the rows, in blocks of `block` rows, to out.
void add_span(const Kernels &kernels, const Tensor &hidden, int64_t width, const ItemRows &rows, int64_t block, float *scratch,
              float *out) {
  for (int64_t begin = rows.first; begin <= rows.last; begin += block) {
    float *part = begin == rows.first ? out : scratch;
    if (block == 1) {
      kernels.widen(hidden.dtype, hidden.at(begin), part, width);
    } else {
      const ItemRows within = {begin, std::min(begin + block - 1, rows.last)};
      add_span(kernels, hidden, width, within, block / kSpanParts, scratch + round_up(width, 16), part);
    }
    if (part != out) kernels.add(out, part, width);
  }
}

}  // namespace

void check_pooling_kind(int32_t pooling, int32_t combine) {
  GAVEL_CHECK(pooling != GAVEL_POOLING_TOKEN_LOGPROB,
              "args.pooling is 5 (TOKEN_LOGPROB), which reads a vocabulary instead of a head: call gavel_token_logprob");
  GAVEL_CHECK(pooling >= GAVEL_POOLING_INDEX && pooling <= GAVEL_POOLING_ALL,
              "args.pooling is %d; say 1 (INDEX), 2 (FIRST_LAST), 3 (SPAN_MEAN) or 4 (ALL)", pooling);
  if (pooling == GAVEL_POOLING_FIRST_LAST) {
    GAVEL_CHECK(combine >= GAVEL_COMBINE_CONCAT && combine <= GAVEL_COMBINE_SUB,
                "args.combine is %d; FIRST_LAST needs 1 (CONCAT), 2 (ADD) or 3 (SUB)", combine);
  } else {
    GAVEL_CHECK(combine == GAVEL_COMBINE_NONE, "args.combine is %d; only FIRST_LAST combines: set it to 0", combine);
  }
}

int64_t pooled_width(int32_t pooling, int32_t combine, int64_t hidden_width) {
  const bool concat = pooling == GAVEL_POOLING_FIRST_LAST && combine == GAVEL_COMBINE_CONCAT;
  return concat ? multiply_sizes(2, hidden_width, "width of concatenated hidden states") : hidden_width;
}

Pooling resolve_pooling(int32_t pooling, int32_t combine, const Tensor &first, const Tensor &last, int64_t tokens,
                        int64_t hidden_width, Workspace &workspace, const char *states, const char *list) {
  const bool all = pooling == GAVEL_POOLING_ALL;
  const int64_t items = all ? tokens : last.shape[0];
  ItemRows *rows = workspace.take<ItemRows>(items);
  Pooling resolved = {pooling, combine, tokens, hidden_width, pooled_width(pooling, combine, hidden_width), items, rows, 0};
  if (all) {
    resolved.pooling = GAVEL_POOLING_INDEX;
    for (int64_t r = 0; r < items; ++r) rows[r] = {r, r};
    return resolved;
  }
  const bool spans = pooling != GAVEL_POOLING_INDEX;
  const int64_t *firsts = first.as<const int64_t>();
  const int64_t *lasts = last.as<const int64_t>();
  for (int64_t r = 0; r < items; ++r) {
    const int64_t end = lasts[r];
    const int64_t begin = spans ? firsts[r] : end;
    check_index(list, r, end, tokens, states);
    check_index("args.first", r, begin, tokens, states);
    const bool valid = begin >= 0 && end >= begin;
    rows[r] = valid ? ItemRows{begin, end} : ItemRows{kInvalidItem, kInvalidItem};
    resolved.invalid_items += !valid;
  }
  return resolved;
}

void join_validity(Pooling &one, Pooling &other) {
  for (int64_t r = 0; r < one.items; ++r) {
    if (one.rows[r].valid() == other.rows[r].valid()) continue;
    Pooling &valid = one.rows[r].valid() ? one : other;
    valid.rows[r] = {kInvalidItem, kInvalidItem};
    ++valid.invalid_items;
  }
}

Pooling concatenate_rows(const Pooling &a, const Pooling &b, Workspace &workspace) {
  Pooling both = a;
  both.pooling = GAVEL_POOLING_FIRST_LAST;
  both.combine = GAVEL_COMBINE_CONCAT;
  both.vector_width = pooled_width(both.pooling, both.combine, a.hidden_width);
  both.rows = workspace.take<ItemRows>(a.items);
  for (int64_t r = 0; r < a.items; ++r) both.rows[r] = {a.rows[r].last, b.rows[r].last};
  return both;
}

int64_t pooling_scratch(const Pooling &pooling) {
  const int64_t rows = pooling.pooling == GAVEL_POOLING_SPAN_MEAN ? 1 + kSpanLevels : 1;
  return rows * round_up(pooling.hidden_width, 16);
}

void pool_item(const Kernels &kernels, const Pooling &pooling, const Tensor &hidden, int64_t r, float *scratch, float *out) {
  const ItemRows rows = pooling.rows[r];
  if (!rows.valid()) {
    std::memset(out, 0, static_cast<size_t>(pooling.vector_width) * sizeof(float));
    return;
  }
  const int32_t dtype = hidden.dtype;
  const int64_t width = pooling.hidden_width;
  switch (pooling.pooling) {
    case GAVEL_POOLING_INDEX:
      kernels.widen(dtype, hidden.at(rows.last), out, width);
      break;
    case GAVEL_POOLING_FIRST_LAST:
      if (pooling.combine == GAVEL_COMBINE_CONCAT) {
        kernels.widen(dtype, hidden.at(rows.first), out, width);
        kernels.widen(dtype, hidden.at(rows.last), out + width, width);
      } else if (pooling.combine == GAVEL_COMBINE_ADD) {
        kernels.widen(dtype, hidden.at(rows.first), out, width);
        kernels.widen(dtype, hidden.at(rows.last), scratch, width);
        kernels.add(out, scratch, width);
      } else {
        kernels.widen(dtype, hidden.at(rows.last), out, width);
        kernels.widen(dtype, hidden.at(rows.first), scratch, width);
        kernels.subtract(out, scratch, width);
      }
      break;
    case GAVEL_POOLING_SPAN_MEAN:
      add_span(kernels, hidden, width, rows, kLargestSpanBlock, scratch, out);
      kernels.divide(out, static_cast<float>(rows.last - rows.first + 1), width);
      break;
  }
}

}  // namespace gavel
