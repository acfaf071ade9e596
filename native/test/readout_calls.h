// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_calls.h: score and backward calls with any readout and gate through the C interface.
#ifndef GAVEL_TEST_READOUT_CALLS_H
#define GAVEL_TEST_READOUT_CALLS_H

#include <numeric>

#include "readout_rows.h"
#include "training_fixture.h"

namespace gavel::test {

// A head, its gate, hidden states, and items over them, every seventh or so invalid in one of its rows.
struct ReadoutCase {
  ReadoutConfig config;
  gavel_head_spec head, gate;
  Batch batch;
  std::vector<int64_t> gate_index;
  std::vector<float> dscore;

  int64_t items() const { return static_cast<int64_t>(batch.last.size()); }
  bool gated() const { return config.readout == GAVEL_READOUT_GATED_SUM; }
  int64_t streams() const { return config.two_streams() ? 2 : 1; }
  bool valid(size_t r) const { return batch.last[r] >= 0 && (!gated() || gate_index[r] >= 0); }
};

inline ReadoutCase any_readout_case(Random &random, int64_t items) {
  const ReadoutConfig config = any_readout(random);
  const auto dtype = static_cast<int32_t>(random.integer(GAVEL_F32, GAVEL_BF16));
  const int64_t width = random.integer(4, 40);
  const auto spec = [&](int64_t in, int64_t out) {
    auto one = random.integer(0, 1)
                   ? linear_spec(dtype, in, out)
                   : mlp_spec(dtype, in, {random.integer(1, 40), random.integer(1, 20)}, out, GAVEL_ACTIVATION_TANH);
    one.flags |= GAVEL_HEAD_OUTPUT_BIAS;
    one.output_scale = 1.5f;
    return one;
  };
  const gavel_head_spec head = spec(width, config.outputs);
  const gavel_head_spec gate = spec(config.two_streams() ? 2 * width : width, std::max<int64_t>(config.gate_outputs(), 1));
  ReadoutCase result{config, head, gate, Batch(random, dtype, 12, width), {}, {}};
  for (int64_t r = 0; r < items; ++r) {
    result.batch.last.push_back(random.integer(0, 9) == 0 ? -1 : random.integer(0, 11));
    result.gate_index.push_back(random.integer(0, 9) == 0 ? -1 : random.integer(0, 11));
  }
  result.dscore = random_values(random, GAVEL_F32, items * config.scores());
  return result;
}

struct ReadoutOutputs {
  std::vector<float> scores, logits, vectors, preactivations, objectives, gate_weights, gate_logits, gate_preactivations;
  int64_t counts[2] = {-1, -1};
};

// Arguments of a call with every output the readout has.
inline gavel_score_args readout_score_args(const ReadoutCase &problem, gavel_head *gate, ReadoutOutputs &out) {
  Scores ignored;
  gavel_score_args args = score_args(problem.head, problem.batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, false, ignored);
  const ReadoutConfig &config = problem.config;
  set_readout(args, config);
  const int64_t items = problem.items(), streams = problem.streams();
  const auto floats = [items](std::vector<float> &values, int64_t width) {
    values.assign(static_cast<size_t>(items * width), std::numeric_limits<float>::quiet_NaN());
    return describe(values.data(), GAVEL_F32, {items, width});
  };
  args.scores = floats(out.scores, config.scores());
  args.logits = floats(out.logits, config.logits());
  args.vectors = floats(out.vectors, streams * problem.head.input_width);
  if (problem.head.hidden_layers > 0) {
    args.preactivations = floats(out.preactivations, streams * preactivation_width(problem.head));
  }
  args.counts = describe(out.counts, GAVEL_I64, {2});
  if (config.mixes() && !config.two_streams()) args.objectives = floats(out.objectives, config.groups());
  if (!problem.gated()) return args;
  args.gate = gate;
  args.gate_index = describe(const_cast<int64_t *>(problem.gate_index.data()), GAVEL_I64, {items});
  args.gate_weights = floats(out.gate_weights, config.gate_outputs());
  args.gate_logits = floats(out.gate_logits, config.gate_outputs());
  if (problem.gate.hidden_layers > 0) {
    args.gate_preactivations = floats(out.gate_preactivations, preactivation_width(problem.gate));
  }
  return args;
}

inline ReadoutOutputs run_readout(gavel_context *context, const ReadoutCase &problem, gavel_head *head, gavel_head *gate,
                                  Where where = Where::current()) {
  ReadoutOutputs out;
  const gavel_score_args args = readout_score_args(problem, gate, out);
  auto error = sized<gavel_error>();
  expect_status("gavel_score", gavel_score(context, head, &args, nullptr, &error), GAVEL_OK, error, where);
  return out;
}

struct ReadoutGradients {
  std::vector<std::vector<float>> head, gate;
  std::vector<float> dvectors, dgate_vectors, dgate_scale;
};

inline std::vector<std::vector<float>> all_values(const GradientBuffers &buffers) {
  std::vector<std::vector<float>> all;
  for (size_t i = 0; i < buffers.tensors.size(); ++i) all.push_back(buffers.values(i));
  return all;
}

// The arguments of a backward call for everything there is a gradient of, over memory of its own but for what the forward call wrote.
struct ReadoutBackward {
  ReadoutBackward(const ReadoutCase &problem, const ReadoutOutputs &forward_outputs, gavel_head *gate, float before)
      : forward(forward_outputs), gradients(problem.head, before, 0), gate_gradients(problem.gate, before, 0) {
    ReadoutOutputs like_memory;
    const gavel_score_args like = readout_score_args(problem, gate, like_memory);
    args = sized<gavel_backward_args>();
    set_readout(args, problem.config);
    args.pooling = like.pooling, args.hidden = like.hidden, args.last = like.last;
    const auto of = [](gavel_tensor tensor, const std::vector<float> &values) {
      if (tensor.dtype != GAVEL_NONE) tensor.data = const_cast<float *>(values.data());
      return tensor;
    };
    args.dscore = of(like.scores, problem.dscore);
    args.preactivations = of(like.preactivations, forward.preactivations);
    const ReadoutConfig &config = problem.config;
    const auto reads = [](int32_t readout) {
      return readout == GAVEL_READOUT_CLASS_PROB || readout == GAVEL_READOUT_EXPECTATION || readout == GAVEL_READOUT_GATED_SUM;
    };
    if (reads(config.readout) || reads(config.objectives)) args.logits = of(like.logits, forward.logits);
    out.dvectors.assign(forward.vectors.size(), kNan);
    args.dvectors = of(like.vectors, out.dvectors);
    if (!problem.gated()) return;
    args.gate = gate, args.gate_index = like.gate_index;
    args.gate_logits = of(like.gate_logits, forward.gate_logits);
    args.gate_preactivations = of(like.gate_preactivations, forward.gate_preactivations);
    out.dgate_vectors.assign(static_cast<size_t>(problem.items() * problem.gate.input_width), kNan);
    args.dgate_vectors = describe(out.dgate_vectors.data(), GAVEL_F32, {problem.items(), problem.gate.input_width});
    if (!config.two_streams()) {
      out.dgate_scale.assign(1, before);
      args.dgate_scale = describe(out.dgate_scale.data(), GAVEL_F32, {1});
    }
    args.gate_gradients = gate_gradients.tensors.data();
    args.gate_gradient_count = static_cast<int32_t>(gate_gradients.tensors.size());
  }
  ReadoutBackward(const ReadoutBackward &) = delete;

  const ReadoutOutputs forward;
  ReadoutGradients out;
  GradientBuffers gradients, gate_gradients;
  gavel_backward_args args;
};

inline ReadoutGradients run_readout_backward(gavel_context *context, const ReadoutCase &problem, const ReadoutOutputs &forward,
                                             gavel_head *head, gavel_head *gate, bool accumulate = false, float before = kNan,
                                             Where where = Where::current()) {
  ReadoutBackward call(problem, forward, gate, before);
  call.args.accumulate = accumulate;
  auto error = sized<gavel_error>();
  expect_status("gavel_backward",
                gavel_backward(context, head, &call.args, call.gradients.tensors.data(),
                               static_cast<int32_t>(call.gradients.tensors.size()), &error),
                GAVEL_OK, error, where);
  call.out.head = all_values(call.gradients);
  if (problem.gated()) call.out.gate = all_values(call.gate_gradients);
  return call.out;
}

}  // namespace gavel::test

#endif
