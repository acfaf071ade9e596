// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry point gavel_score: checks everything, then runs the head and, where one is given, the loss.
#include "cpu/score.h"

#include <cinttypes>
#include <cmath>

#include "common/error.h"
#include "common/score_loss.h"
#include "common/versioned.h"
#include "cpu/context.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

void check_readout(const gavel_score_args &args) {
  GAVEL_CHECK(args.readout >= GAVEL_READOUT_IDENTITY && args.readout <= GAVEL_READOUT_SIGMOID,
              "args.readout is %d; say 0 (IDENTITY), 1 (AFFINE) or 2 (SIGMOID)", args.readout);
  if (args.readout == GAVEL_READOUT_AFFINE) {
    GAVEL_CHECK(std::isfinite(args.readout_mean), "args.readout_mean is %g; AFFINE needs a finite number", args.readout_mean);
    GAVEL_CHECK(std::isnormal(args.readout_deviation),
                "args.readout_deviation is %g; AFFINE divides by it: say a finite number that is neither 0 nor a denormal",
                args.readout_deviation);
  } else {
    GAVEL_CHECK(args.readout_mean == 0 && args.readout_deviation == 0,
                "args.readout_mean is %g and args.readout_deviation %g; only AFFINE reads them: set both to 0",
                args.readout_mean, args.readout_deviation);
  }
}

// Every tensor of the arguments as a checked view.
struct Views {
  Tensor hidden;
  Tensor first;
  Tensor last;
  Tensor scores;
  Tensor logits;
  Tensor vectors;
  Tensor preactivations;
  Tensor counts;
};

Views check_tensors(const gavel_score_args &args, const HeadSpec &spec, Overlaps &overlaps) {
  const gavel_head_spec &fields = spec.fields;
  Views views;
  views.hidden = input(args.hidden, "args.hidden", fields.dtype == GAVEL_F32 ? kFloatDtypes : only(fields.dtype), {kAny, kAny});
  const int64_t width = pooled_width(args.pooling, args.combine, views.hidden.shape[1]);
  GAVEL_CHECK(width == fields.input_width,
              "args.hidden has rows of %" PRId64 " values, which this pooling makes vectors of %" PRId64
              "; the head's input_width is %" PRId64,
              views.hidden.shape[1], width, fields.input_width);
  views.last = input(args.last, "args.last", only(GAVEL_I64), {kAny});
  const int64_t items = views.last.shape[0];
  if (args.pooling == GAVEL_POOLING_INDEX) {
    require_absent(args.first, "args.first", "with INDEX, which reads only last");
  } else {
    views.first = input(args.first, "args.first", only(GAVEL_I64), {items});
  }
  const Dtypes f32 = only(GAVEL_F32);
  views.scores = output(args.scores, "args.scores", f32, {items, fields.output_width});
  views.logits = optional_output(args.logits, "args.logits", f32, {items, fields.output_width});
  views.vectors = optional_output(args.vectors, "args.vectors", f32, {items, fields.input_width});
  if (fields.kind == GAVEL_HEAD_LINEAR) {
    require_absent(args.preactivations, "args.preactivations", "for a LINEAR head, which has none");
  } else {
    views.preactivations = optional_output(args.preactivations, "args.preactivations", f32, {items, spec.preactivation_width});
  }
  views.counts = optional_output(args.counts, "args.counts", only(GAVEL_I64), {2});
  overlaps.reads(views.hidden, "args.hidden");
  overlaps.reads(views.first, "args.first");
  overlaps.reads(views.last, "args.last");
  overlaps.writes(views.scores, "args.scores");
  overlaps.writes(views.logits, "args.logits");
  overlaps.writes(views.vectors, "args.vectors");
  overlaps.writes(views.preactivations, "args.preactivations");
  overlaps.writes(views.counts, "args.counts");
  return views;
}

// Which items are valid, for the loss; null where all are.
const uint8_t *validity(const Pooling &pooling, Workspace &workspace) {
  if (pooling.invalid_items == 0) return nullptr;
  uint8_t *valid = workspace.take<uint8_t>(pooling.items);
  for (int64_t r = 0; r < pooling.items; ++r) valid[r] = pooling.rows[r].valid();
  return valid;
}

void score(gavel_context &context, gavel_head &head, const gavel_score_args &args, const gavel_loss_args *loss_args) {
  GAVEL_CHECK(args.reserved == 0 && args.reserved2 == 0, "args.reserved and args.reserved2 are %u and %u; set them to 0",
              args.reserved, args.reserved2);
  check_pooling_kind(args.pooling, args.combine);
  check_readout(args);
  Overlaps overlaps;
  const Views views = check_tensors(args, head.spec, overlaps);
  Workspace workspace(context.workspaces);
  const Pooling pooling = resolve_pooling(args.pooling, args.combine, views.first, views.last, views.hidden.shape[0],
                                          views.hidden.shape[1], workspace);
  const LossPlan *loss = nullptr;
  if (loss_args != nullptr) {
    GAVEL_CHECK(head.spec.fields.output_width == 1,
                "a loss was asked for, but the head's output_width is %" PRId64
                "; losses in this call need a head of one output",
                head.spec.fields.output_width);
    const gavel_loss_args copy = read_struct(loss_args, "loss");
    loss = &check_loss(copy, pooling.items, validity(pooling, workspace), overlaps, workspace);
  }
  overlaps.check();

  const HeadReader reader(head);
  const FlushDenormals flush;
  const int64_t nan_items =
      run_score({context.kernels, context.pool, workspace, head, pooling, views.hidden, args.readout, args.readout_mean,
                 args.readout_deviation, views.scores, views.logits, views.vectors, views.preactivations});
  if (views.counts.present()) {
    views.counts.as<int64_t>()[0] = pooling.invalid_items;
    views.counts.as<int64_t>()[1] = nan_items;
  }
  if (loss != nullptr) run_loss(*loss, views.scores.as<float>(), views.scores.stride[0]);
}

}  // namespace

extern "C" int32_t gavel_score(gavel_context *context, gavel_head *head, const gavel_score_args *args,
                               const gavel_loss_args *loss, gavel_error *error) {
  return enter("gavel_score", error, [&] {
    gavel_context &on = checked(context);
    score(on, checked(head), read_struct(args, "args"), loss);
  });
}
