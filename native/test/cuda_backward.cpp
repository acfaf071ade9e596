// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Gradients on the device, from the CPU backend's forward pass: exact on small integers, within computed bounds of float64 on real data,
// the same bits on every schedule; accumulation, absent gradients, invalid items, batches cut into several parts, faults.
#include "cuda/backward.h"

#include "cuda_score_fixture.h"
#include "training_fixture.h"

namespace cuda = gavel::cuda;
using namespace gavel::test;

namespace {

const int32_t kDtypes[] = {GAVEL_F32, GAVEL_F16, GAVEL_BF16};

struct CudaOptions : TrainingOptions {
  int64_t most_rows = 0;
};

// Like run_backward of training_fixture.h.
TrainingOutputs run_on_device(CudaDevice &device, const CudaHead &head, const TrainingCase &training, const Scores &forward,
                              const CudaOptions &options = {}, cuda::Fault *fault = nullptr) {
  const gavel_head_spec &spec = head.spec();
  GradientBuffers buffers(spec, options.before, options.row_gap);
  const int64_t items = training.items();
  const DeviceArray<uint8_t> hidden(training.batch.bytes);
  const DeviceArray<int64_t> first(training.batch.first), last(training.batch.last);
  const DeviceArray<float> scores(forward.scores), preactivations(forward.preactivations), dscore(training.dscore),
      dvectors(static_cast<size_t>(items * spec.input_width));
  std::vector<std::unique_ptr<DeviceArray<float>>> gradients;
  cuda::BackwardCall call{
      head.get(),
      options.accumulate,
      training.pooling,
      training.combine,
      {},
      {},
      {},
      training.readout,
      training.deviation,
      {},
      {},
      {},
      {},
      {},
  };
  call.hidden = view(hidden.data(), training.batch.dtype, {training.batch.tokens, training.batch.width});
  if (training.pooling != GAVEL_POOLING_INDEX) call.first = view(first.data(), GAVEL_I64, {items});
  call.last = view(last.data(), GAVEL_I64, {items});
  if (training.readout == GAVEL_READOUT_SIGMOID) call.scores = view(scores.data(), GAVEL_F32, {items, spec.output_width});
  if (spec.kind == GAVEL_HEAD_MLP)
    call.preactivations = view(preactivations.data(), GAVEL_F32, {items, preactivation_width(spec)});
  call.dscore = view(dscore.data(), GAVEL_F32, {items, spec.output_width});
  if (options.only.empty() || options.only == "vectors") {
    call.dvectors = view(dvectors.data(), GAVEL_F32, {items, spec.input_width});
  }
  for (size_t i = 0; i < buffers.memory.size(); ++i) {
    gradients.push_back(std::make_unique<DeviceArray<float>>(buffers.memory[i]));
    if (!options.only.empty() && buffers.names[i] != options.only) continue;
    float *data = gradients.back()->data();
    call.gradients[i] = buffers.tensors[i].rank == 2
                            ? view(data, GAVEL_F32, {buffers.rows[i], buffers.widths[i]}, buffers.strides[i])
                            : view(data, GAVEL_F32, {buffers.widths[i]});
  }
  cuda::enqueue_backward(call, device.stream(), options.most_rows);
  const cuda::Fault found = *device.stream().fault;
  *device.stream().fault = {};
  if (fault != nullptr) {
    *fault = found;
  } else {
    check_equal("fault", found.kind, cuda::kNoFault);
  }
  TrainingOutputs out;
  out.forward = forward;
  out.names = buffers.names;
  out.dvectors = dvectors.values();
  for (size_t i = 0; i < buffers.memory.size(); ++i) {
    buffers.memory[i] = gradients[i]->values();
    out.gradients.push_back(buffers.values(i));
  }
  return out;
}

double compare(const std::string &what, const std::vector<float> &actual, const std::vector<Approximate> &expected,
               uint64_t seed) {
  std::vector<double> value, bound;
  for (const Approximate &one : expected) {
    value.push_back(one.value);
    bound.push_back(one.error + 0x1p-24 * std::fabs(one.value) + 1e-30);
  }
  return check_bound(what, actual.data(), value.data(), bound.data(), static_cast<int64_t>(expected.size()), seed);
}

double check_against_reference(const std::string &what, gavel_context *context, CudaDevice &device, const gavel_head_spec &spec,
                               const TrainingCase &training, uint64_t seed, const CudaOptions &options = {}) {
  const TestHead head(context, spec, seed);
  const CudaHead cuda_head(device, head);
  const Scores forward = run_forward(context, head, training);
  const TrainingOutputs actual = run_on_device(device, cuda_head, training, forward, options);
  const BackwardProblem problem = reference_problem(head, training, forward);
  const Gradients expected = BackwardReference(problem).gradients();
  double worst = 0;
  for (size_t i = 0; i < actual.names.size(); ++i) {
    worst = std::fmax(
        worst, compare(what + " " + actual.names[i], actual.gradients[i], expected.parameters.at(actual.names[i]), seed));
  }
  std::vector<Approximate> vectors;
  for (const auto &row : expected.vectors) vectors.insert(vectors.end(), row.begin(), row.end());
  worst = std::fmax(worst, compare(what + " dvectors", actual.dvectors, vectors, seed));
  check_invalid_items(what + " dvectors", spec, training, actual);
  return worst;
}

void check_random(gavel_context *context, CudaDevice &device) {
  uint64_t seed = 1;
  for (const int32_t dtype : kDtypes) {
    double worst = 0;
    for (int32_t activation = GAVEL_ACTIVATION_IDENTITY; activation <= GAVEL_ACTIVATION_SILU; ++activation) {
      for (const int64_t layers : {activation % 2, 1, 3}) {
        Random random(++seed);
        const gavel_head_spec spec = any_spec(random, dtype, layers == 0 ? GAVEL_ACTIVATION_IDENTITY : activation, layers, 6);
        TrainingCase training = random_case(random, spec, random.integer(1, 70));
        set_readout(random, training);
        CudaOptions options;
        if (seed % 3 == 0) options.most_rows = 16;
        if (seed % 2 == 0) options.row_gap = 3;
        const std::string what = "activation " + std::to_string(activation) + " layers " + std::to_string(layers);
        worst = std::fmax(worst, check_against_reference(what, context, device, spec, training, seed, options));
      }
    }
    for (const int32_t combine : {GAVEL_COMBINE_NONE, GAVEL_COMBINE_CONCAT, GAVEL_COMBINE_ADD, GAVEL_COMBINE_SUB}) {
      for (const bool mlp : {false, true}) {
        for (const bool norm : {false, true}) {
          Random random(++seed);
          gavel_head_spec spec = mlp ? mlp_spec(dtype, 40, {33}, 2, GAVEL_ACTIVATION_SILU) : linear_spec(dtype, 48, 3);
          spec.flags = GAVEL_HEAD_OUTPUT_BIAS;
          if (norm) spec.norm = GAVEL_NORM_RMS, spec.norm_epsilon = 1e-3f;
          const int32_t pooling = combine == GAVEL_COMBINE_NONE ? GAVEL_POOLING_SPAN_MEAN : GAVEL_POOLING_FIRST_LAST;
          CudaOptions options;
          if (norm) options.most_rows = 32;
          worst = std::fmax(worst, check_against_reference("combine " + std::to_string(combine), context, device, spec,
                                                           random_case(random, spec, 37, pooling, combine), seed, options));
        }
      }
    }
    std::printf("backward %s: largest error %.2f of its bound\n", name_of(dtype), worst);
  }
}

// Small integers: every product and every sum is exact, so is every gradient, in any dtype.
void check_exact(gavel_context *context, CudaDevice &device) {
  for (const int32_t dtype : kDtypes) {
    for (const bool mlp : {false, true}) {
      for (const int64_t items : {1, 2, 31, 32, 33, 65, 130}) {
        const uint64_t seed = static_cast<uint64_t>(items);
        Random random(seed);
        gavel_head_spec spec = mlp ? mlp_spec(dtype, 72, {69}, 3, GAVEL_ACTIVATION_RELU) : linear_spec(dtype, 72, 1);
        spec.flags = GAVEL_HEAD_OUTPUT_BIAS;
        if (mlp) spec.flags |= GAVEL_HEAD_HIDDEN_BIAS;
        spec.output_scale = 0.5f;
        TrainingCase training = random_case(random, spec, items);
        for (float &v : training.batch.values) v = static_cast<float>(random.integer(-2, 2));
        training.batch.reencode();
        for (float &d : training.dscore) d = static_cast<float>(random.integer(-2, 2));
        const TestHead head(context, spec, seed, 1);
        const CudaHead cuda_head(device, head);
        const Scores forward = run_forward(context, head, training);
        const TrainingOutputs actual = run_on_device(device, cuda_head, training, forward);
        const BackwardProblem problem = reference_problem(head, training, forward);
        const Gradients expected = BackwardReference(problem).gradients();
        for (size_t i = 0; i < actual.names.size(); ++i) {
          std::vector<float> exact_values;
          for (const Approximate &v : expected.parameters.at(actual.names[i]))
            exact_values.push_back(static_cast<float>(v.value) + 0.0f);
          std::vector<float> values = actual.gradients[i];
          for (float &v : values) v += 0.0f;
          check_bits("exact " + actual.names[i], values.data(), exact_values.data(), static_cast<int64_t>(values.size()), seed);
        }
      }
    }
  }
}

gavel_head_spec full_head(int32_t dtype, int64_t outputs) {
  gavel_head_spec spec = mlp_spec(dtype, 40, {33, 18}, outputs, GAVEL_ACTIVATION_PRELU);
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS | GAVEL_HEAD_NORM_BIAS;
  spec.norm = GAVEL_NORM_LAYER;
  spec.norm_epsilon = 1e-5f;
  return spec;
}

// Every gradient alone has the bits it has among all; one that is not wanted is not touched; accumulating adds.
void check_parts(gavel_context *context, CudaDevice &device) {
  for (const int64_t outputs : {2, 5}) {
    for (const bool mlp : {false, true}) {
      gavel_head_spec spec = full_head(GAVEL_BF16, outputs);
      if (!mlp) {
        spec = linear_spec(GAVEL_BF16, 40, outputs);
        spec.flags = GAVEL_HEAD_OUTPUT_BIAS;
      }
      Random random(5);
      const TrainingCase training = random_case(random, spec, 50);
      const TestHead head(context, spec, 5);
      const CudaHead cuda_head(device, head);
      const Scores forward = run_forward(context, head, training);
      const TrainingOutputs all = run_on_device(device, cuda_head, training, forward);
      std::vector<std::string> wanted = all.names;
      wanted.push_back("vectors");
      for (const std::string &only : wanted) {
        CudaOptions options;
        options.only = only;
        const TrainingOutputs alone = run_on_device(device, cuda_head, training, forward, options);
        for (size_t i = 0; i < all.names.size(); ++i) {
          if (all.names[i] == only) {
            check_bits(only + " alone", alone.gradients[i].data(), all.gradients[i].data(),
                       static_cast<int64_t>(all.gradients[i].size()), 5);
          } else {
            for (const float value : alone.gradients[i]) CHECK(std::isnan(value), "%s is written", all.names[i].c_str());
          }
        }
        if (only == "vectors") {
          check_bits("dvectors alone", alone.dvectors.data(), all.dvectors.data(), static_cast<int64_t>(all.dvectors.size()),
                     5);
        }
      }
      CudaOptions adding;
      adding.accumulate = true;
      adding.before = 0.25f;
      const TrainingOutputs added = run_on_device(device, cuda_head, training, forward, adding);
      for (size_t i = 0; i < all.names.size(); ++i) {
        std::vector<float> expected = all.gradients[i];
        for (float &value : expected) value = 0.25f + value;
        check_bits("added " + all.names[i], added.gradients[i].data(), expected.data(), static_cast<int64_t>(expected.size()),
                   5);
      }
      for (uint64_t schedule = 1; schedule <= (kSanitized ? 2 : 8); ++schedule) {
        gavel::emulator::set_seed(schedule);
        check_same_gradients("schedule", run_on_device(device, cuda_head, training, forward), all, schedule);
      }
    }
  }
}

// Many rows: several chunks, added by whichever block comes last.
void check_many_rows(gavel_context *context, CudaDevice &device) {
  Random random(7);
  const gavel_head_spec spec = linear_spec(GAVEL_BF16, 1032, 1);
  const TrainingCase training = random_case(random, spec, 300);
  check_against_reference("many rows", context, device, spec, training, 7);
  const TestHead head(context, spec, 7);
  const CudaHead cuda_head(device, head);
  const Scores forward = run_forward(context, head, training);
  CudaOptions options;
  options.only = "output.weight";
  const int64_t before = gavel::emulator::launches();
  const TrainingOutputs expected = run_on_device(device, cuda_head, training, forward, options);
  check_equal("launches for a linear head", gavel::emulator::launches() - before, 1);
  for (uint64_t schedule = 1; schedule <= (kSanitized ? 2 : 8); ++schedule) {
    gavel::emulator::set_seed(schedule);
    const TrainingOutputs actual = run_on_device(device, cuda_head, training, forward, options);
    check_bits("schedule", actual.gradients[0].data(), expected.gradients[0].data(), 1032, schedule);
  }
}

void check_edges(gavel_context *context, CudaDevice &device) {
  for (const bool mlp : {false, true}) {
    gavel_head_spec spec = full_head(GAVEL_F16, 2);
    if (!mlp) spec = linear_spec(GAVEL_F16, 40, 2), spec.flags = GAVEL_HEAD_OUTPUT_BIAS;
    const TestHead head(context, spec, 11);
    const CudaHead cuda_head(device, head);
    Random random(11);
    // No items, and none that is valid: gradients are 0.
    for (const int64_t items : {0, 6}) {
      const TrainingCase none = random_case(random, spec, items, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, 1.0);
      TrainingCase hostile = none;
      for (float &d : hostile.dscore) d = std::numeric_limits<float>::quiet_NaN();
      const TrainingOutputs out = run_on_device(device, cuda_head, hostile, run_forward(context, head, none));
      for (const auto &gradient : out.gradients) {
        for (const float value : gradient) CHECK(value == 0, "a gradient of nothing is %g", static_cast<double>(value));
      }
      for (const float value : out.dvectors)
        CHECK(value == 0, "a gradient of an invalid item is %g", static_cast<double>(value));
    }
    // An index out of range: the fault is told, its dvectors are NaN, and those of the others what they are without it.
    TrainingCase training = random_case(random, spec, 9, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, 0);
    const Scores forward = run_forward(context, head, training);
    const TrainingOutputs good = run_on_device(device, cuda_head, training, forward);
    training.batch.last[4] = training.batch.tokens + 1000;
    cuda::Fault fault = {};
    const TrainingOutputs bad = run_on_device(device, cuda_head, training, forward, {}, &fault);
    check_equal("kind", fault.kind, cuda::kFaultLastIndex);
    check_equal("item", fault.item, 4);
    for (int64_t r = 0; r < 9; ++r) {
      const float *row = bad.dvectors.data() + r * 40;
      if (r != 4) check_bits("another item", row, good.dvectors.data() + r * 40, 40, 11);
      if (r == 4) CHECK(std::isnan(row[0]) && std::isnan(row[39]), "%g", static_cast<double>(row[0]));
    }
  }
}

}  // namespace

int main() {
  const TestContext context(1);
  CudaDevice device;
  check_exact(context.get(), device);
  check_random(context.get(), device);
  check_parts(context.get(), device);
  check_many_rows(context.get(), device);
  check_edges(context.get(), device);
  return finish();
}
