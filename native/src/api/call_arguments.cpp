// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "api/call_arguments.h"

#include <cinttypes>
#include <cmath>

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

void require_cuda_pooling(int32_t pooling) {
  if (pooling != GAVEL_POOLING_ALL) return;
  fail(GAVEL_UNSUPPORTED, "the pooling ALL runs on the CPU alone in this version; on CUDA say INDEX with the rows 0 to T - 1");
}

Tensor take_hidden(const gavel_tensor &hidden, int32_t pooling, int32_t combine, const HeadSpec &spec, CallTensors &tensors) {
  const Dtypes dtypes = spec.fields.dtype == GAVEL_F32 ? kFloatDtypes : only(spec.fields.dtype);
  const Tensor view = tensors.input(hidden, "args.hidden", dtypes, {kAny, kAny});
  const int64_t width = pooled_width(pooling, combine, view.shape[1]);
  GAVEL_CHECK(width == spec.fields.input_width,
              "args.hidden has rows of %" PRId64 " values, which this pooling makes vectors of %" PRId64
              "; the head's input_width is %" PRId64,
              view.shape[1], width, spec.fields.input_width);
  return view;
}

void check_readout(int32_t readout, float mean, float deviation) {
  GAVEL_CHECK(readout != GAVEL_READOUT_LOG_RATIO,
              "args.readout is 8 (LOG_RATIO), which reads log-probabilities: call gavel_token_logprob");
  GAVEL_CHECK(readout >= GAVEL_READOUT_IDENTITY && readout <= GAVEL_READOUT_SIGMOID,
              "args.readout is %d; say 0 (IDENTITY), 1 (AFFINE) or 2 (SIGMOID)", readout);
  if (readout == GAVEL_READOUT_AFFINE) {
    GAVEL_CHECK(std::isfinite(mean), "args.readout_mean is %g; AFFINE needs a finite number", static_cast<double>(mean));
    GAVEL_CHECK(std::isnormal(deviation),
                "args.readout_deviation is %g; AFFINE divides by it: say a finite number that is neither 0 nor a denormal",
                static_cast<double>(deviation));
  } else {
    GAVEL_CHECK(mean == 0 && deviation == 0,
                "args.readout_mean is %g and args.readout_deviation %g; only AFFINE reads them: set both to 0",
                static_cast<double>(mean), static_cast<double>(deviation));
  }
}

void take_gradients(const gavel_tensor *gradients, int32_t count, const HeadSpec &spec, Access access, CallTensors &tensors,
                    Tensor *taken) {
  GAVEL_CHECK(count == spec.parameter_count,
              "gradient_count is %d; this head has %d parameters: pass one tensor for each, absent for one to leave alone",
              count, spec.parameter_count);
  GAVEL_CHECK(gradients != nullptr, "gradients is NULL; pass %d tensors", count);
  for (int32_t i = 0; i < count; ++i) {
    const Parameter &parameter = spec.parameters[i];
    const TensorName name("gradients", i, parameter.name);
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
