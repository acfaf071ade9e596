// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gavel_backward gives the same bits on every instruction set and for any number of threads, for one gradient alone or all together,
// whatever the layout of the gradients, and as if invalid items were not there.
#include "common/head_spec.h"
#include "cpu/backward.h"
#include "summation.h"
#include "training_fixture.h"

using namespace gavel::test;

namespace {

gavel_head_spec spec_of(int32_t dtype, int64_t width, std::initializer_list<int64_t> hidden, int32_t activation, int32_t norm) {
  gavel_head_spec spec = hidden.size() == 0 ? linear_spec(dtype, width, 3) : mlp_spec(dtype, width, hidden, 2, activation);
  spec.flags = GAVEL_HEAD_OUTPUT_BIAS;
  if (hidden.size() > 0) spec.flags |= GAVEL_HEAD_HIDDEN_BIAS;
  spec.norm = norm;
  if (norm != GAVEL_NORM_NONE) spec.norm_epsilon = 1e-5f;
  if (norm == GAVEL_NORM_LAYER) spec.flags |= GAVEL_HEAD_NORM_BIAS;
  spec.output_scale = 0.3f;
  return spec;
}

struct Shape {
  gavel_head_spec spec;
  int64_t items;
};

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const int64_t width : {1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100}) {
    all.push_back({spec_of(GAVEL_F32, width, {width + 2}, GAVEL_ACTIVATION_SILU, GAVEL_NORM_RMS), 2 + width});
    all.push_back({spec_of(GAVEL_BF16, width, {}, GAVEL_ACTIVATION_IDENTITY, GAVEL_NORM_NONE), width});
  }
  for (const int32_t activation :
       {GAVEL_ACTIVATION_RELU, GAVEL_ACTIVATION_LEAKY_RELU, GAVEL_ACTIVATION_PRELU, GAVEL_ACTIVATION_TANH,
        GAVEL_ACTIVATION_GELU, GAVEL_ACTIVATION_GELU_TANH, GAVEL_ACTIVATION_SELU}) {
    all.push_back({spec_of(GAVEL_F16, 40, {50, 30}, activation, GAVEL_NORM_LAYER), 70});
  }
  // Large enough that the work is split among threads; the one of 1300 items over several chunks of rows.
  all.push_back({spec_of(GAVEL_BF16, 384, {300}, GAVEL_ACTIVATION_SILU, GAVEL_NORM_LAYER), 200});
  all.push_back({spec_of(GAVEL_F16, 100, {129, 64}, GAVEL_ACTIVATION_PRELU, GAVEL_NORM_NONE), 1300});
  if (kSanitized) return all;
  all.push_back({spec_of(GAVEL_F32, 1024, {257}, GAVEL_ACTIVATION_GELU, GAVEL_NORM_RMS), 65});
  all.push_back({spec_of(GAVEL_F32, 4096, {}, GAVEL_ACTIVATION_IDENTITY, GAVEL_NORM_RMS), 300});
  return all;
}

void check_tables_and_threads() {
  int64_t tables = 0;
  for (const Shape &shape : shapes()) {
    const uint64_t seed = static_cast<uint64_t>(shape.spec.input_width);
    Random random(seed);
    const TrainingCase training = random_case(random, shape.spec, shape.items);
    const TestContext scalar(1, GAVEL_INSTRUCTION_SET_SCALAR);
    const TestHead head(scalar.get(), shape.spec, seed);
    const Scores forward = run_forward(scalar.get(), head, training);
    const TrainingOutputs expected = run_backward(scalar.get(), head, training, forward);
    for (int32_t set = GAVEL_INSTRUCTION_SET_SCALAR; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
      for (const int32_t threads : {1, 2, 3, 4}) {
        if (kSanitized && threads != 3) continue;
        if (set == GAVEL_INSTRUCTION_SET_SCALAR && (threads != 3 || shape.items > 100)) continue;
        const TestContext context(threads, set);
        if (context.get() == nullptr) continue;
        ++tables;
        check_same_gradients("instruction set " + std::to_string(set) + ", threads " + std::to_string(threads),
                             run_backward(context.get(), head, training, forward), expected, seed);
      }
    }
  }
  CHECK(tables > 0, "no table but the scalar one ran");
}

