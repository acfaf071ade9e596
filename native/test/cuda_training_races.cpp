// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The kernels of a training step with an OS thread per CUDA thread and two blocks at a time, under ThreadSanitizer: small cases of every
// kernel that shares memory between threads or blocks. Two runs must have the same bits; losses those of the CPU.
#include <numeric>

#include "check.h"
#include "common/loss.h"
#include "cuda/backward.h"
#include "cuda/head.h"
#include "cuda/loss.h"
#include "cuda/optimizer.h"
#include "cuda/scatter.h"
#include "cuda/stream.h"
#include "cuda_device_array.h"
#include "cuda_emulator/emulator.h"
#include "random.h"

using namespace gavel;
using namespace gavel::test;

namespace {

Tensor view(void *data, int32_t dtype, int64_t rows, int64_t columns = 0) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.rank = columns == 0 ? 1 : 2;
  tensor.shape[0] = rows;
  if (columns != 0) tensor.shape[1] = columns;
  tensor.stride[0] = columns == 0 ? 1 : columns;
  tensor.stride[1] = columns == 0 ? 0 : 1;
  tensor.data = static_cast<char *>(data);
  return tensor;
}

std::vector<float> normals(Random &random, int64_t count) {
  std::vector<float> values;
  for (int64_t k = 0; k < count; ++k) values.push_back(random.normal());
  return values;
}

void check_loss_bits(const std::string &what, LossPlan plan, const std::vector<float> &scores) {
  const auto items = static_cast<size_t>(plan.items);
  std::vector<float> item_loss(items), loss(1), dscore(scores.size());
  std::vector<int64_t> counts(2);
  plan.item_loss = item_loss.data(), plan.loss = loss.data(), plan.dscore = dscore.data(), plan.counts = counts.data();
  run_loss(plan, scores.data(), 1);

  const DeviceArray<float> on_device(scores), d_item_loss(items), d_loss(1), d_dscore(scores.size());
  const DeviceArray<int64_t> d_counts(2);
  const DeviceArray<cuda::Fault> fault(std::vector<cuda::Fault>(1));
  const DeviceArray<uint32_t> counters(std::vector<uint32_t>(cuda::kLossCounters, 0));
  plan.item_loss = d_item_loss.data(), plan.loss = d_loss.data(), plan.dscore = d_dscore.data();
  plan.counts = d_counts.data();
  const DeviceArray<char> workspace(static_cast<size_t>(cuda::loss_workspace(plan)));
  cuda::launch_loss(
      cuda::make_loss_task(plan, on_device.data(), 1, nullptr, 1, fault.data(), counters.data(), workspace.data()), 1, nullptr);
  check_bits(what + ": item_loss", d_item_loss.data(), item_loss.data(), plan.items, 0);
  check_bits(what + ": loss", d_loss.data(), loss.data(), 1, 0);
  check_bits(what + ": dscore", d_dscore.data(), dscore.data(), plan.score_count, 0);
}

LossPlan plan_of(const LossFamily &family, int64_t items, const std::vector<float> &scores) {
  LossPlan plan{};
  plan.family = &family;
  plan.reduction = GAVEL_REDUCTION_WEIGHTED_MEAN;
  plan.items = items;
  plan.score_count = static_cast<int64_t>(scores.size());
  plan.score_stride = 1;
  plan.weight.scalar = 1;
  return plan;
}

