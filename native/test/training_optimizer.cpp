// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// AdamW: single steps and hundreds against torch.optim.AdamW's formula in float64, the head behind it, resuming, exclusion.
#include "cpu/optimizer.h"

#include "training_fixture.h"

using namespace gavel::test;

namespace {

gavel_optimizer_options default_options() {
  auto options = sized<gavel_optimizer_options>();
  options.learning_rate = 1e-3f;
  options.beta1 = 0.9f;
  options.beta2 = 0.999f;
  options.epsilon = 1e-8f;
  options.matrix_weight_decay = 0.1f;
  options.vector_weight_decay = 0.01f;
  return options;
}

class TestOptimizer {
 public:
  TestOptimizer(const TestHead &head, const gavel_optimizer_options &options) : head_(head) {
    auto error = sized<gavel_error>();
    expect_status("gavel_optimizer_create", gavel_optimizer_create(head.get(), &options, &optimizer_, &error), GAVEL_OK, error);
  }
  ~TestOptimizer() { gavel_optimizer_destroy(optimizer_); }
  TestOptimizer(const TestOptimizer &) = delete;
  TestOptimizer &operator=(const TestOptimizer &) = delete;
  gavel_optimizer *get() const { return optimizer_; }

  int32_t step(const GradientBuffers &gradients, float learning_rate, gavel_error &error) const {
    return gavel_optimizer_step(optimizer_, gradients.tensors.data(), static_cast<int32_t>(gradients.tensors.size()),
                                learning_rate, &error);
  }
  void step_ok(const GradientBuffers &gradients, float learning_rate) const {
    auto error = sized<gavel_error>();
    expect_status("gavel_optimizer_step", step(gradients, learning_rate, error), GAVEL_OK, error);
  }
  // One vector per parameter.
  std::vector<std::vector<float>> read(int32_t state) const {
    GradientBuffers buffers(head_.spec(), 0, 2);
    auto error = sized<gavel_error>();
    std::vector<std::vector<float>> all;
    for (size_t i = 0; i < buffers.tensors.size(); ++i) {
      expect_status("gavel_optimizer_read",
                    gavel_optimizer_read(optimizer_, state, static_cast<int32_t>(i), &buffers.tensors[i], &error), GAVEL_OK,
                    error);
      all.push_back(buffers.values(i));
    }
    return all;
  }
  void write(int32_t state, const std::vector<std::vector<float>> &values) const {
    GradientBuffers buffers(head_.spec(), 0, 0);
    auto error = sized<gavel_error>();
    for (size_t i = 0; i < values.size(); ++i) {
      buffers.memory[i] = values[i];
      buffers.tensors[i].data = buffers.memory[i].data();
      expect_status("gavel_optimizer_write",
                    gavel_optimizer_write(optimizer_, state, static_cast<int32_t>(i), &buffers.tensors[i], &error), GAVEL_OK,
                    error);
    }
  }

