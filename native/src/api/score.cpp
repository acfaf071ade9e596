// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points gavel_score and gavel_score_workspace: everything is checked, then the head runs and, where one is given, the loss.
#include "cpu/score.h"
#include "cpu/loss.h"

#include <algorithm>
#include <cinttypes>
#include <optional>

#include "api/call_arguments.h"
#include "api/handles.h"
#include "common/error.h"
#include "common/loss.h"
#include "common/readout.h"
#include "common/versioned.h"
#include "cpu/gate_rows.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

// A checked call: every tensor of the arguments as a view.
struct Call {
  gavel_score_args args;
  Tensor hidden;
  IndexLists lists;
  Tensor scores;
  Tensor logits;
  Tensor vectors;
  Tensor preactivations;
  Tensor counts;
  gavel_head *gate = nullptr;
  ReadoutPlan readout;
  Tensor objectives;
  Tensor gate_weights;
  Tensor gate_logits;
  Tensor gate_preactivations;
  std::optional<LossPlan> loss;
};

// What the gate returns besides the scores.
void check_gate_outputs(const gavel_score_args &args, const HeadSpec *gate, int64_t items, CallTensors &tensors, Call &call) {
  const Dtypes f32 = only(GAVEL_F32);
  const ReadoutPlan &plan = call.readout;
  if (plan.objectives == nullptr || plan.two_streams()) {
    CallTensors::require_absent(args.objectives, "args.objectives", "with a readout that makes none of the logits");
  } else {
    call.objectives = tensors.optional_output(args.objectives, "args.objectives", f32, {items, plan.objective_count});
  }
  if (gate == nullptr) {
    CallTensors::require_absent(args.gate_weights, "args.gate_weights", "without a gate");
    CallTensors::require_absent(args.gate_logits, "args.gate_logits", "without a gate");
    CallTensors::require_absent(args.gate_preactivations, "args.gate_preactivations", "without a gate");
    return;
  }
  check_gate_fits(*gate, plan.two_streams(), args.pooling, call.hidden);
  call.gate_weights = tensors.optional_output(args.gate_weights, "args.gate_weights", f32, {items, plan.gate_weights});
  call.gate_logits = tensors.optional_output(args.gate_logits, "args.gate_logits", f32, {items, plan.gate_outputs});
  if (gate->has_hidden_layers()) {
    call.gate_preactivations =
        tensors.optional_output(args.gate_preactivations, "args.gate_preactivations", f32, {items, gate->preactivation_width});
  } else {
    CallTensors::require_absent(args.gate_preactivations, "args.gate_preactivations", "for a gate without hidden layers");
  }
}

Call check(gavel_context &context, gavel_head &head, const gavel_score_args *caller, const gavel_loss_args *loss) {
  Call call;
  read_struct(caller, "args", call.args);
  const gavel_score_args &args = call.args;
  require_same_device(context, head);
  GAVEL_CHECK(args.reserved == 0 && args.reserved2 == 0, "args.reserved and args.reserved2 are %u and %u; set them to 0",
              args.reserved, args.reserved2);
  check_pooling_kind(args.pooling, args.combine);
  call.gate = take_gate(context, args.readout, args.gate);
  const gavel_head_spec &fields = head.spec.fields;
  CallTensors tensors(context.memory());
  call.hidden = take_hidden(args.hidden, args.pooling, args.combine, head.spec, tensors);
  call.lists = take_index_lists(args.pooling, args.first, args.last, call.hidden.shape[0], tensors);
  const int64_t items = call.lists.items;
  const Dtypes f32 = only(GAVEL_F32);
  const HeadSpec *gate = call.gate == nullptr ? nullptr : &call.gate->spec;
  call.readout = check_readout(readout_args(args), head.spec, gate, items, tensors);
  check_gate_outputs(args, gate, items, tensors, call);
  const int64_t streams = call.readout.two_streams() ? 2 : 1;
  const int64_t scores = call.readout.scores;
  call.scores = tensors.output(args.scores, "args.scores", f32, {items, scores});
  call.logits = tensors.optional_output(args.logits, "args.logits", f32, {items, call.readout.logits});
  call.vectors = tensors.optional_output(args.vectors, "args.vectors", f32, {items, streams * fields.input_width});
  if (head.spec.has_hidden_layers()) {
    call.preactivations = tensors.optional_output(args.preactivations, "args.preactivations", f32,
                                                  {items, streams * head.spec.preactivation_width});
  } else {
    CallTensors::require_absent(args.preactivations, "args.preactivations", "for a head without hidden layers, which has none");
  }
  call.counts = tensors.optional_output(args.counts, "args.counts", only(GAVEL_I64), {2});
  if (loss != nullptr) {
    GAVEL_CHECK(scores == 1 || items <= 1 || call.scores.stride[0] == scores,
                "a loss was asked for over %" PRId64 " scores an item, but args.scores has %" PRId64
                " elements from row to row: losses need them without gaps",
                scores, call.scores.stride[0]);
    const gavel_loss_args copy = read_struct(loss, "loss");
    GAVEL_CHECK(copy.stream == nullptr, "loss.stream is not NULL; inside gavel_score the loss runs where args.stream says");
    call.loss = check_loss(copy, multiply_sizes(items, scores, "scores of the loss"), tensors);
  }
  tensors.check_overlaps();
  return call;
}