void check_losses() {
  Random random(3);
  const std::vector<float> scores = normals(random, 101);
  std::vector<uint8_t> mask(scores.size(), 1);
  mask[5] = mask[40] = 0;
  std::vector<int64_t> pairs, offsets = {0}, targets;
  for (int p = 0; p < 150; ++p) {
    const int64_t one = random.integer(0, 3), other = random.integer(4, 100);
    pairs.insert(pairs.end(), {one, other});
  }
  LossPlan plan = plan_of(kBradleyTerry, 150, scores);
  plan.beta.scalar = 1;
  plan.pairs = view(pairs.data(), GAVEL_I64, 150, 2);
  check_loss_bits("pairs", plan, scores);
  plan.mask = mask.data();
  check_loss_bits("masked pairs", plan, scores);

  for (const int64_t size : {3, 8, 20, 70}) offsets.push_back(offsets.back() + size), targets.push_back(size - 1);
  plan = plan_of(kCrossEntropy, 4, scores);
  plan.temperature.scalar = 1;
  plan.offsets = offsets.data();
  plan.target_index = targets.data();
  check_loss_bits("groups", plan, scores);
  plan.mask = mask.data();
  check_loss_bits("masked groups", plan, scores);

  std::vector<int64_t> ranks(scores.size()), rows;
  std::vector<uint8_t> labels(scores.size());
  std::iota(ranks.begin(), ranks.end(), -50);
  for (size_t n = 0; n < labels.size(); ++n) labels[n] = n % 3 != 0;
  plan.target_index = nullptr;
  plan.ranks = ranks.data();
  plan.labels = labels.data();
  std::vector<char> scratch(1 << 16);
  plan.scratch = scratch.data();
  plan.scratch_bytes = static_cast<int64_t>(scratch.size());
  plan.beta.scalar = 1;
  for (const LossFamily *family : {&kPlackettLuce, &kPairwiseRanking, &kStepRanking}) {
    plan.family = family;
    check_loss_bits(family->name, plan, scores);
  }
  std::vector<float> parameters = normals(random, 101);
  plan = plan_of(kMse, 101, scores);
  plan.targets = parameters.data();
  check_loss_bits("targets", plan, scores);

  // 33 rows of 3 levels, the first of them in more pairs than it has slots.
  const std::vector<float> levels(scores.begin(), scores.begin() + 99);
  for (int64_t p = 0; p < 40; ++p) rows.insert(rows.end(), {p % 2 == 0 ? 0 : 1 + p % 7, 10 + p % 20});
  plan = plan_of(kOrdinal, 40, levels);
  plan.classes = 3;
  plan.pairs = view(rows.data(), GAVEL_I64, 40, 2);
  check_loss_bits("rows", plan, levels);
}

struct Trained {
  std::vector<float> dhidden;
  std::vector<std::vector<float>> gradients, masters;
};

