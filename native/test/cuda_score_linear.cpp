// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Scores of LINEAR heads on the device: exact on small integers, within computed bounds of float64, and the same bits whatever the
// kernel, the batch, the alignment and the schedule.
#include "cuda_score_fixture.h"

using namespace gavel::test;

namespace {

using gavel::cuda::LinearKernel;

constexpr uint64_t kSeed = 20261121;
constexpr LinearKernel kKernels[] = {LinearKernel::WARP, LinearKernel::TEAM_4, LinearKernel::TEAM_8, LinearKernel::STREAM};

CudaRun with_kernel(CudaRun run, LinearKernel kernel) {
  run.kernels.linear = kernel;
  return run;
}

// Sums of products of small integers are exact in any order.
void test_integers(CudaDevice &device, const TestContext &context) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    for (const int64_t width : {1, 7, 8, 24, 100, 264, 1032}) {
      Random random(kSeed);
      const TestHead head(context.get(), linear_spec(dtype, width, 6), kSeed, 3);
      const CudaHead on_device(device, head);
      const Batch batch = make_batch(random, dtype, 9, width, 11, 4);
      const CudaScores out = on_device.score(batch, {});
      for (size_t r = 0; r < batch.last.size(); ++r) {
        for (size_t k = 0; k < 6; ++k) {
          double sum = 0;
          for (size_t i = 0; i < static_cast<size_t>(width); ++i) {
            sum += static_cast<double>(batch.values[static_cast<size_t>(batch.last[r] * width) + i]) *
                   static_cast<double>((*head.values("output.weight"))[k * static_cast<size_t>(width) + i]);
          }
          CHECK(static_cast<double>(out.scores[6 * r + k]) == sum, "%s, width %d: item %zu, output %zu is %g, not %g",
                name_of(dtype), static_cast<int>(width), r, k, static_cast<double>(out.scores[6 * r + k]), sum);
        }
      }
    }
  }
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
    const std::string type = name_of(dtype);
    all.push_back({type, linear_spec(dtype, 100, 1), {}, dtype});
    all.push_back({type + " 5 outputs", with_norm(linear_spec(dtype, 200, 5), GAVEL_NORM_NONE), {}, dtype});
    all.push_back({type + " rms", with_norm(linear_spec(dtype, 1000, 2), GAVEL_NORM_RMS), {}, dtype});
    all.push_back({type + " layer", with_norm(linear_spec(dtype, 520, 1), GAVEL_NORM_LAYER), {}, dtype});
    all.push_back({type + " unaligned", with_norm(linear_spec(dtype, 264, 1), GAVEL_NORM_LAYER), {}, dtype});
    all.back().run.row_gap = 3, all.back().run.offset = 1, all.back().run.output_gap = 2;
    all.push_back({type + " odd width", with_norm(linear_spec(dtype, 263, 3), GAVEL_NORM_LAYER), {}, dtype});
    for (const int32_t combine : {GAVEL_COMBINE_CONCAT, GAVEL_COMBINE_ADD, GAVEL_COMBINE_SUB}) {
      all.push_back({type + " combine " + std::to_string(combine), linear_spec(dtype, 264, 1), {}, dtype});
      all.back().run.pooling = GAVEL_POOLING_FIRST_LAST, all.back().run.combine = combine;
    }
    all.push_back({type + " odd halves", linear_spec(dtype, 266, 1), {}, dtype});
    all.back().run.pooling = GAVEL_POOLING_FIRST_LAST, all.back().run.combine = GAVEL_COMBINE_CONCAT;
    all.push_back({type + " mean", with_norm(linear_spec(dtype, 264, 2), GAVEL_NORM_RMS), {}, dtype});
    all.back().run.pooling = GAVEL_POOLING_SPAN_MEAN;
    all.push_back({type + " mean, odd width", linear_spec(dtype, 101, 1), {}, dtype});
    all.back().run.pooling = GAVEL_POOLING_SPAN_MEAN;
    all.push_back({type + " into f32", with_norm(linear_spec(GAVEL_F32, 384, 1), GAVEL_NORM_RMS), {}, dtype});
  }
  return all;
}

