// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_checks.h: what a call with a readout and a gate must give, from calls without them and the row functions, on any backend. A
// Runner makes calls: plain(head, batch) scores with IDENTITY and everything; backward_at(head, batch, dlogits) is its gradient;
// backward(problem, forward, head, gate) that of the whole call.
#ifndef GAVEL_TEST_READOUT_CHECKS_H
#define GAVEL_TEST_READOUT_CHECKS_H

#include "common/pairwise_sum.h"
#include "readout_calls.h"

namespace gavel::test {

inline void same(const std::string &what, const std::vector<float> &actual, const std::vector<float> &expected, uint64_t seed) {
  check_equal(what + ": length", static_cast<int64_t>(actual.size()), static_cast<int64_t>(expected.size()));
  check_bits(what, actual.data(), expected.data(), static_cast<int64_t>(std::min(actual.size(), expected.size())), seed);
}

inline std::vector<float> row_of(const std::vector<float> &values, int64_t width, size_t r) {
  const auto begin = values.begin() + static_cast<int64_t>(r) * width;
  return {begin, begin + width};
}

// The rows [X[last]; X[gate_index]], or X[gate_index], as hidden states of their own.
inline Batch gate_batch(const ReadoutCase &problem) {
  Batch rows = problem.batch;
  rows.width = problem.gate.input_width;
  rows.tokens = problem.items();
  rows.values.clear();
  rows.last.clear();
  for (size_t r = 0; r < problem.batch.last.size(); ++r) {
    const bool valid = problem.valid(r);
    std::vector<int64_t> taken = {problem.gate_index[r]};
    if (problem.config.two_streams()) taken.insert(taken.begin(), problem.batch.last[r]);
    for (const int64_t row : taken) {
      const auto values = row_of(problem.batch.values, problem.batch.width, static_cast<size_t>(valid ? row : 0));
      rows.values.insert(rows.values.end(), values.begin(), values.end());
    }
    rows.last.push_back(valid ? static_cast<int64_t>(r) : -1);
  }
  rows.reencode();
  return rows;
}

// The items of a stream: invalid where any row of the item is missing.
inline Batch stream_batch(const ReadoutCase &problem, bool reverse) {
  Batch rows = problem.batch;
  for (size_t r = 0; r < rows.last.size(); ++r) {
    rows.last[r] = problem.valid(r) ? (reverse ? problem.gate_index[r] : problem.batch.last[r]) : -1;
  }
  return rows;
}

inline std::vector<float> beside(const std::vector<float> &a, const std::vector<float> &b, int64_t items) {
  std::vector<float> both;
  for (size_t r = 0; r < static_cast<size_t>(items); ++r) {
    for (const auto *values : {&a, &b}) {
      const auto row = row_of(*values, static_cast<int64_t>(values->size()) / items, r);
      both.insert(both.end(), row.begin(), row.end());
    }
  }
  return both;
}

inline void check_scores(const ReadoutCase &problem, const ReadoutOutputs &out, uint64_t seed) {
  const ReadoutConfig &config = problem.config;
  const ItemRow item(config);
  int64_t invalid = 0;
  for (size_t r = 0; r < problem.batch.last.size(); ++r) {
    const auto score = row_of(out.scores, config.scores(), r);
    const auto weights = row_of(out.gate_weights, config.gate_outputs(), r);
    if (problem.valid(r)) {
      same("scores", score,
           item.scores(row_of(out.logits, config.logits(), r), row_of(out.gate_logits, config.gate_outputs(), r)), seed);
      continue;
    }
    ++invalid;
    for (const float value : score) CHECK(value == -INFINITY, "score of an invalid item: %g", static_cast<double>(value));
    for (const float value : weights) CHECK(value == 0, "gate weight of an invalid item: %g", static_cast<double>(value));
  }
  check_equal("invalid items", out.counts[0], invalid);
  check_equal("items with NaN", out.counts[1], 0);
}

template <typename Runner>
void check_parts(const Runner &runner, const ReadoutCase &problem, const TestHead &head, const TestHead &gate,
                 const ReadoutOutputs &out, uint64_t seed) {
  const Scores forward = runner.plain(head, stream_batch(problem, false));
  if (problem.config.two_streams()) {
    const Scores reverse = runner.plain(head, stream_batch(problem, true));
    same("logits", out.logits, beside(forward.logits, reverse.logits, problem.items()), seed);
    same("vectors", out.vectors, beside(forward.vectors, reverse.vectors, problem.items()), seed);
    if (problem.head.hidden_layers > 0) {
      same("preactivations", out.preactivations, beside(forward.preactivations, reverse.preactivations, problem.items()), seed);
    }
  } else {
    same("logits", out.logits, forward.logits, seed);
    same("vectors", out.vectors, forward.vectors, seed);
    same("preactivations", out.preactivations, forward.preactivations, seed);
  }
  if (!problem.gated()) return;
  const Scores of_gate = runner.plain(gate, gate_batch(problem));
  same("gate logits", out.gate_logits, of_gate.logits, seed);
  same("gate preactivations", out.gate_preactivations, of_gate.preactivations, seed);
}

template <typename Runner>
void check_gradients(const Runner &runner, const ReadoutCase &problem, const TestHead &head, const TestHead &gate,
                     const ReadoutOutputs &out, uint64_t seed) {
  const ReadoutConfig &config = problem.config;
  const ReadoutGradients actual = runner.backward(problem, out, head.get(), gate.get());
  const ItemRow item(config);
  std::vector<float> dforward, dreverse, dgate;
  PairwiseSum scale;
  for (size_t r = 0; r < problem.batch.last.size(); ++r) {
    ItemGradient d{std::vector<float>(static_cast<size_t>(config.logits())),
                   std::vector<float>(static_cast<size_t>(config.gate_outputs()))};
    if (problem.valid(r)) {
      d = item.gradient(row_of(out.logits, config.logits(), r), row_of(out.gate_logits, config.gate_outputs(), r),
                        row_of(problem.dscore, config.scores(), r));
      scale.add(d.scale);
    }
    if (config.two_streams()) dreverse.push_back(d.logits.back()), d.logits.pop_back();
    dforward.insert(dforward.end(), d.logits.begin(), d.logits.end());
    dgate.insert(dgate.end(), d.gate.begin(), d.gate.end());
  }
  const TrainingOutputs forward = runner.backward_at(head, stream_batch(problem, false), dforward);
  if (config.two_streams()) {
    const TrainingOutputs reverse = runner.backward_at(head, stream_batch(problem, true), dreverse);
    same("dvectors", actual.dvectors, beside(forward.dvectors, reverse.dvectors, problem.items()), seed);
    for (size_t i = 0; i < actual.head.size(); ++i) {
      std::vector<float> sum = forward.gradients[i];
      for (size_t k = 0; k < sum.size(); ++k) sum[k] += reverse.gradients[i][k];
      same("gradient of both streams", actual.head[i], sum, seed);
    }
  } else {
    same("dvectors", actual.dvectors, forward.dvectors, seed);
    for (size_t i = 0; i < actual.head.size(); ++i) same("gradient", actual.head[i], forward.gradients[i], seed);
  }
  if (!problem.gated()) return;
  const TrainingOutputs of_gate = runner.backward_at(gate, gate_batch(problem), dgate);
  same("dgate_vectors", actual.dgate_vectors, of_gate.dvectors, seed);
  for (size_t i = 0; i < actual.gate.size(); ++i) same("gate gradient", actual.gate[i], of_gate.gradients[i], seed);
  if (!config.two_streams()) same("dgate_scale", actual.dgate_scale, {scale.total()}, seed);
}

}  // namespace gavel::test

#endif
