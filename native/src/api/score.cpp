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
#include "common/versioned.h"
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
  std::optional<LossPlan> loss;
};

Call check(gavel_context &context, gavel_head &head, const gavel_score_args *caller, const gavel_loss_args *loss) {
  Call call;
  call.args = read_struct(caller, "args");
  const gavel_score_args &args = call.args;
  require_same_device(context, head);
  GAVEL_CHECK(args.reserved == 0 && args.reserved2 == 0, "args.reserved and args.reserved2 are %u and %u; set them to 0",
              args.reserved, args.reserved2);
  check_pooling_kind(args.pooling, args.combine);
  check_readout(args.readout, args.readout_mean, args.readout_deviation);
  const gavel_head_spec &fields = head.spec.fields;
  CallTensors tensors(context.memory());
  call.hidden = take_hidden(args.hidden, args.pooling, args.combine, head.spec, tensors);
  call.lists = take_index_lists(args.pooling, args.first, args.last, tensors);
  const int64_t items = call.lists.last.shape[0];
  const Dtypes f32 = only(GAVEL_F32);
  call.scores = tensors.output(args.scores, "args.scores", f32, {items, fields.output_width});
  call.logits = tensors.optional_output(args.logits, "args.logits", f32, {items, fields.output_width});
  call.vectors = tensors.optional_output(args.vectors, "args.vectors", f32, {items, fields.input_width});
  if (fields.kind == GAVEL_HEAD_LINEAR) {
    CallTensors::require_absent(args.preactivations, "args.preactivations", "for a LINEAR head, which has none");
  } else {
    call.preactivations =
        tensors.optional_output(args.preactivations, "args.preactivations", f32, {items, head.spec.preactivation_width});
  }
  call.counts = tensors.optional_output(args.counts, "args.counts", only(GAVEL_I64), {2});
  if (loss != nullptr) {
    GAVEL_CHECK(fields.output_width == 1 || items <= 1 || call.scores.stride[0] == fields.output_width,
                "a loss was asked for over %" PRId64 " scores an item, but args.scores has %" PRId64
                " elements from row to row: losses need them without gaps",
                fields.output_width, call.scores.stride[0]);
    const gavel_loss_args copy = read_struct(loss, "loss");
    GAVEL_CHECK(copy.stream == nullptr, "loss.stream is not NULL; inside gavel_score the loss runs where args.stream says");
    call.loss = check_loss(copy, multiply_sizes(items, fields.output_width, "scores of the loss"), tensors);
  }
  tensors.check_overlaps();
  return call;
}

// Which scores are of valid items, for the loss; null where all are.
const uint8_t *validity(const Pooling &pooling, int64_t outputs, Workspace &workspace) {
  if (pooling.invalid_items == 0) return nullptr;
  uint8_t *valid = workspace.take<uint8_t>(pooling.items * outputs);
  for (int64_t r = 0; r < pooling.items; ++r) std::fill_n(valid + r * outputs, outputs, pooling.rows[r].valid());
  return valid;
}

void run_on_cpu(CpuContext &context, gavel_head &head, Call &call) {
  const gavel_score_args &args = call.args;
  Workspace workspace(context.workspaces);
  const Pooling pooling = resolve_pooling(args.pooling, args.combine, call.lists.first, call.lists.last, call.hidden.shape[0],
                                          call.hidden.shape[1], workspace);
  if (call.loss) {
    call.loss->valid = validity(pooling, head.spec.fields.output_width, workspace);
    prepare_loss(*call.loss, workspace);
  }
  const HeadReader reader(head);
  const FlushDenormals flush;
  const int64_t nan_items =
      run_score({context.kernels, context.pool, workspace, *head.cpu, pooling, call.hidden, args.readout, args.readout_mean,
                 args.readout_deviation, call.scores, call.logits, call.vectors, call.preactivations});
  if (call.counts.present()) {
    call.counts.as<int64_t>()[0] = pooling.invalid_items;
    call.counts.as<int64_t>()[1] = nan_items;
  }
  // One output: a score a row, whatever lies between the rows; several: without gaps.
  const int64_t stride = head.spec.fields.output_width == 1 ? call.scores.stride[0] : 1;
  if (call.loss) run_loss(*call.loss, call.scores.as<float>(), stride);
}

cuda::ScoreCall call_on_cuda(gavel_head &head, const Call &call) {
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
          .loss = call.loss ? &*call.loss : nullptr};
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
    on_plugin(on.plugin->score, call_on_cuda(used, call), *stream);
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
    if (on_cuda) on_plugin(on.plugin->score_workspace, call_on_cuda(used, call), bytes);
  });
}

}  // extern "C"
