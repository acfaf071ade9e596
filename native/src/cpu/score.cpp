// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The definition of a score. Every step is one function of the kernel table (kernels.h, gemm.h), whose scalar instance is its
// definition; all values are f32 unless said otherwise, and nothing is added in another order than written here.
//
//   1. y = pooled vector [D] (pooling.h).
//   2. y = norm(y), where the head has one.
//   3. x = y rounded to the head's dtype, nearest even. (A row taken as it is, without a norm, is of that dtype already.)
//   4. LINEAR: s[k] = dot(x, W[k]) in dot order.
//      MLP, hidden layer l: a = (x W^T in the order of gemm.h) + b, u = activation(a); before the last, x = u rounded to the head's dtype;
//      the last layer's u is not rounded. Then, for output k, columns in panels of 32 and panels in groups of 4:
//        s[k] = sum over groups, in order, of (sum over the panels of the group, in order, of panel_dot(u of the panel, W[k] of it)).
//      Columns that fill up the last panel count as u = 0.
//   5. logit[k] = (s[k] + bias[k]) * output_scale; without a bias nothing is added.
//   6. score[k] = logit[k]; or (logit[k] - mean) / deviation; or sigmoid(logit[k]); or what common/readout_*.h makes of the logits
//      of the item, and of those of its gate. A NaN is written as 0x7fc00000.
// An item that is invalid has -inf in logits and scores.
//
// A row never meets another row's values, threads take whole panels (or, LINEAR, whole dots), and what they found is added up in the
// order above when all are done: so neither the batch nor the threads nor the instruction set can show in a score.
#include "cpu/score.h"

#include <algorithm>

#include "cpu/readout.h"
#include "cpu/score_linear.h"
#include "cpu/score_mlp.h"

namespace gavel {

namespace {

// Logits of one head, block by block.
class HeadLogits {
 public:
  static int64_t block_rows(const LogitProblem &problem) {
    return problem.head.spec.has_hidden_layers() ? MlpLogits::block_rows(problem) : LinearLogits::block_rows(problem);
  }
  HeadLogits(const LogitProblem &problem, int64_t block)
      : values(problem.workspace.take<float>(block * problem.head.spec.fields.output_width)) {
    if (problem.head.spec.has_hidden_layers()) {
      mlp_.emplace(problem, block);
    } else {
      linear_.emplace(problem, block);
    }
  }
  void run(int64_t begin, int64_t rows) {
    if (mlp_) {
      mlp_->run(begin, rows, values);
    } else {
      linear_->run(begin, rows, values);
    }
  }

  float *const values;  // [rows, K] of the block at hand

 private:
  std::optional<LinearLogits> linear_;
  std::optional<MlpLogits> mlp_;
};

}  // namespace

int64_t run_score(const ScoreProblem &problem) {
  const int64_t items = problem.head.pooling.items;
  if (items == 0) return 0;
  int64_t most = HeadLogits::block_rows(problem.head);
  if (problem.gate) most = std::min(most, HeadLogits::block_rows(*problem.gate));
  // Blocks of about the same size: a small last one would read every weight again for a few rows.
  const int64_t blocks = (items + most - 1) / most;
  const int64_t block = (items + blocks - 1) / blocks;
  HeadLogits head(problem.head, block);
  std::optional<HeadLogits> reverse, gate;
  if (problem.reverse) reverse.emplace(*problem.reverse, block);
  if (problem.gate) gate.emplace(*problem.gate, block);
  BlockReadout readout(problem, block);
  int64_t nan_items = 0;
  for (int64_t begin = 0; begin < items; begin += block) {
    const int64_t rows = std::min(block, items - begin);
    head.run(begin, rows);
    if (reverse) reverse->run(begin, rows);
    if (gate) gate->run(begin, rows);
    nan_items += readout.run(begin, rows, head.values, reverse ? reverse->values : nullptr, gate ? gate->values : nullptr);
  }
  return nan_items;
}

}  // namespace gavel
