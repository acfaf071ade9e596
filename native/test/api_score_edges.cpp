// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Items that are invalid, NaN and infinite rows, calls over nothing, refused arguments, and a loss in the same call.
#include <bit>
#include <cstring>

#include "api_fixture.h"

using namespace gavel::test;

namespace {

constexpr uint64_t kSeed = 7;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

int32_t score(const TestContext &context, const TestHead &head, const gavel_score_args &args, gavel_error &error,
              const gavel_loss_args *loss = nullptr) {
  return gavel_score(context.get(), head.get(), &args, loss, &error);
}

std::vector<gavel_head_spec> specs(int32_t dtype) {
  auto normed = mlp_spec(dtype, 40, {70}, 2, GAVEL_ACTIVATION_SILU);
  normed.norm = GAVEL_NORM_LAYER;
  normed.norm_epsilon = 1e-5f;
  normed.flags = GAVEL_HEAD_NORM_BIAS | GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
  return {linear_spec(dtype, 40, 2), mlp_spec(dtype, 40, {70}, 2, GAVEL_ACTIVATION_RELU), normed,
          mlp_spec(dtype, 40, {33, 20}, 2, GAVEL_ACTIVATION_TANH)};
}

void test_invalid_items(const TestContext &context, const gavel_head_spec &spec, int32_t pooling, int32_t combine,
                        int32_t readout) {
  Random random(kSeed);
  const TestHead head(context.get(), spec, kSeed);
  const int64_t width = combine == GAVEL_COMBINE_CONCAT ? spec.input_width / 2 : spec.input_width;
  Batch batch(random, spec.dtype, 9, width);
  const bool spans = pooling != GAVEL_POOLING_INDEX;
  batch.first = {0, -1, 4, 5, 8};
  batch.last = {3, 2, -1, 4, 8};
  const bool valid[] = {true, !spans, false, !spans, true};
  Scores out;
  gavel_score_args args = score_args(spec, batch, pooling, combine, true, out);
  args.readout = readout;
  if (readout == GAVEL_READOUT_AFFINE) args.readout_deviation = -2;
  auto error = sized<gavel_error>();
  expect_status("invalid items", score(context, head, args, error), GAVEL_OK, error);
  check_equal("counted", out.counts[0], spans ? 3 : 1);
  check_equal("no NaN", out.counts[1], 0);
  for (size_t r = 0; r < 5; ++r) {
    for (size_t k = 0; k < 2; ++k) {
      CHECK(std::isfinite(out.scores[2 * r + k]) == valid[r] && (valid[r] || out.scores[2 * r + k] == -kInfinity),
            "score of item %zu is %g", r, static_cast<double>(out.scores[2 * r + k]));
      CHECK(std::isfinite(out.logits[2 * r + k]) == valid[r] && (valid[r] || out.logits[2 * r + k] == -kInfinity),
            "logit of item %zu", r);
    }
    if (valid[r]) continue;
    for (int64_t k = 0; k < spec.input_width; ++k) {
      CHECK(out.vectors[r * static_cast<size_t>(spec.input_width) + static_cast<size_t>(k)] == 0, "vector of item %zu", r);
    }
    const size_t total = static_cast<size_t>(preactivation_width(spec));
    for (size_t k = 0; k < total; ++k) CHECK(out.preactivations[r * total + k] == 0, "pre-activation of item %zu", r);
  }
}

// One value of one row at a time becomes NaN or infinite: the items that need the row show it, the others keep their bits.
void test_bad_rows(const TestContext &context, const gavel_head_spec &spec, int32_t pooling, int32_t combine) {
  Random random(kSeed);
  const TestHead head(context.get(), spec, kSeed);
  const int64_t width = combine == GAVEL_COMBINE_CONCAT ? spec.input_width / 2 : spec.input_width;
  Batch batch(random, spec.dtype, 8, width);
  batch.first = {0, 2, 3, 5};
  batch.last = {1, 2, 4, 7};
  const auto needs = [&](size_t item, int64_t row) {
    if (row == batch.last[item]) return true;
    if (pooling == GAVEL_POOLING_INDEX) return false;
    return row == batch.first[item] ||
           (pooling == GAVEL_POOLING_SPAN_MEAN && row > batch.first[item] && row < batch.last[item]);
  };
  Scores clean;
  auto error = sized<gavel_error>();
  gavel_score_args args = score_args(spec, batch, pooling, combine, false, clean);
  expect_status("clean", score(context, head, args, error), GAVEL_OK, error);
  for (int64_t row = 0; row < 8; ++row) {
    // The NaN that C++ makes, one with a sign and a payload, a signalling one.
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::bit_cast<float>(0xffd12345u),
                            std::bit_cast<float>(0x7f812345u), kInfinity, -kInfinity}) {
      Batch changed = batch;
      const int64_t column = random.integer(0, width - 1);
      changed.values[static_cast<size_t>(row * width + column)] = bad;
      changed.reencode();
      Scores out;
      args = score_args(spec, changed, pooling, combine, true, out);
      expect_status("bad row", score(context, head, args, error), GAVEL_OK, error);
      int64_t expected_nan = 0;
      for (size_t item = 0; item < 4; ++item) {
        const float *now = &out.scores[2 * item];
        if (!needs(item, row)) {
          check_bits("an item that does not need the row", now, &clean.scores[2 * item], 2, kSeed);
        } else if (std::isnan(bad)) {
          for (int k = 0; k < 2; ++k) {
            CHECK(std::bit_cast<uint32_t>(now[k]) == 0x7fc00000u, "NaN is 0x%x", std::bit_cast<uint32_t>(now[k]));
            CHECK(std::bit_cast<uint32_t>(out.logits[2 * item + static_cast<size_t>(k)]) == 0x7fc00000u, "NaN of the logit");
          }
        }
        expected_nan += std::isnan(now[0]) || std::isnan(now[1]);
      }
      check_equal("items with NaN", out.counts[1], expected_nan);
      CHECK(!std::isnan(bad) || expected_nan > 0 || (row != 1 && row != 2 && row != 4 && row != 7), "NaN in row %d was lost",
            static_cast<int>(row));
    }
  }
}