 private:
  const TestHead &head_;
  gavel_optimizer *optimizer_ = nullptr;
};

void randomise(Random &random, GradientBuffers &gradients, double deviation) {
  for (auto &memory : gradients.memory) {
    for (float &value : memory) value = static_cast<float>(deviation * static_cast<double>(random.normal()));
  }
}

// The head's parameters as they are, as float.
std::vector<std::vector<float>> read_head(const TestHead &head, std::vector<Bytes> *raw = nullptr) {
  GradientBuffers shapes(head.spec(), 0, 0);
  auto error = sized<gavel_error>();
  std::vector<std::vector<float>> all;
  const int32_t dtype = head.spec().dtype;
  for (size_t i = 0; i < shapes.tensors.size(); ++i) {
    Bytes bytes(shapes.memory[i].size() * static_cast<size_t>(size_of(dtype)));
    gavel_tensor tensor = shapes.tensors[i].rank == 2 ? describe(bytes.data(), dtype, {shapes.rows[i], shapes.widths[i]})
                                                      : describe(bytes.data(), dtype, {shapes.widths[i]});
    expect_status("gavel_head_read", gavel_head_read(head.get(), static_cast<int32_t>(i), &tensor, &error), GAVEL_OK, error);
    std::vector<float> values(shapes.memory[i].size());
    gavel::kScalarKernels.widen(dtype, bytes.data(), values.data(), static_cast<int64_t>(values.size()));
    all.push_back(values);
    if (raw != nullptr) raw->push_back(bytes);
  }
  return all;
}

gavel_head_spec full_spec(int32_t dtype, int64_t width, int64_t hidden) {
  gavel_head_spec spec = mlp_spec(dtype, width, {hidden, 12}, 2, GAVEL_ACTIVATION_PRELU);
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS | GAVEL_HEAD_NORM_BIAS | GAVEL_HEAD_SLOPE_PER_CHANNEL;
  spec.norm = GAVEL_NORM_LAYER;
  spec.norm_epsilon = 1e-5f;
  return spec;
}

// A head made from the bytes of parameters.
class FreshHead {
 public:
  FreshHead(gavel_context *context, const gavel_head_spec &spec, std::vector<Bytes> &raw) : spec_(spec) {
    GradientBuffers shapes(spec, 0, 0);
    for (size_t i = 0; i < raw.size(); ++i) {
      shapes.tensors[i] = shapes.tensors[i].rank == 2 ? describe(raw[i].data(), spec.dtype, {shapes.rows[i], shapes.widths[i]})
                                                      : describe(raw[i].data(), spec.dtype, {shapes.widths[i]});
    }
    auto error = sized<gavel_error>();
    expect_status("gavel_head_create",
                  gavel_head_create(context, &spec, shapes.tensors.data(), static_cast<int32_t>(raw.size()), &head_, &error),
                  GAVEL_OK, error);
  }
  ~FreshHead() { gavel_head_destroy(head_); }
  FreshHead(const FreshHead &) = delete;
  FreshHead &operator=(const FreshHead &) = delete;
  gavel_head *get() const { return head_; }
  const gavel_head_spec &spec() const { return spec_; }

