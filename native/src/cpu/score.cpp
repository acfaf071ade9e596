// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The definition of a score. Every step is one function of the kernel table (kernels.h, gemm.h), whose scalar instance is its
// definition; all values are f32 unless said otherwise, and nothing is added in another order than written here.
//
//   1. y = pooled vector [D] (pooling.h).
//   2. y = norm(y), where the head has one.
//   3. x = y rounded to the head's dtype, nearest even. (A row taken as it is, without a norm, is of that dtype already.)
//   4. LINEAR: s[k] = dot(x, W[k]) in dot order.
//      MLP, hidden layer l: a = (x W^T in block order) + b, u = activation(a); before the last, x = u rounded to the head's dtype;
//      the last layer's u is not rounded. Then, for output k, columns in panels of 32 and panels in groups of 4:
//        s[k] = sum over groups, in order, of (sum over the panels of the group, in order, of panel_dot(u of the panel, W[k] of it)).
//      Columns that fill up the last panel count as u = 0.
//   5. logit[k] = (s[k] + bias[k]) * output_scale; without a bias nothing is added.
//   6. score[k] = logit[k]; or (logit[k] - mean) / deviation; or sigmoid(logit[k]). A NaN is written as 0x7fc00000.
// An item that is invalid has -inf in logits and scores.
//
// A row never meets another row's values, threads take whole panels (or, LINEAR, whole dots), and what they found is added up in the
// order above when all are done: so neither the batch nor the threads nor the instruction set can show in a score.
#include "cpu/score.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "cpu/score_linear.h"
#include "cpu/score_mlp.h"

namespace gavel {

namespace {

constexpr float kQuietNan = std::bit_cast<float>(0x7fc00000u);

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

// Step 6 for items begin .. begin + rows - 1. logits, scores: [rows, K], contiguous. Returns the items with a NaN score.
int64_t read_out(const ScoreProblem &problem, int64_t begin, int64_t rows, const float *logits, float *scores) {
  const int64_t outputs = problem.head.spec.fields.output_width;
  const int64_t count = rows * outputs;
  if (problem.readout == GAVEL_READOUT_SIGMOID) {
    problem.kernels.sigmoid(logits, scores, count);
  } else {
    std::memcpy(scores, logits, static_cast<size_t>(count) * sizeof(float));
    if (problem.readout == GAVEL_READOUT_AFFINE) {
      for (int64_t i = 0; i < count; ++i) scores[i] = (scores[i] - problem.readout_mean) / problem.readout_deviation;
    }
  }
  int64_t nan_items = 0;
  for (int64_t i = 0; i < rows; ++i) {
    float *score = problem.scores.row<float>(begin + i);
    float *logit = problem.logits.present() ? problem.logits.row<float>(begin + i) : nullptr;
    if (!problem.pooling.rows[begin + i].valid()) {
      std::fill_n(score, outputs, -std::numeric_limits<float>::infinity());
      if (logit != nullptr) std::fill_n(logit, outputs, -std::numeric_limits<float>::infinity());
      continue;
    }
    std::memcpy(score, scores + i * outputs, static_cast<size_t>(outputs) * sizeof(float));
    nan_items += canonical(score, outputs);
    if (logit == nullptr) continue;
    std::memcpy(logit, logits + i * outputs, static_cast<size_t>(outputs) * sizeof(float));
    canonical(logit, outputs);
  }
  return nan_items;
}

template <typename Head>
int64_t score_in_blocks(const ScoreProblem &problem) {
  const int64_t items = problem.pooling.items;
  // Blocks of about the same size: a small last one would read every weight again for a few rows.
  const int64_t blocks = (items + Head::block_rows(problem) - 1) / Head::block_rows(problem);
  const int64_t block = (items + blocks - 1) / blocks;
  const int64_t outputs = problem.head.spec.fields.output_width;
  Head head(problem, block);
  float *logits = problem.workspace.take<float>(block * outputs);
  float *scores = problem.workspace.take<float>(block * outputs);
  int64_t nan_items = 0;
  for (int64_t begin = 0; begin < items; begin += block) {
    const int64_t rows = std::min(block, items - begin);
    head.run(begin, rows, logits);
    nan_items += read_out(problem, begin, rows, logits, scores);
  }
  return nan_items;
}

}  // namespace

int64_t run_score(const ScoreProblem &problem) {
  if (problem.pooling.items == 0) return 0;
  return problem.head.spec.fields.kind == GAVEL_HEAD_LINEAR ? score_in_blocks<LinearLogits>(problem)
                                                            : score_in_blocks<MlpLogits>(problem);
}

}  // namespace gavel
