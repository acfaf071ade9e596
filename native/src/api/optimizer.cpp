// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of gavel_optimizer.
#include <algorithm>
#include <memory>

#include "api/call_arguments.h"
#include "api/handles.h"
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

// "second moment".
const char *state_name(int32_t state) {
  switch (state) {
    case GAVEL_OPTIMIZER_MASTER:
      return "master";
    case GAVEL_OPTIMIZER_FIRST_MOMENT:
      return "first moment";
    case GAVEL_OPTIMIZER_SECOND_MOMENT:
      return "second moment";
    default:
      fail(GAVEL_INVALID_ARGUMENT, "state is %d; say 1 (MASTER), 2 (FIRST_MOMENT) or 3 (SECOND_MOMENT)", state);
  }
}

struct State {
  const Parameter &parameter;
  Tensor values;
};

// Checks which state of which parameter is meant, and the caller's tensor for it, in host memory.
State check_state(const gavel_optimizer &optimizer, int32_t state, int32_t index, const gavel_tensor *values, Access access) {
  state_name(state);
  const HeadSpec &spec = optimizer.head.spec;
  GAVEL_CHECK(index >= 0 && index < spec.parameter_count, "index is %d; this head has parameters 0 to %d", index,
              spec.parameter_count - 1);
  const Parameter &parameter = spec.parameters[index];
  GAVEL_CHECK(values != nullptr, "values is NULL; pass a tensor of the shape of %s", parameter.name);
  CallTensors tensors(kHostMemory);
  return {parameter, take_parameter(*values, "values", parameter, GAVEL_F32, access, tensors)};
}

void check_state_values(const State &of, int32_t state) {
  const Parameter &parameter = of.parameter;
  const int64_t rows = parameter.rank == 2 ? parameter.shape[0] : 1;
  const int64_t width = parameter.elements / rows;
  for (int64_t element = 0; element < parameter.elements; ++element) {
    const float value = of.values.row<float>(element / width)[element % width];
    GAVEL_CHECK(is_finite(value) && (state != GAVEL_OPTIMIZER_SECOND_MOMENT || value >= 0),
                "values: element %lld is %g; a %s must be finite%s", static_cast<long long>(element),
                static_cast<double>(value), state_name(state), state == GAVEL_OPTIMIZER_SECOND_MOMENT ? " and at least 0" : "");
  }
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
    const HeadReader reader(trained);
    if (trained.cuda != nullptr) {
      const cuda::Plugin &plugin = *trained.context.plugin;
      cuda::Optimizer *made = nullptr;
      on_plugin(plugin.optimizer_create, *trained.cuda, wanted, &made);
      CudaPart<cuda::Optimizer> part(made, plugin.optimizer_destroy);
      *optimizer = std::make_unique<gavel_optimizer>(trained, std::move(part)).release();
      return;
    }
    const FlushDenormals flush;
    auto part = std::make_unique<CpuOptimizer>(*trained.cpu, wanted);
    *optimizer = std::make_unique<gavel_optimizer>(trained, std::move(part)).release();
  });
}

void gavel_optimizer_destroy(gavel_optimizer *optimizer) {
  destroy(optimizer, kOptimizerMagic);
}

int32_t gavel_optimizer_step(gavel_optimizer *optimizer, const gavel_tensor *gradients, int32_t gradient_count,
                             float learning_rate, gavel_stream *stream, gavel_error *error) {
  return enter("gavel_optimizer_step", error, [&] {
    gavel_optimizer &stepped = checked(optimizer);
    GAVEL_CHECK(is_finite(learning_rate) && learning_rate >= 0, "learning_rate is %g; it must be finite and at least 0",
                static_cast<double>(learning_rate));
    CallTensors tensors(stepped.head.context.memory());
    Tensor taken[kMostParameters];
    take_gradients(kGradients, gradients, gradient_count, stepped.head.spec, Access::READ, tensors, taken);
    const gavel_context &context = stepped.head.context;
    cuda::Stream *enqueued_on = stream_of_call(context, stream, "stream");
    const HeadWriter writer(stepped.head);
    if (enqueued_on != nullptr) {
      return on_plugin(context.plugin->optimizer_step, *stepped.cuda, taken, learning_rate, *enqueued_on);
    }
    const FlushDenormals flush;
    run_step(*stepped.cpu, taken, learning_rate);
  });
}

int32_t gavel_optimizer_read(gavel_optimizer *optimizer, int32_t state, int32_t index, const gavel_tensor *values,
                             gavel_error *error) {
  return enter("gavel_optimizer_read", error, [&] {
    gavel_optimizer &of = checked(optimizer);
    const State target = check_state(of, state, index, values, Access::WRITE);
    const HeadReader reader(of.head);
    if (of.cuda != nullptr) {
      return on_plugin(of.head.context.plugin->optimizer_read, *of.cuda, state, index, target.values);
    }
    for_each_row(target.parameter, target.values, state_of(*of.cpu, state, index).as<float>(),
                 [](const float *from, float *to, int64_t count) { std::copy_n(from, count, to); });
  });
}

int32_t gavel_optimizer_write(gavel_optimizer *optimizer, int32_t state, int32_t index, const gavel_tensor *values,
                              gavel_error *error) {
  return enter("gavel_optimizer_write", error, [&] {
    gavel_optimizer &of = checked(optimizer);
    const State source = check_state(of, state, index, values, Access::READ);
    check_state_values(source, state);
    const HeadWriter writer(of.head);
    if (of.cuda != nullptr) {
      return on_plugin(of.head.context.plugin->optimizer_write, *of.cuda, state, index, source.values);
    }
    const FlushDenormals flush;
    float *target = state_of(*of.cpu, state, index).as<float>();
    for_each_row(source.parameter, source.values, target,
                 [](float *to, const float *from, int64_t count) { std::copy_n(from, count, to); });
    if (state == GAVEL_OPTIMIZER_MASTER) write_parameter(*of.head.cpu, index, target);
  });
}

int64_t gavel_optimizer_step_count(gavel_optimizer *optimizer) {
  // There is no status to answer with; -1 is no count.
  if (optimizer == nullptr || optimizer->magic != kOptimizerMagic) return -1;
  if (optimizer->cuda != nullptr) {
    int64_t steps = -1;
    const cuda::Plugin &plugin = *optimizer->head.context.plugin;
    return plugin.optimizer_step_count(*optimizer->cuda, &steps, nullptr) == GAVEL_OK ? steps : -1;
  }
  return optimizer->cpu->step_count.load(std::memory_order_relaxed);
}

int32_t gavel_optimizer_set_step_count(gavel_optimizer *optimizer, int64_t step_count, gavel_error *error) {
  return enter("gavel_optimizer_set_step_count", error, [&] {
    gavel_optimizer &of = checked(optimizer);
    GAVEL_CHECK(step_count >= 0 && step_count <= kMostSteps, "step_count is %lld; it must be between 0 and %lld",
                static_cast<long long>(step_count), static_cast<long long>(kMostSteps));
    const HeadWriter writer(of.head);
    if (of.cuda != nullptr) {
      return on_plugin(of.head.context.plugin->optimizer_set_step_count, *of.cuda, step_count);
    }
    of.cpu->step_count.store(step_count, std::memory_order_relaxed);
  });
}

}  // extern "C"