 private:
  gavel_head_spec spec_;
  gavel_head *head_ = nullptr;
};

struct State64 {
  double p, m, v;
};

// torch.optim.AdamW, one element, one step (torch/optim/adamw.py, the single-tensor form).
void torch_step(State64 &s, double g, const gavel_optimizer_options &options, double weight_decay, double learning_rate,
                int64_t t) {
  const double beta1 = static_cast<double>(options.beta1), beta2 = static_cast<double>(options.beta2);
  s.p *= 1 - learning_rate * weight_decay;
  s.m += (g - s.m) * (1 - beta1);
  s.v = s.v * beta2 + (1 - beta2) * g * g;
  const double step_size = learning_rate / (1 - std::pow(beta1, static_cast<double>(t)));
  const double denominator =
      std::sqrt(s.v) / std::sqrt(1 - std::pow(beta2, static_cast<double>(t))) + static_cast<double>(options.epsilon);
  s.p -= step_size * s.m / denominator;
}

// Each step from the f32 state the library has: an error of a step is not hidden behind those before it.
void check_single_steps(gavel_context *context) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    Random random(41);
    const TestHead head(context, full_spec(dtype, 20, 33), 41);
    const gavel_optimizer_options options = default_options();
    const TestOptimizer optimizer(head, options);
    double largest = 0;
    for (int64_t t = 1; t <= 20; ++t) {
      GradientBuffers gradients(head.spec(), 0, 3);
      randomise(random, gradients, std::pow(10.0, static_cast<double>(random.integer(-6, 3))));
      const auto p = optimizer.read(GAVEL_OPTIMIZER_MASTER), m = optimizer.read(GAVEL_OPTIMIZER_FIRST_MOMENT),
                 v = optimizer.read(GAVEL_OPTIMIZER_SECOND_MOMENT);
      const auto rate = static_cast<float>(random.uniform(1e-4, 1e-2));
      optimizer.step_ok(gradients, rate);
      check_equal("steps", gavel_optimizer_step_count(optimizer.get()), t);
      const auto new_p = optimizer.read(GAVEL_OPTIMIZER_MASTER), new_m = optimizer.read(GAVEL_OPTIMIZER_FIRST_MOMENT),
                 new_v = optimizer.read(GAVEL_OPTIMIZER_SECOND_MOMENT);
      const auto parameters = read_head(head);
      for (size_t i = 0; i < p.size(); ++i) {
        const std::vector<float> g = gradients.values(i);
        const bool matrix = gradients.tensors[i].rank == 2;
        const auto decay = static_cast<double>(matrix ? options.matrix_weight_decay : options.vector_weight_decay);
        for (size_t k = 0; k < g.size(); ++k) {
          State64 s{static_cast<double>(p[i][k]), static_cast<double>(m[i][k]), static_cast<double>(v[i][k])};
          torch_step(s, static_cast<double>(g[k]), options, decay, static_cast<double>(rate), t);
          const double before = static_cast<double>(p[i][k]);
          // f32 rounds p twice (decay, step), and what is taken off a few times.
          const double p_bound = 2 * kUnit * std::fabs(before) + kUnit * std::fabs(s.p) + 1e-6 * std::fabs(s.p - before);
          const double p_error = std::fabs(static_cast<double>(new_p[i][k]) - s.p);
          // m may cancel: m + (g - m) (1 - beta1).
          const double m_bound =
              3 * kUnit * (std::fabs(static_cast<double>(m[i][k])) + std::fabs(static_cast<double>(g[k]))) + 1e-37;
          const double m_error = std::fabs(static_cast<double>(new_m[i][k]) - s.m);
          const double v_error = std::fabs(static_cast<double>(new_v[i][k]) - s.v);
          CHECK(p_error <= p_bound && m_error <= m_bound && v_error <= 1e-6 * s.v + 1e-37,
                "%s[%zu], step %d: p %.9g (%.17g), m %.9g (%.17g), v %.9g (%.17g)", gradients.names[i].c_str(), k,
                static_cast<int>(t), static_cast<double>(new_p[i][k]), s.p, static_cast<double>(new_m[i][k]), s.m,
                static_cast<double>(new_v[i][k]), s.v);
          largest = std::fmax(largest, p_error / p_bound);
          const double nearest = round_to(dtype, static_cast<double>(new_p[i][k]));
          CHECK(static_cast<double>(parameters[i][k]) == nearest, "%s[%zu] is %g, master rounded %g",
                gradients.names[i].c_str(), k, static_cast<double>(parameters[i][k]), nearest);
        }
      }
    }
    std::printf("AdamW %s: largest error of a step %.2f of its bound\n", name_of(dtype), largest);
  }
}

void check_hundred_steps(gavel_context *context) {
  Random random(43);
  const gavel_head_spec spec = linear_spec(GAVEL_F32, 300, 1);
  const TestHead head(context, spec, 43);
  gavel_optimizer_options options = default_options();
  const TestOptimizer optimizer(head, options);
  std::vector<State64> expected;
  const auto masters = optimizer.read(GAVEL_OPTIMIZER_MASTER);
  for (const float p : masters[0]) expected.push_back({static_cast<double>(p), 0, 0});
  const std::vector<State64> start = expected;
  for (int64_t t = 1; t <= 100; ++t) {
    GradientBuffers gradients(spec, 0, 0);
    randomise(random, gradients, 0.1);
    optimizer.step_ok(gradients, options.learning_rate);
    for (size_t k = 0; k < expected.size(); ++k) {
      torch_step(expected[k], static_cast<double>(gradients.memory[0][k]), options,
                 static_cast<double>(options.matrix_weight_decay), static_cast<double>(options.learning_rate), t);
    }
  }
  const auto actual = optimizer.read(GAVEL_OPTIMIZER_MASTER)[0];
  double moved = 0;
  for (size_t k = 0; k < expected.size(); ++k) {
    moved = std::fmax(moved, std::fabs(expected[k].p - start[k].p));
    // Two roundings of p a step; each step is at most about the learning rate, known to 1e-6.
    const double bound = 100 * (2 * kUnit * std::fabs(start[k].p) + 1e-6 * static_cast<double>(options.learning_rate));
    CHECK(std::fabs(static_cast<double>(actual[k]) - expected[k].p) <= bound, "%zu: %.9g, expected %.17g", k,
          static_cast<double>(actual[k]), expected[k].p);
  }
  CHECK(moved > 1e-2, "the masters moved by %g only", moved);
}

