// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The C interface on CUDA, end to end through the plugin: the same calls as on the CPU with tensors on the device, compared with the
// CPU: bits where both define them or everything is exact, computed bounds elsewhere.
#include "cuda_api_checks.h"
#include "cuda_training_call.h"
#include "loss_problem_kinds.h"
#include "optimizer_fixture.h"
#include "score_reference.h"

using namespace gavel::test;

namespace {

struct Kind {
  int32_t pooling;
  int32_t combine;
};
const Kind kKinds[] = {{GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE},
                       {GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_CONCAT},
                       {GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_SUB},
                       {GAVEL_POOLING_SPAN_MEAN, GAVEL_COMBINE_NONE}};

// Everything small whole numbers: nothing is rounded anywhere, so every order of additions gives the CPU's bits.
void test_exact(const CudaContext &cuda, const TestContext &cpu) {
  uint64_t seed = 1;
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    for (const Kind &kind : kKinds) {
      for (const int64_t items : {1, 5, 70}) {
        gavel_head_spec specs[] = {linear_spec(dtype, 36, 1), linear_spec(dtype, 10, 5),
                                   mlp_spec(dtype, 40, {33}, 2, GAVEL_ACTIVATION_RELU)};
        for (gavel_head_spec &spec : specs) {
          spec.flags = GAVEL_HEAD_OUTPUT_BIAS;
          if (spec.kind == GAVEL_HEAD_MLP) spec.flags |= GAVEL_HEAD_HIDDEN_BIAS;
          Random random(++seed);
          const TrainingCase training = exact_case(random, spec, items, kind.pooling, kind.combine);
          const TestHead on_cpu(cpu.get(), spec, seed, 2);
          const TestHead on_cuda(cuda.get(), spec, seed, 2);
          const Scores expected = run_forward(cpu.get(), on_cpu, training);
          Scores actual;
          const gavel_score_args args = score_args(spec, training.batch, training.pooling, training.combine, true, actual);
          score_on_device(cuda, on_cuda.get(), args, nullptr, items == 5 ? GAVEL_CUDA_HOST : GAVEL_CUDA);
          check_scores("exact", actual, expected, seed);

          TrainingOptions spread;
          spread.row_gap = 3;
          const TrainingOutputs gradients = run_backward(cpu.get(), on_cpu, training, expected, spread);
          check_same_gradients("exact", backward_on_device(cuda, on_cuda.get(), spec, training, expected), gradients, seed);
        }
      }
    }
  }
}

// Random numbers: the float64 formulas with a bound of what f32 may lose, as the CPU is tested.
void test_bounds(const CudaContext &cuda) {
  uint64_t seed = 100;
  for (const int32_t dtype : {GAVEL_F32, GAVEL_BF16}) {
    gavel_head_spec spec = mlp_spec(dtype, 48, {40, 24}, 2, GAVEL_ACTIVATION_SILU);
    spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
    spec.norm = GAVEL_NORM_RMS;
    spec.norm_epsilon = 1e-5f;
    Random random(++seed);
    TrainingCase training = random_case(random, spec, 37, GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_ADD);
    const TestHead head(cuda.get(), spec, seed);
    Scores actual;
    gavel_score_args args = score_args(spec, training.batch, training.pooling, training.combine, true, actual);
    args.readout = GAVEL_READOUT_AFFINE, args.readout_mean = 0.5f, args.readout_deviation = 2;
    score_on_device(cuda, head.get(), args, nullptr);
    const size_t width = static_cast<size_t>(preactivation_width(spec));
    std::vector<double> expected, bound, scores, score_bound;
    std::vector<float> logits, read_out;
    for (size_t r = 0; r < training.batch.last.size(); ++r) {
      if (!training.valid(r)) {
        CHECK(actual.scores[2 * r] == -std::numeric_limits<float>::infinity(), "invalid item %zu", r);
        continue;
      }
      const Reference item = reference(head, training.batch, training.pooling, training.combine, training.batch.first[r],
                                       training.batch.last[r], &actual.preactivations[r * width]);
      for (size_t k = 0; k < 2; ++k) {
        const Approximate &logit = item.logits[k];
        logits.push_back(actual.logits[2 * r + k]);
        expected.push_back(logit.value);
        bound.push_back(kDeviations * logit.error);
        const double score = (static_cast<double>(logits.back()) - 0.5) / 2;
        read_out.push_back(actual.scores[2 * r + k]);
        scores.push_back(score);
        score_bound.push_back(2 * kUnit * (std::fabs(score) + 0.5));
      }
    }
    const auto count = static_cast<int64_t>(logits.size());
    check_bound("logits", logits.data(), expected.data(), bound.data(), count, seed);
    check_bound("scores", read_out.data(), scores.data(), score_bound.data(), count, seed);
  }
}

