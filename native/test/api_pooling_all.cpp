// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Pooling ALL is INDEX of every row, in order: the same bits forward, backward and in the scatter, without lists.
#include <numeric>

#include "hostile.h"
#include "loss_problem.h"
#include "training_fixture.h"

using namespace gavel::test;

namespace {

gavel_score_args without_lists(gavel_score_args args) {
  args.pooling = GAVEL_POOLING_ALL;
  args.first = args.last = gavel_tensor{};
  return args;
}

void test_same_as_index(const TestContext &context, const gavel_head_spec &spec, int64_t rows) {
  const uint64_t seed = static_cast<uint64_t>(rows);
  Random random(seed);
  const TestHead head(context.get(), spec, seed);
  TrainingCase training{Batch(random, spec.dtype, rows, spec.input_width), GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, {}};
  training.batch.last.resize(static_cast<size_t>(rows));
  std::iota(training.batch.last.begin(), training.batch.last.end(), int64_t{0});
  training.dscore = random_values(random, GAVEL_F32, rows * spec.output_width);
  auto error = sized<gavel_error>();
  Scores by_index, all;
  const gavel_score_args index = score_args(spec, training.batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, by_index);
  expect_status("INDEX", gavel_score(context.get(), head.get(), &index, nullptr, &error), GAVEL_OK, error);
  const gavel_score_args args =
      without_lists(score_args(spec, training.batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, all));
  expect_status("ALL", gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error);
  check_bits("scores", all.scores.data(), by_index.scores.data(), rows * spec.output_width, seed);
  check_bits("logits", all.logits.data(), by_index.logits.data(), rows * spec.output_width, seed);
  check_bits("vectors", all.vectors.data(), by_index.vectors.data(), rows * spec.input_width, seed);
  CHECK(all.counts[0] == 0 && all.counts[1] == 0, "counts");

  std::vector<float> dvectors[2];
  std::vector<std::vector<float>> gradients[2];
  for (const int pass : {0, 1}) {
    GradientBuffers buffers(spec, std::numeric_limits<float>::quiet_NaN(), 0);
    gavel_backward_args backward = backward_args(spec, training, by_index, dvectors[pass]);
    if (pass == 1) backward.pooling = GAVEL_POOLING_ALL, backward.last = gavel_tensor{};
    expect_status("backward",
                  gavel_backward(context.get(), head.get(), &backward, buffers.tensors.data(),
                                 static_cast<int32_t>(buffers.tensors.size()), &error),
                  GAVEL_OK, error);
    for (size_t i = 0; i < buffers.tensors.size(); ++i) gradients[pass].push_back(buffers.values(i));
  }
  check_bits("dvectors", dvectors[1].data(), dvectors[0].data(), rows * spec.input_width, seed);
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    check_bits("gradient", gradients[1][i].data(), gradients[0][i].data(), static_cast<int64_t>(gradients[0][i].size()), seed);
  }

  // The scatter adds row to row: from zeros it gives dvectors back.
  std::vector<float> dhidden(dvectors[0].size(), 0);
  auto scatter = sized<gavel_scatter_args>();
  scatter.pooling = GAVEL_POOLING_ALL;
  scatter.dvectors = describe(dvectors[0].data(), GAVEL_F32, {rows, spec.input_width});
  scatter.dhidden = describe(dhidden.data(), GAVEL_F32, {rows, spec.input_width});
  expect_status("scatter", gavel_scatter(context.get(), &scatter, &error), GAVEL_OK, error);
  for (size_t i = 0; i < dhidden.size(); ++i) CHECK(dhidden[i] == dvectors[0][i], "dhidden %zu", i);
}

void test_refused(const TestContext &context) {
  Random random(3);
  const gavel_head_spec spec = linear_spec(GAVEL_F32, 8, 1);
  const TestHead head(context.get(), spec, 3);
  Batch batch(random, GAVEL_F32, 4, 8);
  batch.first = batch.last = {0, 1, 2, 3};
  Scores out;
  const gavel_score_args good = without_lists(score_args(spec, batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, out));
  const auto refused = [&](const char *what, const gavel_score_args &args, const char *names) {
    auto error = sized<gavel_error>();
    expect_refused(what, gavel_score(context.get(), head.get(), &args, nullptr, &error), error, "gavel_score", names);
  };
  gavel_score_args args = good;
  args.last = describe_vector(batch.last, GAVEL_I64);
  refused("a list", args, "args.last is i64[4]: it must be absent with ALL");
  args = good;
  args.first = describe_vector(batch.first, GAVEL_I64);
  refused("another list", args, "args.first is i64[4]: it must be absent with ALL");
  args = good;
  args.scores.shape[0] = 3;
  refused("too few scores", args, "args.scores");
  args = good;
  args.combine = GAVEL_COMBINE_ADD;
  refused("a combination", args, "only FIRST_LAST combines");
}

void test_empty(const TestContext &context) {
  const gavel_head_spec spec = linear_spec(GAVEL_F32, 8, 1);
  const TestHead head(context.get(), spec, 3);
  Random random(3);
  Batch batch(random, GAVEL_F32, 0, 8);
  Scores out;
  const gavel_score_args args = without_lists(score_args(spec, batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, out));
  auto error = sized<gavel_error>();
  expect_status("T = 0", gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error);
  CHECK(out.counts[0] == 0, "T = 0");
}

}  // namespace

int main() {
  const TestContext context(2);
  auto mlp = mlp_spec(GAVEL_BF16, 48, {40}, 2, GAVEL_ACTIVATION_SILU);
  mlp.norm = GAVEL_NORM_RMS, mlp.norm_epsilon = 1e-6f;
  for (const int64_t rows : {1, 7, 300}) {
    test_same_as_index(context, linear_spec(GAVEL_F32, 36, 1), rows);
    test_same_as_index(context, mlp, rows);
  }
  test_refused(context);
  test_empty(context);
  return finish();
}