// Against float64, and the pooled vectors bit for bit against the CPU, which pools in the same order.
double test_case(CudaDevice &device, const TestContext &context, const Case &test) {
  Random random(kSeed);
  const TestHead head(context.get(), test.spec, kSeed + 1);
  const CudaHead on_device(device, head);
  const bool concat = test.run.combine == GAVEL_COMBINE_CONCAT;
  const Batch batch = make_batch(random, test.hidden_dtype, 40, test.spec.input_width / (concat ? 2 : 1), 24);
  double worst = 0;
  for (const int32_t readout : {GAVEL_READOUT_IDENTITY, GAVEL_READOUT_AFFINE, GAVEL_READOUT_SIGMOID}) {
    CudaRun run = test.run;
    run.readout = readout;
    run.everything = true;
    const CudaScores out = on_device.score(batch, run);
    worst = std::fmax(worst, check_reference(test.name, head, batch, run, out, kSeed));
    Scores on_cpu;
    gavel_score_args args = score_args(test.spec, batch, run.pooling, run.combine, true, on_cpu);
    auto error = sized<gavel_error>();
    expect_status("on the CPU", gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error);
    check_same(test.name + " vectors as on the CPU", out.vectors, on_cpu.vectors.data(), kSeed);
    run.everything = false;
    check_same(test.name + " without optional outputs", on_device.score(batch, run).scores, out.scores.data(), kSeed);
  }
  return worst;
}

void test_bits(CudaDevice &device, const TestContext &context, const gavel_head_spec &spec, const CudaRun &base) {
  Random random(kSeed + 2);
  const TestHead head(context.get(), spec, kSeed);
  const CudaHead on_device(device, head);
  const Batch batch = make_batch(random, spec.dtype, 64, spec.input_width, 257);
  const CudaScores whole = on_device.score(batch, base);
  const std::string name = std::string(name_of(spec.dtype)) + ", width " + std::to_string(spec.input_width);
  const Batch some = part_of(batch, 100, 9);
  for (const LinearKernel kernel : kKernels) {
    if (!gavel::cuda::linear_exists(kernel, spec.dtype, spec.dtype, spec.output_width == 1)) continue;
    const CudaRun run = with_kernel(base, kernel);
    check_places(name + ", kernel " + std::to_string(static_cast<int>(kernel)), on_device, batch, run, whole, {1, 2, 7, 9, 65},
                 kSeed);
    for (uint64_t schedule = 1; schedule <= 8; ++schedule) {
      gavel::emulator::set_seed(schedule);
      check_same(name + ", schedule " + std::to_string(schedule), on_device.score(some, run).scores,
                 whole.scores.data() + 100 * spec.output_width, kSeed);
    }
  }
  check_places(name, on_device, batch, base, whole, {8, 16, 17, 63, 64, 255, 256}, kSeed);
  CudaRun moved = base;
  moved.row_gap = 5, moved.offset = 3;
  check_same(name + ", unaligned", on_device.score(some, moved).scores, whole.scores.data() + 100 * spec.output_width, kSeed);
}

}  // namespace

int main() {
  CudaDevice device;
  const TestContext context;
  test_integers(device, context);
  double worst = 0;
  for (const Case &test : cases()) worst = std::fmax(worst, test_case(device, context, test));
  std::fprintf(stderr, "largest error: %.2f of its bound\n", worst);
  test_bits(device, context, with_norm(linear_spec(GAVEL_BF16, 520, 1), GAVEL_NORM_RMS), {});
  test_bits(device, context, with_norm(linear_spec(GAVEL_F16, 264, 3), GAVEL_NORM_LAYER), {});
  test_bits(device, context, linear_spec(GAVEL_F32, 136, 1), {});
  return finish();
}
