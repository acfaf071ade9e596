// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// token_spans.cu: a warp a span for scores, a thread a row where rows look for their spans: that reads the index lists once for each row
// (T R comparisons of 16 bytes from the nearest cache), and needs neither a list of uses nor an order of threads.
#include "cuda/token_spans.h"

#include "cuda/launch.h"
#include "cuda/packed.h"
#include "cuda/report_fault.h"
#include "cuda/stream.h"
#include "cuda/team.h"
#include "cuda/warp_walk.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

__device__ __forceinline__ bool let_through(const TokenSpans &spans, int64_t t) {
  return spans.mask == nullptr || spans.mask[t] != 0;
}

__device__ __forceinline__ bool holds(const TokenSpans &spans, int64_t item, int64_t t) {
  const Item rows = look_up_item(spans.source, item, false);
  return rows.state == ItemState::VALID && rows.first <= t && t <= rows.last;
}

__global__ void __launch_bounds__(kThreads)
    mark_rows_kernel(const __grid_constant__ TokenSpans spans, bool with_spans, const int64_t *targets, int64_t tokens,
                     uint8_t *wanted, float *logprobs) {
  const int64_t t = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (t >= spans.source.tokens) return;
  RowState state = RowState::UNWANTED;
  if (let_through(spans, t)) {
    bool found = !with_spans;
    for (int64_t item = 0; item < spans.source.items && !found; ++item) found = holds(spans, item, t);
    if (found) state = RowState::WANTED;
  }
  if (state == RowState::WANTED && (targets[t] < 0 || targets[t] >= tokens)) {
    report_fault(spans.source.fault, kFaultToken, t, targets[t], tokens);
    state = RowState::FAULT;
  }
  wanted[t] = static_cast<uint8_t>(state);
  if (state == RowState::UNWANTED) logprobs[t] = 0.0f;
}

__device__ __forceinline__ float difference(const TokenSpans &spans, int64_t t) {
  return spans.reference == nullptr ? spans.logprobs[t] : spans.logprobs[t] - spans.reference[t];
}

struct Least {
  float value;
  int64_t row;  // -1: none yet
};

// The first of equals; a NaN counts as less than every number, and so the first NaN as least of all.
__device__ __forceinline__ Least lesser(const Least &a, const Least &b) {
  if (a.row < 0) return b;
  if (b.row < 0) return a;
  const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
  if (a_nan != b_nan) return a_nan ? a : b;
  if (!a_nan && a.value != b.value) return a.value < b.value ? a : b;
  return a.row < b.row ? a : b;
}

// What a warp finds of a span, to every lane.
__device__ inline SpanRows look_through(const TokenSpans &spans, const Item &item, Least &least) {
  const bool finds_least = spans.reduce == GAVEL_LOGPROB_MIN;
  int64_t count = 0;
  least = {0.0f, -1};
  for (int64_t t = item.first + WarpWalk::lane(); t <= item.last; t += kWarp) {
    if (!let_through(spans, t)) continue;
    ++count;
    if (finds_least) least = lesser(least, {difference(spans, t), t});
  }
  auto all = static_cast<unsigned long long>(count);
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    all += __shfl_xor_sync(kAllLanes, all, distance);
    Least other;
    other.value = __shfl_xor_sync(kAllLanes, least.value, distance);
    other.row = static_cast<int64_t>(__shfl_xor_sync(kAllLanes, static_cast<unsigned long long>(least.row), distance));
    least = lesser(least, other);
  }
  return {static_cast<int64_t>(all), least.row};
}

__device__ inline float sum_of_span(const TokenSpans &spans, const Item &item, TeamMemory &memory) {
  LaneTeam<kWarp> team(memory);
  team.start_sum();
  for (int64_t begin = item.first; begin <= item.last; begin += kWarp) {
    const int64_t t = begin + WarpWalk::lane();
    const bool counts = t <= item.last && let_through(spans, t);
    float term = 0.0f;
    if (counts) term = spans.reduce == GAVEL_LOGPROB_MEAN_PROB ? exponential(spans.logprobs[t]) : difference(spans, t);
    team.add(counts, term, false);
  }
  return team.total();
}

