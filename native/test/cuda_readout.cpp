// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Readouts and gates on CUDA through the C interface: from the same logits every output has the CPU's bits, whatever the schedule, the
// number of items and their place; logits are those of calls without a readout, gradients those of IDENTITY at the row function's.
#include "cuda_api_checks.h"
#include "cuda_training_call.h"
#include "readout_checks.h"

using namespace gavel;
using namespace gavel::test;

namespace {

struct CudaRunner {
  const CudaContext &cuda;

  Scores plain(const TestHead &head, const Batch &batch) const {
    Scores out;
    score_on_device(cuda, head.get(), score_args(head.spec(), batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, true, out),
                    nullptr);
    return out;
  }
  TrainingOutputs backward_at(const TestHead &head, const Batch &batch, const std::vector<float> &dlogits) const {
    TrainingCase training{batch};
    training.dscore = dlogits;
    return backward_on_device(cuda, head.get(), head.spec(), training, plain(head, batch));
  }
  ReadoutGradients backward(const ReadoutCase &problem, const ReadoutOutputs &forward, gavel_head *head, gavel_head *gate,
                            bool accumulate = false, float before = kNan) const {
    ReadoutBackward call(problem, forward, gate, before);
    call.args.accumulate = accumulate;
    OnDevice device(cuda);
    upload(device, call.args);
    device.upload(call.args, offsetof(gavel_backward_args, readout_levels), offsetof(gavel_backward_args, gate));
    device.upload(call.args, offsetof(gavel_backward_args, gate_index), offsetof(gavel_backward_args, gate_gradients));
    std::vector<gavel_tensor> gradients = call.gradients.tensors, gate_gradients = call.gate_gradients.tensors;
    for (gavel_tensor &tensor : gradients) device.upload(tensor);
    if (problem.gated()) {
      for (gavel_tensor &tensor : gate_gradients) device.upload(tensor);
      call.args.gate_gradients = gate_gradients.data();
    }
    call.args.stream = cuda.stream();
    auto error = sized<gavel_error>();
    expect_status(
        "gavel_backward",
        gavel_backward(cuda.get(), head, &call.args, gradients.data(), static_cast<int32_t>(gradients.size()), &error),
        GAVEL_OK, error);
    device.download();
    call.out.head = all_values(call.gradients);
    if (problem.gated()) call.out.gate = all_values(call.gate_gradients);
    return call.out;
  }
  ReadoutOutputs score(const ReadoutCase &problem, gavel_head *head, gavel_head *gate, gavel_loss_args *loss = nullptr) const {
    ReadoutOutputs out;
    gavel_score_args args = readout_score_args(problem, gate, out);
    OnDevice device(cuda);
    upload(device, args);
    device.upload(args, offsetof(gavel_score_args, readout_levels), offsetof(gavel_score_args, gate));
    device.upload(args, offsetof(gavel_score_args, gate_index), sizeof args);
    if (loss != nullptr) upload(device, *loss);
    args.stream = cuda.stream();
    auto error = sized<gavel_error>();
    expect_status("gavel_score", gavel_score(cuda.get(), head, &args, loss, &error), GAVEL_OK, error);
    device.download();
    return out;
  }
};

void same_outputs(const ReadoutOutputs &actual, const ReadoutOutputs &expected, uint64_t seed) {
  same("scores", actual.scores, expected.scores, seed);
  same("logits", actual.logits, expected.logits, seed);
  same("vectors", actual.vectors, expected.vectors, seed);
  same("preactivations", actual.preactivations, expected.preactivations, seed);
  same("objectives", actual.objectives, expected.objectives, seed);
  same("gate weights", actual.gate_weights, expected.gate_weights, seed);
  same("gate logits", actual.gate_logits, expected.gate_logits, seed);
  same("gate preactivations", actual.gate_preactivations, expected.gate_preactivations, seed);
  check_equal("invalid items", actual.counts[0], expected.counts[0]);
  check_equal("NaN items", actual.counts[1], expected.counts[1]);
}

void same_gradients(const ReadoutGradients &actual, const ReadoutGradients &expected, uint64_t seed) {
  same("dvectors", actual.dvectors, expected.dvectors, seed);
  same("dgate_vectors", actual.dgate_vectors, expected.dgate_vectors, seed);
  same("dgate_scale", actual.dgate_scale, expected.dgate_scale, seed);
  for (size_t i = 0; i < expected.head.size(); ++i) same("gradient", actual.head[i], expected.head[i], seed);
  for (size_t i = 0; i < expected.gate.size(); ++i) same("gate gradient", actual.gate[i], expected.gate[i], seed);
}

// Any readout, any gate: the row functions at the call's own logits; losses; accumulation; items alone; schedules.
void test_any(const CudaContext &cuda, uint64_t trials) {
  const CudaRunner runner{cuda};
  for (uint64_t seed = 1; seed <= trials; ++seed) {
    machine().set_seed(seed);
    Random random(seed);
    const ReadoutCase problem = any_readout_case(random, random.integer(1, 40));
    const TestHead head(cuda.get(), problem.head, seed), gate(cuda.get(), problem.gate, seed + 1);
    const ReadoutOutputs out = runner.score(problem, head.get(), gate.get());
    check_scores(problem, out, seed);
    check_parts(runner, problem, head, gate, out, seed);
    check_gradients(runner, problem, head, gate, out, seed);
    const ReadoutGradients gradients = runner.backward(problem, out, head.get(), gate.get());
    same_gradients(runner.backward(problem, out, head.get(), gate.get(), true, 0), gradients, seed);
    if (seed % 5 != 0) continue;
    for (uint64_t schedule = 101; schedule <= (kSanitized ? 102 : 108); ++schedule) {
      machine().set_seed(schedule);
      same_outputs(runner.score(problem, head.get(), gate.get()), out, seed);
      same_gradients(runner.backward(problem, out, head.get(), gate.get()), gradients, seed);
    }
    for (size_t r = 0; r < problem.batch.last.size(); r += 3) {
      ReadoutCase one = problem;
      one.batch.last = {problem.batch.last[r]};
      one.gate_index = {problem.gate_index[r]};
      same("score alone", runner.score(one, head.get(), gate.get()).scores, row_of(out.scores, problem.config.scores(), r),
           seed);
    }
  }
}

// Whole numbers in the heads: their sums are exact in any order, so that the whole call has the CPU's bits.
void test_cpu_bits(const CudaContext &cuda, const TestContext &cpu) {
  const CudaRunner runner{cuda};
  constexpr int64_t kItems[] = {1, 2, 7, 8, 9, 16, 17, 63, 64, 65, 257};
  for (uint64_t seed = 200; seed < 222; ++seed) {
    Random random(seed);
    ReadoutCase problem = any_readout_case(random, kItems[seed % std::size(kItems)]);
    for (gavel_head_spec *spec : {&problem.head, &problem.gate}) {
      if (spec->hidden_layers > 0) spec->activation = GAVEL_ACTIVATION_RELU;
      // Logits of a hundred would leave one class alone.
      spec->output_scale = 1.0f / 64;
    }
    for (float &value : problem.batch.values) value = static_cast<float>(random.integer(-2, 2));
    problem.batch.reencode();
    const TestHead on_cpu(cpu.get(), problem.head, seed, 2), cpu_gate(cpu.get(), problem.gate, seed + 1, 2);
    const TestHead on_cuda(cuda.get(), problem.head, seed, 2), cuda_gate(cuda.get(), problem.gate, seed + 1, 2);
    const ReadoutOutputs expected = run_readout(cpu.get(), problem, on_cpu.get(), cpu_gate.get());
    same_outputs(runner.score(problem, on_cuda.get(), cuda_gate.get()), expected, seed);
    const ReadoutGradients gradients = run_readout_backward(cpu.get(), problem, expected, on_cpu.get(), cpu_gate.get());
    const ReadoutGradients actual = runner.backward(problem, expected, on_cuda.get(), cuda_gate.get());
    same("dgate_scale", actual.dgate_scale, gradients.dgate_scale, seed);
  }
}

// A loss of the call sees the readout's scores; a NaN row spoils its own item alone.
void test_loss_and_nan(const CudaContext &cuda, const TestContext &cpu) {
  const CudaRunner runner{cuda};
  int64_t nan_items = 0;
  for (uint64_t seed = 300; seed < 312; ++seed) {
    Random random(seed);
    ReadoutCase problem = any_readout_case(random, 19);
    const int64_t row = problem.batch.last[3] >= 0 ? problem.batch.last[3] : 0;
    for (int64_t k = 0; k < problem.batch.width; ++k) {
      problem.batch.values[static_cast<size_t>(row * problem.batch.width + k)] = kNan;
    }
    problem.batch.reencode();
    const TestHead head(cuda.get(), problem.head, seed), gate(cuda.get(), problem.gate, seed + 1);
    auto loss = sized<gavel_loss_args>();
    loss.kind = GAVEL_LOSS_MSE;
    loss.reduction = GAVEL_REDUCTION_MEAN_VALID;
    loss.weight = 1;
    const int64_t n = problem.items() * problem.config.scores();
    std::vector<float> targets(static_cast<size_t>(n), 0.25f), inside(targets.size()), alone(targets.size());
    loss.targets = describe(targets.data(), GAVEL_F32, {n});
    loss.dscore = describe(inside.data(), GAVEL_F32, {n});
    gavel_loss_args on_host = loss;
    ReadoutOutputs out = runner.score(problem, head.get(), gate.get(), &loss);
    for (size_t r = 0; r < problem.batch.last.size(); ++r) {
      const bool nan = problem.valid(r) && (problem.batch.last[r] == row || (problem.gated() && problem.gate_index[r] == row));
      for (const float score : row_of(out.scores, problem.config.scores(), r)) {
        CHECK(std::isnan(score) == nan, "seed %" PRIu64 ", item %zu: %g", seed, r, static_cast<double>(score));
      }
      nan_items += nan;
    }
    on_host.scores = describe(out.scores.data(), GAVEL_F32, {n});
    Bytes mask;
    for (const float score : out.scores) mask.push_back(score != -INFINITY);
    on_host.mask = describe(mask.data(), GAVEL_U8, {n});
    on_host.dscore = describe(alone.data(), GAVEL_F32, {n});
    auto error = sized<gavel_error>();
    expect_status("the loss alone", gavel_loss(cpu.get(), &on_host, &error), GAVEL_OK, error);
    same("dscore", inside, alone, seed);
  }
  CHECK(nan_items > 12, "%lld items with NaN", static_cast<long long>(nan_items));
}

// What only the device can see: the next synchronize tells of it, with the CPU's words.
void test_faults(const CudaContext &cuda) {
  const auto fault = [&](const char *text, auto choose, auto change, Where where = Where::current()) {
    for (uint64_t seed = 400;; ++seed) {
      Random random(seed);
      ReadoutCase problem = any_readout_case(random, 9);
      if (!choose(problem)) continue;
      change(problem);
      const TestHead head(cuda.get(), problem.head, seed), gate(cuda.get(), problem.gate, seed + 1);
      ReadoutOutputs out;
      gavel_score_args args = readout_score_args(problem, gate.get(), out);
      OnDevice device(cuda);
      upload(device, args);
      device.upload(args, offsetof(gavel_score_args, readout_levels), offsetof(gavel_score_args, gate));
      device.upload(args, offsetof(gavel_score_args, gate_index), sizeof args);
      args.stream = cuda.stream();
      auto error = sized<gavel_error>();
      expect_status("enqueued", gavel_score(cuda.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error, where);
      expect_status(text, gavel_stream_synchronize(cuda.stream(), &error), GAVEL_INVALID_ARGUMENT, error, where);
      if (failed(std::strstr(error.message, text) != nullptr, where))
        std::fprintf(stderr, "'%s' lacks '%s'\n", error.message, text);
      device.download();
      return;
    }
  };
  const auto gated = [](const ReadoutCase &problem) { return problem.gated(); };
  fault("item 4: gate_index[4] is 12", gated, [](ReadoutCase &problem) { problem.gate_index[4] = 12; });
  fault("item 5: last[5] is -2", gated, [](ReadoutCase &problem) { problem.batch.last[5] = -2; });
  fault(
      "readout_levels[1] is inf", [](const ReadoutCase &problem) { return !problem.config.levels.empty(); },
      [](ReadoutCase &problem) { problem.config.levels[1] = INFINITY; });
  fault(
      "readout_weights[0] is nan", [](const ReadoutCase &problem) { return !problem.config.weights.empty(); },
      [](ReadoutCase &problem) { problem.config.weights[0] = kNan; });
  fault(
      "gate_transform[0] is inf", [](const ReadoutCase &problem) { return !problem.config.transform.empty(); },
      [](ReadoutCase &problem) { problem.config.transform[0] = INFINITY; });
}

// No items: counts are zeros, gradients empty sums.
void test_no_items(const CudaContext &cuda) {
  const CudaRunner runner{cuda};
  for (uint64_t seed = 500; seed < 510; ++seed) {
    Random random(seed);
    const ReadoutCase problem = any_readout_case(random, 0);
    const TestHead head(cuda.get(), problem.head, seed), gate(cuda.get(), problem.gate, seed + 1);
    const ReadoutOutputs out = runner.score(problem, head.get(), gate.get());
    check_equal("invalid items", out.counts[0], 0);
    check_equal("NaN items", out.counts[1], 0);
    const ReadoutGradients gradients = runner.backward(problem, out, head.get(), gate.get());
    for (const auto &gradient : gradients.head) {
      for (const float value : gradient) CHECK(value == 0, "%g", static_cast<double>(value));
    }
    for (const float value : gradients.dgate_scale) CHECK(value == 0, "%g", static_cast<double>(value));
  }
}

}  // namespace

int main() {
  const TestContext cpu(1);
  {
    const CudaContext cuda;
    test_any(cuda, kSanitized ? 12 : 40);
    test_cpu_bits(cuda, cpu);
    test_loss_and_nan(cuda, cpu);
    test_faults(cuda);
    test_no_items(cuda);
  }
  check_equal("live device allocations", machine().live().device_allocations, 0);
  return finish();
}
