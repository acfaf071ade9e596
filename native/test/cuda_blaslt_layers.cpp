// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Scores in mode FAST over a fake of cuBLASLt that computes what it is asked for: the bits of our own kernels where everything is exact,
// computed bounds of float64 elsewhere, and the products that are asked for, by shape and layout.
#include "cuda_score_fixture.h"
#include "fake_cublaslt.h"

using namespace gavel::test;

namespace {

constexpr uint64_t kSeed = 20261130;
constexpr int64_t kFewItems = 16;  // as many as go to the library here

// A device in mode FAST, as far as scores are concerned.
void open_fake(CudaDevice &device) {
  device.context().blaslt = std::make_unique<gavel::cuda::BlasLt>(fake_cublaslt::kApi);
  device.context().blaslt_items = kFewItems;
}

// Every output of both, with small whole numbers. Items are valid, invalid and faults.
void test_integers(CudaDevice &own, CudaDevice &fast, const TestContext &context, const gavel_head_spec &spec, int64_t items) {
  Random random(kSeed);
  const TestHead head(context.get(), spec, kSeed, 2);
  const CudaHead expected_head(own, head), head_in_fast(fast, head);
  Batch batch = make_batch(random, spec.dtype, 9, spec.input_width, items, 2);
  batch.last[3] = -1;
  batch.last[5] = 9;
  CudaRun run;
  run.everything = true;
  run.output_gap = 3;
  const std::string name = std::string(name_of(spec.dtype)) + ", " + std::to_string(items) + " items";
  const CudaScores expected = expected_head.score(batch, run);
  check_equal(name + ": fault of our own kernels", expected.fault.kind != gavel::cuda::kNoFault, 1);
  fake_cublaslt::asked.clear();
  const CudaScores actual = head_in_fast.score(batch, run);
  check_same(name + " scores", actual.scores, expected.scores.data(), kSeed);
  check_same(name + " logits", actual.logits, expected.logits.data(), kSeed);
  check_same(name + " vectors", actual.vectors, expected.vectors.data(), kSeed);
  check_same(name + " pre-activations", actual.preactivations, expected.preactivations.data(), kSeed);
  for (int k = 0; k < 2; ++k) check_equal(name + " counts", actual.counts[k], expected.counts[k]);
  check_equal(name + ": fault", actual.fault.kind, expected.fault.kind);
  run.everything = false;
  check_same(name + " without optional outputs", head_in_fast.score(batch, run).scores, expected.scores.data(), kSeed);
}

// Column-major, so that weights are the left side: u^T [width, rows] = W [width, depth] X^T.
void check_asked(const gavel_head_spec &spec, std::initializer_list<int64_t> rows_of_a_layer) {
  size_t n = 0;
  for (int32_t call = 0; call < 2; ++call) {
    for (int32_t l = 0; l < spec.hidden_layers; ++l) {
      const auto depth = static_cast<uint64_t>(l == 0 ? spec.input_width : spec.hidden_width[l - 1]);
      const auto width = static_cast<uint64_t>(spec.hidden_width[l]);
      for (const int64_t rows : rows_of_a_layer) {
        if (n >= fake_cublaslt::asked.size()) break;
        const fake_cublaslt::Asked &asked = fake_cublaslt::asked[n++];
        CHECK(asked.rows == width && asked.columns == static_cast<uint64_t>(rows) && asked.depth == depth,
              "product %zu is %llu x %llu x %llu", n - 1, static_cast<unsigned long long>(asked.rows),
              static_cast<unsigned long long>(asked.columns), static_cast<unsigned long long>(asked.depth));
        CHECK(asked.transpose_a == 1 && asked.transpose_b == 0 && !asked.adds, "product %zu is not W X^T", n - 1);
        CHECK(asked.type == (spec.dtype == GAVEL_BF16 ? 14 : 2), "product %zu is of type %d", n - 1, asked.type);
      }
    }
  }
  check_equal("products", static_cast<int64_t>(fake_cublaslt::asked.size()),
              2 * spec.hidden_layers * static_cast<int64_t>(rows_of_a_layer.size()));
  check_equal("products looked at", static_cast<int64_t>(n), static_cast<int64_t>(fake_cublaslt::asked.size()));
}

void test_reference(CudaDevice &fast, const TestContext &context, const gavel_head_spec &spec, int32_t pooling) {
  Random random(kSeed + 1);
  const TestHead head(context.get(), spec, kSeed + 2);
  const CudaHead on_device(fast, head);
  const Batch batch = make_batch(random, spec.dtype, 40, spec.input_width, 30);
  CudaRun run;
  run.pooling = pooling;
  run.everything = true;
  run.readout = GAVEL_READOUT_SIGMOID;
  fake_cublaslt::asked.clear();
  const CudaScores out = on_device.score(batch, run);
  check_equal("products", static_cast<int64_t>(fake_cublaslt::asked.size()), spec.hidden_layers);
  check_reference(std::string("reference ") + name_of(spec.dtype), head, batch, run, out, kSeed);
  for (uint64_t schedule = 1; schedule <= 8; ++schedule) {
    gavel::emulator::set_seed(schedule);
    check_same("schedule " + std::to_string(schedule), on_device.score(batch, run).scores, out.scores.data(), kSeed);
  }
}

// What does not go there: few items, f32, rows that are not of whole 16 bytes, no hidden layer, a context without a library.
void test_own_kernels(CudaDevice &own, CudaDevice &fast, const TestContext &context) {
  Random random(kSeed + 3);
  const struct {
    CudaDevice &device;
    gavel_head_spec spec;
    int64_t items;
  } cases[] = {{fast, mlp_spec(GAVEL_BF16, 24, {16}, 1, GAVEL_ACTIVATION_RELU), kFewItems - 1},
               {fast, mlp_spec(GAVEL_F32, 24, {16}, 1, GAVEL_ACTIVATION_RELU), kFewItems},
               {fast, mlp_spec(GAVEL_BF16, 28, {16}, 1, GAVEL_ACTIVATION_RELU), kFewItems},
               {fast, mlp_spec(GAVEL_BF16, 24, {20}, 1, GAVEL_ACTIVATION_RELU), kFewItems},
               {fast, linear_spec(GAVEL_BF16, 24, 1), kFewItems},
               {own, mlp_spec(GAVEL_BF16, 24, {16}, 1, GAVEL_ACTIVATION_RELU), kFewItems}};
  fake_cublaslt::asked.clear();
  for (const auto &test : cases) {
    const TestHead head(context.get(), test.spec, kSeed);
    const CudaHead on_device(test.device, head);
    on_device.score(make_batch(random, test.spec.dtype, 9, test.spec.input_width, test.items), {});
  }
  check_equal("products asked for", static_cast<int64_t>(fake_cublaslt::asked.size()), 0);
}

}  // namespace

