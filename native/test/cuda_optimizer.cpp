// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// AdamW on the device: masters, moments and parameters with the bits of the CPU backend (which training_adamw.cpp compares with float64)
// over many steps, packed weights included; gradients that are not finite; steps in a graph.
#include "cuda/optimizer.h"

#include "cuda_score_fixture.h"
#include "optimizer_fixture.h"

namespace cuda = gavel::cuda;
using namespace gavel::test;

namespace {

class CudaOptimizer {
 public:
  CudaOptimizer(CudaDevice &device, const TestHead &head, const gavel_optimizer_options &options)
      : device_(device), head_(device, head), optimizer_(head_.get(), options) {}

  // The tensors of `buffers` as device memory. offset: floats before each.
  cuda::Fault step(const GradientBuffers &buffers, float learning_rate, size_t offset = 0) {
    std::vector<std::unique_ptr<DeviceArray<float>>> memory;
    std::vector<gavel::Tensor> tensors;
    for (size_t i = 0; i < buffers.memory.size(); ++i) {
      memory.push_back(std::make_unique<DeviceArray<float>>(offset + buffers.memory[i].size()));
      std::copy(buffers.memory[i].begin(), buffers.memory[i].end(), memory.back()->data() + offset);
      float *data = memory.back()->data() + offset;
      const bool matrix = buffers.tensors[i].rank == 2;
      tensors.push_back(buffers.tensors[i].dtype == GAVEL_NONE ? gavel::Tensor()
                        : matrix ? view(data, GAVEL_F32, {buffers.rows[i], buffers.widths[i]}, buffers.strides[i])
                                 : view(data, GAVEL_F32, {buffers.widths[i]}));
    }
    cuda::enqueue_step(optimizer_, tensors.data(), learning_rate, device_.stream());
    const cuda::Fault fault = *device_.stream().fault;
    *device_.stream().fault = {};
    return fault;
  }
  void step_ok(const GradientBuffers &buffers, float learning_rate, size_t offset = 0) {
    check_equal("fault", step(buffers, learning_rate, offset).kind, cuda::kNoFault);
  }

  std::vector<std::vector<float>> read(int32_t state) {
    GradientBuffers buffers(head_.spec(), 0, 2);
    std::vector<std::vector<float>> all;
    for (size_t i = 0; i < buffers.memory.size(); ++i) {
      cuda::read_state(optimizer_, state, static_cast<int32_t>(i), host(buffers, i));
      all.push_back(buffers.values(i));
    }
    return all;
  }
  void write(int32_t state, const std::vector<std::vector<float>> &values) {
    GradientBuffers buffers(head_.spec(), 0, 0);
    for (size_t i = 0; i < values.size(); ++i) {
      buffers.memory[i] = values[i];
      cuda::write_state(optimizer_, state, static_cast<int32_t>(i), host(buffers, i));
    }
  }
  // The head's parameters as bytes.
  std::vector<Bytes> parameters() {
    GradientBuffers shapes(head_.spec(), 0, 0);
    std::vector<Bytes> all;
    const int32_t dtype = head_.spec().dtype;
    for (size_t i = 0; i < shapes.memory.size(); ++i) {
      Bytes bytes(shapes.memory[i].size() * static_cast<size_t>(size_of(dtype)));
      const bool matrix = shapes.tensors[i].rank == 2;
      cuda::read_head(head_.get(), static_cast<int32_t>(i),
                      matrix ? view(bytes.data(), dtype, {shapes.rows[i], shapes.widths[i]})
                             : view(bytes.data(), dtype, {shapes.widths[i]}));
      all.push_back(bytes);
    }
    return all;
  }
  cuda::Optimizer &get() { return optimizer_; }

 private:
  static gavel::Tensor host(GradientBuffers &buffers, size_t i) {
    float *data = buffers.memory[i].data();
    return buffers.tensors[i].rank == 2 ? view(data, GAVEL_F32, {buffers.rows[i], buffers.widths[i]}, buffers.strides[i])
                                        : view(data, GAVEL_F32, {buffers.widths[i]});
  }