// tanh of an infinite sum is 1: the score stays finite, whatever fills up the last panel.
void test_infinity_and_panels(const TestContext &context) {
  auto spec = mlp_spec(GAVEL_F32, 1, {33}, 1, GAVEL_ACTIVATION_TANH);
  std::vector<float> weight(33, 1.0f), output(33, 1.0f);
  const gavel_tensor parameters[] = {describe(weight.data(), GAVEL_F32, {33, 1}), describe(output.data(), GAVEL_F32, {1, 33})};
  auto error = sized<gavel_error>();
  gavel_head *head = nullptr;
  expect_status("create", gavel_head_create(context.get(), &spec, parameters, 2, &head, &error), GAVEL_OK, error);
  Random random(kSeed);
  Batch batch(random, GAVEL_F32, 1, 1);
  batch.values = {kInfinity};
  batch.reencode();
  batch.last = {0};
  Scores out;
  const gavel_score_args args = score_args(spec, batch, GAVEL_POOLING_INDEX, 0, false, out);
  expect_status("infinite", gavel_score(context.get(), head, &args, nullptr, &error), GAVEL_OK, error);
  // Products with the zeros that fill a block of 32 are 0 * 1; the one product is inf.
  CHECK(out.scores[0] == 33, "score %g", static_cast<double>(out.scores[0]));
  gavel_head_destroy(head);
}

void test_nothing(const TestContext &context, const gavel_head_spec &spec) {
  Random random(kSeed);
  const TestHead head(context.get(), spec, kSeed);
  auto error = sized<gavel_error>();
  Batch empty(random, spec.dtype, 5, spec.input_width);
  Scores out;
  gavel_score_args args = score_args(spec, empty, GAVEL_POOLING_INDEX, 0, true, out);
  expect_status("no items", score(context, head, args, error), GAVEL_OK, error);
  check_equal("invalid items", out.counts[0], 0);
  check_equal("NaN items", out.counts[1], 0);
  Batch none(random, spec.dtype, 0, spec.input_width);
  none.last = {-1, -1};
  none.first = {-1, -1};
  args = score_args(spec, none, GAVEL_POOLING_INDEX, 0, false, out);
  expect_status("no tokens", score(context, head, args, error), GAVEL_OK, error);
  check_equal("all invalid", out.counts[0], 2);
  none.last = {-1, 0};
  args = score_args(spec, none, GAVEL_POOLING_INDEX, 0, false, out);
  expect_status("row 0 of none", score(context, head, args, error), GAVEL_INVALID_ARGUMENT, error);
  CHECK(std::strstr(error.message, "item 1: args.last[1] is 0; args.hidden has 0 rows") != nullptr, "%s", error.message);
}