// Sums over rows in the order that backward.h gives them, over terms that are products of two floats or single ones: one hidden layer
// without an activation, one output, so that da[r][o] = dscore[r] * output_scale * output.weight[o].
void check_documented_order(gavel_context *context) {
  gavel_head_spec spec = mlp_spec(GAVEL_F32, 6, {5}, 1, GAVEL_ACTIVATION_IDENTITY);
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
  spec.output_scale = 0.25f;
  Random random(5);
  const TrainingCase training = random_case(random, spec, 1400, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, 0);
  const TestHead head(context, spec, 5);
  const TrainingOutputs actual = run_backward(context, head, training, run_forward(context, head, training));
  const std::vector<float> &output = *head.values("output.weight");
  const int64_t chunk = gavel::chunk_rows(gavel::check_head_spec(&spec));
  CHECK(chunk == 512, "chunks of %d rows", static_cast<int>(chunk));
  const auto da = [&](int64_t r, size_t o) { return training.dscore[static_cast<size_t>(r)] * 0.25f * output[o]; };
  // Of a chunk: 4 rows in order, then such sums in pairs: the leaves before the largest power of two below their number, plus the others.
  const auto rows_in_tree = [&](auto term) {
    float sum = 0;
    for (int64_t begin = 0; begin < training.items(); begin += chunk) {
      const int64_t end = std::min(begin + chunk, training.items());
      const auto tree = [&](auto &&self, int64_t first, int64_t leaves) -> float {
        if (leaves == 1) {
          float leaf = 0;
          for (int64_t r = first; r < std::min(first + 4, end); ++r) leaf += term(r);
          return leaf;
        }
        int64_t left = 1;
        while (2 * left < leaves) left *= 2;
        return self(self, first, left) + self(self, first + 4 * left, leaves - left);
      };
      const float part = tree(tree, begin, (end - begin + 3) / 4);
      sum = begin == 0 ? part : sum + part;
    }
    return sum;
  };
  // Of a chunk: in double precision.
  const auto rows_in_double = [&](auto term) {
    float sum = 0;
    for (int64_t begin = 0; begin < training.items(); begin += chunk) {
      double part = 0;
      for (int64_t r = begin; r < std::min(begin + chunk, training.items()); ++r) part += static_cast<double>(term(r));
      sum = begin == 0 ? static_cast<float>(part) : sum + static_cast<float>(part);
    }
    return sum;
  };
  const auto chunks_in_f32_order = [&](size_t o, size_t i) {
    float sum = 0;
    for (int64_t begin = 0; begin < training.items(); begin += chunk) {
      const float part = f32_order(std::min(chunk, training.items() - begin), [&](int64_t k, float chain) {
        const int64_t r = begin + k;
        const auto x = training.batch.values[static_cast<size_t>(training.batch.last[static_cast<size_t>(r)] * 6) + i];
        return std::fmaf(da(r, o), x, chain);
      });
      sum = begin == 0 ? part : sum + part;
    }
    return sum;
  };
  std::vector<float> weight, bias;
  for (size_t o = 0; o < 5; ++o) {
    bias.push_back(rows_in_double([&](int64_t r) { return da(r, o); }));
    for (size_t i = 0; i < 6; ++i) weight.push_back(chunks_in_f32_order(o, i));
  }
  const float output_bias = rows_in_double([&](int64_t r) { return training.dscore[static_cast<size_t>(r)] * 0.25f; });
  check_bits("hidden.0.weight in f32 order", actual.gradients[0].data(), weight.data(), 30, 5);
  check_bits("hidden.0.bias in double precision", actual.gradients[1].data(), bias.data(), 5, 5);
  check_bits("output.bias in double precision", actual.gradients[3].data(), &output_bias, 1, 5);

  // dy of a norm's bias is such a product, too.
  gavel_head_spec normed = spec_of(GAVEL_F32, 6, {}, GAVEL_ACTIVATION_IDENTITY, GAVEL_NORM_LAYER);
  normed.output_width = 1;
  normed.output_scale = 0.25f;
  const TestHead normed_head(context, normed, 6);
  const TrainingOutputs normed_actual =
      run_backward(context, normed_head, training, run_forward(context, normed_head, training));
  const std::vector<float> &weights = *normed_head.values("output.weight");
  std::vector<float> norm_bias;
  for (size_t k = 0; k < 6; ++k) {
    norm_bias.push_back(rows_in_tree([&](int64_t r) { return training.dscore[static_cast<size_t>(r)] * 0.25f * weights[k]; }));
  }
  check_bits("norm.bias in tree order", normed_actual.gradients[1].data(), norm_bias.data(), 6, 6);
}

