// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of the gradients: gavel_backward and gavel_scatter.
#include "cpu/backward.h"

#include <algorithm>
#include <iterator>

#include "api/call_arguments.h"
#include "api/handles.h"
#include "common/error.h"
#include "common/versioned.h"
#include "cpu/scatter.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

struct Backward {
  gavel_backward_args args;
  Tensor hidden;
  IndexLists lists;
  Tensor scores;
  Tensor preactivations;
  Tensor dscore;
  Tensor dvectors;
  Tensor gradients[kMostParameters];
};

Backward check(gavel_context &context, gavel_head &head, const gavel_backward_args *caller, const gavel_tensor *gradients,
               int32_t gradient_count) {
  Backward call;
  call.args = read_struct(caller, "args");
  const gavel_backward_args &args = call.args;
  require_same_device(context, head);
  const HeadSpec &spec = head.spec;
  const gavel_head_spec &fields = spec.fields;
  GAVEL_CHECK(args.reserved == 0, "args.reserved is %u; set it to 0", args.reserved);
  GAVEL_CHECK(args.accumulate == 0 || args.accumulate == 1, "args.accumulate is %d; say 0 (overwrite) or 1 (add)",
              args.accumulate);
  check_pooling_kind(args.pooling, args.combine);
  check_readout(args.readout, args.readout_mean, args.readout_deviation);
  CallTensors tensors(context.memory());
  call.hidden = take_hidden(args.hidden, args.pooling, args.combine, spec, tensors);
  call.lists = take_index_lists(args.pooling, args.first, args.last, call.hidden.shape[0], tensors);
  const int64_t items = call.lists.items;
  const Dtypes f32 = only(GAVEL_F32);
  if (args.readout == GAVEL_READOUT_SIGMOID) {
    call.scores = tensors.input(args.scores, "args.scores", f32, {items, fields.output_width});
  } else {
    CallTensors::require_absent(args.scores, "args.scores", "without SIGMOID, whose derivative alone needs them");
  }
  if (fields.kind == GAVEL_HEAD_LINEAR) {
    CallTensors::require_absent(args.preactivations, "args.preactivations", "for a LINEAR head, which has none");
  } else {
    call.preactivations = tensors.input(args.preactivations, "args.preactivations", f32, {items, spec.preactivation_width});
  }
  call.dscore = tensors.input(args.dscore, "args.dscore", f32, {items, fields.output_width});
  call.dvectors = tensors.optional_output(args.dvectors, "args.dvectors", f32, {items, fields.input_width});
  take_gradients(gradients, gradient_count, spec, Access::WRITE, tensors, call.gradients);
  tensors.check_overlaps();
  return call;
}

void run_on_cpu(CpuContext &context, gavel_head &head, const Backward &checked) {
  const gavel_backward_args &args = checked.args;
  const FlushDenormals flush;
  Workspace workspace(context.workspaces);
  BackwardCall call{.context = context, .head = *head.cpu, .accumulate = args.accumulate == 1};
  call.hidden = checked.hidden;
  call.pooling = resolve_pooling(args.pooling, args.combine, checked.lists.first, checked.lists.last, checked.hidden.shape[0],
                                 checked.hidden.shape[1], workspace);
  call.readout = args.readout;
  call.readout_deviation = args.readout_deviation;
  call.scores = checked.scores;
  call.preactivations = checked.preactivations;
  call.dscore = checked.dscore;
  call.dvectors = checked.dvectors;
  std::copy(std::begin(checked.gradients), std::end(checked.gradients), call.gradients);
  const HeadReader reader(head);
  run_backward(call, workspace);
}

cuda::BackwardCall call_on_cuda(gavel_head &head, const Backward &checked) {
  const gavel_backward_args &args = checked.args;
  require_cuda_pooling(args.pooling);
  cuda::BackwardCall call{.head = *head.cuda,
                          .accumulate = args.accumulate == 1,
                          .pooling = args.pooling,
                          .combine = args.combine,
                          .hidden = checked.hidden,
                          .first = checked.lists.first,
                          .last = checked.lists.last,
                          .readout = args.readout,
                          .readout_deviation = args.readout_deviation,
                          .scores = checked.scores,
                          .preactivations = checked.preactivations,
                          .dscore = checked.dscore,
                          .dvectors = checked.dvectors,
                          .gradients = {}};
  std::copy(std::begin(checked.gradients), std::end(checked.gradients), call.gradients);
  return call;
}