void test_refused(const TestContext &context) {
  const auto spec = mlp_spec(GAVEL_BF16, 32, {32}, 1, GAVEL_ACTIVATION_SILU);
  const TestHead head(context.get(), spec, kSeed);
  Random random(kSeed);
  Batch batch(random, GAVEL_BF16, 6, 32);
  batch.first = {0, 1, 2};
  batch.last = {1, 3, 5};
  Bytes other(6 * 32 * 4);
  const auto refuse = [&](int32_t pooling, auto change, const char *text, Where where = Where::current()) {
    Scores out;
    gavel_score_args args =
        score_args(spec, batch, pooling, pooling == GAVEL_POOLING_FIRST_LAST ? GAVEL_COMBINE_ADD : 0, true, out);
    change(args, out);
    const Scores before = out;
    auto error = sized<gavel_error>();
    expect_status(text, gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_INVALID_ARGUMENT, error, where);
    if (failed(std::strstr(error.message, text) != nullptr, where))
      std::fprintf(stderr, "\"%s\" lacks \"%s\"\n", error.message, text);
    check_bits("nothing is written", out.scores.data(), before.scores.data(), 3, kSeed, where);
  };
  const int32_t kIndex = GAVEL_POOLING_INDEX, kSpan = GAVEL_POOLING_SPAN_MEAN;
  using Args = gavel_score_args;
  refuse(
      kIndex, [](Args &a, Scores &) { a.pooling = 0; }, "args.pooling is 0");
  refuse(
      kIndex, [](Args &a, Scores &) { a.pooling = 6; }, "args.pooling is 6");
  refuse(
      kIndex, [](Args &a, Scores &) { a.combine = 1; }, "args.combine is 1");
  refuse(
      GAVEL_POOLING_FIRST_LAST, [](Args &a, Scores &) { a.combine = 0; }, "args.combine is 0");
  refuse(
      GAVEL_POOLING_FIRST_LAST, [](Args &a, Scores &) { a.combine = 1; }, "which this pooling makes vectors of 64");
  refuse(
      kIndex, [](Args &a, Scores &) { a.readout = 9; }, "args.readout is 9");
  refuse(
      kIndex, [](Args &a, Scores &) { a.readout_mean = 1; }, "args.readout_mean is 1");
  refuse(
      kIndex, [](Args &a, Scores &) { a.readout = GAVEL_READOUT_AFFINE; }, "args.readout_deviation is 0");
  refuse(
      kIndex, [](Args &a, Scores &) { a.readout = GAVEL_READOUT_AFFINE, a.readout_deviation = 1e-39f; },
      "args.readout_deviation");
  refuse(
      kIndex, [](Args &a, Scores &) { a.readout = 1, a.readout_deviation = 1, a.readout_mean = kInfinity; },
      "args.readout_mean is inf");
  refuse(
      kIndex, [](Args &a, Scores &) { a.reserved2 = 1; }, "args.reserved and args.reserved2 are 0 and 1");
  refuse(
      kIndex, [](Args &a, Scores &) { a.hidden.shape[1] = 31; }, "the head's input_width is 32");
  refuse(
      kIndex,
      [&](Args &a, Scores &) {
        a.hidden = describe(other.data(), GAVEL_F32, {6, 32});
      },
      "args.hidden is f32[6,32]: the dtype must be bf16");
  refuse(
      kIndex, [](Args &a, Scores &) { a.hidden.byte_length -= 1; }, "byte_length is 383");
  refuse(
      kIndex, [](Args &a, Scores &) { a.first = a.last; }, "args.first is i64[3]: it must be absent with INDEX");
  refuse(
      kSpan, [](Args &a, Scores &) { a.first = {}; }, "args.first is absent");
  refuse(
      kSpan, [](Args &a, Scores &) { a.first.shape[0] = 2; }, "args.first is i64[2]: the shape must be [3]");
  refuse(
      kIndex, [](Args &a, Scores &) { a.last.dtype = GAVEL_I32; }, "args.last is i32[3]: the dtype must be i64");
  refuse(
      kIndex, [](Args &a, Scores &) { a.scores = {}; }, "args.scores is absent");
  refuse(
      kIndex, [](Args &a, Scores &) { a.scores.shape[1] = 2; }, "args.scores is f32[3,2]: the shape must be [3,1]");
  refuse(
      kIndex, [](Args &a, Scores &) { a.logits = a.scores; }, "output args.scores overlaps output args.logits");
  refuse(
      kIndex, [&](Args &a, Scores &) { a.vectors.data = batch.bytes.data(), a.vectors.byte_length = 384; },
      "overlaps input args.hidden");
  refuse(
      kIndex, [](Args &a, Scores &) { a.preactivations.shape[1] = 31; }, "args.preactivations is f32[3,31]");
  refuse(
      kIndex, [](Args &a, Scores &) { a.counts.shape[0] = 1; }, "args.counts is i64[1]");
  refuse(
      kIndex, [](Args &a, Scores &) { a.struct_size -= 8; }, "args.struct_size is");
  struct {
    int64_t value;
    const char *text;
  } const bad[] = {{6, "args.last[1] is 6; args.hidden has 6 rows"},
                   {-2, "args.last[1] is -2"},
                   {INT64_MAX, "args.last[1] is 9223372036854775807"},
                   {INT64_MIN, "args.last[1] is -9223372036854775808"}};
  for (const auto &index : bad) {
    batch.last[1] = index.value;
    refuse(
        kIndex, [](Args &, Scores &) {}, index.text);
    refuse(
        kSpan, [](Args &, Scores &) {}, index.text);
    batch.last[1] = 3;
  }
  batch.first[2] = 7;
  refuse(
      kSpan, [](Args &, Scores &) {}, "item 2: args.first[2] is 7");
  // An index that is out of range is an error even where the other one makes the item invalid.
  batch.last[2] = -1;
  refuse(
      kSpan, [](Args &, Scores &) {}, "item 2: args.first[2] is 7");
}