// A head that was trained is the head one would create from its parameters: nothing packed is left behind.
void check_repacked(gavel_context *context) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    for (const int64_t layers : {0, 2}) {
      Random random(47);
      const gavel_head_spec spec = layers == 0 ? linear_spec(dtype, 40, 2) : full_spec(dtype, 40, 70);
      const TestHead head(context, spec, 47);
      const TrainingCase training = random_case(random, spec, 20);
      const Scores before = run_forward(context, head, training);
      const TestOptimizer optimizer(head, default_options());
      for (int step = 0; step < 3; ++step) {
        GradientBuffers gradients(spec, 0, 0);
        randomise(random, gradients, 1);
        optimizer.step_ok(gradients, 0.05f);
      }
      const Scores after = run_forward(context, head, training);
      CHECK(before.scores != after.scores, "training changed no score");
      std::vector<Bytes> raw;
      read_head(head, &raw);
      const FreshHead fresh(context, spec, raw);
      const Scores expected = run_forward(context, fresh, training);
      check_bits("scores of a trained head", after.scores.data(), expected.scores.data(),
                 static_cast<int64_t>(after.scores.size()), 47);
      check_bits("preactivations", after.preactivations.data(), expected.preactivations.data(),
                 static_cast<int64_t>(after.preactivations.size()), 47);
      const TrainingOutputs gradients = run_backward(context, head, training, after);
      check_same_gradients("gradients of a trained head", gradients, run_backward(context, fresh, training, after), 47);
    }
  }
}

void check_absent_gradient(gavel_context *context) {
  Random random(53);
  const TestHead head(context, full_spec(GAVEL_BF16, 9, 10), 53);
  const TestOptimizer optimizer(head, default_options());
  const auto p = optimizer.read(GAVEL_OPTIMIZER_MASTER);
  GradientBuffers gradients(head.spec(), 1, 0);
  gradients.tensors[2] = gavel_tensor{};
  optimizer.step_ok(gradients, 0.1f);
  const auto new_p = optimizer.read(GAVEL_OPTIMIZER_MASTER), new_m = optimizer.read(GAVEL_OPTIMIZER_FIRST_MOMENT);
  for (size_t i = 0; i < p.size(); ++i) {
    CHECK((p[i] == new_p[i]) == (i == 2), "parameter %zu", i);
    CHECK((new_m[i][0] == 0) == (i == 2), "first moment %zu", i);
  }
}

