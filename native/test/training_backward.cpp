// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gavel_backward: exact on small integers, within computed bounds of float64 on real data, and the float64 gradients themselves against
// central differences of the float64 forward pass.
#include "training_fixture.h"

using namespace gavel::test;

namespace {

const int32_t kActivations[] = {GAVEL_ACTIVATION_IDENTITY,  GAVEL_ACTIVATION_RELU, GAVEL_ACTIVATION_LEAKY_RELU,
                                GAVEL_ACTIVATION_PRELU,     GAVEL_ACTIVATION_TANH, GAVEL_ACTIVATION_GELU,
                                GAVEL_ACTIVATION_GELU_TANH, GAVEL_ACTIVATION_SELU, GAVEL_ACTIVATION_SILU};
const int32_t kDtypes[] = {GAVEL_F32, GAVEL_F16, GAVEL_BF16};

struct Headline {
  double bounds = 0;
  // Only of tensors whose error in norm means something: of 32 values at least (a shared slope is one sum, which may cancel), and not
  // behind a 16-bit rounding of a computed value (which may fall on the other side of a tie than in float64; the bounds know that).
  double norm = 0;
  bool in_norm = true;
};

void compare(const std::string &what, const std::vector<float> &actual, const std::vector<Approximate> &expected, uint64_t seed,
             Headline &headline) {
  std::vector<double> value, bound;
  double difference = 0, norm = 0;
  for (size_t k = 0; k < expected.size(); ++k) {
    value.push_back(expected[k].value);
    bound.push_back(expected[k].error + 0x1p-24 * std::fabs(expected[k].value) + 1e-30);
    difference += (static_cast<double>(actual[k]) - value[k]) * (static_cast<double>(actual[k]) - value[k]);
    norm += value[k] * value[k];
  }
  const double ratio =
      check_bound(what, actual.data(), value.data(), bound.data(), static_cast<int64_t>(expected.size()), seed);
  headline.bounds = std::fmax(headline.bounds, ratio);
  if (headline.in_norm && expected.size() >= 32 && norm > 0)
    headline.norm = std::fmax(headline.norm, std::sqrt(difference / norm));
}

void check_against_reference(gavel_context *context, const gavel_head_spec &spec, const TrainingCase &training, uint64_t seed,
                             Headline &headline) {
  const TestHead head(context, spec, seed);
  const Scores forward = run_forward(context, head, training);
  const TrainingOutputs actual = run_backward(context, head, training, forward);
  const BackwardProblem problem = reference_problem(head, training, forward);
  const Gradients expected = BackwardReference(problem).gradients();
  headline.in_norm = spec.dtype == GAVEL_F32 ||
                     (spec.norm == GAVEL_NORM_NONE && spec.hidden_layers <= 1 && training.pooling == GAVEL_POOLING_INDEX);
  for (size_t i = 0; i < actual.names.size(); ++i) {
    compare(actual.names[i], actual.gradients[i], expected.parameters.at(actual.names[i]), seed, headline);
  }
  std::vector<Approximate> vectors;
  for (const auto &row : expected.vectors) vectors.insert(vectors.end(), row.begin(), row.end());
  compare("dvectors", actual.dvectors, vectors, seed, headline);
  check_invalid_items("dvectors", spec, training, actual);
}

void check_random(gavel_context *context) {
  for (const int32_t dtype : kDtypes) {
    Headline headline;
    uint64_t seed = 1;
    for (const int32_t activation : kActivations) {
      for (int64_t layers = 0; layers <= 3; ++layers) {
        Random random(seed);
        gavel_head_spec spec = any_spec(random, dtype, activation, layers, 4);
        TrainingCase training = random_case(random, spec, random.integer(1, 90));
        set_readout(random, training);
        check_against_reference(context, spec, training, seed++, headline);
      }
    }
    for (const int32_t combine : {GAVEL_COMBINE_NONE, GAVEL_COMBINE_CONCAT, GAVEL_COMBINE_ADD, GAVEL_COMBINE_SUB}) {
      Random random(seed);
      gavel_head_spec spec = mlp_spec(dtype, 40, {33}, 2, GAVEL_ACTIVATION_SILU);
      const int32_t pooling = combine == GAVEL_COMBINE_NONE ? GAVEL_POOLING_SPAN_MEAN : GAVEL_POOLING_FIRST_LAST;
      check_against_reference(context, spec, random_case(random, spec, 37, pooling, combine), seed++, headline);
    }
    // More rows than one chunk holds.
    Random random(seed);
    gavel_head_spec spec = mlp_spec(dtype, 33, {31}, 1, GAVEL_ACTIVATION_SILU);
    spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
    check_against_reference(context, spec, random_case(random, spec, 1300), seed, headline);
    std::printf("backward %s: largest error %.2f of its bound, %.2g in norm\n", name_of(dtype), headline.bounds, headline.norm);
    CHECK(headline.norm <= 3e-6, "%g", headline.norm);
  }
}

// Small integers: every product and every sum is exact, so is every gradient, in any dtype.
void check_exact(gavel_context *context) {
  for (const int32_t dtype : kDtypes) {
    for (const int32_t activation : {GAVEL_ACTIVATION_IDENTITY, GAVEL_ACTIVATION_RELU}) {
      for (const int64_t items : {1, 2, 31, 32, 33, 65, 512, 513, 1100}) {
        const uint64_t seed = static_cast<uint64_t>(items);
        Random random(seed);
        gavel_head_spec spec = mlp_spec(dtype, 35, {17}, 3, activation);
        spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
        spec.output_scale = 0.5f;
        TrainingCase training = random_case(random, spec, items);
        for (float &v : training.batch.values) v = static_cast<float>(random.integer(-2, 2));
        training.batch.reencode();
        for (float &d : training.dscore) d = static_cast<float>(random.integer(-2, 2));
        const TestHead head(context, spec, seed, 1);
        const Scores forward = run_forward(context, head, training);
        const TrainingOutputs actual = run_backward(context, head, training, forward);
        const BackwardProblem problem = reference_problem(head, training, forward);
        const Gradients expected = BackwardReference(problem).gradients();
        for (size_t i = 0; i < actual.names.size(); ++i) {
          std::vector<float> exact_values;
          for (const Approximate &v : expected.parameters.at(actual.names[i]))
            exact_values.push_back(static_cast<float>(v.value));
          // Adding 0 makes one zero of the two: a sum of nothing but -0 is +0 or -0, which float64 cannot tell.
          std::vector<float> values = actual.gradients[i];
          for (float &v : values) v += 0.0f;
          for (float &v : exact_values) v += 0.0f;
          check_bits("exact " + actual.names[i], values.data(), exact_values.data(), static_cast<int64_t>(values.size()), seed);
        }
      }
    }
  }
}

// The reference's gradients against the differences of its forward pass, at every parameter and every vector.
void check_differences() {
  double largest = 0;
  for (const int32_t activation : kActivations) {
    for (int32_t readout = GAVEL_READOUT_IDENTITY; readout <= GAVEL_READOUT_SIGMOID; ++readout) {
      const uint64_t seed = static_cast<uint64_t>(10 * activation + readout);
      Random random(seed);
      BackwardProblem problem;
      problem.spec = mlp_spec(GAVEL_F32, 5, {4, 3}, 2, activation);
      problem.spec.norm = GAVEL_NORM_RMS + static_cast<int32_t>(seed % 2);
      problem.spec.norm_epsilon = 0.01f;
      problem.spec.output_scale = 0.7f;
      problem.readout = readout;
      problem.deviation = 1.3;
      const auto fill = [&](const std::string &name, size_t n) {
        for (size_t k = 0; k < n; ++k) problem.parameters[name].push_back(0.5 * static_cast<double>(random.normal()));
      };
      fill("norm.weight", 5), fill("hidden.0.weight", 20), fill("hidden.0.bias", 4), fill("hidden.1.weight", 12);
      fill("hidden.1.bias", 3), fill("output.weight", 6), fill("output.bias", 2);
      if (problem.spec.norm == GAVEL_NORM_LAYER) fill("norm.bias", 5);
      if (activation == GAVEL_ACTIVATION_PRELU) fill("hidden.0.slope", 4), fill("hidden.1.slope", 1);
      for (size_t r = 0; r < 3; ++r) {
        problem.vectors.emplace_back();
        for (size_t k = 0; k < 5; ++k) problem.vectors[r].push_back({static_cast<double>(random.normal()), 0});
        problem.dscore.push_back({static_cast<double>(random.normal()), static_cast<double>(random.normal())});
      }
      problem.preactivations.resize(3);
      const auto objective = [&] {
        double sum = 0;
        problem.scores.clear();
        for (size_t r = 0; r < 3; ++r) {
          problem.scores.push_back(plain_scores(problem, r));
          for (size_t k = 0; k < 2; ++k) sum += problem.dscore[r][k] * problem.scores[r][k];
        }
        return sum;
      };
      objective();
      // No 16-bit type, so the reference rounds to f32 only where the norm ends: 1e-7 of the values, carried as such in its bounds.
      const Gradients gradients = BackwardReference(problem).gradients();
      const auto difference = [&](double &at, const Approximate &gradient) {
        const double middle = at, step = 1e-5;
        at = middle + step;
        const double above = objective();
        at = middle - step;
        const double below = objective();
        at = middle;
        const double error = std::fabs((above - below) / (2 * step) - gradient.value) / std::fmax(1, std::fabs(gradient.value));
        largest = std::fmax(largest, error);
        CHECK(error <= 1e-7, "activation %d, readout %d: %g, difference %g", activation, readout, gradient.value,
              (above - below) / (2 * step));
      };
      for (auto &[name, values] : problem.parameters) {
        for (size_t k = 0; k < values.size(); ++k) difference(values[k], gradients.parameters.at(name)[k]);
      }
      for (size_t r = 0; r < 3; ++r) {
        for (size_t k = 0; k < 5; ++k) difference(problem.vectors[r][k].value, gradients.vectors[r][k]);
      }
    }
  }
  std::printf("reference against central differences: %.2g\n", largest);
}

}  // namespace

int main() {
  const TestContext context;
  check_differences();
  check_exact(context.get());
  check_random(context.get());
  return finish();
}
