// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/readout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace gavel {

namespace {

constexpr float kQuietNan = std::bit_cast<float>(0x7fc00000u);
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Canonical NaN; true where there was one.
bool canonical(float *values, int64_t n) {
  bool found = false;
  for (int64_t k = 0; k < n; ++k) {
    if (!std::isnan(values[k])) continue;
    values[k] = kQuietNan;
    found = true;
  }
  return found;
}

float *row_of(const Tensor &tensor, int64_t item) {
  return tensor.present() ? tensor.row<float>(item) : nullptr;
}

void fill_item(const Tensor &tensor, int64_t item, float value) {
  if (tensor.present()) std::fill_n(tensor.row<float>(item), tensor.shape[1], value);
}

void copy_item(const Tensor &tensor, int64_t item, const float *values) {
  if (!tensor.present()) return;
  float *row = tensor.row<float>(item);
  std::memcpy(row, values, static_cast<size_t>(tensor.shape[1]) * sizeof(float));
  canonical(row, tensor.shape[1]);
}

// About 10 ns a logit (an exponential and its share) and 2 ns a product of the transform.
double nanoseconds_of_item(const ReadoutPlan &plan) {
  const auto objectives = static_cast<double>(plan.objective_count);
  return 10 * static_cast<double>(plan.logits + plan.gate_outputs) +
         (plan.transform != nullptr ? 2 * objectives * objectives : 0);
}

}  // namespace

BlockReadout::BlockReadout(const ScoreProblem &problem, int64_t block)
    : problem_(problem), plan_(problem.readout), scratch_floats_(round_up(readout_scratch(plan_), 16)) {
  Workspace &workspace = problem.head.workspace;
  const int64_t threads = problem.head.pool.threads();
  scratch_ = workspace.take<float>(threads * scratch_floats_);
  pairs_ = problem.reverse ? workspace.take<float>(2 * block) : nullptr;
  scores_ = workspace.take<float>(block * plan_.scores);
  nan_counts_ = workspace.take<int64_t>(threads);
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

// Writes the outputs of one item; scores are made first unless they are there already. Returns whether one is NaN.
bool BlockReadout::finish_item(int64_t item, const float *logits, const float *gate, float *scores, float *scratch) const {
  if (!problem_.head.pooling.rows[item].valid()) {
    fill_item(problem_.scores, item, kMinusInfinity);
    fill_item(problem_.logits, item, kMinusInfinity);
    fill_item(problem_.objectives, item, kMinusInfinity);
    fill_item(problem_.gate_logits, item, kMinusInfinity);
    fill_item(problem_.gate_weights, item, 0.0f);
    return false;
  }
  if (!plan_.family->elementwise()) {
    float *objectives = row_of(problem_.objectives, item);
    float *weights = row_of(problem_.gate_weights, item);
    read_out(plan_, logits, gate, scratch, scores, objectives, weights);
    if (objectives != nullptr) canonical(objectives, plan_.objective_count);
    if (weights != nullptr) canonical(weights, plan_.gate_weights);
  }
  copy_item(problem_.logits, item, logits);
  if (gate != nullptr) copy_item(problem_.gate_logits, item, gate);
  std::memcpy(problem_.scores.row<float>(item), scores, static_cast<size_t>(plan_.scores) * sizeof(float));
  return canonical(problem_.scores.row<float>(item), plan_.scores);
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
  const int32_t parts = elementwise ? 1 : pool.parts_for(static_cast<double>(rows) * nanoseconds_of_item(plan_), rows);
  pool.run(parts, [&](int32_t part) {
    int64_t nan_items = 0;
    for (int64_t i = rows * part / parts; i < rows * (part + 1) / parts; ++i) {
      nan_items += finish_item(begin + i, logits + i * plan_.logits, gate == nullptr ? nullptr : gate + i * plan_.gate_outputs,
                               scores_ + i * plan_.scores, scratch_ + part * scratch_floats_);
    }
    nan_counts_[part] = nan_items;
  });
  return std::accumulate(nan_counts_, nan_counts_ + parts, int64_t{0});
}

}  // namespace gavel