// Which scores are of valid items, for the loss; null where all are.
const uint8_t *validity(const Pooling &pooling, int64_t scores, Workspace &workspace) {
  if (pooling.invalid_items == 0) return nullptr;
  uint8_t *valid = workspace.take<uint8_t>(pooling.items * scores);
  for (int64_t r = 0; r < pooling.items; ++r) std::fill_n(valid + r * scores, scores, pooling.rows[r].valid());
  return valid;
}

void run_on_cpu(CpuContext &context, gavel_head &head, Call &call) {
  const gavel_score_args &args = call.args;
  Workspace workspace(context.workspaces);
  check_readout_values(call.readout);
  Pooling pooling = resolve_pooling(args.pooling, args.combine, call.lists.first, call.lists.last, call.hidden.shape[0],
                                    call.hidden.shape[1], workspace);
  std::optional<GatePooling> gate;
  if (call.gate != nullptr) gate = resolve_gate(call.readout, pooling, call.hidden, workspace);
  if (call.loss) {
    call.loss->valid = validity(pooling, call.readout.scores, workspace);
    prepare_loss(*call.loss, context.kernels, workspace);
  }
  const HeadReader reader(head);
  std::optional<HeadReader> gate_reader;
  if (call.gate != nullptr) gate_reader.emplace(*call.gate);
  const FlushDenormals flush;
  const bool two_streams = call.readout.two_streams();
  const HeadSpec &spec = head.spec;
  ScoreProblem problem{.head = {context.kernels, context.pool, workspace, *head.cpu, pooling, call.hidden,
                                two_streams ? columns(call.vectors, 0, spec.fields.input_width) : call.vectors,
                                two_streams ? columns(call.preactivations, 0, spec.preactivation_width) : call.preactivations},
                       .reverse = {},
                       .gate = {},
                       .readout = call.readout,
                       .scores = call.scores,
                       .logits = call.logits,
                       .objectives = call.objectives,
                       .gate_weights = call.gate_weights,
                       .gate_logits = call.gate_logits};
  if (two_streams) {
    problem.reverse.emplace(LogitProblem{context.kernels, context.pool, workspace, *head.cpu, gate->rows, call.hidden,
                                         columns(call.vectors, spec.fields.input_width, spec.fields.input_width),
                                         columns(call.preactivations, spec.preactivation_width, spec.preactivation_width)});
  }
  if (gate) {
    problem.gate.emplace(LogitProblem{context.kernels, context.pool, workspace, *call.gate->cpu, gate->vectors, call.hidden,
                                      Tensor{}, call.gate_preactivations});
  }
  const int64_t nan_items = run_score(problem);
  if (call.counts.present()) {
    call.counts.as<int64_t>()[0] = pooling.invalid_items;
    call.counts.as<int64_t>()[1] = nan_items;
  }
  // One score an item: whatever lies between the rows; several: without gaps.
  const int64_t stride = call.readout.scores == 1 ? call.scores.stride[0] : 1;
  if (call.loss) run_cpu_loss(*call.loss, context, call.scores.as<float>(), stride, workspace);
}

cuda::ScoreCall call_on_cuda(const gavel_context &context, gavel_head &head, const Call &call) {
  const gavel_score_args &args = call.args;
  return {.head = *head.cuda,
          .pooling = args.pooling,
          .combine = args.combine,
          .hidden = call.hidden,
          .first = call.lists.first,
          .last = call.lists.last,
          .readout = args.readout,
          .readout_mean = args.readout_mean,
          .readout_deviation = args.readout_deviation,
          .scores = call.scores,
          .logits = call.logits,
          .vectors = call.vectors,
          .preactivations = call.preactivations,
          .counts = call.counts,
          .loss = call.loss ? &*call.loss : nullptr,
          .mixing = call.readout.family->elementwise() ? nullptr : &call.readout,
          .gate = call.gate == nullptr ? nullptr : call.gate->cuda.get(),
          .objectives = call.objectives,
          .gate_weights = call.gate_weights,
          .gate_logits = call.gate_logits,
          .gate_preactivations = call.gate_preactivations,
          .context = context.cuda.get()};
}

}  // namespace

extern "C" {

int32_t gavel_score(gavel_context *context, gavel_head *head, const gavel_score_args *args, const gavel_loss_args *loss,
                    gavel_error *error) {
  return enter("gavel_score", error, [&] {
    gavel_context &on = checked(context);
    gavel_head &used = checked(head);
    Call call = check(on, used, args, loss);
    cuda::Stream *stream = stream_of_call(on, call.args.stream, "args.stream");
    if (stream == nullptr) return run_on_cpu(*on.cpu, used, call);
    const HeadReader reader(used);
    std::optional<HeadReader> gate_reader;
    if (call.gate != nullptr) gate_reader.emplace(*call.gate);
    on_plugin(on.plugin->score, call_on_cuda(on, used, call), *stream);
  });
}

int32_t gavel_score_workspace(gavel_context *context, gavel_head *head, const gavel_score_args *args,
                              const gavel_loss_args *loss, int64_t *bytes, gavel_error *error) {
  return enter("gavel_score_workspace", error, [&] {
    gavel_context &on = checked(context);
    gavel_head &used = checked(head);
    const Call call = check(on, used, args, loss);
    const bool on_cuda = stream_of_call(on, call.args.stream, "args.stream") != nullptr;
    set_bytes(bytes, 0);
    if (on_cuda) on_plugin(on.plugin->score_workspace, call_on_cuda(on, used, call), bytes);
  });
}

}  // extern "C"