// One backward call, scatter and step.
Trained train(cuda::Context &context, cuda::Stream &stream, const gavel_head_spec &fields) {
  constexpr int64_t kItems = 40, kTokens = 30;
  Random random(7);
  const HeadSpec spec = check_head_spec(&fields);
  std::vector<std::vector<uint16_t>> parameters;
  std::vector<Tensor> tensors;
  for (int32_t i = 0; i < spec.parameter_count; ++i) {
    const Parameter &parameter = spec.parameters[i];
    parameters.emplace_back();
    for (int64_t k = 0; k < parameter.elements; ++k) {
      parameters.back().push_back(static_cast<uint16_t>(std::bit_cast<uint32_t>(random.normal()) >> 16));
    }
    tensors.push_back(
        view(parameters.back().data(), GAVEL_BF16, parameter.shape[0], parameter.rank == 2 ? parameter.shape[1] : 0));
  }
  const auto head = cuda::create_head(context, spec, tensors.data());
  cuda::Optimizer optimizer(*head, [] {
    gavel_optimizer_options options = {};
    options.beta1 = 0.9f, options.beta2 = 0.999f, options.epsilon = 1e-8f;
    return options;
  }());

  const int64_t width = fields.input_width;
  std::vector<uint16_t> hidden;
  for (int64_t k = 0; k < kTokens * width; ++k) {
    hidden.push_back(static_cast<uint16_t>(std::bit_cast<uint32_t>(random.normal()) >> 16));
  }
  std::vector<int64_t> last;
  for (int64_t r = 0; r < kItems; ++r) last.push_back(r % 11 == 7 ? -1 : random.integer(0, kTokens - 1));
  const DeviceArray<uint16_t> d_hidden(hidden);
  const DeviceArray<int64_t> d_last(last);
  const DeviceArray<float> preactivations(normals(random, kItems * std::max<int64_t>(1, spec.preactivation_width))),
      dscore(normals(random, kItems)), dvectors(static_cast<size_t>(kItems * width)),
      dhidden(std::vector<float>(static_cast<size_t>(kTokens * width), 0));
  cuda::BackwardCall call = {
      *head,
      false,
      GAVEL_POOLING_INDEX,
      0,
      view(d_hidden.data(), GAVEL_BF16, kTokens, width),
      {},
      view(d_last.data(), GAVEL_I64, kItems),
      GAVEL_READOUT_IDENTITY,
      0,
      {},
      {},
      {},
      {},
      {},
  };
  if (spec.preactivation_width > 0) {
    call.preactivations = view(preactivations.data(), GAVEL_F32, kItems, spec.preactivation_width);
  }
  call.dscore = view(dscore.data(), GAVEL_F32, kItems, 1);
  call.dvectors = view(dvectors.data(), GAVEL_F32, kItems, width);
  std::vector<std::unique_ptr<DeviceArray<float>>> gradients;
  for (int32_t i = 0; i < spec.parameter_count; ++i) {
    const Parameter &parameter = spec.parameters[i];
    gradients.push_back(std::make_unique<DeviceArray<float>>(static_cast<size_t>(parameter.elements)));
    call.gradients[i] =
        view(gradients.back()->data(), GAVEL_F32, parameter.shape[0], parameter.rank == 2 ? parameter.shape[1] : 0);
  }
  cuda::enqueue_backward(call, stream);
  cuda::enqueue_scatter({GAVEL_POOLING_INDEX, 0, {}, call.last, call.dvectors, view(dhidden.data(), GAVEL_F32, kTokens, width)},
                        stream);
  cuda::enqueue_step(optimizer, call.gradients, 0.01f, stream);
  check_equal("fault", stream.fault->kind, cuda::kNoFault);
  Trained trained{dhidden.values(), {}, {}};
  for (int32_t i = 0; i < spec.parameter_count; ++i) {
    trained.gradients.push_back(gradients[static_cast<size_t>(i)]->values());
    const Parameter &parameter = spec.parameters[i];
    trained.masters.emplace_back(static_cast<size_t>(parameter.elements));
    cuda::read_state(
        optimizer, GAVEL_OPTIMIZER_MASTER, i,
        view(trained.masters.back().data(), GAVEL_F32, parameter.shape[0], parameter.rank == 2 ? parameter.shape[1] : 0));
  }
  return trained;
}

void check_training() {
  cuda::Context context(0, GAVEL_MODE_INVARIANT, nullptr);
  const cuda::ActiveDevice active(context);
  cuda::Stream stream(context);
  gavel_head_spec linear = {};
  linear.struct_size = sizeof linear;
  linear.kind = GAVEL_HEAD_LINEAR;
  linear.dtype = GAVEL_BF16;
  linear.output_scale = 1;
  linear.input_width = 40;
  linear.output_width = 1;
  gavel_head_spec mlp = linear;
  mlp.kind = GAVEL_HEAD_MLP;
  mlp.activation = GAVEL_ACTIVATION_SILU;
  mlp.norm = GAVEL_NORM_LAYER;
  mlp.norm_epsilon = 1e-5f;
  mlp.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS | GAVEL_HEAD_NORM_BIAS;
  mlp.hidden_layers = 1;
  mlp.hidden_width[0] = 17;
  for (const gavel_head_spec &spec : {linear, mlp}) {
    const Trained one = train(context, stream, spec), two = train(context, stream, spec);
    const auto same = [](const std::string &what, const std::vector<float> &a, const std::vector<float> &b) {
      check_bits(what, a.data(), b.data(), static_cast<int64_t>(b.size()), 0);
    };
    same("dhidden", one.dhidden, two.dhidden);
    for (size_t i = 0; i < one.gradients.size(); ++i) {
      same("gradient " + std::to_string(i), one.gradients[i], two.gradients[i]);
      same("master " + std::to_string(i), one.masters[i], two.masters[i]);
    }
  }
}

}  // namespace

int main() {
  check_losses();
  check_training();
  return finish();
}
