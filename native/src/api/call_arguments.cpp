// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "api/call_arguments.h"

#include <cinttypes>

#include "api/handles.h"
#include "common/error.h"
#include "cpu/pooling.h"

namespace gavel {

IndexLists take_index_lists(int32_t pooling, const gavel_tensor &first, const gavel_tensor &last, int64_t rows,
                            CallTensors &tensors) {
  IndexLists lists;
  if (pooling == GAVEL_POOLING_ALL) {
    CallTensors::require_absent(first, "args.first", "with ALL, which reads every row");
    CallTensors::require_absent(last, "args.last", "with ALL, which reads every row");
    lists.items = rows;
    return lists;
  }
  lists.last = tensors.input(last, "args.last", only(GAVEL_I64), {kAny});
  lists.items = lists.last.shape[0];
  if (pooling == GAVEL_POOLING_INDEX) {
    CallTensors::require_absent(first, "args.first", "with INDEX, which reads only last");
  } else {
    lists.first = tensors.input(first, "args.first", only(GAVEL_I64), {lists.items});
  }
  return lists;
}

namespace {

// [T, experts, H] as the rows [T, experts H] it is.
Tensor take_experts(const gavel_tensor &hidden, int32_t pooling, const HeadSpec &spec, Dtypes dtypes, CallTensors &tensors) {
  GAVEL_CHECK(pooling == GAVEL_POOLING_INDEX,
              "args.pooling is %d; an EXPERT_CONCAT head takes the vectors of one row: say 1 (INDEX)", pooling);
  const int64_t experts = spec.fields.experts;
  const int64_t width = spec.fields.input_width / experts;
  Tensor view = tensors.input(hidden, "args.hidden", dtypes, {kAny, experts, width});
  if (experts > 1 && view.stride[1] != width) {
    refuse_tensor(hidden, "args.hidden",
                  "the %" PRId64 " vectors of a response must follow one another: stride[1] is %" PRId64 ", say %" PRId64,
                  experts, view.stride[1], width);
  }
  view.rank = 2;
  view.shape[1] = spec.fields.input_width;
  view.shape[2] = 1;
  view.stride[1] = 1;
  view.stride[2] = 0;
  return view;
}

}  // namespace

Tensor take_hidden(const gavel_tensor &hidden, int32_t pooling, int32_t combine, const HeadSpec &spec, CallTensors &tensors) {
  const Dtypes dtypes = spec.fields.dtype == GAVEL_F32 ? kFloatDtypes : only(spec.fields.dtype);
  if (spec.fields.kind == GAVEL_HEAD_EXPERT_CONCAT) return take_experts(hidden, pooling, spec, dtypes, tensors);
  const Tensor view = tensors.input(hidden, "args.hidden", dtypes, {kAny, kAny});
  const int64_t width = pooled_width(pooling, combine, view.shape[1]);
  GAVEL_CHECK(width == spec.fields.input_width,
              "args.hidden has rows of %" PRId64 " values, which this pooling makes vectors of %" PRId64
              "; the head's input_width is %" PRId64,
              view.shape[1], width, spec.fields.input_width);
  return view;
}

gavel_head *take_gate(const gavel_context &context, int32_t readout, gavel_head *gate) {
  if (gate == nullptr) return nullptr;
  GAVEL_CHECK(readout == GAVEL_READOUT_GATED_SUM, "args.gate is not NULL; only GATED_SUM reads it: set it to NULL");
  require_same_device(context, checked(gate, "args.gate"));
  return gate;
}

void check_gate_fits(const HeadSpec &gate, bool two_streams, int32_t pooling, const Tensor &hidden) {
  const int64_t width = two_streams ? 2 * hidden.shape[1] : hidden.shape[1];
  GAVEL_CHECK(gate.fields.input_width == width,
              "args.gate has input_width %" PRId64 "; hidden states of %" PRId64 " values give it vectors of %" PRId64,
              gate.fields.input_width, hidden.shape[1], width);
  GAVEL_CHECK(gate.fields.dtype == GAVEL_F32 || gate.fields.dtype == hidden.dtype,
              "args.gate is %s and args.hidden %s; a gate takes hidden states of its own dtype, or any where it is f32",
              dtype_name(gate.fields.dtype), dtype_name(hidden.dtype));
  GAVEL_CHECK(!two_streams || pooling == GAVEL_POOLING_INDEX,
              "args.pooling is %d; GATED_SUM with TWO_STREAM reads one row of each stream: say 1 (INDEX)", pooling);
}

void take_gradients(const GradientNames &names, const gavel_tensor *gradients, int32_t count, const HeadSpec &spec,
                    Access access, CallTensors &tensors, Tensor *taken) {
  GAVEL_CHECK(count == spec.parameter_count,
              "%s is %d; this head has %d parameters: pass one tensor for each, absent for one to leave alone", names.count,
              count, spec.parameter_count);
  GAVEL_CHECK(gradients != nullptr, "%s is NULL; pass %d tensors", names.array, count);
  for (int32_t i = 0; i < count; ++i) {
    const Parameter &parameter = spec.parameters[i];
    const TensorName name(names.array, i, parameter.name);
    taken[i] =
        is_absent(gradients[i], name) ? Tensor{} : take_parameter(gradients[i], name, parameter, GAVEL_F32, access, tensors);
  }
}

Tensor take_parameter(const gavel_tensor &tensor, const TensorName &name, const Parameter &parameter, int32_t dtype,
                      Access access, CallTensors &tensors) {
  const auto take = access == Access::WRITE ? &CallTensors::output : &CallTensors::input;
  return parameter.rank == 2 ? (tensors.*take)(tensor, name, only(dtype), {parameter.shape[0], parameter.shape[1]})
                             : (tensors.*take)(tensor, name, only(dtype), {parameter.shape[0]});
}

}  // namespace gavel
