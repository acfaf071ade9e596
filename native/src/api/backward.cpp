// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of the gradients: gavel_backward and gavel_scatter.
#include "cpu/backward.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "api/call_arguments.h"
#include "api/handles.h"
#include "common/error.h"
#include "common/pairwise_sum.h"
#include "common/readout.h"
#include "common/versioned.h"
#include "cpu/gate_rows.h"
#include "cpu/readout_gradients.h"
#include "cpu/scatter.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

struct Backward {
  gavel_backward_args args;
  gavel_head *gate = nullptr;
  ReadoutPlan readout;
  Tensor hidden;
  IndexLists lists;
  Tensor scores;
  Tensor preactivations;
  Tensor dscore;
  Tensor dvectors;
  Tensor gradients[kMostParameters];
  Tensor logits;
  Tensor gate_logits;
  Tensor gate_preactivations;
  Tensor dgate_vectors;
  Tensor dgate_scale;
  Tensor gate_gradients[kMostParameters];
};

void check_gate(const gavel_backward_args &args, const HeadSpec *gate, int64_t items, CallTensors &tensors, Backward &call) {
  const char *without = "without a gate";
  if (gate == nullptr) {
    CallTensors::require_absent(args.gate_logits, "args.gate_logits", without);
    CallTensors::require_absent(args.gate_preactivations, "args.gate_preactivations", without);
    CallTensors::require_absent(args.dgate_vectors, "args.dgate_vectors", without);
    CallTensors::require_absent(args.dgate_scale, "args.dgate_scale", without);
    GAVEL_CHECK(args.gate_gradients == nullptr && args.gate_gradient_count == 0,
                "args.gate_gradients and args.gate_gradient_count must be NULL and 0 without a gate");
    return;
  }
  const Dtypes f32 = only(GAVEL_F32);
  const ReadoutPlan &plan = call.readout;
  check_gate_fits(*gate, plan.two_streams(), args.pooling, call.hidden);
  call.gate_logits = tensors.input(args.gate_logits, "args.gate_logits", f32, {items, plan.gate_outputs});
  if (gate->has_hidden_layers()) {
    call.gate_preactivations =
        tensors.input(args.gate_preactivations, "args.gate_preactivations", f32, {items, gate->preactivation_width});
  } else {
    CallTensors::require_absent(args.gate_preactivations, "args.gate_preactivations", "for a gate without hidden layers");
  }
  call.dgate_vectors =
      tensors.optional_output(args.dgate_vectors, "args.dgate_vectors", f32, {items, gate->fields.input_width});
  if (plan.two_streams()) {
    CallTensors::require_absent(args.dgate_scale, "args.dgate_scale", "with TWO_STREAM, which has no scale");
  } else {
    call.dgate_scale = tensors.optional_output(args.dgate_scale, "args.dgate_scale", f32, {1});
  }
  if (args.gate_gradients == nullptr) {
    GAVEL_CHECK(args.gate_gradient_count == 0, "args.gate_gradient_count is %d and args.gate_gradients NULL; set both or none",
                args.gate_gradient_count);
  } else {
    take_gradients({"args.gate_gradients", "args.gate_gradient_count"}, args.gate_gradients, args.gate_gradient_count, *gate,
                   Access::WRITE, tensors, call.gate_gradients);
  }
}