// A problem of every kind over n scores, a multiple of 6.
std::vector<LossProblem> problems_over(Random &random, int64_t n) {
  std::vector<LossProblem> problems = {random_pairs(random, n, 40)};
  LossProblem groups = random_groups(random, 1, 0);
  groups.offsets = {0, 2, 3, n - 8, n};
  groups.scores = random_scores(random, n, 3);
  groups.mask = random_mask(random, n, 0.9);
  groups.weight = {1, {}};
  groups.temperature = {0.8f, {}};
  groups.target_index.clear();
  groups.target_weights.assign(static_cast<size_t>(n), 0);
  problems.push_back(groups);
  for (const int32_t kind : {GAVEL_LOSS_PLACKETT_LUCE, GAVEL_LOSS_PAIRWISE_RANKING, GAVEL_LOSS_STEP_RANKING}) {
    LossProblem problem = groups;
    problem.kind = kind;
    problem.target_weights.clear();
    problem.temperature = {kind == GAVEL_LOSS_PLACKETT_LUCE ? 0.8f : 0.0f, {}};
    problem.beta = {kind == GAVEL_LOSS_PAIRWISE_RANKING ? 0.8f : 0.0f, {}};
    problem.zeta = {kind == GAVEL_LOSS_STEP_RANKING ? 0.8f : 0.0f, {}};
    if (kind == GAVEL_LOSS_STEP_RANKING) {
      problem.labels = random_mask(random, n, 0.6);
      for (uint8_t &label : problem.labels) label = label != 0;
    } else {
      problem.ranks = random_ranks(random, n, kind == GAVEL_LOSS_PAIRWISE_RANKING);
    }
    problems.push_back(problem);
  }
  for (const int32_t kind : {GAVEL_LOSS_MSE, GAVEL_LOSS_BCE, GAVEL_LOSS_PINBALL}) {
    problems.push_back(random_targets(random, kind, n));
  }
  LossProblem rows;
  rows.kind = GAVEL_LOSS_ORDINAL;
  rows.classes = 3;
  rows.scores = random_scores(random, n, 3);
  for (int64_t p = 0; p < n / 3; ++p) rows.pairs.insert(rows.pairs.end(), {p, (p + 1) % (n / 3)});
  problems.push_back(rows);
  return problems;
}

// Losses have the CPU's bits, alone and behind a score, over one output and several.
void test_losses(const CudaContext &cuda, const TestContext &cpu) {
  Random random(200);
  for (const LossProblem &problem : problems_over(random, 60)) {
    const LossOutputs expected = run_loss(cpu.get(), problem);
    LossOutputs actual;
    gavel_loss_args args = loss_args(problem, actual);
    OnDevice device(cuda);
    upload(device, args);
    args.stream = cuda.stream();
    auto error = sized<gavel_error>();
    int64_t bytes = -1;
    expect_status("workspace", gavel_loss_workspace(cuda.get(), &args, &bytes, &error), GAVEL_OK, error);
    CHECK(bytes >= 0, "workspace of %lld bytes", static_cast<long long>(bytes));
    expect_status("loss", gavel_loss(cuda.get(), &args, &error), GAVEL_OK, error);
    device.download();
    check_losses(problem, actual, expected, static_cast<uint64_t>(problem.kind));
  }
  const gavel_head_spec specs[] = {linear_spec(GAVEL_BF16, 24, 1), linear_spec(GAVEL_F32, 24, 3), linear_spec(GAVEL_F32, 24, 6),
                                   mlp_spec(GAVEL_BF16, 24, {40}, 3, GAVEL_ACTIVATION_SILU),
                                   mlp_spec(GAVEL_BF16, 24, {40}, 6, GAVEL_ACTIVATION_SILU)};
  for (const gavel_head_spec &spec : specs) {
    const TestHead head(cuda.get(), spec, 300);
    const int64_t items = 60 / spec.output_width;
    const TrainingCase training = random_case(random, spec, items);
    for (LossProblem problem : problems_over(random, 60)) {
      Scores scores;
      LossOutputs actual;
      const gavel_score_args args = score_args(spec, training.batch, training.pooling, training.combine, true, scores);
      gavel_loss_args loss = loss_args(problem, actual);
      loss.scores = gavel_tensor{};
      score_on_device(cuda, head.get(), args, &loss);
      // The loss alone, of these scores, with what is invalid masked.
      problem.scores = scores.scores;
      if (problem.mask.empty()) problem.mask.assign(60, 1);
      for (size_t n = 0; n < 60; ++n) {
        const auto item = static_cast<int64_t>(n) / spec.output_width;
        problem.mask[n] = problem.mask[n] && training.valid(static_cast<size_t>(item));
      }
      check_losses(problem, actual, run_loss(cpu.get(), problem), 300 + static_cast<uint64_t>(problem.kind));
    }
  }
}

