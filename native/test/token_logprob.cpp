// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Log-probabilities of tokens: exact cases, the same bits whatever the instruction set, threads, source and neighbours, bounds against
// float64, and the edges of the vocabulary and of f32.
#include <memory>

#include "api/handles.h"
#include "hostile.h"
#include "token_logprob_fixture.h"

using namespace gavel::test;

namespace {

constexpr float kInfinite = std::numeric_limits<float>::infinity();
const int64_t kVocabularies[] = {1, 2, 31, 32, 33, 1000, 1023, 1024, 1025, 2048, 5000};

LogprobCase logits_case(int64_t tokens, std::vector<float> logits, std::vector<int64_t> targets, int32_t dtype = GAVEL_F32) {
  LogprobCase made;
  made.rows = static_cast<int64_t>(targets.size());
  made.tokens = tokens;
  made.dtype = dtype;
  made.logits = std::move(logits);
  made.targets = std::move(targets);
  return made;
}

// Hidden states and weights of small whole numbers: logits are exact, so both sources must give the same bits.
void test_integers(const TestContext &context, int32_t dtype, int64_t tokens, int64_t width, int64_t rows) {
  const uint64_t seed = static_cast<uint64_t>(tokens * 1000 + width);
  Random random(seed);
  std::vector<float> weight, hidden, logits;
  for (int64_t i = 0; i < tokens * width; ++i) weight.push_back(static_cast<float>(random.integer(-2, 2)));
  for (int64_t i = 0; i < rows * width; ++i) hidden.push_back(static_cast<float>(random.integer(-2, 2)));
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t v = 0; v < tokens; ++v) {
      float sum = 0;
      for (int64_t k = 0; k < width; ++k) {
        sum += hidden[static_cast<size_t>(t * width + k)] * weight[static_cast<size_t>(v * width + k)];
      }
      logits.push_back(sum);
    }
  }
  std::vector<int64_t> targets;
  for (int64_t t = 0; t < rows; ++t) targets.push_back(random.integer(0, tokens - 1));
  const TestVocabulary vocabulary(context.get(), dtype, tokens, width, weight);
  LogprobCase from_hidden;
  from_hidden.rows = rows, from_hidden.vocabulary = &vocabulary, from_hidden.dtype = dtype;
  from_hidden.hidden = hidden, from_hidden.targets = targets;
  LogprobCase from_logits = logits_case(tokens, logits, targets);
  const LogprobOutputs one = run_logprob(context.get(), from_hidden), other = run_logprob(context.get(), from_logits);
  check_bits("hidden states or logits, V " + std::to_string(tokens), one.logprobs.data(), other.logprobs.data(), rows, seed);
  for (const float logprob : one.logprobs) CHECK(logprob <= 0, "V %lld: %g", static_cast<long long>(tokens), double(logprob));
}

// All logits equal: log p is -log V, and log of the exact sum V is rounded once.
void test_uniform(const TestContext &context, int64_t tokens) {
  LogprobCase from = logits_case(tokens, std::vector<float>(static_cast<size_t>(tokens), 3.25f), {tokens / 2});
  const double expected = -std::log(static_cast<double>(tokens)), bound = 0x1p-23 * std::fabs(expected) + 1e-45;
  check_bound("uniform", run_logprob(context.get(), from).logprobs.data(), &expected, &bound, 1, 0);
}

void test_bounds_of_logits(const TestContext &context, int64_t tokens, int32_t dtype, double deviation) {
  const uint64_t seed = static_cast<uint64_t>(tokens) * 10 + static_cast<uint64_t>(dtype);
  Random random(seed);
  const int64_t rows = 6;
  std::vector<int64_t> targets;
  for (int64_t t = 0; t < rows; ++t) targets.push_back(random.integer(0, tokens - 1));
  LogprobCase from = logits_case(tokens, random_values(random, dtype, rows * tokens, deviation), targets, dtype);
  const LogprobOutputs out = run_logprob(context.get(), from);
  std::vector<double> expected, bound;
  for (size_t t = 0; t < targets.size(); ++t) {
    const auto *row = from.logits.data() + t * static_cast<size_t>(tokens);
    const std::vector<double> logits(row, row + tokens), exact(static_cast<size_t>(tokens), 0);
    const BoundedLogprob reference = logprob_reference(logits, exact, static_cast<size_t>(targets[t]));
    expected.push_back(reference.value), bound.push_back(reference.bound);
  }
  check_bound("logits, V " + std::to_string(tokens), out.logprobs.data(), expected.data(), bound.data(), rows, seed);
}