Backward check(gavel_context &context, gavel_head &head, const gavel_backward_args *caller, const gavel_tensor *gradients,
               int32_t gradient_count) {
  Backward call;
  read_struct(caller, "args", call.args);
  const gavel_backward_args &args = call.args;
  require_same_device(context, head);
  const HeadSpec &spec = head.spec;
  const gavel_head_spec &fields = spec.fields;
  GAVEL_CHECK(args.reserved == 0 && args.reserved2 == 0, "args.reserved and args.reserved2 are %u and %u; set them to 0",
              args.reserved, args.reserved2);
  GAVEL_CHECK(args.accumulate == 0 || args.accumulate == 1, "args.accumulate is %d; say 0 (overwrite) or 1 (add)",
              args.accumulate);
  check_pooling_kind(args.pooling, args.combine);
  call.gate = take_gate(context, args.readout, args.gate);
  CallTensors tensors(context.memory());
  call.hidden = take_hidden(args.hidden, args.pooling, args.combine, spec, tensors);
  call.lists = take_index_lists(args.pooling, args.first, args.last, call.hidden.shape[0], tensors);
  const int64_t items = call.lists.items;
  const Dtypes f32 = only(GAVEL_F32);
  const HeadSpec *gate = call.gate == nullptr ? nullptr : &call.gate->spec;
  call.readout = check_readout(readout_args(args), spec, gate, items, tensors);
  const int64_t streams = call.readout.two_streams() ? 2 : 1;
  check_gate(args, gate, items, tensors, call);
  if (gradient_reads_logits(call.readout)) {
    call.logits = tensors.input(args.logits, "args.logits", f32, {items, call.readout.logits});
  } else {
    CallTensors::require_absent(args.logits, "args.logits", "with a readout whose derivative does not need them");
  }
  if (args.readout == GAVEL_READOUT_SIGMOID) {
    call.scores = tensors.input(args.scores, "args.scores", f32, {items, fields.output_width});
  } else {
    CallTensors::require_absent(args.scores, "args.scores", "without SIGMOID, whose derivative alone needs them");
  }
  if (spec.has_hidden_layers()) {
    call.preactivations =
        tensors.input(args.preactivations, "args.preactivations", f32, {items, streams * spec.preactivation_width});
  } else {
    CallTensors::require_absent(args.preactivations, "args.preactivations", "for a head without hidden layers, which has none");
  }
  call.dscore = tensors.input(args.dscore, "args.dscore", f32, {items, call.readout.scores});
  call.dvectors = tensors.optional_output(args.dvectors, "args.dvectors", f32, {items, streams * fields.input_width});
  take_gradients(kGradients, gradients, gradient_count, spec, Access::WRITE, tensors, call.gradients);
  tensors.check_overlaps();
  return call;
}

bool any_present(const Tensor *tensors) {
  return std::any_of(tensors, tensors + kMostParameters, [](const Tensor &tensor) { return tensor.present(); });
}

// One after another over the valid items, as losses add theirs.
void sum_gate_scale(const Kernels &kernels, const Backward &checked, const Pooling &pooling, Workspace &workspace) {
  ReadoutGradients gradients(checked.readout, checked.logits, checked.gate_logits, checked.dscore,
                             workspace.take<float>(ReadoutGradients::scratch(checked.readout)));
  PairwiseSum sum;
  const auto add = [&](int64_t items, const float *terms) {
    for (int64_t i = 0; i < items; ++i) sum.add(terms[i]);
  };
  for (int64_t r = 0; r < pooling.items; ++r) {
    if (pooling.rows[r].valid()) gradients.add(r);
    if (gradients.full()) add(kReadoutItems, gradients.of_gate_scale(kernels));
  }
  if (const int64_t left = gradients.items(); left > 0) add(left, gradients.of_gate_scale(kernels));
  float *target = checked.dgate_scale.as<float>();
  *target = checked.args.accumulate == 1 ? *target + sum.total() : sum.total();
}