  CudaDevice &device_;
  CudaHead head_;
  cuda::Optimizer optimizer_;
};

constexpr int32_t kStates[] = {GAVEL_OPTIMIZER_MASTER, GAVEL_OPTIMIZER_FIRST_MOMENT, GAVEL_OPTIMIZER_SECOND_MOMENT};

void check_same_state(const std::string &what, const TestHead &head, const TestOptimizer &expected, CudaOptimizer &actual,
                      uint64_t seed) {
  for (const int32_t state : kStates) {
    const auto here = actual.read(state), there = expected.read(state);
    for (size_t i = 0; i < here.size(); ++i) {
      check_bits(what + ": state " + std::to_string(state) + " of " + head.names()[i], here[i].data(), there[i].data(),
                 static_cast<int64_t>(here[i].size()), seed);
    }
  }
  std::vector<Bytes> raw;
  read_head(head, &raw);
  const std::vector<Bytes> parameters = actual.parameters();
  for (size_t i = 0; i < raw.size(); ++i) {
    CHECK(raw[i] == parameters[i], "%s: %s of the head differs", what.c_str(), head.names()[i].c_str());
  }
  check_equal(what + ": steps", cuda::step_count(actual.get()), gavel_optimizer_step_count(expected.get()));
}

// Widths that are and are not multiples of 8 and of the packed block, gradients with and without gaps, aligned and not.
void check_steps(gavel_context *context, CudaDevice &device) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    for (const int64_t width : {20, 40}) {
      const gavel_head_spec spec = full_spec(dtype, width, 33);
      const TestHead head(context, spec, 71);
      const TestOptimizer expected(head, default_options());
      CudaOptimizer actual(device, head, default_options());
      const std::string what = std::string(name_of(dtype)) + " " + std::to_string(width);
      check_same_state(what + " at the start", head, expected, actual, 71);
      Random random(71);
      for (int t = 0; t < 6; ++t) {
        GradientBuffers gradients(spec, 0, t % 3 == 0 ? 0 : t % 3 == 1 ? 4 : 3);
        randomise(random, gradients, std::pow(10.0, static_cast<double>(random.integer(-6, 3))));
        if (t == 3) gradients.tensors[2] = gavel_tensor{};
        const auto rate = static_cast<float>(random.uniform(1e-4, 1e-2));
        expected.step_ok(gradients, rate);
        actual.step_ok(gradients, rate, t == 4 ? 1 : 0);
        check_same_state(what + " after step " + std::to_string(t), head, expected, actual, 71);
      }
    }
  }
}

// More than one chunk of a parameter, on every schedule.
void check_large(gavel_context *context, CudaDevice &device) {
  const gavel_head_spec spec = mlp_spec(GAVEL_BF16, 136, {130}, 1, GAVEL_ACTIVATION_SILU);
  const TestHead head(context, spec, 73);
  const TestOptimizer expected(head, default_options());
  Random random(73);
  GradientBuffers gradients(spec, 0, 0);
  randomise(random, gradients, 1);
  for (int t = 0; t < 2; ++t) expected.step_ok(gradients, 0.01f);
  const TestHead fresh(context, spec, 73);
  for (uint64_t schedule = 1; schedule <= 8; ++schedule) {
    gavel::emulator::set_seed(schedule);
    CudaOptimizer actual(device, fresh, default_options());
    for (int t = 0; t < 2; ++t) actual.step_ok(gradients, 0.01f);
    check_same_state("schedule " + std::to_string(schedule), head, expected, actual, schedule);
  }
}

// A resumed run goes on as if it had not stopped; far along, the corrections are 1.
void check_resume(gavel_context *context, CudaDevice &device) {
  const gavel_head_spec spec = full_spec(GAVEL_F16, 24, 17);
  const TestHead head(context, spec, 79);
  const TestOptimizer expected(head, default_options());
  Random random(79);
  GradientBuffers gradients(spec, 0, 0);
  randomise(random, gradients, 1);
  for (int t = 0; t < 3; ++t) expected.step_ok(gradients, 0.01f);
  const TestHead fresh(context, spec, 83);
  CudaOptimizer actual(device, fresh, default_options());
  for (const int32_t state : kStates) actual.write(state, expected.read(state));
  auto error = sized<gavel_error>();
  for (const int64_t steps : {int64_t{3}, int64_t{1000}, int64_t{1} << 40}) {
    cuda::set_step_count(actual.get(), steps);
    gavel_optimizer_set_step_count(expected.get(), steps, &error);
    expected.step_ok(gradients, 0.01f);
    actual.step_ok(gradients, 0.01f);
    check_same_state("resumed at " + std::to_string(steps), head, expected, actual, 79);
  }
  cuda::set_step_count(actual.get(), int64_t{1} << 53);
  const cuda::Fault fault = actual.step(gradients, 0.01f);
  check_equal("too many steps", fault.kind, cuda::kFaultStepCount);
  check_equal("steps taken", fault.value, int64_t{1} << 53);
  check_equal("count", cuda::step_count(actual.get()), int64_t{1} << 53);
}

