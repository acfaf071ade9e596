// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// What a caller can get wrong with vocabularies and token log-probabilities: refused by name, never a byte beside the memory that was shown.
#include <cstddef>
#include <functional>

#include "guarded_tensors.h"
#include "hostile.h"
#include "token_logprob_fixture.h"

using namespace gavel::test;

namespace {

constexpr int64_t kRows = 9, kTokens = 70, kWidth = 33, kItems = 4;

// A good call of each source; every test changes one thing.
struct Good {
  int32_t call(const TestContext &context, const gavel_loss_args *with, gavel_error &error) const {
    return gavel_token_logprob(context.get(), given, &args, with, &error);
  }

  Random random{5};
  TestVocabulary vocabulary;
  LogprobCase from;
  LogprobOutputs out;
  gavel_vocabulary *given;
  gavel_token_logprob_args args;
  LossProblem bce;
  LossOutputs loss_out;
  gavel_loss_args loss;

  Good(const TestContext &context, int32_t dtype, int source)
      : vocabulary(context.get(), dtype, kTokens, kWidth, random_values(random, dtype, kTokens * kWidth)) {
    from.rows = kRows, from.dtype = dtype;
    if (source == 0) from.vocabulary = &vocabulary, from.hidden = random_values(random, dtype, kRows * kWidth);
    if (source == 1) from.tokens = kTokens, from.logits = random_values(random, dtype, kRows * kTokens);
    if (source == 2) from.policy = random_values(random, GAVEL_F32, kRows);
    for (int64_t t = 0; t < kRows; ++t) from.targets.push_back(random.integer(0, kTokens - 1)), from.mask.push_back(t != 4);
    from.reference = random_values(random, GAVEL_F32, kRows);
    from.spans = true, from.first = {0, 3, 2, -1}, from.last = {2, 8, 2, -1};
    from.reduce = GAVEL_LOGPROB_SUM, from.readout = GAVEL_READOUT_LOG_RATIO, from.beta = 0.5f;
    args = logprob_args(from, out);
    given = vocabulary_of(from);
    bce.kind = GAVEL_LOSS_BCE, bce.positive_weight.scalar = 1;
    bce.targets = {1, 0, 1, 0}, bce.scores.assign(kItems, 0);
    loss = loss_args(bce, loss_out);
    loss.scores = gavel_tensor{};
  }
};

void test_messages(const TestContext &context) {
  const auto refused = [&](const char *what, int source, const std::function<void(Good &)> &change, const char *names) {
    Good good(context, GAVEL_F32, source);
    auto error = sized<gavel_error>();
    expect_status(what, good.call(context, &good.loss, error), GAVEL_OK, error);
    change(good);
    expect_refused(what, good.call(context, &good.loss, error), error, "gavel_token_logprob", names);
  };
  refused(
      "a target of V", 0, [](Good &g) { g.from.targets[5] = kTokens; }, "args.targets[5] is 70; the vocabulary has 70 tokens");
  refused(
      "a target below 0", 1, [](Good &g) { g.from.targets[8] = -100; }, "args.targets[8] is -100");
  refused(
      "a row behind the last", 0, [](Good &g) { g.from.last[1] = kRows; }, "item 1: args.last[1] is 9; args.hidden has 9 rows");
  refused(
      "a row behind the last, logits", 1, [](Good &g) { g.from.first[2] = -2; }, "args.first[2] is -2; args.logits has 9 rows");
  refused(
      "two sources", 0,
      [](Good &g) {
        g.args.logits = describe(g.from.bytes.data(), GAVEL_F32, {kRows, 2});
      },
      "2 of args.hidden");
  refused(
      "no source", 0, [](Good &g) { g.args.hidden = gavel_tensor{}; }, "0 of args.hidden");
  refused(
      "hidden states alone", 0, [](Good &g) { g.given = nullptr; }, "vocabulary is NULL");
  refused(
      "logits with a vocabulary", 1, [](Good &g) { g.given = g.vocabulary.get(); }, "vocabulary is given");
  refused(
      "no vocabulary at all", 0, [](Good &g) { g.given = reinterpret_cast<gavel_vocabulary *>(g.from.mask.data()); },
      "vocabulary is not a live handle");
  refused(
      "another width", 0, [](Good &g) { g.args.hidden.shape[1] = kWidth - 1; }, "args.hidden has rows of 32 values");
  refused(
      "targets of given log-probabilities", 2, [](Good &g) { g.args.targets = describe_vector(g.from.targets, GAVEL_I64); },
      "args.targets is i64[9]: it must be absent with policy_logprobs");
  refused(
      "no reduction", 0, [](Good &g) { g.args.reduce = 0; }, "args.reduce is 0");
  refused(
      "another readout", 0, [](Good &g) { g.args.readout = GAVEL_READOUT_SIGMOID; }, "args.readout is 2");
  refused(
      "beta 0", 0, [](Good &g) { g.args.beta = 0; }, "args.beta is 0");
  refused(
      "beta of nothing", 0, [](Good &g) { g.args.readout = 0; }, "only LOG_RATIO reads it");
  refused(
      "a ratio of probabilities", 0, [](Good &g) { g.args.reduce = GAVEL_LOGPROB_MEAN_PROB; }, "MEAN_PROB, a probability");
  refused(
      "a reference of probabilities", 0,
      [](Good &g) { g.args.reduce = GAVEL_LOGPROB_MEAN_PROB, g.args.readout = 0, g.args.beta = 0; },
      "args.reference_logprobs is f32[9]: it must be absent with MEAN_PROB");
  refused(
      "an output over an input", 2, [](Good &g) { g.args.logprobs.data = g.args.policy_logprobs.data; }, "overlaps");
  refused(
      "a loss without spans", 0,
      [](Good &g) { g.args.first = g.args.last = g.args.scores = g.args.counts = g.args.reference_logprobs = gavel_tensor{}; },
      "loss is given, but there are no scores");
  refused(
      "a stream", 0, [](Good &g) { g.args.stream = reinterpret_cast<gavel_stream *>(g.from.mask.data()); },
      "args.stream is not NULL");
  refused(
      "an older struct", 0, [](Good &g) { g.args.struct_size -= 8; }, "args.struct_size");

  auto error = sized<gavel_error>();
  Good good(context, GAVEL_F32, 0);
  Random random(1);
  const TestHead head(context.get(), linear_spec(GAVEL_F32, kWidth, 1), 1);
  Batch batch(random, GAVEL_F32, 2, kWidth);
  batch.first = batch.last = {0, 1};
  Scores scores;
  gavel_score_args score = score_args(head.spec(), batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, false, scores);
  score.pooling = GAVEL_POOLING_TOKEN_LOGPROB;
  expect_refused("pooling of gavel_score", gavel_score(context.get(), head.get(), &score, nullptr, &error), error,
                 "gavel_score", "call gavel_token_logprob");
  score.pooling = GAVEL_POOLING_INDEX, score.readout = GAVEL_READOUT_LOG_RATIO;
  expect_refused("readout of gavel_score", gavel_score(context.get(), head.get(), &score, nullptr, &error), error,
                 "gavel_score", "call gavel_token_logprob");
  gavel_token_logprob_backward_args backward = logprob_backward_args(good.from, good.from.reference, good.out);
  expect_refused("dscore of another length", gavel_token_logprob_backward(context.get(), &backward, &error), error,
                 "gavel_token_logprob_backward", "args.dscore");
  backward.logprobs = describe_vector(good.out.logprobs, GAVEL_F32);
  backward.dscore = describe_vector(good.loss_out.dscore, GAVEL_F32);
  expect_refused("what SUM does not need", gavel_token_logprob_backward(context.get(), &backward, &error), error,
                 "gavel_token_logprob_backward", "args.logprobs is f32[9]: it must be absent with SUM");
}

void test_vocabulary(const TestContext &context) {
  auto error = sized<gavel_error>();
  std::vector<float> values(12, 1);
  gavel_vocabulary *made = nullptr;
  const auto refused = [&](const char *what, gavel_tensor weight, const char *names) {
    made = reinterpret_cast<gavel_vocabulary *>(&error);
    expect_refused(what, gavel_vocabulary_create(context.get(), &weight, &made, &error), error, "gavel_vocabulary_create",
                   names);
    CHECK(made == nullptr, "%s: a handle came back", what);
  };
  const gavel_tensor weight = describe(values.data(), GAVEL_F32, {3, 4});
  refused("no token", describe(values.data(), GAVEL_F32, {0, 4}), "weight has 0 rows");
  refused("no width", describe(values.data(), GAVEL_F32, {3, 0}), "weight has rows of 0 values");
  refused("a vector", describe(values.data(), GAVEL_F32, {12}), "weight is f32[12]");
  refused("whole numbers", describe(values.data(), GAVEL_I32, {3, 4}), "weight is i32[3,4]");
  gavel_tensor huge = weight;
  huge.shape[0] = int64_t{1} << 40;
  refused("a length that lies", huge, "weight");
  // Rows apart in memory, and a context that ends before its vocabulary.
  auto *parent = new TestContext(1);
  gavel_tensor apart = describe(values.data(), GAVEL_F32, {2, 4}, 8);
  expect_status("rows apart", gavel_vocabulary_create(parent->get(), &apart, &made, &error), GAVEL_OK, error);
  delete parent;
  LogprobCase from;
  from.rows = 1, from.tokens = 2, from.logits = {1, 1}, from.targets = {0};
  LogprobOutputs out;
  gavel_token_logprob_args args = logprob_args(from, out);
  const std::vector<float> hidden = {1, 1, 1, 1};
  args.logits = gavel_tensor{};
  args.hidden = describe(const_cast<float *>(hidden.data()), GAVEL_F32, {1, 4});
  expect_status("a vocabulary outlives its context", gavel_token_logprob(context.get(), made, &args, nullptr, &error), GAVEL_OK,
                error);
  CHECK(out.logprobs[0] == -0x1.62e43p-1f, "log 1/2: %a", static_cast<double>(out.logprobs[0]));
  gavel_vocabulary_destroy(made);
  gavel_vocabulary_destroy(nullptr);
}

std::vector<gavel_tensor *> tensors_of(gavel_token_logprob_args &args) {
  return {&args.hidden, &args.logits, &args.policy_logprobs, &args.targets, &args.mask,  &args.reference_logprobs,
          &args.first,  &args.last,   &args.logprobs,        &args.scores,  &args.counts};
}
constexpr size_t kFirstOutput = 8;

// Memory that ends, or begins, at a page nobody may touch.
void test_guarded(const TestContext &context, int32_t dtype, int source, Edge edge) {
  Good good(context, dtype, source);
  auto error = sized<gavel_error>();
  expect_status("free", good.call(context, nullptr, error), GAVEL_OK, error);
  const LogprobOutputs expected = good.out;
  GuardedTensors memory;
  const std::vector<gavel_tensor *> tensors = tensors_of(good.args);
  for (size_t i = 0; i < tensors.size(); ++i) memory.add(*tensors[i], i < kFirstOutput, edge);
  expect_status("guarded", good.call(context, nullptr, error), GAVEL_OK, error);
  CHECK(memory.untouched(), "source %d wrote outside of its outputs", source);
  check_bits("guarded scores", static_cast<const float *>(good.args.scores.data), expected.scores.data(), kItems, 5);
  check_bits("guarded log-probabilities", static_cast<const float *>(good.args.logprobs.data), expected.logprobs.data(), kRows,
             5);

  const std::vector<float> dscore(kItems, 1);
  gavel_token_logprob_backward_args backward = logprob_backward_args(good.from, dscore, good.out);
  for (gavel_tensor *tensor : {&backward.mask, &backward.first, &backward.last, &backward.dscore})
    memory.add(*tensor, true, edge);
  memory.add(backward.dlogprobs, false, edge);
  expect_status("guarded backward", gavel_token_logprob_backward(context.get(), &backward, &error), GAVEL_OK, error);
  CHECK(memory.untouched(), "the backward pass wrote outside of its output");
}

void test_hostile(const TestContext &context, int source, Edge edge) {
  Random random(static_cast<uint64_t>(100 + source));
  Good good(context, GAVEL_F32, source);
  GuardedTensors memory;
  const std::vector<gavel_tensor *> tensors = tensors_of(good.args);
  for (size_t i = 0; i < tensors.size(); ++i) memory.add(*tensors[i], false, edge);
  int64_t accepted = 0, refused = 0;
  for (int call = 0; call < 3000; ++call) {
    gavel_token_logprob_args args = good.args;
    auto *lists = static_cast<int64_t *>((call % 2 == 0 ? args.first : args.last).data);
    const int64_t kept = lists[call % kItems];
    if (call % 3 == 0) lists[call % kItems] = hostile_number(random, kept);
    Spoiler<gavel_token_logprob_args>(args)
        .words({offsetof(gavel_token_logprob_args, struct_size), offsetof(gavel_token_logprob_args, reduce),
                offsetof(gavel_token_logprob_args, readout)})
        .floats({offsetof(gavel_token_logprob_args, beta)})
        .tensors(offsetof(gavel_token_logprob_args, hidden), offsetof(gavel_token_logprob_args, stream))
        .spoil(random);
    auto error = sized<gavel_error>();
    const int32_t status = gavel_token_logprob(context.get(), good.given, &args, nullptr, &error);
    (status == GAVEL_OK ? accepted : refused) += 1;
    CHECK(status == GAVEL_OK || status == GAVEL_INVALID_ARGUMENT, "status %d: %s", status, error.message);
    lists[call % kItems] = kept;
  }
  CHECK(memory.untouched(), "hostile calls of source %d wrote outside of the memory they were shown", source);
  CHECK(accepted > 60 && refused > 750, "%" PRId64 " accepted, %" PRId64 " refused: nothing was tested", accepted, refused);
}

}  // namespace

int main() {
  const TestContext context(2);
  test_messages(context);
  test_vocabulary(context);
  for (const Edge edge : kEdges) {
    for (int source = 0; source < 3; ++source) {
      for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) test_guarded(context, dtype, source, edge);
      test_hostile(context, source, edge);
    }
  }
  return finish();
}
