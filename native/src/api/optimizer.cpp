// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of gavel_optimizer.
#include "cpu/optimizer.h"

#include <algorithm>
#include <memory>

#include "common/error.h"
#include "common/numeric.h"
#include "common/versioned.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

// !(x >= 0) so that NaN fails, too. Denormals count as 0, as in the arithmetic that follows.
void check_options(const gavel_optimizer_options &options) {
  GAVEL_CHECK(options.reserved == 0, "options.reserved is %u; set it to 0", options.reserved);
  const struct {
    const char *name;
    float value;
    bool ok;
    const char *range;
  } fields[] = {
      {"learning_rate", options.learning_rate, is_finite(options.learning_rate) && options.learning_rate >= 0, "at least 0"},
      {"beta1", options.beta1, options.beta1 >= 0 && options.beta1 < 1, "at least 0 and below 1"},
      {"beta2", options.beta2, options.beta2 >= 0 && options.beta2 < 1, "at least 0 and below 1"},
      {"epsilon", options.epsilon, is_finite(options.epsilon) && options.epsilon >= 0x1p-126f, "above 0"},
      {"matrix_weight_decay", options.matrix_weight_decay,
       is_finite(options.matrix_weight_decay) && options.matrix_weight_decay >= 0, "at least 0"},
      {"vector_weight_decay", options.vector_weight_decay,
       is_finite(options.vector_weight_decay) && options.vector_weight_decay >= 0, "at least 0"},
  };
  for (const auto &field : fields) {
    GAVEL_CHECK(field.ok, "options.%s is %g; it must be finite and %s", field.name, static_cast<double>(field.value),
                field.range);
  }
}

// The caller's tensor for one parameter, as rows of the state: body(state row, tensor row, count).
template <typename Body>
void for_each_row(const Parameter &parameter, const Tensor &tensor, float *state, Body &&body) {
  const int64_t rows = parameter.rank == 2 ? parameter.shape[0] : 1;
  const int64_t width = parameter.elements / rows;
  for (int64_t r = 0; r < rows; ++r) body(state + r * width, tensor.row<float>(r), width);
}

Tensor values_tensor(const gavel_tensor *values, const Parameter &parameter, bool is_output) {
  GAVEL_CHECK(values != nullptr, "values is NULL; pass a tensor of the shape of %s", parameter.name);
  const auto make = is_output ? output : input;
  return parameter.rank == 2 ? make(*values, "values", only(GAVEL_F32), {parameter.shape[0], parameter.shape[1]})
                             : make(*values, "values", only(GAVEL_F32), {parameter.shape[0]});
}

}  // namespace