void check_layouts(gavel_context *context) {
  for (const uint64_t seed : {1, 2, 3}) {
    Random random(seed);
    const gavel_head_spec spec =
        spec_of(seed == 1 ? GAVEL_F32 : GAVEL_BF16, 45, {37, 20}, GAVEL_ACTIVATION_PRELU, GAVEL_NORM_LAYER);
    const TrainingCase training = random_case(random, spec, 600);
    const TestHead head(context, spec, seed);
    const Scores forward = run_forward(context, head, training);
    const TrainingOutputs expected = run_backward(context, head, training, forward);
    TrainingOptions options;
    options.row_gap = 5;
    check_same_gradients("rows apart", run_backward(context, head, training, forward, options), expected, seed);

    // One gradient alone is what it is among the others; the vectors alone, too.
    for (size_t i = 0; i <= expected.names.size(); ++i) {
      options.only = i < expected.names.size() ? expected.names[i] : "vectors";
      const TrainingOutputs alone = run_backward(context, head, training, forward, options);
      if (i == expected.names.size()) {
        check_bits("vectors alone", alone.dvectors.data(), expected.dvectors.data(),
                   static_cast<int64_t>(expected.dvectors.size()), seed);
        continue;
      }
      check_bits(options.only + " alone", alone.gradients[i].data(), expected.gradients[i].data(),
                 static_cast<int64_t>(expected.gradients[i].size()), seed);
      CHECK(std::isnan(alone.dvectors[0]), "dvectors were not wanted");
    }

    // Accumulating onto 0 is overwriting; onto a number it is adding, chunk by chunk.
    options = {};
    options.accumulate = true;
    options.before = 0;
    check_same_gradients("onto 0", run_backward(context, head, training, forward, options), expected, seed);
  }
}

// One chunk: a second call adds its sum to that of the first.
void check_accumulate(gavel_context *context) {
  Random random(9);
  const gavel_head_spec spec = spec_of(GAVEL_F32, 20, {33}, GAVEL_ACTIVATION_SILU, GAVEL_NORM_RMS);
  const TrainingCase training = random_case(random, spec, 50);
  const TestHead head(context, spec, 9);
  const Scores forward = run_forward(context, head, training);
  TrainingOutputs expected = run_backward(context, head, training, forward);
  for (auto &gradient : expected.gradients) {
    for (float &value : gradient) value = 3.5f + value;
  }
  TrainingOptions options;
  options.accumulate = true;
  options.before = 3.5f;
  check_same_gradients("added", run_backward(context, head, training, forward, options), expected, 9);
}