// The loss of the call is gavel_loss of its scores, with invalid items masked.
void test_loss(const TestContext &context) {
  const auto spec = mlp_spec(GAVEL_F32, 48, {40}, 1, GAVEL_ACTIVATION_SILU);
  const TestHead head(context.get(), spec, kSeed);
  Random random(kSeed);
  Batch batch(random, GAVEL_F32, 8, 48);
  batch.last = {0, 1, 2, -1, 4, 5};
  std::vector<int64_t> pairs = {0, 1, 2, 3, 4, 5};
  std::vector<uint8_t> mask = {1, 1, 1, 0, 1, 1};
  const auto with = [&](std::vector<float> &dscore, std::vector<float> &item, float &loss, int64_t *counts) {
    auto args = sized<gavel_loss_args>();
    args.kind = GAVEL_LOSS_BRADLEY_TERRY;
    args.reduction = GAVEL_REDUCTION_MEAN_VALID;
    args.weight = args.beta = 1;
    args.pairs = describe(pairs.data(), GAVEL_I64, {3, 2});
    dscore.assign(6, -1);
    item.assign(3, -1);
    args.dscore = describe(dscore.data(), GAVEL_F32, {6});
    args.item_loss = describe(item.data(), GAVEL_F32, {3});
    args.loss = describe(&loss, GAVEL_F32, {1});
    args.counts = describe(counts, GAVEL_I64, {2});
    return args;
  };
  Scores out;
  auto error = sized<gavel_error>();
  std::vector<float> dscore, item, dscore_alone, item_alone;
  float loss = -1, loss_alone = -1;
  int64_t counts[2], counts_alone[2];
  gavel_loss_args args = with(dscore, item, loss, counts);
  const gavel_score_args scoring = score_args(spec, batch, GAVEL_POOLING_INDEX, 0, false, out);
  expect_status("score with a loss", score(context, head, scoring, error, &args), GAVEL_OK, error);
  gavel_loss_args alone = with(dscore_alone, item_alone, loss_alone, counts_alone);
  std::vector<float> scores = out.scores;
  scores[3] = 0;  // -inf, masked here
  alone.scores = describe(scores.data(), GAVEL_F32, {6});
  alone.mask = describe(mask.data(), GAVEL_U8, {6});
  expect_status("the loss alone", gavel_loss(context.get(), &alone, &error), GAVEL_OK, error);
  check_bits("loss", &loss, &loss_alone, 1, kSeed);
  check_bits("dscore", dscore.data(), dscore_alone.data(), 6, kSeed);
  check_bits("item loss", item.data(), item_alone.data(), 3, kSeed);
  check_equal("valid", counts[0], 2);
  CHECK(loss > 0 && std::isfinite(loss) && dscore[0] != 0 && dscore[2] == 0 && dscore[3] == 0, "loss %g",
        static_cast<double>(loss));

  args.scores = alone.scores;
  expect_status("scores of its own", score(context, head, scoring, error, &args), GAVEL_INVALID_ARGUMENT, error);
  args.scores = {};
  args.dscore = scoring.scores;
  args.dscore.rank = 1;
  args.dscore.shape[1] = args.dscore.stride[1] = 0;
  expect_status("dscore over scores", score(context, head, scoring, error, &args), GAVEL_INVALID_ARGUMENT, error);
  CHECK(std::strstr(error.message, "overlaps") != nullptr, "%s", error.message);
}