void test_bounds_of_hidden_states(const TestContext &context, int32_t dtype, int64_t tokens, int64_t width) {
  const uint64_t seed = static_cast<uint64_t>(tokens + width);
  Random random(seed);
  const int64_t rows = 5;
  const TestVocabulary vocabulary(context.get(), dtype, tokens, width,
                                  random_values(random, dtype, tokens * width, 3 / std::sqrt(static_cast<double>(width))));
  LogprobCase from;
  from.rows = rows, from.vocabulary = &vocabulary, from.dtype = dtype;
  from.hidden = random_values(random, dtype, rows * width);
  for (int64_t t = 0; t < rows; ++t) from.targets.push_back(random.integer(0, tokens - 1));
  const LogprobOutputs out = run_logprob(context.get(), from);
  std::vector<double> expected, bound, logits, error;
  for (size_t t = 0; t < static_cast<size_t>(rows); ++t) {
    logits_reference(vocabulary, from.hidden.data() + t * static_cast<size_t>(width), logits, error);
    const BoundedLogprob reference = logprob_reference(logits, error, static_cast<size_t>(from.targets[t]));
    expected.push_back(reference.value), bound.push_back(reference.bound);
  }
  check_bound("hidden states, V " + std::to_string(tokens), out.logprobs.data(), expected.data(), bound.data(), rows, seed);
}

// Every instruction set and thread count, rows alone and together: one row's bits.
void test_bits(int32_t dtype, int64_t tokens, int64_t width, int64_t rows) {
  const uint64_t seed = static_cast<uint64_t>(tokens + dtype);
  Random random(seed);
  const std::vector<float> weight = random_values(random, dtype, tokens * width, 0.5);
  const std::vector<float> hidden = random_values(random, dtype, rows * width);
  const std::vector<float> logits = random_values(random, dtype, rows * tokens, 3);
  std::vector<int64_t> targets;
  for (int64_t t = 0; t < rows; ++t) targets.push_back(random.integer(0, tokens - 1));
  std::vector<float> expected, expected_of_logits;
  for (int32_t set = GAVEL_INSTRUCTION_SET_SCALAR; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    for (const int32_t threads : {1, 2, 3}) {
      if (kSanitized && threads != 3) continue;
      const TestContext context(threads, set);
      if (context.get() == nullptr) continue;
      context.get()->cpu->pool.set_part_nanoseconds(1);
      const TestVocabulary vocabulary(context.get(), dtype, tokens, width, weight);
      const std::string what = "set " + std::to_string(set) + ", threads " + std::to_string(threads);
      LogprobCase from;
      from.vocabulary = &vocabulary, from.dtype = dtype, from.rows = rows, from.hidden = hidden, from.targets = targets;
      const LogprobOutputs all = run_logprob(context.get(), from);
      LogprobCase of_logits = logits_case(tokens, logits, targets, dtype);
      const LogprobOutputs read = run_logprob(context.get(), of_logits);
      if (expected.empty()) expected = all.logprobs, expected_of_logits = read.logprobs;
      check_bits(what, all.logprobs.data(), expected.data(), rows, seed);
      check_bits("logits, " + what, read.logprobs.data(), expected_of_logits.data(), rows, seed);
      for (const int64_t row : {int64_t{0}, rows / 2, rows - 1}) {
        from.rows = 1;
        from.hidden.assign(hidden.begin() + row * width, hidden.begin() + (row + 1) * width);
        from.targets = {targets[static_cast<size_t>(row)]};
        const LogprobOutputs alone = run_logprob(context.get(), from);
        check_bits("alone, " + what, alone.logprobs.data(), &expected[static_cast<size_t>(row)], 1, seed);
      }
    }
  }
}

