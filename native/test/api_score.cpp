// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Scores against float64: poolings, norms, activations, readouts, several layers and outputs, every optional output.
#include <cstring>

#include "score_reference.h"

using namespace gavel::test;

namespace {

constexpr uint64_t kSeed = 20261120;

struct Case {
  std::string name;
  gavel_head_spec spec;
  int32_t pooling = GAVEL_POOLING_INDEX;
  int32_t combine = GAVEL_COMBINE_NONE;
  int32_t hidden_dtype = GAVEL_NONE;  // GAVEL_NONE: the head's
};

// Values of a quantity over all items, with their bounds.
struct Bounded {
  std::vector<double> values, bounds;

  void add(const std::vector<Approximate> &list) {
    for (const Approximate &item : list) {
      values.push_back(item.value);
      bounds.push_back(item.error > 0 ? kDeviations * item.error + 1e-30 : 0);
    }
  }
  // The largest error in units of its bound.
  double check(const std::string &name, const std::vector<float> &actual, double useful) const {
    if (values.empty()) return 0;
    const double n = static_cast<double>(values.size());
    double mean = 0, square = 0, largest = 0;
    for (const double value : values) mean += value / n;
    for (const double value : values) square += (value - mean) * (value - mean) / n;
    for (const double bound : bounds) largest = std::fmax(largest, bound);
    // A bound that would let a wrong result pass proves nothing.
    CHECK(largest < useful * std::sqrt(square), "%s: bound %g, deviation %g", name.c_str(), largest, std::sqrt(square));
    return check_bound(name, actual.data(), values.data(), bounds.data(), static_cast<int64_t>(values.size()), kSeed);
  }
};

struct Expected {
  Bounded vectors, preactivations, logits;