void test_scatter(const CudaContext &cuda, const TestContext &cpu) {
  for (const Kind &kind : kKinds) {
    Random random(400);
    const gavel_head_spec spec = linear_spec(GAVEL_F32, kind.combine == GAVEL_COMBINE_CONCAT ? 44 : 22, 1);
    const TrainingCase training = exact_case(random, spec, 25, kind.pooling, kind.combine);
    std::vector<float> dvectors = random_values(random, GAVEL_F32, 25 * spec.input_width);
    std::vector<float> expected(static_cast<size_t>(training.batch.tokens * 25), 1.0f);
    std::vector<float> actual = expected;
    auto args = sized<gavel_scatter_args>();
    Scores ignored;
    const gavel_score_args like = score_args(spec, training.batch, kind.pooling, kind.combine, false, ignored);
    args.pooling = kind.pooling, args.combine = kind.combine;
    args.first = like.first, args.last = like.last;
    args.dvectors = describe(dvectors.data(), GAVEL_F32, {25, spec.input_width});
    args.dhidden = describe(expected.data(), GAVEL_F32, {training.batch.tokens, 22}, 25);
    auto error = sized<gavel_error>();
    expect_status("scatter", gavel_scatter(cpu.get(), &args, &error), GAVEL_OK, error);
    args.dhidden.data = actual.data();
    OnDevice device(cuda);
    upload(device, args);
    args.stream = cuda.stream();
    expect_status("scatter", gavel_scatter(cuda.get(), &args, &error), GAVEL_OK, error);
    device.download();
    // One item after the other on both: the same additions in the same order.
    check_bits("dhidden", actual.data(), expected.data(), static_cast<int64_t>(actual.size()), 400);
  }
}

// Same gradients, same masters, moments and parameters, step for step.
void test_optimizer(const CudaContext &cuda, const TestContext &cpu) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    const gavel_head_spec spec = full_spec(dtype, 20, 18);
    const TestHead on_cpu(cpu.get(), spec, 500), on_cuda(cuda.get(), spec, 500);
    const TestOptimizer expected(on_cpu, default_options()), actual(on_cuda, default_options());
    Random random(500);
    auto error = sized<gavel_error>();
    for (int32_t step = 0; step < 3; ++step) {
      GradientBuffers gradients(spec, 0, 2);
      randomise(random, gradients, 0.1);
      if (step == 1) gradients.tensors[3] = gavel_tensor{};
      expected.step_ok(gradients, 0.01f);
      OnDevice device(cuda);
      std::vector<gavel_tensor> moved = gradients.tensors;
      for (gavel_tensor &gradient : moved) device.upload(gradient);
      expect_status(
          "step",
          gavel_optimizer_step(actual.get(), moved.data(), static_cast<int32_t>(moved.size()), 0.01f, cuda.stream(), &error),
          GAVEL_OK, error);
      device.download();
    }
    check_equal("steps", gavel_optimizer_step_count(actual.get()), 3);
    const auto same = [](const char *what, const std::vector<std::vector<float>> &a, const std::vector<std::vector<float>> &b) {
      for (size_t i = 0; i < b.size(); ++i) check_bits(what, a[i].data(), b[i].data(), static_cast<int64_t>(b[i].size()), 500);
    };
    for (int32_t state = GAVEL_OPTIMIZER_MASTER; state <= GAVEL_OPTIMIZER_SECOND_MOMENT; ++state) {
      same("state", actual.read(state), expected.read(state));
    }
    same("head", read_head(on_cuda), read_head(on_cpu));
    // A resumed run: masters written set the head's parameters.
    const auto masters = expected.read(GAVEL_OPTIMIZER_FIRST_MOMENT);
    expected.write(GAVEL_OPTIMIZER_MASTER, masters);
    actual.write(GAVEL_OPTIMIZER_MASTER, masters);
    same("head after write", read_head(on_cuda), read_head(on_cpu));
    expect_status("set steps", gavel_optimizer_set_step_count(actual.get(), 41, &error), GAVEL_OK, error);
    check_equal("steps set", gavel_optimizer_step_count(actual.get()), 41);
  }
}

}  // namespace

int main() {
  machine().set_device_count(2);
  for (const uint64_t seed : {1, 2}) {
    machine().set_seed(seed);
    const TestContext cpu(1);
    // The second device is not the thread's current one: calls make it so and leave the thread as it was.
    const CudaContext cuda((static_cast<int32_t>(seed) - 1) % gavel::emulator::kTestDevices);
    test_exact(cuda, cpu);
    test_bounds(cuda);
    test_losses(cuda, cpu);
    test_scatter(cuda, cpu);
    test_optimizer(cuda, cpu);
    int current = -1;
    machine().get_device(&current);
    check_equal("current device", current, 0);
  }
  check_equal("live device allocations", machine().live().device_allocations, 0);
  check_equal("live pinned allocations", machine().live().host_allocations, 0);
  check_equal("live streams", machine().live().streams, 0);
  check_equal("live events", machine().live().events, 0);
  return finish();
}
