// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/token_spans.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "common/numeric.h"
#include "common/pairwise_sum.h"
#include "gavel/gavel.h"

namespace gavel {

namespace {

constexpr float kQuietNan = std::bit_cast<float>(0x7fc00000u);

// body(t) for the rows of an item that the mask lets through, in order.
template <typename Body>
void each_row(const TokenSpans &spans, int64_t item, Body body) {
  for (int64_t t = spans.rows[item].first; t <= spans.rows[item].last; ++t) {
    if (spans.mask == nullptr || spans.mask[t] != 0) body(t);
  }
}

float difference(const SpanScore &how, int64_t t) {
  return how.reference == nullptr ? how.logprobs[t] : how.logprobs[t] - how.reference[t];
}

struct Least {
  float value;
  int64_t row;
};

// The first of equals; a NaN counts as less than every number.
Least least_of(const TokenSpans &spans, const SpanScore &how, int64_t item) {
  Least least = {0, -1};
  each_row(spans, item, [&](int64_t t) {
    const float d = difference(how, t);
    if (least.row < 0 || d < least.value || (is_nan(d) && !is_nan(least.value))) least = {d, t};
  });
  return least;
}

float pool(const TokenSpans &spans, const SpanScore &how, int64_t item) {
  if (how.reduce == GAVEL_LOGPROB_MIN) return least_of(spans, how, item).value;
  PairwiseSum sum;
  each_row(spans, item, [&](int64_t t) {
    sum.add(how.reduce == GAVEL_LOGPROB_MEAN_PROB ? exponential(how.logprobs[t]) : difference(how, t));
  });
  return how.reduce == GAVEL_LOGPROB_SUM ? sum.total() : sum.total() / static_cast<float>(spans.tokens[item]);
}

}  // namespace

TokenSpans resolve_spans(const Tensor &first, const Tensor &last, const Tensor &mask, int64_t tokens, Workspace &workspace,
                         const char *states) {
  const Pooling pooling =
      resolve_pooling(GAVEL_POOLING_SPAN_MEAN, GAVEL_COMBINE_NONE, first, last, tokens, 1, workspace, states);
  uint8_t *mask_copy = nullptr;
  if (mask.present()) {
    mask_copy = workspace.take<uint8_t>(tokens);
    if (tokens > 0) std::memcpy(mask_copy, mask.as<const uint8_t>(), static_cast<size_t>(tokens));
  }
  int64_t *counts = workspace.take<int64_t>(pooling.items);
  TokenSpans spans = {pooling.items, pooling.rows, counts, 0, mask_copy};
  for (int64_t item = 0; item < spans.items; ++item) {
    counts[item] = 0;
    if (spans.rows[item].valid()) each_row(spans, item, [&](int64_t) { ++counts[item]; });
    spans.invalid_items += counts[item] == 0;
  }
  return spans;
}

int64_t score_spans(const TokenSpans &spans, const SpanScore &how, float *scores) {
  int64_t nan_items = 0;
  for (int64_t item = 0; item < spans.items; ++item) {
    if (spans.tokens[item] == 0) {
      scores[item] = -std::numeric_limits<float>::infinity();
      continue;
    }
    const float score = how.factor * pool(spans, how, item);
    nan_items += is_nan(score);
    scores[item] = is_nan(score) ? kQuietNan : score;
  }
  return nan_items;
}

void backward_spans(const TokenSpans &spans, const SpanScore &how, const float *dscore, float *dlogprobs, int64_t tokens) {
  std::fill_n(dlogprobs, tokens, 0.0f);
  for (int64_t item = 0; item < spans.items; ++item) {
    if (spans.tokens[item] == 0) continue;
    float gradient = how.factor * dscore[item];
    if (how.reduce == GAVEL_LOGPROB_MIN) {
      dlogprobs[least_of(spans, how, item).row] += gradient;
      continue;
    }
    if (how.reduce != GAVEL_LOGPROB_SUM) gradient = gradient / static_cast<float>(spans.tokens[item]);
    each_row(spans, item, [&](int64_t t) {
      dlogprobs[t] += how.reduce == GAVEL_LOGPROB_MEAN_PROB ? gradient * exponential(how.logprobs[t]) : gradient;
    });
  }
}

}  // namespace gavel
