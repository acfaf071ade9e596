// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Scores of MLP heads on the device: exact on small integers, within computed bounds of float64 with every activation, norm, pooling and
// number of layers and outputs, and the same bits whatever the product kernel, the batch and the schedule.
#include "cuda_score_fixture.h"

using namespace gavel::test;

namespace {

using gavel::cuda::ProductKernel;

constexpr uint64_t kSeed = 20261122;
constexpr ProductKernel kKernels[] = {ProductKernel::FUSED,      ProductKernel::COLUMNS_8,  ProductKernel::COLUMNS_16,
                                      ProductKernel::COLUMNS_32, ProductKernel::COLUMNS_64, ProductKernel::TILED};

std::vector<ProductKernel> kernels_for(int32_t dtype, int64_t items) {
  std::vector<ProductKernel> kernels;
  for (const ProductKernel kernel : kKernels) {
    if (kernel == ProductKernel::FUSED && items > 8) continue;
    if (gavel::cuda::product_possible(kernel, dtype, 32, {132, 200 * 1024})) kernels.push_back(kernel);
  }
  return kernels;
}

CudaRun with_kernel(CudaRun run, ProductKernel kernel) {
  run.kernels.product = kernel;
  return run;
}

struct Case {
  std::string name;
  gavel_head_spec spec;
  CudaRun run;
  int32_t hidden_dtype;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    // The 16-bit dtypes differ in how an element is converted.
    if (kSanitized && dtype == GAVEL_F16) continue;
    const std::string type = name_of(dtype);
    for (int32_t activation = GAVEL_ACTIVATION_IDENTITY; activation <= GAVEL_ACTIVATION_SILU; ++activation) {
      auto spec = mlp_spec(dtype, 72, {50}, 1, activation);
      spec.flags = GAVEL_HEAD_HIDDEN_BIAS;
      if (activation == GAVEL_ACTIVATION_PRELU) spec.flags |= GAVEL_HEAD_SLOPE_PER_CHANNEL;
      all.push_back({type + " activation " + std::to_string(activation), spec, {}, dtype});
    }
    all.push_back({type + " shared slope", mlp_spec(dtype, 64, {65}, 1, GAVEL_ACTIVATION_PRELU), {}, dtype});
    auto scaled = with_norm(mlp_spec(dtype, 200, {160}, 1, GAVEL_ACTIVATION_SILU), GAVEL_NORM_RMS);
    scaled.output_scale = 0.05103104f;
    all.push_back({type + " rms, scale", scaled, {}, dtype});
    all.push_back({type + " deep", mlp_spec(dtype, 520, {33}, 2, GAVEL_ACTIVATION_SILU), {}, dtype});
    all.push_back({type + " two layers", mlp_spec(dtype, 100, {70, 33}, 3, GAVEL_ACTIVATION_SELU), {}, dtype});
    all.push_back({type + " three layers",
                   with_norm(mlp_spec(dtype, 64, {64, 32, 96}, 4, GAVEL_ACTIVATION_TANH), GAVEL_NORM_LAYER),
                   {},
                   dtype});
    all.push_back(
        {type + " 9 outputs", with_norm(mlp_spec(dtype, 64, {40, 70}, 9, GAVEL_ACTIVATION_GELU), GAVEL_NORM_NONE), {}, dtype});
    for (const int32_t combine : {GAVEL_COMBINE_CONCAT, GAVEL_COMBINE_ADD, GAVEL_COMBINE_SUB}) {
      all.push_back({type + " combine " + std::to_string(combine),
                     with_norm(mlp_spec(dtype, 128, {40}, 1, GAVEL_ACTIVATION_GELU), GAVEL_NORM_RMS),
                     {},
                     dtype});
      all.back().run.pooling = GAVEL_POOLING_FIRST_LAST, all.back().run.combine = combine;
    }
    all.push_back(
        {type + " mean", with_norm(mlp_spec(dtype, 96, {64}, 1, GAVEL_ACTIVATION_RELU), GAVEL_NORM_LAYER), {}, dtype});
    all.back().run.pooling = GAVEL_POOLING_SPAN_MEAN;
    all.push_back(
        {type + " unaligned", with_norm(mlp_spec(dtype, 91, {36}, 1, GAVEL_ACTIVATION_SILU), GAVEL_NORM_LAYER), {}, dtype});
    all.back().run.row_gap = 2, all.back().run.offset = 1, all.back().run.output_gap = 3;
    all.push_back({type + " into f32", mlp_spec(GAVEL_F32, 100, {36}, 1, GAVEL_ACTIVATION_SILU), {}, dtype});
  }
  return all;
}

