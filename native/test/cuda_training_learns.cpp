// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The whole way of a training step on the device, captured into a graph once and replayed: score with its loss, backward from dscore, AdamW.
// On preferences that a direction in the hidden states decides, the loss must go to 0. A linear head's step is four launches.
#include "cuda/backward.h"
#include "cuda/optimizer.h"
#include "cuda_score_fixture.h"
#include "loss_problem.h"
#include "optimizer_fixture.h"

namespace cuda = gavel::cuda;
using namespace gavel::test;

namespace {

constexpr int64_t kGroups = 12, kResponses = 4, kItems = kGroups * kResponses, kWidth = 24;

// Groups of four items, one of them invalid now and then; the better one is further along a random direction.
struct Preferences {
  Batch batch;
  LossProblem loss;
};

Preferences make_preferences(int32_t dtype, int32_t kind) {
  Random random(91);
  Preferences all{Batch(random, dtype, kItems, kWidth),
                  kind == GAVEL_LOSS_BRADLEY_TERRY ? pairs_problem({}, {}) : groups_problem({}, {0}, {})};
  std::vector<double> direction, quality;
  for (int64_t k = 0; k < kWidth; ++k) direction.push_back(static_cast<double>(random.normal()));
  for (int64_t r = 0; r < kItems; ++r) {
    double sum = 0;
    for (int64_t k = 0; k < kWidth; ++k) {
      sum += direction[static_cast<size_t>(k)] * static_cast<double>(all.batch.values[static_cast<size_t>(r * kWidth + k)]);
    }
    const bool invalid = r % 9 == 5;
    quality.push_back(invalid ? -INFINITY : sum);
    all.batch.last.push_back(invalid ? -1 : r);
  }
  for (int64_t g = 0; g < kGroups; ++g) {
    const auto begin = quality.begin() + g * kResponses;
    const int64_t best = std::max_element(begin, begin + kResponses) - begin;
    all.loss.offsets.push_back((g + 1) * kResponses);
    all.loss.target_index.push_back(best);
    for (int64_t i = 0; i < kResponses; ++i) {
      if (i != best) all.loss.pairs.insert(all.loss.pairs.end(), {g * kResponses + best, g * kResponses + i});
    }
  }
  return all;
}

void train(CudaDevice &device, gavel_context *context, const gavel_head_spec &spec, int32_t kind, float learning_rate,
           int64_t most_launches) {
  const Preferences all = make_preferences(spec.dtype, kind);
  const TestHead test_head(context, spec, 92);
  const CudaHead head(device, test_head);
  gavel_optimizer_options options = default_options();
  options.matrix_weight_decay = options.vector_weight_decay = 0;
  options.beta2 = 0.99f;
  cuda::Optimizer optimizer(head.get(), options);

  const DeviceArray<uint8_t> hidden(all.batch.bytes);
  const DeviceArray<int64_t> last(all.batch.last), offsets(all.loss.offsets), targets(all.loss.target_index),
      pairs(all.loss.pairs);
  const DeviceArray<float> scores(kItems), loss(1), dscore(kItems),
      preactivations(static_cast<size_t>(kItems * preactivation_width(spec)));
  gavel_loss_args args = {};
  args.struct_size = sizeof args;
  args.kind = kind;
  args.reduction = GAVEL_REDUCTION_MEAN_VALID;
  args.weight = 1;
  if (kind == GAVEL_LOSS_BRADLEY_TERRY) {
    args.beta = 1;
    args.pairs = describe(pairs.data(), GAVEL_I64, {static_cast<int64_t>(pairs.size() / 2), 2});
  } else {
    args.temperature = 1;
    args.offsets = describe(offsets.data(), GAVEL_I64, {kGroups + 1});
    args.target_index = describe(targets.data(), GAVEL_I64, {kGroups});
  }
  args.loss = describe(loss.data(), GAVEL_F32, {1});
  args.dscore = describe(dscore.data(), GAVEL_F32, {kItems});
  gavel::CallTensors tensors{gavel::Memory{}};
  const gavel::LossPlan plan = gavel::check_loss(args, kItems, tensors);

  const gavel::Tensor rows = view(hidden.data(), spec.dtype, {kItems, kWidth}), items = view(last.data(), GAVEL_I64, {kItems});
  const gavel::Tensor kept =
      spec.hidden_layers == 0 ? gavel::Tensor() : view(preactivations.data(), GAVEL_F32, {kItems, preactivation_width(spec)});
  cuda::ScoreCall score = {
      head.get(), GAVEL_POOLING_INDEX, 0, rows, {}, items, GAVEL_READOUT_IDENTITY, 0, 0, {}, {}, {}, {}, {}, nullptr,
  };
  score.scores = view(scores.data(), GAVEL_F32, {kItems, 1});
  score.preactivations = kept;
  score.loss = &plan;
  cuda::BackwardCall backward = {
      head.get(), false, GAVEL_POOLING_INDEX, 0, rows, {}, items, GAVEL_READOUT_IDENTITY, 0, {}, {}, {}, {}, {},
  };
  backward.preactivations = kept;
  backward.dscore = view(dscore.data(), GAVEL_F32, {kItems, 1});
  GradientBuffers shapes(spec, 0, 0);
  std::vector<std::unique_ptr<DeviceArray<float>>> memory;
  for (size_t i = 0; i < shapes.memory.size(); ++i) {
    memory.push_back(std::make_unique<DeviceArray<float>>(shapes.memory[i].size()));
    backward.gradients[i] = shapes.tensors[i].rank == 2 ? view(memory[i]->data(), GAVEL_F32, {shapes.rows[i], shapes.widths[i]})
                                                        : view(memory[i]->data(), GAVEL_F32, {shapes.widths[i]});
  }
  cuda::Stream &stream = device.stream();
  const auto step = [&] {
    cuda::enqueue_score(score, stream);
    cuda::enqueue_backward(backward, stream);
    cuda::enqueue_step(optimizer, backward.gradients, learning_rate, stream);
  };
  // Once outside a capture, which makes scratch memory and counters.
  const int64_t before = gavel::emulator::launches();
  step();
  const int64_t launches = gavel::emulator::launches() - before;
  const float first = *loss.data();
  CHECK(launches <= most_launches, "%d hidden layers: a step is %lld launches", spec.hidden_layers,
        static_cast<long long>(launches));

  cudaGraph_t graph = nullptr;
  cudaGraphExec_t replay = nullptr;
  check_equal("begin", cudaStreamBeginCapture(stream.native, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  step();
  check_equal("end", cudaStreamEndCapture(stream.native, &graph), cudaSuccess);
  check_equal("instantiate", cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
  for (int k = 0; k < 50; ++k) check_equal("replay", cudaGraphLaunch(replay, stream.native), cudaSuccess);
  check_equal("fault", stream.fault->kind, cuda::kNoFault);
  cudaGraphExecDestroy(replay);
  cudaGraphDestroy(graph);
  std::printf("%s, %d hidden layers, loss %d: %.3f -> %.2g, %lld launches\n", name_of(spec.dtype), spec.hidden_layers, kind,
              static_cast<double>(first), static_cast<double>(*loss.data()), static_cast<long long>(launches));
  CHECK(first > 0.3f && *loss.data() < 0.02f, "loss went from %g to %g", static_cast<double>(first),
        static_cast<double>(*loss.data()));
  check_equal("steps", cuda::step_count(optimizer), 51);
}

}  // namespace

int main() {
  const TestContext context(1);
  CudaDevice device;
  for (const int32_t kind : {GAVEL_LOSS_BRADLEY_TERRY, GAVEL_LOSS_CROSS_ENTROPY}) {
    for (const int32_t dtype : {GAVEL_F32, GAVEL_BF16}) {
      if (kSanitized && (dtype == GAVEL_F32) != (kind == GAVEL_LOSS_BRADLEY_TERRY)) continue;
      train(device, context.get(), linear_spec(dtype, kWidth, 1), kind, 0.5f, 4);
      gavel_head_spec spec = mlp_spec(dtype, kWidth, {33}, 1, GAVEL_ACTIVATION_SILU);
      spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
      spec.norm = GAVEL_NORM_RMS;
      spec.norm_epsilon = 1e-5f;
      train(device, context.get(), spec, kind, 0.03f, 20);
    }
  }
  return finish();
}