extern "C" {

int32_t gavel_optimizer_create(gavel_head *head, const gavel_optimizer_options *options, gavel_optimizer **optimizer,
                               gavel_error *error) {
  return enter("gavel_optimizer_create", error, [&] {
    GAVEL_CHECK(optimizer != nullptr, "optimizer is NULL; pass the address of a pointer to be set");
    *optimizer = nullptr;
    gavel_head &trained = checked(head);
    const gavel_optimizer_options wanted = read_struct(options, "options");
    check_options(wanted);
    const FlushDenormals flush;
    const HeadReader reader(trained);
    *optimizer = std::make_unique<gavel_optimizer>(trained, wanted).release();
  });
}

void gavel_optimizer_destroy(gavel_optimizer *optimizer) {
  // Nothing can be reported here, so what is no live optimizer is left alone.
  if (optimizer != nullptr && optimizer->magic == kOptimizerMagic && optimizer->release()) delete optimizer;
}

int32_t gavel_optimizer_step(gavel_optimizer *optimizer, const gavel_tensor *gradients, int32_t gradient_count,
                             float learning_rate, gavel_error *error) {
  return enter("gavel_optimizer_step", error, [&] {
    gavel_optimizer &stepped = checked(optimizer);
    const HeadSpec &spec = stepped.head.spec;
    GAVEL_CHECK(is_finite(learning_rate) && learning_rate >= 0, "learning_rate is %g; it must be finite and at least 0",
                static_cast<double>(learning_rate));
    GAVEL_CHECK(gradient_count == spec.parameter_count,
                "gradient_count is %d; this head has %d parameters: pass one tensor for each, absent for one to leave alone",
                gradient_count, spec.parameter_count);
    GAVEL_CHECK(gradients != nullptr, "gradients is NULL; pass %d tensors", gradient_count);
    Tensor checked_gradients[kMostParameters];
    for (int32_t i = 0; i < gradient_count; ++i) {
      const Parameter &parameter = spec.parameters[i];
      const TensorName name("gradients", i, parameter.name);
      checked_gradients[i] = parameter.rank == 2
                                 ? optional_input(gradients[i], name, only(GAVEL_F32), {parameter.shape[0], parameter.shape[1]})
                                 : optional_input(gradients[i], name, only(GAVEL_F32), {parameter.shape[0]});
    }
    const FlushDenormals flush;
    const HeadWriter writer(stepped.head);
    run_step(stepped, checked_gradients, learning_rate);
  });
}

int32_t gavel_optimizer_read(gavel_optimizer *optimizer, int32_t state, int32_t index, const gavel_tensor *values,
                             gavel_error *error) {
  return enter("gavel_optimizer_read", error, [&] {
    gavel_optimizer &of = checked(optimizer);
    float *source = state_of(of, state, index).as<float>();
    const Parameter &parameter = of.head.spec.parameters[index];
    const Tensor target = values_tensor(values, parameter, true);
    const HeadReader reader(of.head);
    for_each_row(parameter, target, source, [](const float *from, float *to, int64_t count) { std::copy_n(from, count, to); });
  });
}

int32_t gavel_optimizer_write(gavel_optimizer *optimizer, int32_t state, int32_t index, const gavel_tensor *values,
                              gavel_error *error) {
  return enter("gavel_optimizer_write", error, [&] {
    gavel_optimizer &of = checked(optimizer);
    float *target = state_of(of, state, index).as<float>();
    const Parameter &parameter = of.head.spec.parameters[index];
    const Tensor source = values_tensor(values, parameter, false);
    for_each_row(parameter, source, target, [&](float *to, const float *from, int64_t count) {
      for (int64_t k = 0; k < count; ++k) {
        GAVEL_CHECK(is_finite(from[k]) && (state != GAVEL_OPTIMIZER_SECOND_MOMENT || from[k] >= 0),
                    "values: element %lld is %g; a %s must be finite%s", static_cast<long long>(to - target + k),
                    static_cast<double>(from[k]), state_name(state),
                    state == GAVEL_OPTIMIZER_SECOND_MOMENT ? " and at least 0" : "");
      }
    });
    const FlushDenormals flush;
    const HeadWriter writer(of.head);
    for_each_row(parameter, source, target, [](float *to, const float *from, int64_t count) { std::copy_n(from, count, to); });
    if (state == GAVEL_OPTIMIZER_MASTER) write_parameter(of.head, index, target);
  });
}

int64_t gavel_optimizer_step_count(gavel_optimizer *optimizer) {
  // There is no status to answer with; -1 is no count.
  if (optimizer == nullptr || optimizer->magic != kOptimizerMagic) return -1;
  return optimizer->step_count.load(std::memory_order_relaxed);
}

int32_t gavel_optimizer_set_step_count(gavel_optimizer *optimizer, int64_t step_count, gavel_error *error) {
  return enter("gavel_optimizer_set_step_count", error, [&] {
    gavel_optimizer &of = checked(optimizer);
    GAVEL_CHECK(step_count >= 0 && step_count <= kMostSteps, "step_count is %lld; it must be between 0 and %lld",
                static_cast<long long>(step_count), static_cast<long long>(kMostSteps));
    const HeadWriter writer(of.head);
    of.step_count.store(step_count, std::memory_order_relaxed);
  });
}

}  // extern "C"