struct Scatter {
  gavel_scatter_args args;
  IndexLists lists;
  Tensor dvectors;
  Tensor dhidden;
};

Scatter check(gavel_context &context, const gavel_scatter_args *caller) {
  Scatter call;
  call.args = read_struct(caller, "args");
  const gavel_scatter_args &args = call.args;
  GAVEL_CHECK(args.reserved == 0, "args.reserved is %u; set it to 0", args.reserved);
  check_pooling_kind(args.pooling, args.combine);
  CallTensors tensors(context.memory());
  call.dhidden = tensors.output(args.dhidden, "args.dhidden", only(GAVEL_F32), {kAny, kAny});
  call.lists = take_index_lists(args.pooling, args.first, args.last, call.dhidden.shape[0], tensors);
  const int64_t width = pooled_width(args.pooling, args.combine, call.dhidden.shape[1]);
  call.dvectors = tensors.input(args.dvectors, "args.dvectors", only(GAVEL_F32), {call.lists.items, width});
  tensors.check_overlaps();
  return call;
}

void run_on_cpu(CpuContext &context, const Scatter &call) {
  const FlushDenormals flush;
  Workspace workspace(context.workspaces);
  const Pooling pooling = resolve_pooling(call.args.pooling, call.args.combine, call.lists.first, call.lists.last,
                                          call.dhidden.shape[0], call.dhidden.shape[1], workspace, "args.dhidden");
  run_scatter(context, pooling, call.dvectors, call.dhidden);
}

}  // namespace

extern "C" {

int32_t gavel_backward(gavel_context *context, gavel_head *head, const gavel_backward_args *args, const gavel_tensor *gradients,
                       int32_t gradient_count, gavel_error *error) {
  return enter("gavel_backward", error, [&] {
    gavel_context &on = checked(context);
    gavel_head &used = checked(head);
    const Backward call = check(on, used, args, gradients, gradient_count);
    cuda::Stream *stream = stream_of_call(on, call.args.stream, "args.stream");
    if (stream == nullptr) return run_on_cpu(*on.cpu, used, call);
    const HeadReader reader(used);
    on_plugin(on.plugin->backward, call_on_cuda(used, call), *stream);
  });
}

int32_t gavel_backward_workspace(gavel_context *context, gavel_head *head, const gavel_backward_args *args,
                                 const gavel_tensor *gradients, int32_t gradient_count, int64_t *bytes, gavel_error *error) {
  return enter("gavel_backward_workspace", error, [&] {
    gavel_context &on = checked(context);
    gavel_head &used = checked(head);
    const Backward call = check(on, used, args, gradients, gradient_count);
    const bool on_cuda = stream_of_call(on, call.args.stream, "args.stream") != nullptr;
    set_bytes(bytes, 0);
    if (on_cuda) on_plugin(on.plugin->backward_workspace, call_on_cuda(used, call), bytes);
  });
}

int32_t gavel_scatter(gavel_context *context, const gavel_scatter_args *args, gavel_error *error) {
  return enter("gavel_scatter", error, [&] {
    gavel_context &on = checked(context);
    const Scatter call = check(on, args);
    cuda::Stream *stream = stream_of_call(on, call.args.stream, "args.stream");
    if (stream == nullptr) return run_on_cpu(*on.cpu, call);
    require_cuda_pooling(call.args.pooling);
    on_plugin(on.plugin->scatter,
              cuda::ScatterCall{.pooling = call.args.pooling,
                                .combine = call.args.combine,
                                .first = call.lists.first,
                                .last = call.lists.last,
                                .dvectors = call.dvectors,
                                .dhidden = call.dhidden},
              *stream);
  });
}

}  // extern "C"
