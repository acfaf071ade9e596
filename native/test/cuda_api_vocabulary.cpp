// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Heads that are another one by another name (EXPERT_CONCAT, VOCAB_ROWS) run on CUDA as they do on the CPU, and so does the pooling of all rows.
#include "cuda_api_checks.h"
#include "cuda_training_call.h"

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

// Every row an item: what INDEX of all rows gives, in scores, gradients and scattered gradients.
void test_pooling_all(const CudaContext &cuda) {
  for (const gavel_head_spec &spec :
       {linear_spec(GAVEL_BF16, 24, 2), mlp_spec(GAVEL_F32, 20, {12}, 1, GAVEL_ACTIVATION_SILU)}) {
    for (const int64_t rows : {1, 9, 40}) {
      Random random(11);
      TrainingCase training{Batch(random, spec.dtype, rows, spec.input_width)};
      for (int64_t r = 0; r < rows; ++r) training.batch.last.push_back(r);
      training.dscore = random_values(random, GAVEL_F32, rows * spec.output_width);
      const TestHead head(cuda.get(), spec, 12);
      Scores outs[2];
      std::vector<float> dvectors[2], dhidden[2];
      std::vector<std::vector<float>> gradients[2];
      auto error = sized<gavel_error>();
      for (const int all : {0, 1}) {
        const auto change = [&](auto &args) {
          if (all == 1) args.pooling = GAVEL_POOLING_ALL, args.last = gavel_tensor{};
        };
        gavel_score_args args = score_args(spec, training.batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, outs[all]);
        change(args);
        score_on_device(cuda, head.get(), args, nullptr);
        GradientBuffers buffers(spec, std::numeric_limits<float>::quiet_NaN(), 0);
        gavel_backward_args backward = backward_args(spec, training, outs[all], dvectors[all]);
        change(backward);
        dhidden[all].assign(static_cast<size_t>(rows * spec.input_width), 0.5f);
        auto scatter = sized<gavel_scatter_args>();
        scatter.pooling = GAVEL_POOLING_INDEX;
        scatter.last = backward.last.dtype == GAVEL_NONE ? args.last : backward.last;
        change(scatter);
        OnDevice device(cuda);
        upload(device, backward);
        std::vector<gavel_tensor> tensors = buffers.tensors;
        for (gavel_tensor &tensor : tensors) device.upload(tensor);
        scatter.dhidden = describe(dhidden[all].data(), GAVEL_F32, {rows, spec.input_width});
        device.upload(scatter.last);
        device.upload(scatter.dhidden);
        scatter.dvectors = backward.dvectors;
        backward.stream = scatter.stream = cuda.stream();
        expect_status(
            "backward",
            gavel_backward(cuda.get(), head.get(), &backward, tensors.data(), static_cast<int32_t>(tensors.size()), &error),
            GAVEL_OK, error);
        expect_status("scatter", gavel_scatter(cuda.get(), &scatter, &error), GAVEL_OK, error);
        device.download();
        for (size_t i = 0; i < tensors.size(); ++i) gradients[all].push_back(buffers.values(i));
      }
      check_scores("ALL", outs[1], outs[0], 11);
      const auto same = [](const char *what, const std::vector<float> &actual, const std::vector<float> &expected) {
        check_bits(what, actual.data(), expected.data(), static_cast<int64_t>(expected.size()), 11);
      };
      same("dvectors", dvectors[1], dvectors[0]);
      same("dhidden", dhidden[1], dhidden[0]);
      for (size_t i = 0; i < gradients[0].size(); ++i) same("gradient", gradients[1][i], gradients[0][i]);
    }
  }
}

}  // namespace

int main() {
  const TestContext cpu(1);
  const CudaContext cuda;
  test_heads(cuda, cpu);
  test_pooling_all(cuda);
  return finish();
}