void check_not_finite(gavel_context *context) {
  const TestHead head(context, full_spec(GAVEL_BF16, 200, 301), 59);
  const TestOptimizer optimizer(head, default_options());
  Random random(59);
  GradientBuffers first(head.spec(), 1, 0);
  optimizer.step_ok(first, 0.1f);
  const auto p = optimizer.read(GAVEL_OPTIMIZER_MASTER), m = optimizer.read(GAVEL_OPTIMIZER_FIRST_MOMENT),
             v = optimizer.read(GAVEL_OPTIMIZER_SECOND_MOMENT), h = read_head(head);
  for (const float wrong : {NAN, INFINITY, -INFINITY}) {
    for (size_t i = 0; i < p.size(); ++i) {
      GradientBuffers gradients(head.spec(), 1, 2);
      const int64_t element = random.integer(0, static_cast<int64_t>(p[i].size()) - 1);
      gradients.memory[i][static_cast<size_t>(element / gradients.widths[i] * gradients.strides[i] +
                                              element % gradients.widths[i])] = wrong;
      auto error = sized<gavel_error>();
      expect_status("not finite", optimizer.step(gradients, 0.1f, error), GAVEL_INVALID_ARGUMENT, error);
      const std::string text = "(" + gradients.names[i] + "): element " + std::to_string(element) + " of";
      CHECK(std::strstr(error.message, text.c_str()) != nullptr, "'%s' does not say '%s'", error.message, text.c_str());
    }
  }
  CHECK(p == optimizer.read(GAVEL_OPTIMIZER_MASTER) && m == optimizer.read(GAVEL_OPTIMIZER_FIRST_MOMENT) &&
            v == optimizer.read(GAVEL_OPTIMIZER_SECOND_MOMENT) && h == read_head(head),
        "a refused step changed something");
  check_equal("steps", gavel_optimizer_step_count(optimizer.get()), 1);
}

// Ten steps, or five, a new head and optimizer from what was saved, and five more.
void check_resume(gavel_context *context) {
  const gavel_head_spec spec = full_spec(GAVEL_BF16, 15, 20);
  const TestHead head(context, spec, 61), resumed_head(context, spec, 62);
  const TestOptimizer optimizer(head, default_options()), resumed(resumed_head, default_options());
  Random random(61);
  std::vector<GradientBuffers> steps;
  for (int t = 0; t < 10; ++t) {
    steps.emplace_back(spec, 0, 0);
    randomise(random, steps.back(), 1);
  }
  for (size_t t = 0; t < 5; ++t) optimizer.step_ok(steps[t], 0.01f);
  for (const int32_t state : {GAVEL_OPTIMIZER_MASTER, GAVEL_OPTIMIZER_FIRST_MOMENT, GAVEL_OPTIMIZER_SECOND_MOMENT}) {
    resumed.write(state, optimizer.read(state));
  }
  auto error = sized<gavel_error>();
  expect_status("set_step_count", gavel_optimizer_set_step_count(resumed.get(), 5, &error), GAVEL_OK, error);
  CHECK(read_head(head) == read_head(resumed_head), "a written master sets the head's parameter");
  for (size_t t = 5; t < 10; ++t) {
    optimizer.step_ok(steps[t], 0.01f);
    resumed.step_ok(steps[t], 0.01f);
  }
  CHECK(optimizer.read(GAVEL_OPTIMIZER_MASTER) == resumed.read(GAVEL_OPTIMIZER_MASTER), "masters");
  CHECK(read_head(head) == read_head(resumed_head), "parameters");
  check_equal("steps", gavel_optimizer_step_count(resumed.get()), 10);
}

void check_bits_everywhere() {
  const gavel_head_spec spec = full_spec(GAVEL_BF16, 257, 400);
  std::vector<std::vector<float>> expected;
  for (int32_t set = GAVEL_INSTRUCTION_SET_SCALAR; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    for (const int32_t threads : {1, 3}) {
      const TestContext context(threads, set);
      if (context.get() == nullptr) continue;
      const TestHead head(context.get(), spec, 67);
      const TestOptimizer optimizer(head, default_options());
      Random random(67);
      for (int t = 0; t < 3; ++t) {
        GradientBuffers gradients(spec, 0, t);
        randomise(random, gradients, 1);
        optimizer.step_ok(gradients, 0.01f);
      }
      const auto masters = optimizer.read(GAVEL_OPTIMIZER_MASTER);
      if (expected.empty()) expected = masters;
      for (size_t i = 0; i < masters.size(); ++i) {
        check_bits("masters", masters[i].data(), expected[i].data(), static_cast<int64_t>(masters[i].size()), 67);
      }
    }
  }
}

