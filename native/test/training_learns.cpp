// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The whole way of a training step: gavel_score with a loss, gavel_backward from its dscore, gavel_optimizer_step. On preferences that a
// direction in the hidden states decides, the loss must go to 0 and every group must be ranked right.
#include "loss_problem.h"
#include "training_fixture.h"

using namespace gavel::test;

namespace {

constexpr int64_t kGroups = 24;
constexpr int64_t kResponses = 4;
constexpr int64_t kWidth = 20;

// Groups of four items, one of them invalid now and then; the better one is the one further along a random direction.
struct Preferences {
  TrainingCase training;
  LossProblem loss;
  std::vector<double> quality;
};

Preferences make_preferences(int32_t dtype, int32_t kind) {
  Random random(91);
  Preferences all{{Batch(random, dtype, kGroups * kResponses, kWidth)}, {}, {}};
  std::vector<double> direction;
  for (int64_t k = 0; k < kWidth; ++k) direction.push_back(static_cast<double>(random.normal()));
  for (int64_t r = 0; r < kGroups * kResponses; ++r) {
    double sum = 0;
    for (int64_t k = 0; k < kWidth; ++k) {
      sum += direction[static_cast<size_t>(k)] *
             static_cast<double>(all.training.batch.values[static_cast<size_t>(r * kWidth + k)]);
    }
    all.quality.push_back(sum);
    all.training.batch.last.push_back(r % 9 == 5 ? -1 : r);
    if (r % 9 == 5) all.quality.back() = -INFINITY;
  }
  all.loss = kind == GAVEL_LOSS_BRADLEY_TERRY ? pairs_problem({}, {}) : groups_problem({}, {0}, {});
  for (int64_t g = 0; g < kGroups; ++g) {
    const int64_t begin = g * kResponses;
    int64_t best = begin;
    for (int64_t i = begin; i < begin + kResponses; ++i) {
      if (all.quality[static_cast<size_t>(i)] > all.quality[static_cast<size_t>(best)]) best = i;
      for (int64_t j = begin; j < begin + kResponses; ++j) {
        // Pairs with an invalid item are in the list on purpose: the score call masks them.
        if (kind == GAVEL_LOSS_BRADLEY_TERRY && all.quality[static_cast<size_t>(i)] > all.quality[static_cast<size_t>(j)]) {
          all.loss.pairs.insert(all.loss.pairs.end(), {i, j});
        }
      }
    }
    if (kind == GAVEL_LOSS_CROSS_ENTROPY) {
      all.loss.offsets.push_back(begin + kResponses);
      all.loss.target_index.push_back(best - begin);
    }
  }
  return all;
}

// One forward call with the loss in it; fills scores and dscore.
float score_with_loss(gavel_context *context, const TestHead &head, Preferences &all, Scores &out) {
  const auto items = static_cast<int64_t>(all.quality.size());
  gavel_score_args args = score_args(head.spec(), all.training.batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, out);
  LossProblem problem = all.loss;
  problem.scores.clear();
  LossOutputs losses;
  gavel_loss_args loss = loss_args(problem, losses);
  loss.scores = gavel_tensor{};
  all.training.dscore.assign(static_cast<size_t>(items), NAN);
  loss.dscore = describe(all.training.dscore.data(), GAVEL_F32, {items});
  auto error = sized<gavel_error>();
  expect_status("gavel_score with a loss", gavel_score(context, head.get(), &args, &loss, &error), GAVEL_OK, error);

  // The same as the loss alone, with invalid items masked.
  problem.scores = out.scores;
  for (const int64_t last : all.training.batch.last) problem.mask.push_back(last >= 0);
  const LossOutputs alone = run_loss(context, problem);
  check_bits("loss in the score call", losses.loss.data(), alone.loss.data(), 1, 91);
  check_bits("its dscore", all.training.dscore.data(), alone.dscore.data(), items, 91);
  check_equal("its valid items", losses.counts[0], alone.counts[0]);
  return losses.loss[0];
}

int64_t wrong_groups(const Preferences &all, const std::vector<float> &scores) {
  int64_t wrong = 0;
  for (size_t g = 0; g < kGroups; ++g) {
    size_t best = g * kResponses, top = best;
    for (size_t i = best; i < (g + 1) * kResponses; ++i) {
      if (all.quality[i] > all.quality[best]) best = i;
      if (scores[i] > scores[top]) top = i;
    }
    wrong += best != top;
  }
  return wrong;
}

void train(gavel_context *context, const gavel_head_spec &spec, int32_t kind, float learning_rate) {
  Preferences all = make_preferences(spec.dtype, kind);
  const TestHead head(context, spec, 92);
  auto options = sized<gavel_optimizer_options>();
  options.learning_rate = learning_rate, options.beta1 = 0.9f, options.beta2 = 0.99f, options.epsilon = 1e-8f;
  gavel_optimizer *optimizer = nullptr;
  auto error = sized<gavel_error>();
  expect_status("create", gavel_optimizer_create(head.get(), &options, &optimizer, &error), GAVEL_OK, error);
  float first = 0, last = 0;
  Scores out;
  for (int step = 0; step < 300; ++step) {
    last = score_with_loss(context, head, all, out);
    if (step == 0) first = last;
    const TrainingOutputs gradients = run_backward(context, head, all.training, out);
    GradientBuffers buffers(spec, 0, 0);
    for (size_t i = 0; i < buffers.tensors.size(); ++i) {
      buffers.memory[i] = gradients.gradients[i];
      buffers.tensors[i].data = buffers.memory[i].data();
    }
    expect_status("step",
                  gavel_optimizer_step(optimizer, buffers.tensors.data(), static_cast<int32_t>(buffers.tensors.size()),
                                       learning_rate, nullptr, &error),
                  GAVEL_OK, error);
  }
  const int64_t wrong = wrong_groups(all, out.scores);
  std::printf("%s, %d hidden layers, loss %d: %.3f -> %.2g\n", name_of(spec.dtype), spec.hidden_layers, kind,
              static_cast<double>(first), static_cast<double>(last));
  CHECK(first > 0.3f && last < 0.01f, "loss went from %g to %g", static_cast<double>(first), static_cast<double>(last));
  check_equal("groups ranked wrong", wrong, 0);
  gavel_optimizer_destroy(optimizer);
}

}  // namespace

int main() {
  const TestContext context;
  for (const int32_t kind : {GAVEL_LOSS_BRADLEY_TERRY, GAVEL_LOSS_CROSS_ENTROPY}) {
    for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
      train(context.get(), linear_spec(dtype, kWidth, 1), kind, 0.5f);
      gavel_head_spec spec = mlp_spec(dtype, kWidth, {32, 16}, 1, GAVEL_ACTIVATION_SILU);
      spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
      spec.norm = GAVEL_NORM_RMS;
      spec.norm_epsilon = 1e-5f;
      train(context.get(), spec, kind, 0.02f);
    }
  }
  return finish();
}