__global__ void __launch_bounds__(kThreads) span_scores_kernel(const __grid_constant__ TokenSpans spans, float *scores,
                                                               uint8_t *valid, const __grid_constant__ Output output) {
  GAVEL_SHARED(TeamMemory, memory);
  const int64_t r = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  const bool first_lane = WarpWalk::lane() == 0;
  if (r < spans.source.items) {
    const Item item = look_up_item(spans.source, r, first_lane);
    ItemState state = item.state;
    float score = __uint_as_float(state == ItemState::FAULT ? 0x7fc00000u : 0xff800000u);
    if (state == ItemState::VALID) {
      Least least;
      const SpanRows rows = look_through(spans, item, least);
      if (rows.tokens == 0) {
        state = ItemState::INVALID;
      } else {
        float pooled = least.value;
        if (spans.reduce != GAVEL_LOGPROB_MIN) pooled = sum_of_span(spans, item, memory);
        if (spans.reduce == GAVEL_LOGPROB_MEAN || spans.reduce == GAVEL_LOGPROB_MEAN_PROB) {
          pooled = pooled / static_cast<float>(rows.tokens);
        }
        score = canonical(spans.factor * pooled);
      }
    }
    if (first_lane) {
      scores[r] = score;
      if (valid != nullptr) valid[r] = state != ItemState::INVALID;
      count_item(output, r, state, score != score);
    }
  }
  if (output.counts != nullptr) finish_counts(output, gridDim.x);
}

__global__ void __launch_bounds__(kThreads) span_rows_kernel(const __grid_constant__ TokenSpans spans, SpanRows *span_rows) {
  const int64_t r = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  if (r >= spans.source.items) return;
  const Item item = look_up_item(spans.source, r, WarpWalk::lane() == 0);
  SpanRows rows = {0, -1};
  Least least;
  if (item.state == ItemState::VALID) rows = look_through(spans, item, least);
  if (WarpWalk::lane() == 0) span_rows[r] = rows;
}

// A thread a row: items add to it in their order.
__global__ void __launch_bounds__(kThreads) span_gradients_kernel(const __grid_constant__ TokenSpans spans, const float *dscore,
                                                                  const SpanRows *span_rows, float *dlogprobs) {
  const int64_t t = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (t >= spans.source.tokens) return;
  float sum = 0.0f;
  for (int64_t item = 0; let_through(spans, t) && item < spans.source.items; ++item) {
    if (!holds(spans, item, t)) continue;
    const SpanRows rows = span_rows[item];
    float gradient = spans.factor * dscore[item];
    if (spans.reduce == GAVEL_LOGPROB_MIN) {
      if (rows.least == t) sum += gradient;
      continue;
    }
    if (spans.reduce != GAVEL_LOGPROB_SUM) gradient = gradient / static_cast<float>(rows.tokens);
    sum += spans.reduce == GAVEL_LOGPROB_MEAN_PROB ? gradient * exponential(spans.logprobs[t]) : gradient;
  }
  dlogprobs[t] = sum;
}

dim3 blocks(int64_t units, int64_t of_block) {
  return dim3(static_cast<unsigned>(divide_up(units, of_block)));
}

}  // namespace

void enqueue_mark_rows(const TokenSpans &spans, bool with_spans, const int64_t *targets, int64_t tokens, uint8_t *wanted,
                       float *logprobs, Stream &stream) {
  if (spans.source.tokens == 0) return;
  launch(mark_rows_kernel, blocks(spans.source.tokens, kThreads), kThreads, 0, stream.native, spans, with_spans, targets,
         tokens, wanted, logprobs);
}

void enqueue_span_scores(const TokenSpans &spans, float *scores, uint8_t *valid, const Output &output, Stream &stream) {
  if (spans.source.items == 0) return;
  launch(span_scores_kernel, blocks(spans.source.items, kWarps), kThreads, 0, stream.native, spans, scores, valid, output);
}

void enqueue_span_gradients(const TokenSpans &spans, const float *dscore, SpanRows *span_rows, float *dlogprobs,
                            Stream &stream) {
  if (spans.source.items > 0) {
    launch(span_rows_kernel, blocks(spans.source.items, kWarps), kThreads, 0, stream.native, spans, span_rows);
  }
  if (spans.source.tokens > 0) {
    launch(span_gradients_kernel, blocks(spans.source.tokens, kThreads), kThreads, 0, stream.native, spans, dscore, span_rows,
           dlogprobs);
  }
}

}  // namespace gavel::cuda
