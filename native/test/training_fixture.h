// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// training_fixture.h: a forward and a backward call through the C interface, and the same problem for training_reference.h.
#ifndef GAVEL_TEST_TRAINING_FIXTURE_H
#define GAVEL_TEST_TRAINING_FIXTURE_H

#include <memory>
#include <string>
#include <vector>

#include "api_fixture.h"
#include "training_reference.h"

namespace gavel::test {

// What is trained on: hidden states, items over them, and the gradient of their scores.
struct TrainingCase {
  Batch batch;
  int32_t pooling = GAVEL_POOLING_INDEX;
  int32_t combine = GAVEL_COMBINE_NONE;
  int32_t readout = GAVEL_READOUT_IDENTITY;
  float mean = 0, deviation = 0;
  std::vector<float> dscore{};  // [R, K]

  int64_t items() const { return static_cast<int64_t>(batch.last.size()); }
  bool valid(size_t r) const {
    const bool spans = pooling != GAVEL_POOLING_INDEX;
    return batch.last[r] >= 0 && (!spans || (batch.first[r] >= 0 && batch.last[r] >= batch.first[r]));
  }
};

inline int64_t hidden_width(const gavel_head_spec &spec, int32_t combine) {
  return combine == GAVEL_COMBINE_CONCAT ? spec.input_width / 2 : spec.input_width;
}

// Random hidden states and items, every seventh or so invalid.
inline TrainingCase random_case(Random &random, const gavel_head_spec &spec, int64_t items,
                                int32_t pooling = GAVEL_POOLING_INDEX, int32_t combine = GAVEL_COMBINE_NONE,
                                double invalid = 0.15) {
  const int64_t tokens = std::max<int64_t>(items, 4);
  TrainingCase result{Batch(random, spec.dtype, tokens, hidden_width(spec, combine)), pooling, combine};
  for (int64_t r = 0; r < items; ++r) {
    const bool drop = random.uniform(0, 1) < invalid;
    const int64_t first = random.integer(0, tokens - 1);
    result.batch.first.push_back(drop && random.integer(0, 1) == 0 ? -1 : first);
    result.batch.last.push_back(drop ? (pooling == GAVEL_POOLING_INDEX ? -1 : first - 1)
                                     : random.integer(first, std::min(tokens - 1, first + 6)));
  }
  result.dscore = random_values(random, GAVEL_F32, items * spec.output_width);
  return result;
}

struct TrainingOutputs {
  Scores forward;
  std::vector<std::string> names;
  std::vector<std::vector<float>> gradients;  // of each parameter, without the gaps between rows
  std::vector<float> dvectors;
};

struct TrainingOptions {
  bool accumulate = false;
  float before = std::numeric_limits<float>::quiet_NaN();  // what the gradients hold before the call
  int64_t row_gap = 0;                                     // elements between the rows of a matrix gradient
  std::string only;                                        // the one gradient that is wanted; empty: all and dvectors
};

inline gavel_backward_args backward_args(const gavel_head_spec &spec, const TrainingCase &training, const Scores &forward,
                                         std::vector<float> &dvectors) {
  auto args = sized<gavel_backward_args>();
  Scores ignored;
  const gavel_score_args like = score_args(spec, training.batch, training.pooling, training.combine, false, ignored);
  const int64_t items = training.items();
  args.pooling = training.pooling, args.combine = training.combine;
  args.readout = training.readout, args.readout_mean = training.mean, args.readout_deviation = training.deviation;
  args.hidden = like.hidden, args.first = like.first, args.last = like.last;
  const auto floats = [&](const std::vector<float> &values, int64_t width) {
    return describe(const_cast<float *>(values.data()), GAVEL_F32, {items, width});
  };
  if (training.readout == GAVEL_READOUT_SIGMOID) args.scores = floats(forward.scores, spec.output_width);
  if (spec.kind == GAVEL_HEAD_MLP) args.preactivations = floats(forward.preactivations, preactivation_width(spec));
  args.dscore = floats(training.dscore, spec.output_width);
  dvectors.assign(static_cast<size_t>(items * spec.input_width), std::numeric_limits<float>::quiet_NaN());
  args.dvectors = floats(dvectors, spec.input_width);
  return args;
}

// Head: TestHead, or anything with get() and spec().
template <typename Head>
Scores run_forward(gavel_context *context, const Head &head, const TrainingCase &training) {
  Scores out;
  gavel_score_args args = score_args(head.spec(), training.batch, training.pooling, training.combine, true, out);
  args.readout = training.readout, args.readout_mean = training.mean, args.readout_deviation = training.deviation;
  auto error = sized<gavel_error>();
  expect_status("gavel_score", gavel_score(context, head.get(), &args, nullptr, &error), GAVEL_OK, error);
  return out;
}

// Descriptors of one f32 tensor per parameter, over memory of their own.
struct GradientBuffers {
  GradientBuffers(const gavel_head_spec &spec, float before, int64_t row_gap) {
    auto error = sized<gavel_error>();
    const int32_t count = gavel_head_parameter_count(&spec, &error);
    for (int32_t i = 0; i < count; ++i) {
      auto info = sized<gavel_parameter_info>();
      gavel_head_parameter_info(&spec, i, &info, &error);
      const bool matrix = info.rank == 2;
      rows.push_back(matrix ? info.shape[0] : 1);
      widths.push_back(matrix ? info.shape[1] : info.shape[0]);
      strides.push_back(matrix ? info.shape[1] + row_gap : info.shape[0]);
      memory.emplace_back(static_cast<size_t>(rows.back() * strides.back()), before);
      tensors.push_back(matrix ? describe(memory.back().data(), GAVEL_F32, {info.shape[0], info.shape[1]}, strides.back())
                               : describe(memory.back().data(), GAVEL_F32, {info.shape[0]}));
      names.push_back(info.name);
    }
  }
  std::vector<float> values(size_t i) const {
    std::vector<float> all;
    for (int64_t r = 0; r < rows[i]; ++r) {
      const auto row = memory[i].begin() + r * strides[i];
      all.insert(all.end(), row, row + widths[i]);
    }
    return all;
  }
  std::vector<int64_t> rows, widths, strides;
  std::vector<std::vector<float>> memory;
  std::vector<gavel_tensor> tensors;
  std::vector<std::string> names;
};

template <typename Head>
TrainingOutputs run_backward(gavel_context *context, const Head &head, const TrainingCase &training, const Scores &forward,
                             const TrainingOptions &options = {}, Where where = Where::current()) {
  TrainingOutputs out;
  out.forward = forward;
  GradientBuffers buffers(head.spec(), options.before, options.row_gap);
  gavel_backward_args args = backward_args(head.spec(), training, forward, out.dvectors);
  args.accumulate = options.accumulate;
  if (!options.only.empty()) {
    for (size_t i = 0; i < buffers.tensors.size(); ++i) {
      if (buffers.names[i] != options.only) buffers.tensors[i] = gavel_tensor{};
    }
    if (options.only != "vectors") args.dvectors = gavel_tensor{};
  }
  auto error = sized<gavel_error>();
  expect_status(
      "gavel_backward",
      gavel_backward(context, head.get(), &args, buffers.tensors.data(), static_cast<int32_t>(buffers.tensors.size()), &error),
      GAVEL_OK, error, where);
  out.names = buffers.names;
  for (size_t i = 0; i < buffers.tensors.size(); ++i) out.gradients.push_back(buffers.values(i));
  return out;
}

inline BackwardProblem reference_problem(const TestHead &head, const TrainingCase &training, const Scores &forward) {
  const gavel_head_spec &spec = head.spec();
  BackwardProblem problem;
  problem.spec = spec;
  for (const std::string &name : head.names()) {
    problem.parameters[name].assign(head.values(name)->begin(), head.values(name)->end());
  }
  problem.readout = training.readout;
  problem.mean = static_cast<double>(training.mean);
  problem.deviation = static_cast<double>(training.deviation);
  const auto rows = [&](const std::vector<float> &values, int64_t width, std::vector<std::vector<double>> &target) {
    for (int64_t r = 0; r < training.items(); ++r) {
      const auto row = values.begin() + r * width;
      target.emplace_back(row, row + width);
    }
  };
  for (size_t r = 0; r < training.batch.last.size(); ++r) {
    problem.vectors.push_back(!training.valid(r) ? std::vector<Approximate>()
                                                 : pooled(training.batch, training.pooling, training.combine,
                                                          training.batch.first[r], training.batch.last[r]));
  }
  if (spec.kind == GAVEL_HEAD_MLP) {
    rows(forward.preactivations, preactivation_width(spec), problem.preactivations);
  } else {
    problem.preactivations.resize(problem.vectors.size());
  }
  rows(training.dscore, spec.output_width, problem.dscore);
  if (training.readout == GAVEL_READOUT_SIGMOID) rows(forward.scores, spec.output_width, problem.scores);
  return problem;
}

inline void check_same_gradients(const std::string &what, const TrainingOutputs &actual, const TrainingOutputs &expected,
                                 uint64_t seed, Where where = Where::current()) {
  for (size_t i = 0; i < expected.gradients.size(); ++i) {
    check_bits(what + ": " + expected.names[i], actual.gradients[i].data(), expected.gradients[i].data(),
               static_cast<int64_t>(expected.gradients[i].size()), seed, where);
  }
  check_bits(what + ": dvectors", actual.dvectors.data(), expected.dvectors.data(),
             static_cast<int64_t>(expected.dvectors.size()), seed, where);
}

// An invalid item leaves nothing in its vector's gradient, not even a sign.
inline void check_invalid_items(const std::string &what, const gavel_head_spec &spec, const TrainingCase &training,
                                const TrainingOutputs &actual, Where where = Where::current()) {
  for (size_t r = 0; r < training.batch.last.size(); ++r) {
    if (training.valid(r)) continue;
    for (int64_t k = 0; k < spec.input_width; ++k) {
      const float d = actual.dvectors[r * static_cast<size_t>(spec.input_width) + static_cast<size_t>(k)];
      if (failed(std::bit_cast<uint32_t>(d) == 0, where)) {
        std::fprintf(stderr, "%s of invalid item %zu: %a\n", what.c_str(), r, static_cast<double>(d));
      }
    }
  }
}

// Widths, biases, norm and scale drawn; 0 layers are a LINEAR head, whose activation must be IDENTITY.
inline gavel_head_spec any_spec(Random &random, int32_t dtype, int32_t activation, int64_t layers, int64_t most_outputs) {
  gavel_head_spec spec = linear_spec(dtype, random.integer(1, 80), random.integer(1, most_outputs));
  if (layers > 0) {
    spec = mlp_spec(dtype, spec.input_width, {}, spec.output_width, activation);
    for (int64_t l = 0; l < layers; ++l) spec.hidden_width[spec.hidden_layers++] = random.integer(1, 70);
    if (random.integer(0, 1) == 1) spec.flags |= GAVEL_HEAD_HIDDEN_BIAS;
    if (activation == GAVEL_ACTIVATION_PRELU && random.integer(0, 1) == 1) spec.flags |= GAVEL_HEAD_SLOPE_PER_CHANNEL;
  }
  if (random.integer(0, 1) == 1) spec.flags |= GAVEL_HEAD_OUTPUT_BIAS;
  spec.norm = static_cast<int32_t>(random.integer(GAVEL_NORM_NONE, GAVEL_NORM_LAYER));
  if (spec.norm != GAVEL_NORM_NONE) spec.norm_epsilon = 1e-3f;
  if (spec.norm == GAVEL_NORM_LAYER && random.integer(0, 1) == 1) spec.flags |= GAVEL_HEAD_NORM_BIAS;
  // A layer norm of one value is 0 whatever the value is, and its gradient 0: nothing to compare.
  if (spec.norm == GAVEL_NORM_LAYER && spec.input_width < 4) spec.input_width += 4;
  spec.output_scale = static_cast<float>(random.uniform(0.05, 2));
  return spec;
}

inline void set_readout(Random &random, TrainingCase &training) {
  training.readout = static_cast<int32_t>(random.integer(GAVEL_READOUT_IDENTITY, GAVEL_READOUT_SIGMOID));
  if (training.readout != GAVEL_READOUT_AFFINE) return;
  training.mean = 0.5f;
  training.deviation = 1.75f;
}

}  // namespace gavel::test

#endif