void check_exclusion(gavel_context *context) {
  Random random(71);
  const gavel_head_spec spec = linear_spec(GAVEL_F32, 8, 1);
  const TestHead head(context, spec, 71);
  const TestOptimizer optimizer(head, default_options());
  GradientBuffers gradients(spec, 1, 0);
  const TrainingCase training = random_case(random, spec, 3);
  Scores out;
  gavel_score_args score = score_args(spec, training.batch, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, false, out);
  std::vector<float> dvectors;
  gavel_backward_args backward = backward_args(spec, training, out, dvectors);
  auto error = sized<gavel_error>();
  const auto step = [&] { return optimizer.step(gradients, 0.1f, error); };
  const auto write = [&] {
    return gavel_optimizer_write(optimizer.get(), GAVEL_OPTIMIZER_MASTER, 0, &gradients.tensors[0], &error);
  };
  const auto read = [&] {
    return gavel_optimizer_read(optimizer.get(), GAVEL_OPTIMIZER_MASTER, 0, &gradients.tensors[0], &error);
  };
  {
    const gavel::HeadReader reader(*head.get());
    expect_status("step while another call reads", step(), GAVEL_BUSY, error);
    expect_status("write while another call reads", write(), GAVEL_BUSY, error);
    expect_status("set_step_count while another call reads", gavel_optimizer_set_step_count(optimizer.get(), 3, &error),
                  GAVEL_BUSY, error);
    expect_status("read while another call reads", read(), GAVEL_OK, error);
  }
  {
    const gavel::HeadWriter writer(*head.get());
    expect_status("step during a step", step(), GAVEL_BUSY, error);
    expect_status("read during a step", read(), GAVEL_BUSY, error);
    expect_status("score during a step", gavel_score(context, head.get(), &score, nullptr, &error), GAVEL_BUSY, error);
    expect_status("backward during a step", gavel_backward(context, head.get(), &backward, gradients.tensors.data(), 1, &error),
                  GAVEL_BUSY, error);
    gavel_optimizer *another = nullptr;
    const gavel_optimizer_options options = default_options();
    expect_status("create during a step", gavel_optimizer_create(head.get(), &options, &another, &error), GAVEL_BUSY, error);
    CHECK(another == nullptr, "a failed creation leaves NULL");
  }
  check_equal("no refused step counted", gavel_optimizer_step_count(optimizer.get()), 0);
  expect_status("step when all is quiet", step(), GAVEL_OK, error);
}

// Handles may go in any order.
void check_lifetime() {
  auto context = std::make_unique<TestContext>();
  auto head = std::make_unique<TestHead>(context->get(), linear_spec(GAVEL_F32, 8, 1), 73);
  const gavel_optimizer_options options = default_options();
  gavel_optimizer *optimizer = nullptr;
  auto error = sized<gavel_error>();
  expect_status("create", gavel_optimizer_create(head->get(), &options, &optimizer, &error), GAVEL_OK, error);
  GradientBuffers gradients(head->spec(), 1, 0);
  context.reset();
  head.reset();
  expect_status("step", gavel_optimizer_step(optimizer, gradients.tensors.data(), 1, 0.1f, &error), GAVEL_OK, error);
  gavel_optimizer_destroy(optimizer);
  gavel_optimizer_destroy(nullptr);
}

}  // namespace

int main() {
  const TestContext context(2);
  check_single_steps(context.get());
  check_hundred_steps(context.get());
  check_repacked(context.get());
  check_absent_gradient(context.get());
  check_not_finite(context.get());
  check_resume(context.get());
  check_bits_everywhere();
  check_exclusion(context.get());
  check_lifetime();
  return finish();
}