// Several outputs: the loss runs over all scores, row by row, those of the invalid item left out.
void test_loss_of_two_outputs(const TestContext &context) {
  const TestHead head(context.get(), linear_spec(GAVEL_F32, 48, 2), kSeed);
  Random random(kSeed);
  Batch batch(random, GAVEL_F32, 8, 48);
  batch.last = {0, 1, -1, 4};
  std::vector<float> targets = random_values(random, GAVEL_F32, 8, 1), scores_alone;
  std::vector<uint8_t> mask = {1, 1, 1, 1, 0, 0, 1, 1};
  float loss = -1, loss_alone = -1;
  std::vector<float> dscore(8, -1), dscore_alone(8, -1);
  const auto with = [&](float &value, std::vector<float> &gradient) {
    auto args = sized<gavel_loss_args>();
    args.kind = GAVEL_LOSS_MSE;
    args.reduction = GAVEL_REDUCTION_MEAN_VALID;
    args.weight = 1;
    args.targets = describe(targets.data(), GAVEL_F32, {8});
    args.loss = describe(&value, GAVEL_F32, {1});
    args.dscore = describe(gradient.data(), GAVEL_F32, {8});
    return args;
  };
  Scores out;
  auto error = sized<gavel_error>();
  gavel_score_args scoring = score_args(head.spec(), batch, GAVEL_POOLING_INDEX, 0, false, out);
  gavel_loss_args args = with(loss, dscore);
  expect_status("two outputs", score(context, head, scoring, error, &args), GAVEL_OK, error);
  gavel_loss_args alone = with(loss_alone, dscore_alone);
  scores_alone = out.scores;
  scores_alone[4] = scores_alone[5] = 0;  // -inf, masked here
  alone.scores = describe(scores_alone.data(), GAVEL_F32, {8});
  alone.mask = describe(mask.data(), GAVEL_U8, {8});
  expect_status("the loss alone", gavel_loss(context.get(), &alone, &error), GAVEL_OK, error);
  check_bits("loss", &loss, &loss_alone, 1, kSeed);
  check_bits("dscore", dscore.data(), dscore_alone.data(), 8, kSeed);
  CHECK(loss > 0 && dscore[0] != 0 && dscore[4] == 0 && dscore[5] == 0, "loss %g", static_cast<double>(loss));

  std::vector<float> apart(12);
  scoring.scores = describe(apart.data(), GAVEL_F32, {4, 2});
  scoring.scores.stride[0] = 3;
  scoring.scores.byte_length = 12 * sizeof(float);
  expect_status("rows apart", score(context, head, scoring, error, &args), GAVEL_INVALID_ARGUMENT, error);
  CHECK(std::strstr(error.message, "without gaps") != nullptr, "%s", error.message);
}

}  // namespace

int main() {
  const TestContext context(2);
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    for (const gavel_head_spec &spec : specs(dtype)) {
      for (const int32_t readout : {GAVEL_READOUT_IDENTITY, GAVEL_READOUT_AFFINE, GAVEL_READOUT_SIGMOID}) {
        test_invalid_items(context, spec, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, readout);
        test_invalid_items(context, spec, GAVEL_POOLING_SPAN_MEAN, GAVEL_COMBINE_NONE, readout);
        test_invalid_items(context, spec, GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_SUB, readout);
      }
      test_bad_rows(context, spec, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE);
      test_bad_rows(context, spec, GAVEL_POOLING_SPAN_MEAN, GAVEL_COMBINE_NONE);
      test_bad_rows(context, spec, GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_CONCAT);
      test_nothing(context, spec);
    }
  }
  test_infinity_and_panels(context);
  test_refused(context);
  test_loss(context);
  test_loss_of_two_outputs(context);
  return finish();
}