// The first gradient that is not finite is named, nothing changes, and the next step is as if there had been none.
void check_refusal(gavel_context *context, CudaDevice &device) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const gavel_head_spec spec = full_spec(GAVEL_BF16, 40, 33);
  const TestHead head(context, spec, 89);
  const TestOptimizer expected(head, default_options());
  CudaOptimizer actual(device, head, default_options());
  Random random(89);
  GradientBuffers good(spec, 0, 1);
  randomise(random, good, 1);
  for (size_t i = 0; i < good.memory.size(); ++i) {
    for (const float wrong : {inf, -inf, nan}) {
      GradientBuffers bad(spec, 0, 1);
      bad.memory = good.memory;
      for (size_t k = 0; k < bad.memory.size(); ++k) {
        bad.tensors[k].data = bad.memory[k].data();
        if (k >= i) bad.memory[k][static_cast<size_t>(bad.widths[k] - 1)] = wrong;
      }
      bad.memory[i].back() = nan;
      const cuda::Fault fault = actual.step(bad, 0.01f);
      check_equal("kind", fault.kind, cuda::kFaultGradient);
      check_equal("parameter", fault.limit, static_cast<int64_t>(i));
      check_equal("element", fault.item, good.widths[i] - 1);
      const float found = bad.memory[i][static_cast<size_t>(good.widths[i] - 1)];
      check_equal("value", fault.value, static_cast<int64_t>(std::bit_cast<uint32_t>(found)));
    }
  }
  check_same_state("after refusals", head, expected, actual, 89);
  expected.step_ok(good, 0.01f);
  actual.step_ok(good, 0.01f);
  check_same_state("the step after", head, expected, actual, 89);
  // A value between the rows is no gradient.
  GradientBuffers gap(spec, nan, 1);
  for (size_t k = 0; k < gap.memory.size(); ++k) {
    for (int64_t row = 0; row < gap.rows[k]; ++row) {
      std::fill_n(gap.memory[k].begin() + row * gap.strides[k], gap.widths[k], 0.5f);
    }
  }
  expected.step_ok(gap, 0.01f);
  actual.step_ok(gap, 0.01f);
  check_same_state("gaps", head, expected, actual, 89);
}

// The count is on the device: replaying a captured step counts on.
void check_graph(gavel_context *context, CudaDevice &device) {
  const gavel_head_spec spec = mlp_spec(GAVEL_BF16, 40, {33}, 1, GAVEL_ACTIVATION_TANH);
  const TestHead head(context, spec, 97);
  const TestOptimizer expected(head, default_options());
  CudaOptimizer actual(device, head, default_options());
  Random random(97);
  GradientBuffers gradients(spec, 0, 0);
  randomise(random, gradients, 1);
  std::vector<std::unique_ptr<DeviceArray<float>>> memory;
  std::vector<gavel::Tensor> tensors;
  for (size_t i = 0; i < gradients.memory.size(); ++i) {
    memory.push_back(std::make_unique<DeviceArray<float>>(gradients.memory[i]));
    float *data = memory.back()->data();
    tensors.push_back(gradients.tensors[i].rank == 2 ? view(data, GAVEL_F32, {gradients.rows[i], gradients.widths[i]})
                                                     : view(data, GAVEL_F32, {gradients.widths[i]}));
  }
  // Once outside, which makes the stream's counters.
  cuda::enqueue_step(actual.get(), tensors.data(), 0.01f, device.stream());
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t replay = nullptr;
  check_equal("begin", cudaStreamBeginCapture(device.stream().native, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  const int64_t before = gavel::emulator::launches();
  cuda::enqueue_step(actual.get(), tensors.data(), 0.01f, device.stream());
  check_equal("end", cudaStreamEndCapture(device.stream().native, &graph), cudaSuccess);
  check_equal("kernels run during the capture", gavel::emulator::launches(), before);
  check_equal("instantiate", cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
  for (int t = 0; t < 3; ++t) check_equal("launch", cudaGraphLaunch(replay, device.stream().native), cudaSuccess);
  check_equal("launches of three steps", gavel::emulator::launches() - before, 6);
  for (int t = 0; t < 4; ++t) expected.step_ok(gradients, 0.01f);
  check_same_state("replayed", head, expected, actual, 97);
  cudaGraphExecDestroy(replay);
  cudaGraphDestroy(graph);
}

}  // namespace

int main() {
  const TestContext context(1);
  CudaDevice device;
  check_steps(context.get(), device);
  check_large(context.get(), device);
  check_resume(context.get(), device);
  check_refusal(context.get(), device);
  check_graph(context.get(), device);
  return finish();
}