// 1e4 between logits, infinities, NaN: the right limit, and no other row hears of it.
void test_extremes(const TestContext &context) {
  for (const int64_t tokens : {int64_t{2}, int64_t{1500}}) {
    const auto width = static_cast<size_t>(tokens);
    std::vector<float> logits(width * 7, -1e4f);
    const int64_t far = tokens - 1;
    logits[0] = 0;                                                    // row 0: the target leads by 1e4
    logits[width + static_cast<size_t>(far)] = 0;                     // row 1: the target trails by 1e4
    logits[2 * width] = 5e3f, logits[2 * width + 1] = -5e3f;          // row 2: of either sign
    logits[3 * width] = kInfinite;                                    // row 3: no distribution
    logits[4 * width + 1] = std::numeric_limits<float>::quiet_NaN();  // row 4: NaN elsewhere in the row
    std::fill_n(logits.begin() + 5 * tokens, tokens, -kInfinite);     // row 5: no token is possible
    logits[6 * width] = -kInfinite;                                   // row 6: an impossible target
    LogprobCase from = logits_case(tokens, logits, {0, 0, 1, 0, 0, 0, 0});
    const std::vector<float> got = run_logprob(context.get(), from).logprobs;
    CHECK(got[0] == 0, "leads by 1e4: %g", static_cast<double>(got[0]));
    CHECK(got[1] == -1e4f, "trails by 1e4: %g", static_cast<double>(got[1]));
    CHECK(got[2] == -1e4f, "either sign: %g", static_cast<double>(got[2]));
    for (const size_t t : {3, 4, 5}) CHECK(std::isnan(got[t]), "row %zu: %g", t, static_cast<double>(got[t]));
    CHECK(got[6] == -kInfinite, "an impossible target: %g", static_cast<double>(got[6]));
  }
  // A whole chunk of impossible tokens changes nothing.
  std::vector<float> masked(3000, -kInfinite);
  masked[2999] = 1, masked[2998] = 1;
  LogprobCase from = logits_case(3000, masked, {2999});
  const std::vector<float> alone = {1, 1};
  LogprobCase pair = logits_case(2, alone, {1});
  check_bits("impossible tokens", run_logprob(context.get(), from).logprobs.data(),
             run_logprob(context.get(), pair).logprobs.data(), 1, 0);
}

void test_small(const TestContext &context) {
  LogprobCase single = logits_case(1, {-7.5f, 1e30f}, {0, 0});
  for (const float logprob : run_logprob(context.get(), single).logprobs) CHECK(same_bits(logprob, 0), "V = 1: not +0");
  LogprobCase none = logits_case(5, {}, {});
  run_logprob(context.get(), none);
  none.spans = true, none.reduce = GAVEL_LOGPROB_SUM;
  none.first = {-1}, none.last = {-1};
  const LogprobOutputs out = run_logprob(context.get(), none);
  CHECK(out.scores[0] == -kInfinite && out.counts[0] == 1 && out.counts[1] == 0, "T = 0");
}

}  // namespace

int main() {
  const TestContext context(2);
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    for (const int64_t tokens : kVocabularies) test_integers(context, dtype, tokens, kSanitized || tokens > 1000 ? 33 : 70, 5);
    test_integers(context, dtype, 100, 7, 300);
    for (const int64_t tokens : kVocabularies) test_bounds_of_logits(context, tokens, dtype, tokens % 2 == 0 ? 3 : 20);
    test_bounds_of_hidden_states(context, dtype, 1100, 300);
    test_bits(dtype, 2100, 40, kSanitized ? 37 : 150);
  }
  if (!kSanitized) test_bounds_of_logits(context, 151936, GAVEL_F32, 4);
  for (const int64_t tokens : {1, 2, 3, 64, 1000, 1024, 4096, 4097}) test_uniform(context, tokens);
  test_extremes(context);
  test_small(context);
  return finish();
}
