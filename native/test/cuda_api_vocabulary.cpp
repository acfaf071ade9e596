// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Heads that are another one by another name (EXPERT_CONCAT, VOCAB_ROWS) run on CUDA as they do on the CPU.
#include "cuda_api_fixture.h"

using namespace gavel::test;

namespace {

void make_integers(Random &random, Batch &batch) {
  for (float &value : batch.values) value = static_cast<float>(random.integer(-2, 2));
  batch.reencode();
}

// Whole numbers: nothing is rounded, so every order of additions gives the CPU's bits.
void test_heads(const CudaContext &cuda, const TestContext &cpu) {
  auto experts = mlp_spec(GAVEL_BF16, 24, {10}, 2, GAVEL_ACTIVATION_PRELU);
  experts.kind = GAVEL_HEAD_EXPERT_CONCAT;
  experts.experts = 3;
  auto rows = linear_spec(GAVEL_F16, 16, 5);
  rows.kind = GAVEL_HEAD_VOCAB_ROWS;
  for (const gavel_head_spec &spec : {experts, rows}) {
    Random random(7);
    Batch batch(random, spec.dtype, 6, spec.input_width);
    make_integers(random, batch);
    batch.last = {5, 0, -1, 2};
    const TestHead on_cpu(cpu.get(), spec, 8, 2), on_cuda(cuda.get(), spec, 8, 2);
    Scores expected, actual;
    auto error = sized<gavel_error>();
    const auto hidden = [&](gavel_score_args &args) {
      if (spec.experts == 0) return;
      gavel_tensor &tensor = args.hidden;
      tensor.rank = 3;
      tensor.shape[1] = tensor.stride[1] = 8;
      tensor.shape[2] = 8, tensor.stride[2] = 1;
      tensor.shape[1] = 3;
    };
    gavel_score_args args = score_args(spec, batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, expected);
    hidden(args);
    expect_status("score", gavel_score(cpu.get(), on_cpu.get(), &args, nullptr, &error), GAVEL_OK, error);
    args = score_args(spec, batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, actual);
    OnDevice device(cuda);
    upload(device, args);
    hidden(args);
    args.stream = cuda.stream();
    expect_status("score on CUDA", gavel_score(cuda.get(), on_cuda.get(), &args, nullptr, &error), GAVEL_OK, error);
    device.download();
    check_bits("scores", actual.scores.data(), expected.scores.data(), static_cast<int64_t>(expected.scores.size()), 8);
  }
}

}  // namespace

int main() {
  const TestContext cpu(1);
  const CudaContext cuda;
  test_heads(cuda, cpu);
  return finish();
}