int main() {
  const TestContext context;
  {
    CudaDevice own, fast;
    open_fake(fast);
    for (const int32_t dtype : {GAVEL_F16, GAVEL_BF16}) {
      for (const int64_t outputs : {1, 4, 9}) {
        auto spec = mlp_spec(dtype, 24, {16, 40}, outputs, GAVEL_ACTIVATION_RELU);
        spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
        test_integers(own, fast, context, spec, 37);
        check_asked(spec, {37});
      }
      auto spec = mlp_spec(dtype, 24, {16}, 2, GAVEL_ACTIVATION_PRELU);
      spec.flags = GAVEL_HEAD_SLOPE_PER_CHANNEL;
      test_integers(own, fast, context, spec, 16);
      check_asked(spec, {16});
      auto deep = with_norm(mlp_spec(dtype, 96, {64, 32, 96}, 1, GAVEL_ACTIVATION_SILU), GAVEL_NORM_RMS);
      test_reference(fast, context, deep, GAVEL_POOLING_INDEX);
      test_reference(fast, context, with_norm(mlp_spec(dtype, 64, {72}, 6, GAVEL_ACTIVATION_GELU), GAVEL_NORM_LAYER),
                     GAVEL_POOLING_SPAN_MEAN);
    }
    // More sums than are made at a time: 256 rows of 16384.
    const auto wide = mlp_spec(GAVEL_BF16, 8, {16384}, 1, GAVEL_ACTIVATION_RELU);
    test_integers(own, fast, context, wide, 300);
    check_asked(wide, {256, 44});
    test_own_kernels(own, fast, context);
  }
  check_equal("handles and descriptors left alive", fake_cublaslt::live, 0);
  return finish();
}
