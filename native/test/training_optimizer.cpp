// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The optimizer around its arithmetic: the head behind it, absent and refused gradients, resuming, exclusion, lifetime.
#include "api/handles.h"

#include "optimizer_fixture.h"

using namespace gavel::test;

namespace {

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

// A head that was trained is the head one would create from its parameters: nothing packed is left behind.
void check_repacked(gavel_context *context) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    // No hidden layer; panels that are packed whole; panels that are packed in parts, of which one is deeper than a part.
    for (const int64_t width : {0, 40, 96, 1056}) {
      Random random(47);
      const gavel_head_spec spec = width == 0 ? linear_spec(dtype, 40, 2) : full_spec(dtype, width, 70);
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
  expect_status("step", gavel_optimizer_step(optimizer, gradients.tensors.data(), 1, 0.1f, nullptr, &error), GAVEL_OK, error);
  gavel_optimizer_destroy(optimizer);
  gavel_optimizer_destroy(nullptr);
}

}  // namespace

int main() {
  const TestContext context(2);
  check_repacked(context.get());
  check_absent_gradient(context.get());
  check_not_finite(context.get());
  check_resume(context.get());
  check_exclusion(context.get());
  check_lifetime();
  return finish();
}