double test_case(CudaDevice &device, const TestContext &context, const Case &test, bool few) {
  Random random(kSeed);
  const TestHead head(context.get(), test.spec, kSeed + 1);
  const CudaHead on_device(device, head);
  const int64_t items = few ? 7 : 20;
  const Batch batch = make_batch(random, test.hidden_dtype, 40,
                                 test.spec.input_width / (test.run.combine == GAVEL_COMBINE_CONCAT ? 2 : 1), items);
  CudaRun run = test.run;
  run.everything = true;
  run.readout = few ? GAVEL_READOUT_AFFINE : GAVEL_READOUT_SIGMOID;
  const std::string name = test.name + (few ? ", fused" : "");
  const CudaScores out = on_device.score(batch, run);
  const double worst = check_reference(name, head, batch, run, out, kSeed);
  check_equal(name + ": invalid", out.counts[0], 0);
  check_equal(name + ": NaN", out.counts[1], 0);
  // Every kernel gives every output the same bits.
  for (const ProductKernel kernel : kernels_for(test.spec.dtype, items)) {
    const std::string which = name + ", kernel " + std::to_string(static_cast<int>(kernel));
    const CudaScores other = on_device.score(batch, with_kernel(run, kernel));
    check_same(which + " scores", other.scores, out.scores.data(), kSeed);
    check_same(which + " logits", other.logits, out.logits.data(), kSeed);
    check_same(which + " vectors", other.vectors, out.vectors.data(), kSeed);
    check_same(which + " pre-activations", other.preactivations, out.preactivations.data(), kSeed);
  }
  run.everything = false;
  check_same(name + " without optional outputs", on_device.score(batch, run).scores, out.scores.data(), kSeed);
  return worst;
}

// Sums of products of small integers are exact in any order.
void test_integers(CudaDevice &device, const TestContext &context) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    for (const int64_t width : {1, 31, 33, 256, 264}) {
      Random random(kSeed);
      const TestHead head(context.get(), mlp_spec(dtype, width, {70}, 3, GAVEL_ACTIVATION_RELU), kSeed, 2);
      const CudaHead on_device(device, head);
      const Batch batch = make_batch(random, dtype, 9, width, 8, 3);
      for (const ProductKernel kernel : kernels_for(dtype, 8)) {
        const CudaScores out = on_device.score(batch, with_kernel({}, kernel));
        for (size_t r = 0; r < 8; ++r) {
          double sums[3] = {};
          for (size_t i = 0; i < 70; ++i) {
            double a = 0;
            for (size_t k = 0; k < static_cast<size_t>(width); ++k) {
              a += static_cast<double>(batch.values[static_cast<size_t>(batch.last[r] * width) + k]) *
                   static_cast<double>((*head.values("hidden.0.weight"))[i * static_cast<size_t>(width) + k]);
            }
            for (size_t k = 0; k < 3; ++k) {
              sums[k] += std::fmax(a, 0) * static_cast<double>((*head.values("output.weight"))[70 * k + i]);
            }
          }
          for (size_t k = 0; k < 3; ++k) {
            CHECK(static_cast<double>(out.scores[3 * r + k]) == sums[k],
                  "%s, width %d, kernel %d: item %zu output %zu is %g, not %g", name_of(dtype), static_cast<int>(width),
                  static_cast<int>(kernel), r, k, static_cast<double>(out.scores[3 * r + k]), sums[k]);
          }
        }
      }
    }
  }
}

void test_bits(CudaDevice &device, const TestContext &context, const gavel_head_spec &spec, const CudaRun &base) {
  Random random(kSeed + 2);
  const TestHead head(context.get(), spec, kSeed);
  const CudaHead on_device(device, head);
  const Batch batch = make_batch(random, spec.dtype, 64, spec.input_width, 257);
  const CudaScores whole = on_device.score(batch, base);
  const std::string name = std::string(name_of(spec.dtype)) + ", width " + std::to_string(spec.input_width);
  const Batch some = part_of(batch, 100, 7);
  // What is chosen when nothing is asked for.
  check_places(name, on_device, batch, base, whole, {1, 2, 7, 8, 9, 16, 17, 63, 64, 65, 255, 256, 257}, kSeed);
  for (const ProductKernel kernel : kernels_for(spec.dtype, 1)) {
    const CudaRun run = with_kernel(base, kernel);
    const std::string which = name + ", kernel " + std::to_string(static_cast<int>(kernel));
    check_places(which, on_device, batch, run, whole, {1, 2, 7, 8}, kSeed);
    if (kernel != ProductKernel::FUSED) check_places(which, on_device, batch, run, whole, {9, 65, 129}, kSeed);
    for (uint64_t schedule = 1; schedule <= (kSanitized ? 2 : 8); ++schedule) {
      gavel::emulator::set_seed(schedule);
      check_same(which + ", schedule " + std::to_string(schedule), on_device.score(some, run).scores,
                 whole.scores.data() + 100 * spec.output_width, kSeed);
    }
  }
}

}  // namespace

int main() {
  CudaDevice device;
  const TestContext context;
  test_integers(device, context);
  double worst = 0;
  for (const Case &test : cases()) {
    for (const bool few : {false, true}) worst = std::fmax(worst, test_case(device, context, test, few));
  }
  std::fprintf(stderr, "largest error: %.2f of its bound\n", worst);
  test_bits(device, context, with_norm(mlp_spec(GAVEL_BF16, 296, {150}, 1, GAVEL_ACTIVATION_SILU), GAVEL_NORM_RMS), {});
  if (!kSanitized) test_bits(device, context, mlp_spec(GAVEL_F16, 100, {40, 64}, 2, GAVEL_ACTIVATION_GELU), {});
  test_bits(device, context, with_norm(mlp_spec(GAVEL_F32, 72, {40}, 6, GAVEL_ACTIVATION_TANH), GAVEL_NORM_LAYER), {});
  return finish();
}