  Expected(const TestHead &head, const Case &test, const Batch &batch, const Scores &out) {
    const size_t width = static_cast<size_t>(preactivation_width(test.spec));
    for (size_t r = 0; r < batch.last.size(); ++r) {
      const int64_t first = batch.first[r], last = batch.last[r];
      vectors.add(pooled(batch, test.pooling, test.combine, first, last));
      const Reference item =
          reference(head, batch, test.pooling, test.combine, first, last, out.preactivations.data() + r * width);
      preactivations.add(item.preactivations);
      logits.add(item.logits);
    }
  }
};

// Scores from the library's own logits, whose errors are checked already.
void check_readout(const std::string &name, int32_t readout, const Scores &out) {
  std::vector<double> scores, bounds;
  for (const float value : out.logits) {
    const double logit = static_cast<double>(value);
    if (readout == GAVEL_READOUT_IDENTITY) scores.push_back(logit), bounds.push_back(0);
    if (readout == GAVEL_READOUT_AFFINE)
      scores.push_back((logit - 0.25) / -1.5), bounds.push_back(3 * kUnit * (std::fabs(logit) + 0.25));
    if (readout == GAVEL_READOUT_SIGMOID)
      scores.push_back(1 / (1 + std::exp(-logit))), bounds.push_back(4 * kUnit * scores.back());
  }
  check_bound(name + " scores", out.scores.data(), scores.data(), bounds.data(), static_cast<int64_t>(scores.size()), kSeed);
}

// Scores 24 items over 40 tokens with every readout. Returns the error in units of the bound.
double run(const TestContext &context, const Case &test) {
  constexpr int64_t kTokens = 40, kItems = 24;
  Random random(kSeed);
  const gavel_head_spec &spec = test.spec;
  const TestHead head(context.get(), spec, kSeed + 1);
  const bool concat = test.pooling == GAVEL_POOLING_FIRST_LAST && test.combine == GAVEL_COMBINE_CONCAT;
  Batch batch(random, test.hidden_dtype == 0 ? spec.dtype : test.hidden_dtype, kTokens,
              concat ? spec.input_width / 2 : spec.input_width);
  for (int64_t r = 0; r < kItems; ++r) {
    batch.first.push_back(random.integer(0, kTokens - 1));
    batch.last.push_back(random.integer(batch.first.back(), kTokens - 1));
  }
  // One bf16 input on the other side of a rounding moves a sum of 64 terms by up to 2 percent of its deviation.
  const bool computed = spec.norm != GAVEL_NORM_NONE || test.pooling != GAVEL_POOLING_INDEX;
  const double useful = computed && spec.dtype == GAVEL_BF16 ? 0.03 : 0.01;
  double worst = 0;
  for (const int32_t readout : {GAVEL_READOUT_IDENTITY, GAVEL_READOUT_AFFINE, GAVEL_READOUT_SIGMOID}) {
    const auto score = [&](bool everything) {
      Scores out;
      gavel_score_args args = score_args(spec, batch, test.pooling, test.combine, everything, out);
      args.readout = readout;
      if (readout == GAVEL_READOUT_AFFINE) args.readout_mean = 0.25f, args.readout_deviation = -1.5f;
      auto error = sized<gavel_error>();
      expect_status(test.name.c_str(), gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error);
      return out;
    };
    const Scores out = score(true);
    check_equal("invalid items", out.counts[0], 0);
    check_equal("items with NaN", out.counts[1], 0);
    const Expected expected(head, test, batch, out);
    check_bound(test.name + " vectors", out.vectors.data(), expected.vectors.values.data(), expected.vectors.bounds.data(),
                kItems * spec.input_width, kSeed);
    worst = std::fmax(worst, expected.preactivations.check(test.name + " pre-activations", out.preactivations, useful));
    worst = std::fmax(worst, expected.logits.check(test.name + " logits", out.logits, useful));
    check_readout(test.name, readout, out);
    // Without the optional outputs rows are read where they lie: the same bits.
    const Scores alone = score(false);
    check_bits(test.name + " without optional outputs", alone.scores.data(), out.scores.data(), kItems * spec.output_width,
               kSeed);
  }
  return worst;
}

gavel_head_spec with_norm(gavel_head_spec spec, int32_t norm) {
  spec.norm = norm;
  spec.norm_epsilon = 1e-5f;
  spec.flags |= GAVEL_HEAD_OUTPUT_BIAS;
  if (norm == GAVEL_NORM_LAYER) spec.flags |= GAVEL_HEAD_NORM_BIAS;
  if (spec.kind == GAVEL_HEAD_MLP) spec.flags |= GAVEL_HEAD_HIDDEN_BIAS;
  return spec;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    const std::string type = name_of(dtype);
    all.push_back({type + " linear", linear_spec(dtype, 100, 1)});
    all.push_back({type + " linear, 5 outputs, bias", with_norm(linear_spec(dtype, 384, 5), GAVEL_NORM_NONE)});
    all.back().spec.norm_epsilon = 0;
    all.push_back({type + " linear rms", with_norm(linear_spec(dtype, 1000, 2), GAVEL_NORM_RMS)});
    all.push_back({type + " linear layer norm", with_norm(linear_spec(dtype, 1024, 1), GAVEL_NORM_LAYER)});
    for (int32_t activation = GAVEL_ACTIVATION_IDENTITY; activation <= GAVEL_ACTIVATION_SILU; ++activation) {
      auto spec = mlp_spec(dtype, 96, {150}, 1, activation);
      spec.flags = GAVEL_HEAD_HIDDEN_BIAS;
      if (activation == GAVEL_ACTIVATION_PRELU) spec.flags |= GAVEL_HEAD_SLOPE_PER_CHANNEL;
      all.push_back({type + " activation " + std::to_string(activation), spec});
    }
    all.push_back({type + " shared slope", mlp_spec(dtype, 64, {65}, 1, GAVEL_ACTIVATION_PRELU)});
    auto yojo = with_norm(mlp_spec(dtype, 384, {300}, 1, GAVEL_ACTIVATION_SILU), GAVEL_NORM_RMS);
    yojo.output_scale = 0.05103104f;
    all.push_back({type + " rms, scale", yojo});
    all.push_back({type + " two layers", mlp_spec(dtype, 100, {70, 33}, 3, GAVEL_ACTIVATION_SELU)});
    all.push_back(
        {type + " three layers", with_norm(mlp_spec(dtype, 64, {64, 32, 96}, 2, GAVEL_ACTIVATION_TANH), GAVEL_NORM_LAYER)});
    for (const int32_t combine : {GAVEL_COMBINE_CONCAT, GAVEL_COMBINE_ADD, GAVEL_COMBINE_SUB}) {
      const std::string name = type + " first and last " + std::to_string(combine);
      all.push_back({name, mlp_spec(dtype, 128, {40}, 1, GAVEL_ACTIVATION_GELU), GAVEL_POOLING_FIRST_LAST, combine});
      all.push_back({name + " linear", linear_spec(dtype, 66, 1), GAVEL_POOLING_FIRST_LAST, combine});
    }
    all.push_back({type + " mean", mlp_spec(dtype, 96, {128}, 1, GAVEL_ACTIVATION_RELU), GAVEL_POOLING_SPAN_MEAN});
    all.push_back({type + " mean linear", linear_spec(dtype, 384, 2), GAVEL_POOLING_SPAN_MEAN});
    // An f32 head reads any hidden states, exactly.
    all.push_back({type + " into f32 linear", linear_spec(GAVEL_F32, 384, 1), GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, dtype});
    all.push_back({type + " into f32", mlp_spec(GAVEL_F32, 100, {36}, 1, GAVEL_ACTIVATION_SILU), GAVEL_POOLING_INDEX,
                   GAVEL_COMBINE_NONE, dtype});
  }
  return all;
}

}  // namespace

int main() {
  const TestContext context(2);
  double worst = 0;
  std::string where;
  for (const Case &test : cases()) {
    const double ratio = run(context, test);
    if (ratio > worst) worst = ratio, where = test.name;
  }
  std::fprintf(stderr, "largest error: %.2f of its bound, in %s\n", worst, where.c_str());
  return finish();
}