void run_on_cpu(CpuContext &context, gavel_head &head, const Backward &checked) {
  const gavel_backward_args &args = checked.args;
  const FlushDenormals flush;
  Workspace workspace(context.workspaces);
  check_readout_values(checked.readout);
  BackwardCall call{.context = context, .head = *head.cpu, .accumulate = args.accumulate == 1};
  call.hidden = checked.hidden;
  call.pooling = resolve_pooling(args.pooling, args.combine, checked.lists.first, checked.lists.last, checked.hidden.shape[0],
                                 checked.hidden.shape[1], workspace);
  std::optional<GatePooling> gate;
  if (checked.gate != nullptr) gate = resolve_gate(checked.readout, call.pooling, checked.hidden, workspace);
  call.readout = &checked.readout;
  call.scores = checked.scores;
  call.logits = checked.logits;
  call.gate_logits = checked.gate_logits;
  call.dscore = checked.dscore;
  const HeadSpec &spec = head.spec;
  const bool two_streams = checked.readout.two_streams();
  call.preactivations = two_streams ? columns(checked.preactivations, 0, spec.preactivation_width) : checked.preactivations;
  call.dvectors = two_streams ? columns(checked.dvectors, 0, spec.fields.input_width) : checked.dvectors;
  std::copy(std::begin(checked.gradients), std::end(checked.gradients), call.gradients);
  const HeadReader reader(head);
  run_backward(call, workspace);
  if (two_streams) {
    BackwardCall reverse = call;
    reverse.part = LogitPart::REVERSE;
    reverse.accumulate = true;
    reverse.pooling = gate->rows;
    reverse.preactivations = columns(checked.preactivations, spec.preactivation_width, spec.preactivation_width);
    reverse.dvectors = columns(checked.dvectors, spec.fields.input_width, spec.fields.input_width);
    run_backward(reverse, workspace);
  }
  if (checked.dgate_scale.present()) sum_gate_scale(context.kernels, checked, call.pooling, workspace);
  if (!gate || !(checked.dgate_vectors.present() || any_present(checked.gate_gradients))) return;
  const HeadReader gate_reader(*checked.gate);
  BackwardCall of_gate{.context = context, .head = *checked.gate->cpu, .accumulate = args.accumulate == 1};
  of_gate.hidden = checked.hidden;
  of_gate.pooling = gate->vectors;
  of_gate.readout = &checked.readout;
  of_gate.part = LogitPart::GATE;
  of_gate.logits = checked.logits;
  of_gate.gate_logits = checked.gate_logits;
  of_gate.preactivations = checked.gate_preactivations;
  of_gate.dscore = checked.dscore;
  of_gate.dvectors = checked.dgate_vectors;
  std::copy(std::begin(checked.gate_gradients), std::end(checked.gate_gradients), of_gate.gradients);
  run_backward(of_gate, workspace);
}

cuda::BackwardCall call_on_cuda(const gavel_context &context, gavel_head &head, const Backward &checked) {
  const gavel_backward_args &args = checked.args;
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
                          .gradients = {},
                          .mixing = checked.readout.family->elementwise() ? nullptr : &checked.readout,
                          .gate = checked.gate == nullptr ? nullptr : checked.gate->cuda.get(),
                          .logits = checked.logits,
                          .gate_logits = checked.gate_logits,
                          .gate_preactivations = checked.gate_preactivations,
                          .dgate_vectors = checked.dgate_vectors,
                          .dgate_scale = checked.dgate_scale,
                          .gate_gradients = {},
                          .other = {},
                          .context = context.cuda.get()};
  std::copy(std::begin(checked.gradients), std::end(checked.gradients), call.gradients);
  std::copy(std::begin(checked.gate_gradients), std::end(checked.gate_gradients), call.gate_gradients);
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
  read_struct(caller, "args", call.args);
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
    std::optional<HeadReader> gate_reader;
    if (call.gate != nullptr) gate_reader.emplace(*call.gate);
    on_plugin(on.plugin->backward, call_on_cuda(on, used, call), *stream);
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
    if (on_cuda) on_plugin(on.plugin->backward_workspace, call_on_cuda(on, used, call), bytes);
  });
}

int32_t gavel_scatter(gavel_context *context, const gavel_scatter_args *args, gavel_error *error) {
  return enter("gavel_scatter", error, [&] {
    gavel_context &on = checked(context);
    const Scatter call = check(on, args);
    cuda::Stream *stream = stream_of_call(on, call.args.stream, "args.stream");
    if (stream == nullptr) return run_on_cpu(*on.cpu, call);
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
