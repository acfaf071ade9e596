// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/readout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "cpu/row_sums.h"

namespace gavel {

namespace {

constexpr float kQuietNan = std::bit_cast<float>(0x7fc00000u);
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Canonical NaNs; true where there was one.
bool canonical(float *values, int64_t n) {
  bool found = false;
  for (int64_t k = 0; k < n; ++k) {
    if (!std::isnan(values[k])) continue;
    values[k] = kQuietNan;
    found = true;
  }
  return found;
}

void fill_item(const Tensor &tensor, int64_t item, float value) {
  if (tensor.present()) std::fill_n(tensor.row<float>(item), tensor.shape[1], value);
}

// With canonical NaNs; whether there was one. Nothing where the tensor is absent or there are no values.
bool copy_item(const Tensor &tensor, int64_t item, const float *values) {
  if (!tensor.present() || values == nullptr) return false;
  float *row = tensor.row<float>(item);
  std::memcpy(row, values, static_cast<size_t>(tensor.shape[1]) * sizeof(float));
  return canonical(row, tensor.shape[1]);
}

}  // namespace

// By AVX-512: about 2 ns a logit (an exponential and its share), and 0.15 a product of the transform.
double readout_nanoseconds(const ReadoutPlan &plan) {
  const auto objectives = static_cast<double>(plan.objective_count);
  return 2 * static_cast<double>(plan.logits + plan.gate_outputs) +
         (plan.transform != nullptr ? 0.15 * objectives * objectives : 0);
}

BlockReadout::BlockReadout(const ScoreProblem &problem, int64_t block) : problem_(problem), plan_(problem.readout) {
  scratch_floats_ = readout_block_scratch(plan_) + kReadoutItems * (plan_.objective_count + plan_.gate_weights);
  Workspace &workspace = problem.head.workspace;
  const int64_t parts = std::min<int64_t>(problem.head.pool.threads(), readout_blocks(block));
  scratch_ = workspace.take<float>(parts * scratch_floats_);
  pairs_ = problem.reverse ? workspace.take<float>(2 * block) : nullptr;
  scores_ = workspace.take<float>(block * plan_.scores);
  nan_counts_ = workspace.take<int64_t>(parts);
}

// Scores of the block that are of one logit each, all at once.
void BlockReadout::read_out_elements(int64_t rows, const float *logits) {
  const int64_t count = rows * plan_.scores;
  if (plan_.family == &kSigmoid) {
    problem_.head.kernels.sigmoid(logits, scores_, count);
    return;
  }
  std::memcpy(scores_, logits, static_cast<size_t>(count) * sizeof(float));
  if (plan_.family != &kAffine) return;
  for (int64_t i = 0; i < count; ++i) scores_[i] = (scores_[i] - plan_.mean) / plan_.deviation;
}

// One score an item, made already, and nothing else: item by item, finish_item takes longer than the dot of a narrow row.
bool BlockReadout::writes_scores_alone() const {
  return plan_.family->elementwise() && plan_.scores == 1 && !problem_.logits.present() && !problem_.objectives.present() &&
         !problem_.gate_logits.present() && !problem_.gate_weights.present();
}

int64_t BlockReadout::write_scores(int64_t begin, int64_t rows) const {
  const ItemRows *items = problem_.head.pooling.rows + begin;
  int64_t nan_items = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const float score = std::isnan(scores_[i]) ? kQuietNan : scores_[i];
    *problem_.scores.row<float>(begin + i) = items[i].valid() ? score : kMinusInfinity;
    nan_items += items[i].valid() && std::isnan(score);
  }
  return nan_items;
}

// Writes the outputs of one item. Returns whether a score is NaN.
bool BlockReadout::finish_item(int64_t item, const float *logits, const float *gate, const ReadItem &read) const {
  if (!problem_.head.pooling.rows[item].valid()) {
    fill_item(problem_.scores, item, kMinusInfinity);
    fill_item(problem_.logits, item, kMinusInfinity);
    fill_item(problem_.objectives, item, kMinusInfinity);
    fill_item(problem_.gate_logits, item, kMinusInfinity);
    fill_item(problem_.gate_weights, item, 0.0f);
    return false;
  }
  copy_item(problem_.logits, item, logits);
  copy_item(problem_.objectives, item, read.objectives);
  copy_item(problem_.gate_logits, item, gate);
  copy_item(problem_.gate_weights, item, read.gate_weights);
  return copy_item(problem_.scores, item, read.scores);
}

// Up to kReadoutItems items from `item` on; scores are made first unless they are there already. Returns the items with a NaN score.
int64_t BlockReadout::finish_block(int64_t item, int64_t items, const float *logits, const float *gate, float *scores,
                                   float *scratch) const {
  float *objectives = nullptr, *weights = nullptr;
  if (!plan_.family->elementwise()) {
    float *behind = scratch + readout_block_scratch(plan_);
    if (problem_.objectives.present()) objectives = behind;
    if (problem_.gate_weights.present()) weights = behind + kReadoutItems * plan_.objective_count;
    const ReadoutBlock block{&plan_, items, logits, gate, scratch};
    problem_.head.kernels.read_out(&block, scores, objectives, weights);
  }
  const auto row = [](const float *rows, int64_t i, int64_t columns) { return rows == nullptr ? nullptr : rows + i * columns; };
  int64_t nan_items = 0;
  for (int64_t i = 0; i < items; ++i) {
    const ReadItem read{scores + i * plan_.scores, row(objectives, i, plan_.objective_count),
                        row(weights, i, plan_.gate_weights)};
    nan_items += finish_item(item + i, logits + i * plan_.logits, row(gate, i, plan_.gate_outputs), read);
  }
  return nan_items;
}

int64_t BlockReadout::run(int64_t begin, int64_t rows, const float *logits, const float *reverse, const float *gate) {
  if (reverse != nullptr) {
    for (int64_t i = 0; i < rows; ++i) {
      pairs_[2 * i] = logits[i];
      pairs_[2 * i + 1] = reverse[i];
    }
    logits = pairs_;
  }
  const bool elementwise = plan_.family->elementwise();
  if (elementwise) read_out_elements(rows, logits);
  if (writes_scores_alone()) return write_scores(begin, rows);
  ThreadPool &pool = problem_.head.pool;
  const int32_t parts =
      elementwise ? 1 : pool.parts_for(static_cast<double>(rows) * readout_nanoseconds(plan_), readout_blocks(rows));
  pool.run(parts, [&](int32_t part) {
    const Slice slice(rows, kReadoutItems, part, parts);
    int64_t nan_items = 0;
    for (int64_t i = slice.begin; i < slice.end; i += kReadoutItems) {
      nan_items += finish_block(begin + i, std::min(kReadoutItems, slice.end - i), logits + i * plan_.logits,
                                gate == nullptr ? nullptr : gate + i * plan_.gate_outputs, scores_ + i * plan_.scores,
                                scratch_ + part * scratch_floats_);
    }
    nan_counts_[part] = nan_items;
  });
  return std::accumulate(nan_counts_, nan_counts_ + parts, int64_t{0});
}

}  // namespace gavel
