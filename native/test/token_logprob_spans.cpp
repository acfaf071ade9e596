// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Spans of log-probabilities: reductions, masks, references, LOG_RATIO, step values, the loss in the same call, and their gradients.
#include <numeric>

#include "token_logprob_fixture.h"

using namespace gavel::test;

namespace {

constexpr float kInfinite = std::numeric_limits<float>::infinity();

LogprobCase policy_case(std::vector<float> policy, int32_t reduce, std::vector<int64_t> first, std::vector<int64_t> last) {
  LogprobCase made;
  made.rows = static_cast<int64_t>(policy.size());
  made.policy = std::move(policy);
  made.spans = true;
  made.reduce = reduce;
  made.first = std::move(first), made.last = std::move(last);
  return made;
}

std::vector<float> backward(const TestContext &context, const LogprobCase &from, const std::vector<float> &dscore,
                            LogprobOutputs &forward) {
  const gavel_token_logprob_backward_args args = logprob_backward_args(from, dscore, forward);
  auto error = sized<gavel_error>();
  expect_status("gavel_token_logprob_backward", gavel_token_logprob_backward(context.get(), &args, &error), GAVEL_OK, error);
  return forward.dlogprobs;
}

void expect(const char *what, const std::vector<float> &actual, const std::vector<float> &expected) {
  check_equal(std::string(what) + ", length", static_cast<int64_t>(actual.size()), static_cast<int64_t>(expected.size()));
  check_bits(what, actual.data(), expected.data(), static_cast<int64_t>(expected.size()), 0);
}

// Whole numbers: no rounding, so every sum is exact.
void test_exact(const TestContext &context) {
  const std::vector<float> policy = {-1, -2, -4, -8, -16, -32};
  const std::vector<int64_t> first = {0, 1, 3, -1, 4, 5}, last = {3, 1, 5, 2, 3, 5};
  LogprobCase sum = policy_case(policy, GAVEL_LOGPROB_SUM, first, last);
  LogprobOutputs out = run_logprob(context.get(), sum);
  expect("SUM", out.scores, {-15, -2, -56, -kInfinite, -kInfinite, -32});
  expect("given log-probabilities", out.logprobs, policy);
  CHECK(out.counts[0] == 2 && out.counts[1] == 0, "invalid items");
  expect("gradient of SUM", backward(context, sum, {1, 2, 4, 8, 16, 32}, out), {1, 3, 1, 5, 4, 36});

  sum.mask = {1, 0, 7, 1, 1, 0};
  out = run_logprob(context.get(), sum);
  expect("masked SUM", out.scores, {-13, -kInfinite, -24, -kInfinite, -kInfinite, -kInfinite});
  CHECK(out.counts[0] == 4, "items without a row that the mask lets through");
  expect("gradient of masked SUM", backward(context, sum, {1, 2, 4, 8, 16, 32}, out), {1, 0, 1, 5, 4, 0});

  LogprobCase mean = policy_case(policy, GAVEL_LOGPROB_MEAN, {1, 0}, {4, 5});
  mean.mask = {0, 1, 0, 1, 0, 1};
  out = run_logprob(context.get(), mean);
  expect("MEAN", out.scores, {-5, -14});
  expect("gradient of MEAN", backward(context, mean, {2, 6}, out), {0, 3, 0, 3, 0, 2});

  LogprobCase least = policy_case({-1, -3, -3, -2, -1}, GAVEL_LOGPROB_MIN, {0, 3, 0}, {4, 4, 0});
  out = run_logprob(context.get(), least);
  expect("MIN", out.scores, {-3, -2, -1});
  expect("gradient of MIN: the first of equals", backward(context, least, {1, 2, 4}, out), {4, 1, 0, 2, 0});
  least.reference = {0, 0, -2, 0, 5};
  out = run_logprob(context.get(), least);
  expect("MIN of differences", out.scores, {-6, -6, -1});
  expect("its gradient", backward(context, least, {1, 2, 4}, out), {4, 0, 0, 0, 3});

  LogprobCase ratio = policy_case(policy, GAVEL_LOGPROB_SUM, {0, 2}, {2, 5});
  ratio.reference = {-2, -2, -2, -4, -4, -4};
  ratio.readout = GAVEL_READOUT_LOG_RATIO, ratio.beta = 0.125f;
  out = run_logprob(context.get(), ratio);
  expect("LOG_RATIO", out.scores, {-0.125f, -5.75f});
  expect("gradient of LOG_RATIO", backward(context, ratio, {8, 16}, out), {1, 1, 3, 2, 2, 2});

  LogprobCase probability = policy_case({0, 0, -kInfinite, -kInfinite}, GAVEL_LOGPROB_MEAN_PROB, {0, 1, 3}, {3, 1, 3});
  out = run_logprob(context.get(), probability);
  expect("MEAN_PROB", out.scores, {0.5f, 1, 0});
  expect("gradient of MEAN_PROB", backward(context, probability, {4, 1, 1}, out), {1, 2, 0, 0});
}

// Cumulative values are spans from the response's first row, single ones from behind the step before: differences of the former.
void test_steps(const TestContext &context) {
  const std::vector<float> policy = {-9, -1, -2, -3, -4, -5, -6};
  LogprobCase cumulative = policy_case(policy, GAVEL_LOGPROB_SUM, {1, 1, 1}, {2, 3, 6});
  LogprobCase single = policy_case(policy, GAVEL_LOGPROB_SUM, {1, 3, 4}, {2, 3, 6});
  for (LogprobCase *from : {&cumulative, &single}) {
    from->reference = {5, -1, -1, -1, -1, -1, -1};
    from->readout = GAVEL_READOUT_LOG_RATIO, from->beta = 0.5f;
  }
  const std::vector<float> sums = run_logprob(context.get(), cumulative).scores,
                           steps = run_logprob(context.get(), single).scores;
  expect("cumulative", sums, {-0.5f, -1.5f, -7.5f});
  expect("single", steps, {-0.5f, -1, -6});
  for (size_t k = 1; k < steps.size(); ++k) CHECK(steps[k] == sums[k] - sums[k - 1], "step %zu is not a difference", k);
}

// Hidden states to implicit reward, BCE and its gradient in one native call, against float64.
void test_implicit_prm(const TestContext &context) {
  const uint64_t seed = 31;
  Random random(seed);
  const int64_t rows = 40, tokens = 1300, width = 48;
  const TestVocabulary vocabulary(context.get(), GAVEL_F32, tokens, width,
                                  random_values(random, GAVEL_F32, tokens * width, 0.4));
  LogprobCase from;
  from.rows = rows, from.vocabulary = &vocabulary, from.spans = true;
  from.hidden = random_values(random, GAVEL_F32, rows * width);
  from.first = {0, 10, 25, -1}, from.last = {9, 24, 39, -1};
  for (int64_t t = 0; t < rows; ++t) {
    from.targets.push_back(random.integer(0, tokens - 1));
    from.mask.push_back(random.integer(0, 4) == 0 ? 0 : 1);
    from.reference.push_back(static_cast<float>(random.uniform(-12, -1)));
  }
  from.reduce = GAVEL_LOGPROB_SUM, from.readout = GAVEL_READOUT_LOG_RATIO, from.beta = 0.05f;
  LogprobOutputs out;
  const gavel_token_logprob_args args = logprob_args(from, out);
  LossProblem bce;
  bce.kind = GAVEL_LOSS_BCE;
  bce.targets = {1, 0, 0.25f, 1};
  bce.positive_weight.scalar = 1;
  bce.scores = {0, 0, 0, 0};
  LossOutputs loss_out;
  gavel_loss_args loss = loss_args(bce, loss_out);
  loss.scores = gavel_tensor{};
  auto error = sized<gavel_error>();
  expect_status("one call", gavel_token_logprob(context.get(), vocabulary.get(), &args, &loss, &error), GAVEL_OK, error);

  std::vector<double> logits, logit_error;
  for (size_t r = 0; r < 3; ++r) {
    double sum = 0, bound = 0, magnitude = 0;
    int64_t count = 0;
    for (int64_t t = from.first[r]; t <= from.last[r]; ++t) {
      const auto at = static_cast<size_t>(t);
      if (from.mask[at] == 0) continue;
      logits_reference(vocabulary, from.hidden.data() + t * width, logits, logit_error);
      const BoundedLogprob logprob = logprob_reference(logits, logit_error, static_cast<size_t>(from.targets[at]));
      const double difference = logprob.value - static_cast<double>(from.reference[at]);
      sum += difference, magnitude += std::fabs(difference), ++count;
      // Its own rounding, and those of the additions that the sum's tree takes it through.
      bound += logprob.bound + kHalfUlp * std::fabs(difference);
    }
    bound += kHalfUlp * (std::ceil(std::log2(static_cast<double>(count))) + 2) * magnitude;
    const double beta = static_cast<double>(from.beta), score = beta * sum, y = static_cast<double>(bce.targets[r]);
    const double score_bound = beta * bound;
    check_bound("implicit reward", &out.scores[r], &score, &score_bound, 1, seed);
    const double item = std::fmax(score, 0) + std::log1p(std::exp(-std::fabs(score))) - y * score;
    const double item_bound = score_bound + 16 * kHalfUlp * (item + std::fabs(score) + 1);
    check_bound("BCE", &loss_out.item_loss[r], &item, &item_bound, 1, seed);
    const double gradient = (1 / (1 + std::exp(-score)) - y) / 3, gradient_bound = score_bound + 16 * kHalfUlp;
    check_bound("dscore", &loss_out.dscore[r], &gradient, &gradient_bound, 1, seed);
  }
  CHECK(loss_out.counts[0] == 3 && loss_out.counts[1] == 1 && out.counts[0] == 1, "the invalid item is masked in the loss");
  CHECK(same_bits(loss_out.dscore[3], 0), "gradient of the invalid item");

  // dlogprob = beta (sigmoid(R) - y) mask / 3, exactly beta * dscore.
  const std::vector<float> dlogprobs = backward(context, from, loss_out.dscore, out);
  for (size_t t = 0; t < static_cast<size_t>(rows); ++t) {
    const size_t item = t < 10 ? 0 : t < 25 ? 1 : 2;
    const float expected = from.mask[t] == 0 ? 0 : from.beta * loss_out.dscore[item];
    CHECK(same_bits(dlogprobs[t], expected), "dlogprob %zu is %a, expected %a", t, double(dlogprobs[t]), double(expected));
  }
}

// Central differences in float64 of the pooled value, through the gradient call.
void test_gradients(const TestContext &context, int32_t reduce, bool with_reference) {
  const uint64_t seed = static_cast<uint64_t>(reduce) * 2 + (with_reference ? 1 : 0);
  Random random(seed);
  LogprobCase from = policy_case({}, reduce, {0, 3, 8, 2, 5}, {7, 12, 8, 12, 4});
  for (int64_t t = 0; t < 13; ++t) {
    from.policy.push_back(static_cast<float>(random.uniform(-6, 0)));
    from.mask.push_back(random.integer(0, 3) == 0 ? 0 : 1);
    if (with_reference) from.reference.push_back(static_cast<float>(random.uniform(-6, 0)));
  }
  from.mask[8] = 1;
  from.rows = 13;
  if (reduce != GAVEL_LOGPROB_MEAN_PROB) from.readout = GAVEL_READOUT_LOG_RATIO, from.beta = 0.7f;
  const std::vector<float> dscore = {0.5f, -1, 2, 0.25f, 3};
  const auto objective = [&](const std::vector<double> &policy) {
    double total = 0;
    for (size_t r = 0; r < 4; ++r) {
      double sum = 0, least = INFINITY, count = 0;
      for (auto t = static_cast<size_t>(from.first[r]); t <= static_cast<size_t>(from.last[r]); ++t) {
        if (from.mask[t] == 0) continue;
        const double d = policy[t] - (with_reference ? static_cast<double>(from.reference[t]) : 0);
        sum += reduce == GAVEL_LOGPROB_MEAN_PROB ? std::exp(d) : d, least = std::fmin(least, d), ++count;
      }
      double value = reduce == GAVEL_LOGPROB_MIN ? least : reduce == GAVEL_LOGPROB_SUM ? sum : sum / count;
      if (from.readout == GAVEL_READOUT_LOG_RATIO) value *= static_cast<double>(from.beta);
      total += static_cast<double>(dscore[r]) * value;
    }
    return total;
  };
  LogprobOutputs out = run_logprob(context.get(), from);
  const std::vector<float> actual = backward(context, from, dscore, out);
  std::vector<double> policy(from.policy.begin(), from.policy.end()), expected, bound;
  for (size_t t = 0; t < policy.size(); ++t) {
    const double at = policy[t];
    policy[t] = at + 1e-5;
    const double above = objective(policy);
    policy[t] = at - 1e-5;
    expected.push_back((above - objective(policy)) / 2e-5);
    bound.push_back(1e-9 + 16 * kHalfUlp * 8);
    policy[t] = at;
  }
  check_bound("gradient by differences, reduce " + std::to_string(reduce), actual.data(), expected.data(), bound.data(), 13,
              seed);
}

// NaN reaches its own items only, and is counted; what a span does not need is not looked at.
void test_edges(const TestContext &context) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const int32_t reduce : {GAVEL_LOGPROB_SUM, GAVEL_LOGPROB_MEAN, GAVEL_LOGPROB_MIN, GAVEL_LOGPROB_MEAN_PROB}) {
    LogprobCase from = policy_case({-1, nan, -2, -3}, reduce, {0, 2, 1, 0}, {1, 3, 1, 0});
    const LogprobOutputs out = run_logprob(context.get(), from);
    for (const size_t r : {0, 2}) {
      uint32_t bits;
      std::memcpy(&bits, &out.scores[r], 4);
      CHECK(bits == 0x7fc00000u, "reduce %d, item %zu: %08x", reduce, r, bits);
    }
    CHECK(std::isfinite(out.scores[1]) && std::isfinite(out.scores[3]), "reduce %d: a NaN reached another item", reduce);
    CHECK(out.counts[1] == 2 && out.counts[0] == 0, "reduce %d: NaN items", reduce);
  }
  // Targets of prompt tokens (-100 in many data sets) are outside every span, or masked.
  LogprobCase from;
  from.rows = 4, from.tokens = 3, from.logits = std::vector<float>(12, 0), from.targets = {-100, 1, 99, 2};
  from.logits[0] = nan;
  from.mask = {1, 1, 0, 1};
  from.spans = true, from.first = {1}, from.last = {3}, from.reduce = GAVEL_LOGPROB_MEAN_PROB;
  const LogprobOutputs out = run_logprob(context.get(), from);
  const double third = 1.0 / 3, bound = 4e-7;
  check_bound("mean probability", out.scores.data(), &third, &bound, 1, 0);
  CHECK(same_bits(out.logprobs[0], 0) && same_bits(out.logprobs[2], 0), "rows that are not computed are 0");
  CHECK(out.logprobs[1] < 0 && out.logprobs[3] < 0, "rows that are");
}

// A sum over many tokens loses little: neighbours are added first.
void test_long_span(const TestContext &context) {
  const int64_t rows = 100000;
  LogprobCase from = policy_case(std::vector<float>(static_cast<size_t>(rows), -0.1f), GAVEL_LOGPROB_SUM, {0}, {rows - 1});
  const double expected = static_cast<double>(-0.1f) * static_cast<double>(rows), bound = 17 * kHalfUlp * 1e4;
  check_bound("a long span", run_logprob(context.get(), from).scores.data(), &expected, &bound, 1, 0);
}

}  // namespace

int main() {
  const TestContext context(2);
  test_exact(context);
  test_steps(context);
  test_implicit_prm(context);
  for (const int32_t reduce : {GAVEL_LOGPROB_SUM, GAVEL_LOGPROB_MEAN, GAVEL_LOGPROB_MIN, GAVEL_LOGPROB_MEAN_PROB}) {
    test_gradients(context, reduce, false);
    if (reduce != GAVEL_LOGPROB_MEAN_PROB) test_gradients(context, reduce, true);
  }
  test_edges(context);
  test_long_span(context);
  return finish();
}
