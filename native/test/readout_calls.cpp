// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Readouts and gates through the C interface: every output is what separate calls and the row functions give, bit by bit; the same on
// every instruction set, with threads and item by item; gradients are those of IDENTITY at the row function's; losses run on the scores.
#include "readout_checks.h"

using namespace gavel;
using namespace gavel::test;

namespace {

constexpr uint64_t kSeed = 1234;

// Calls on the CPU.
struct CpuRunner {
  gavel_context *context;

  Scores plain(const TestHead &head, const Batch &batch) const {
    Scores out;
    const gavel_score_args args = score_args(head.spec(), batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, out);
    auto error = sized<gavel_error>();
    expect_status("gavel_score", gavel_score(context, head.get(), &args, nullptr, &error), GAVEL_OK, error);
    return out;
  }
  TrainingOutputs backward_at(const TestHead &head, const Batch &batch, const std::vector<float> &dlogits) const {
    TrainingCase training{batch};
    training.dscore = dlogits;
    return run_backward(context, head, training, run_forward(context, head, training), {});
  }
  ReadoutGradients backward(const ReadoutCase &problem, const ReadoutOutputs &forward, gavel_head *head,
                            gavel_head *gate) const {
    return run_readout_backward(context, problem, forward, head, gate);
  }
};

void check_everywhere(const ReadoutCase &problem, const ReadoutOutputs &expected, const ReadoutGradients &gradients,
                      uint64_t seed) {
  for (int32_t set = GAVEL_INSTRUCTION_SET_AVX2; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    const TestContext context(3, set);
    if (context.get() == nullptr) continue;
    const TestHead head(context.get(), problem.head, seed), gate(context.get(), problem.gate, seed + 1);
    const ReadoutOutputs actual = run_readout(context.get(), problem, head.get(), gate.get());
    same("scores", actual.scores, expected.scores, seed);
    same("gate_weights", actual.gate_weights, expected.gate_weights, seed);
    same("objectives", actual.objectives, expected.objectives, seed);
    const ReadoutGradients again = run_readout_backward(context.get(), problem, actual, head.get(), gate.get());
    same("dvectors", again.dvectors, gradients.dvectors, seed);
    same("dgate_vectors", again.dgate_vectors, gradients.dgate_vectors, seed);
    for (size_t i = 0; i < again.head.size(); ++i) same("gradient", again.head[i], gradients.head[i], seed);
    for (size_t i = 0; i < again.gate.size(); ++i) same("gate gradient", again.gate[i], gradients.gate[i], seed);
  }
}

void check_alone(gavel_context *context, const ReadoutCase &problem, const TestHead &head, const TestHead &gate,
                 const ReadoutOutputs &together, uint64_t seed) {
  for (size_t r = 0; r < problem.batch.last.size(); r += 3) {
    ReadoutCase one = problem;
    one.batch.last = {problem.batch.last[r]};
    one.gate_index = {problem.gate_index[r]};
    same("score alone", run_readout(context, one, head.get(), gate.get()).scores,
         row_of(together.scores, problem.config.scores(), r), seed);
  }
}

// A loss in the call sees the scores of the readout.
void check_loss(gavel_context *context, const ReadoutCase &problem, const TestHead &head, const TestHead &gate,
                const ReadoutOutputs &before, uint64_t seed) {
  ReadoutOutputs out;
  const gavel_score_args args = readout_score_args(problem, gate.get(), out);
  auto loss = sized<gavel_loss_args>();
  loss.kind = GAVEL_LOSS_MSE;
  loss.reduction = GAVEL_REDUCTION_MEAN_VALID;
  loss.weight = 1;
  const auto n = static_cast<int64_t>(before.scores.size());
  std::vector<float> targets(before.scores.size(), 0.25f), inside(before.scores.size()), alone(before.scores.size());
  loss.targets = describe(targets.data(), GAVEL_F32, {n});
  loss.dscore = describe(inside.data(), GAVEL_F32, {n});
  auto error = sized<gavel_error>();
  expect_status("with a loss", gavel_score(context, head.get(), &args, &loss, &error), GAVEL_OK, error);
  same("scores with a loss", out.scores, before.scores, seed);
  loss.scores = describe(out.scores.data(), GAVEL_F32, {n});
  Bytes mask;
  for (const float score : out.scores) mask.push_back(std::isfinite(score));
  loss.mask = describe(mask.data(), GAVEL_U8, {n});
  loss.dscore = describe(alone.data(), GAVEL_F32, {n});
  expect_status("the loss alone", gavel_loss(context, &loss, &error), GAVEL_OK, error);
  same("dscore", inside, alone, seed);
}

void test_any(int64_t trials) {
  for (uint64_t seed = kSeed; seed < kSeed + static_cast<uint64_t>(trials); ++seed) {
    Random random(seed);
    const ReadoutCase problem = any_readout_case(random, random.integer(1, 60));
    const TestContext context(1, GAVEL_INSTRUCTION_SET_SCALAR);
    const TestHead head(context.get(), problem.head, seed), gate(context.get(), problem.gate, seed + 1);
    const ReadoutOutputs out = run_readout(context.get(), problem, head.get(), gate.get());
    check_scores(problem, out, seed);
    check_parts(CpuRunner{context.get()}, problem, head, gate, out, seed);
    check_gradients(CpuRunner{context.get()}, problem, head, gate, out, seed);
    check_loss(context.get(), problem, head, gate, out, seed);
    check_alone(context.get(), problem, head, gate, out, seed);
    if (seed % 4 == 0) {
      check_everywhere(problem, out, run_readout_backward(context.get(), problem, out, head.get(), gate.get()), seed);
    }
  }
}

// Accumulating adds, of the gate and its scale, too.
void test_accumulation() {
  for (uint64_t seed = kSeed; seed < kSeed + 20; ++seed) {
    Random random(seed);
    const ReadoutCase problem = any_readout_case(random, 9);
    const TestContext context;
    const TestHead head(context.get(), problem.head, seed), gate(context.get(), problem.gate, seed + 1);
    const ReadoutOutputs out = run_readout(context.get(), problem, head.get(), gate.get());
    const ReadoutGradients zero = run_readout_backward(context.get(), problem, out, head.get(), gate.get());
    const ReadoutGradients added = run_readout_backward(context.get(), problem, out, head.get(), gate.get(), true, 0);
    for (size_t i = 0; i < zero.head.size(); ++i) {
      for (size_t k = 0; k < zero.head[i].size(); ++k) CHECK(zero.head[i][k] == added.head[i][k], "gradient %zu", i);
    }
    for (size_t i = 0; i < zero.gate.size(); ++i) {
      for (size_t k = 0; k < zero.gate[i].size(); ++k) CHECK(zero.gate[i][k] == added.gate[i][k], "gate gradient %zu", i);
    }
    if (!zero.dgate_scale.empty()) CHECK(zero.dgate_scale[0] == added.dgate_scale[0], "seed %" PRIu64, seed);
  }
}

// EXPERT_CONCAT is an MLP over the concatenated vectors, VOCAB_ROWS a LINEAR head.
void test_heads() {
  Random random(kSeed);
  const TestContext context;
  auto error = sized<gavel_error>();
  auto mlp = mlp_spec(GAVEL_F16, 36, {20, 7}, 2, GAVEL_ACTIVATION_PRELU);
  auto experts = mlp;
  experts.kind = GAVEL_HEAD_EXPERT_CONCAT;
  experts.experts = 3;
  const auto linear = linear_spec(GAVEL_BF16, 24, 9);
  auto rows = linear;
  rows.kind = GAVEL_HEAD_VOCAB_ROWS;
  for (const auto &[spec, like] : {std::pair{experts, mlp}, std::pair{rows, linear}}) {
    Batch batch(random, spec.dtype, 11, spec.input_width);
    batch.last = {3, 0, -1, 10, 3};
    const TestHead head(context.get(), spec, 5), other(context.get(), like, 5);
    Scores expected, out;
    const gavel_score_args usual = score_args(like, batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, expected);
    expect_status("like", gavel_score(context.get(), other.get(), &usual, nullptr, &error), GAVEL_OK, error);
    gavel_score_args args = score_args(like, batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, out);
    if (spec.experts > 0) args.hidden = describe(batch.bytes.data(), spec.dtype, {11, 3, 12});
    expect_status("score", gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error);
    same("scores", out.scores, expected.scores, kSeed);
    same("preactivations", out.preactivations, expected.preactivations, kSeed);
    if (spec.experts == 0) continue;
    const auto refuse = [&](const char *text, auto change) {
      gavel_score_args wrong = args;
      change(wrong);
      expect_status(text, gavel_score(context.get(), head.get(), &wrong, nullptr, &error), GAVEL_INVALID_ARGUMENT, error);
      CHECK(std::strstr(error.message, text) != nullptr, "\"%s\" lacks \"%s\"", error.message, text);
    };
    refuse("args.hidden", [&](auto &a) { a.hidden = describe(batch.bytes.data(), spec.dtype, {11, 36}); });
    refuse("must follow one another", [](auto &a) { a.hidden.shape[0] = 2, a.hidden.stride[0] = 72, a.hidden.stride[1] = 24; });
    refuse("EXPERT_CONCAT", [](auto &a) { a.pooling = GAVEL_POOLING_SPAN_MEAN, a.first = a.last; });
  }
}

template <typename Args>
using Change = void (*)(Args &);

void test_refused() {
  const TestContext context;
  auto error = sized<gavel_error>();
  const auto refuse = [&](const ReadoutConfig &config, const char *text, Change<gavel_score_args> change,
                          Where where = Where::current()) {
    Random random(kSeed);
    const auto head_spec = linear_spec(GAVEL_F32, 8, config.outputs);
    const auto gate_spec = linear_spec(GAVEL_F32, config.two_streams() ? 16 : 8, std::max<int64_t>(config.gate_outputs(), 1));
    ReadoutCase problem{config, head_spec, gate_spec, Batch(random, GAVEL_F32, 5, 8), {0, 1}, {}};
    problem.batch.last = {1, 2};
    const TestHead head(context.get(), head_spec, 1), gate(context.get(), gate_spec, 2);
    ReadoutOutputs out;
    gavel_score_args args = readout_score_args(problem, gate.get(), out);
    expect_status("before", gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error, where);
    change(args);
    expect_status(text, gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_INVALID_ARGUMENT, error, where);
    if (failed(std::strstr(error.message, text) != nullptr, where)) {
      std::fprintf(stderr, "\"%s\" lacks \"%s\"\n", error.message, text);
    }
  };
  const ReadoutConfig prob{.readout = GAVEL_READOUT_CLASS_PROB, .outputs = 6, .width = 3, .class_index = 2};
  refuse(prob, "args.readout_width is 4", [](auto &a) { a.readout_width = 4; });
  refuse(prob, "args.readout_width is 0", [](auto &a) { a.readout_width = 0; });
  refuse(prob, "args.readout_width is -3", [](auto &a) { a.readout_width = -3; });
  refuse(prob, "args.readout_width is 1", [](auto &a) { a.readout_width = 1; });
  refuse(prob, "args.readout_class is 3", [](auto &a) { a.readout_class = 3; });
  refuse(prob, "args.readout_class is -1", [](auto &a) { a.readout_class = -1; });
  refuse(prob, "args.readout_mean is 1", [](auto &a) { a.readout_mean = 1; });
  refuse(prob, "args.gate_form is 1", [](auto &a) { a.gate_form = 1; });
  refuse(prob, "args.readout_levels", [](auto &a) { a.readout_levels = a.scores; });
  refuse(prob, "args.objectives", [](auto &a) { a.objectives = a.logits; });
  const ReadoutConfig levels{
      .readout = GAVEL_READOUT_EXPECTATION, .outputs = 3, .width = 3, .statistic = GAVEL_EXPECTATION_MEAN, .levels = {1, 2, 3}};
  refuse(levels, "args.readout_statistic is 0", [](auto &a) { a.readout_statistic = 0; });
  refuse(levels, "args.readout_statistic is 4", [](auto &a) { a.readout_statistic = 4; });
  refuse(levels, "args.readout_levels", [](auto &a) { a.readout_levels.shape[0] = 2; });
  refuse(levels, "args.readout_levels", [](auto &a) { a.readout_levels = {}; });
  refuse(levels, "args.readout_levels[1] is nan", [](auto &a) {
    static std::vector<float> bad = {1, kNan, 2};
    a.readout_levels.data = bad.data();
  });
  const ReadoutConfig weighted{.readout = GAVEL_READOUT_WEIGHTED_SUM, .outputs = 2, .weights = {0.5, 2}};
  refuse(weighted, "args.readout_objectives is 2", [](auto &a) { a.readout_objectives = GAVEL_READOUT_SIGMOID; });
  refuse(weighted, "args.readout_objectives is 7", [](auto &a) { a.readout_objectives = GAVEL_READOUT_GATED_SUM; });
  refuse(weighted, "args.readout_weights[0] is inf", [](auto &a) {
    static std::vector<float> bad = {INFINITY, 2};
    a.readout_weights.data = bad.data();
  });
  const ReadoutConfig gated{.readout = GAVEL_READOUT_GATED_SUM,
                            .outputs = 3,
                            .form = GAVEL_GATE_SOFTMAX,
                            .temperature = 10,
                            .scale = 1,
                            .transform = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
  refuse(gated, "args.gate is NULL", [](auto &a) { a.gate = nullptr; });
  refuse(gated, "args.gate is not a live handle", [](auto &a) { a.gate = reinterpret_cast<gavel_head *>(a.hidden.data); });
  refuse(gated, "args.gate_form is 4", [](auto &a) { a.gate_form = 4; });
  refuse(gated, "args.gate_temperature is 0", [](auto &a) { a.gate_temperature = 0; });
  refuse(gated, "args.gate_temperature is -1", [](auto &a) { a.gate_temperature = -1; });
  refuse(gated, "args.gate_scale is 0", [](auto &a) { a.gate_scale = 0; });
  refuse(gated, "args.gate_scale is nan", [](auto &a) { a.gate_scale = kNan; });
  refuse(gated, "args.gate_transform", [](auto &a) { a.gate_transform.shape[0] = 2; });
  refuse(gated, "args.gate_index", [](auto &a) { a.gate_index = {}; });
  refuse(gated, "args.gate_index[1] is 5", [](auto &a) {
    static std::vector<int64_t> bad = {0, 5};
    a.gate_index.data = bad.data();
  });
  refuse(gated, "the gate has 3 outputs", [](auto &a) {
    a.readout_objectives = GAVEL_READOUT_QUANTILE_MEAN, a.readout_width = 3, a.gate_transform = {}, a.objectives = {},
    a.gate_form = GAVEL_GATE_LINEAR, a.gate_temperature = 0;
  });
  refuse(gated, "overlaps", [](auto &a) { a.gate_logits = a.gate_weights; });
  const ReadoutConfig streams{.readout = GAVEL_READOUT_GATED_SUM, .outputs = 1, .form = GAVEL_GATE_TWO_STREAM};
  refuse(streams, "args.gate_scale is 1", [](auto &a) { a.gate_scale = 1; });
  refuse(streams, "args.pooling is 3", [](auto &a) { a.pooling = GAVEL_POOLING_SPAN_MEAN, a.first = a.last; });
  refuse(streams, "args.readout_objectives is 5",
         [](auto &a) { a.readout_objectives = GAVEL_READOUT_QUANTILE_MEAN, a.readout_width = 1; });
}

}  // namespace

int main() {
  test_any(600);
  test_accumulation();
  test_heads();
  test_refused();
  return finish();
}