void check_invalid_items(gavel_context *context) {
  for (const uint64_t seed : {11, 12, 13}) {
    Random random(seed);
    const gavel_head_spec spec = spec_of(GAVEL_BF16, 30, {33}, GAVEL_ACTIVATION_SILU, GAVEL_NORM_LAYER);
    TrainingCase all =
        random_case(random, spec, 1200, seed == 11 ? GAVEL_POOLING_INDEX : GAVEL_POOLING_SPAN_MEAN, GAVEL_COMBINE_NONE, 0.4);
    TrainingCase kept = all;
    kept.batch.first.clear(), kept.batch.last.clear(), kept.dscore.clear();
    const size_t outputs = static_cast<size_t>(spec.output_width);
    for (size_t r = 0; r < all.batch.last.size(); ++r) {
      if (all.valid(r)) {
        kept.batch.first.push_back(all.batch.first[r]), kept.batch.last.push_back(all.batch.last[r]);
        kept.dscore.insert(kept.dscore.end(), all.dscore.begin() + static_cast<int64_t>(r * outputs),
                           all.dscore.begin() + static_cast<int64_t>((r + 1) * outputs));
      } else {
        // Whatever stands there must not be looked at.
        for (size_t k = 0; k < outputs; ++k) all.dscore[r * outputs + k] = std::numeric_limits<float>::quiet_NaN();
      }
    }
    const TestHead head(context, spec, seed);
    Scores forward = run_forward(context, head, all);
    for (size_t r = 0; r < all.batch.last.size(); ++r) {
      if (!all.valid(r)) forward.preactivations[r * static_cast<size_t>(preactivation_width(spec))] = NAN;
    }
    const TrainingOutputs with = run_backward(context, head, all, forward);
    TrainingOutputs without = run_backward(context, head, kept, run_forward(context, head, kept));
    std::vector<float> dvectors;
    size_t next = 0;
    const size_t width = static_cast<size_t>(spec.input_width);
    for (size_t r = 0; r < all.batch.last.size(); ++r) {
      for (size_t k = 0; k < width; ++k) dvectors.push_back(all.valid(r) ? without.dvectors[next++] : 0.0f);
    }
    without.dvectors = dvectors;
    check_same_gradients("invalid = removed", with, without, seed);
  }
}

void check_edges(gavel_context *context) {
  const gavel_head_spec spec = spec_of(GAVEL_F32, 6, {5}, GAVEL_ACTIVATION_RELU, GAVEL_NORM_NONE);
  Random random(21);
  const TestHead head(context, spec, 21);
  // No items, and only invalid ones: gradients are 0, or stay what they were.
  for (const int64_t items : {0, 3}) {
    TrainingCase none = random_case(random, spec, items, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, 2);
    const Scores forward = run_forward(context, head, none);
    for (const bool accumulate : {false, true}) {
      TrainingOptions options;
      options.accumulate = accumulate;
      options.before = 2;
      const TrainingOutputs out = run_backward(context, head, none, forward, options);
      for (const auto &gradient : out.gradients) {
        for (const float value : gradient) CHECK(value == (accumulate ? 2 : 0), "%g", static_cast<double>(value));
      }
      for (const float value : out.dvectors) CHECK(std::bit_cast<uint32_t>(value) == 0, "%g", static_cast<double>(value));
    }
  }
  // A NaN in one item's dscore reaches every weight its activations reach, and no other item's vector.
  TrainingCase training = random_case(random, spec, 4, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, 0);
  training.dscore[2 * 2] = std::numeric_limits<float>::quiet_NaN();
  const TrainingOutputs out = run_backward(context, head, training, run_forward(context, head, training));
  for (size_t i = 0; i < out.names.size(); ++i) {
    bool found = false;
    for (const float value : out.gradients[i]) found = found || std::isnan(value);
    CHECK(found, "%s hides a NaN", out.names[i].c_str());
  }
  for (size_t r = 0; r < 4; ++r) CHECK(std::isnan(out.dvectors[6 * r]) == (r == 2), "vector %zu", r);
}

}  // namespace

int main() {
  const TestContext context(2);
  check_tables_and_threads();
  check_documented_order(context.get());
  check_layouts(context.get());
  check_accumulate(context.get());
  check_invalid_items(context.get());
  check_edges(context.get());
  return finish();
}
