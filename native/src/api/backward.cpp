// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of the gradients: gavel_backward and gavel_scatter.
#include "cpu/backward.h"

#include "common/error.h"
#include "common/numeric.h"
#include "common/versioned.h"
#include "cpu/scatter.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

// i64 [R]: last always, first where the pooling has two ends.
void read_index_lists(int32_t pooling, const gavel_tensor &first_list, const gavel_tensor &last_list, int64_t items,
                      Tensor *first, Tensor *last, Overlaps &overlaps) {
  *last = input(last_list, "args.last", only(GAVEL_I64), {items});
  overlaps.reads(*last, "args.last");
  if (pooling == GAVEL_POOLING_INDEX) {
    require_absent(first_list, "args.first", "with INDEX pooling, which has only last");
  } else {
    *first = input(first_list, "args.first", only(GAVEL_I64), {last->shape[0]});
    overlaps.reads(*first, "args.first");
  }
}

void read_readout(const gavel_backward_args &args, int64_t items, int64_t outputs, BackwardCall &call, Overlaps &overlaps) {
  GAVEL_CHECK(args.readout >= GAVEL_READOUT_IDENTITY && args.readout <= GAVEL_READOUT_SIGMOID,
              "args.readout is %d; say 0 (IDENTITY), 1 (AFFINE) or 2 (SIGMOID)", args.readout);
  if (args.readout == GAVEL_READOUT_AFFINE) {
    GAVEL_CHECK(is_finite(args.readout_mean), "args.readout_mean is %g; it must be finite",
                static_cast<double>(args.readout_mean));
    GAVEL_CHECK(is_finite(args.readout_deviation) && absolute(args.readout_deviation) >= 0x1p-126f,
                "args.readout_deviation is %g; AFFINE divides by it: it must be finite and not 0",
                static_cast<double>(args.readout_deviation));
  } else {
    GAVEL_CHECK(args.readout_mean == 0.0f && args.readout_deviation == 0.0f,
                "args.readout_mean and args.readout_deviation are %g and %g; only AFFINE uses them: set them to 0",
                static_cast<double>(args.readout_mean), static_cast<double>(args.readout_deviation));
  }
  if (args.readout == GAVEL_READOUT_SIGMOID) {
    call.scores = input(args.scores, "args.scores", only(GAVEL_F32), {items, outputs});
    overlaps.reads(call.scores, "args.scores");
  } else {
    require_absent(args.scores, "args.scores", "without SIGMOID, whose derivative alone needs them");
  }
  call.readout = args.readout;
  call.readout_deviation = args.readout_deviation;
}

void read_gradients(const HeadSpec &spec, const gavel_tensor *gradients, int32_t count, BackwardCall &call,
                    Overlaps &overlaps) {
  GAVEL_CHECK(count == spec.parameter_count,
              "gradient_count is %d; this head has %d parameters: pass one tensor for each, absent where not wanted", count,
              spec.parameter_count);
  GAVEL_CHECK(gradients != nullptr, "gradients is NULL; pass %d tensors", count);
  for (int32_t i = 0; i < count; ++i) {
    const Parameter &parameter = spec.parameters[i];
    const TensorName name("gradients", i, parameter.name);
    call.gradients[i] = parameter.rank == 2
                            ? optional_output(gradients[i], name, only(GAVEL_F32), {parameter.shape[0], parameter.shape[1]})
                            : optional_output(gradients[i], name, only(GAVEL_F32), {parameter.shape[0]});
    overlaps.writes(call.gradients[i], name);
  }
}

}  // namespace

extern "C" {

int32_t gavel_backward(gavel_context *context, gavel_head *head, const gavel_backward_args *backward_args,
                       const gavel_tensor *gradients, int32_t gradient_count, gavel_error *error) {
  return enter("gavel_backward", error, [&] {
    gavel_context &on = checked(context);
    gavel_head &used = checked(head);
    const HeadSpec &spec = used.spec;
    const gavel_head_spec &fields = spec.fields;
    const gavel_backward_args args = read_struct(backward_args, "args");
    GAVEL_CHECK(args.reserved == 0, "args.reserved is %u; set it to 0", args.reserved);
    GAVEL_CHECK(args.accumulate == 0 || args.accumulate == 1, "args.accumulate is %d; say 0 (overwrite) or 1 (add)",
                args.accumulate);
    check_pooling_kind(args.pooling, args.combine);

    const FlushDenormals flush;
    Workspace workspace(on.workspaces);
    Overlaps overlaps;
    BackwardCall call{.context = on, .head = used, .accumulate = args.accumulate == 1};
    const Dtypes dtypes = fields.dtype == GAVEL_F32 ? kFloatDtypes : only(fields.dtype);
    call.hidden = input(args.hidden, "args.hidden", dtypes, {kAny, kAny});
    overlaps.reads(call.hidden, "args.hidden");
    const int64_t width = pooled_width(args.pooling, args.combine, call.hidden.shape[1]);
    GAVEL_CHECK(width == fields.input_width,
                "args.hidden has %lld columns, which this pooling makes vectors of %lld; the head's input_width is %lld",
                static_cast<long long>(call.hidden.shape[1]), static_cast<long long>(width),
                static_cast<long long>(fields.input_width));
    Tensor first, last;
    read_index_lists(args.pooling, args.first, args.last, kAny, &first, &last, overlaps);
    const int64_t items = last.shape[0];
    read_readout(args, items, fields.output_width, call, overlaps);
    if (fields.kind == GAVEL_HEAD_LINEAR) {
      require_absent(args.preactivations, "args.preactivations", "with a LINEAR head, which has no hidden layer");
    } else {
      call.preactivations =
          input(args.preactivations, "args.preactivations", only(GAVEL_F32), {items, spec.preactivation_width});
      overlaps.reads(call.preactivations, "args.preactivations");
    }
    call.dscore = input(args.dscore, "args.dscore", only(GAVEL_F32), {items, fields.output_width});
    overlaps.reads(call.dscore, "args.dscore");
    call.dvectors = optional_output(args.dvectors, "args.dvectors", only(GAVEL_F32), {items, fields.input_width});
    overlaps.writes(call.dvectors, "args.dvectors");
    read_gradients(spec, gradients, gradient_count, call, overlaps);
    overlaps.check();
    call.pooling =
        resolve_pooling(args.pooling, args.combine, first, last, call.hidden.shape[0], call.hidden.shape[1], workspace);

    const HeadReader reader(used);
    run_backward(call, workspace);
  });
}

int32_t gavel_scatter(gavel_context *context, const gavel_scatter_args *scatter_args, gavel_error *error) {
  return enter("gavel_scatter", error, [&] {
    gavel_context &on = checked(context);
    const gavel_scatter_args args = read_struct(scatter_args, "args");
    GAVEL_CHECK(args.reserved == 0, "args.reserved is %u; set it to 0", args.reserved);
    check_pooling_kind(args.pooling, args.combine);

    const FlushDenormals flush;
    Workspace workspace(on.workspaces);
    Overlaps overlaps;
    const Tensor dhidden = output(args.dhidden, "args.dhidden", only(GAVEL_F32), {kAny, kAny});
    overlaps.writes(dhidden, "args.dhidden");
    Tensor first, last;
    read_index_lists(args.pooling, args.first, args.last, kAny, &first, &last, overlaps);
    const int64_t width = pooled_width(args.pooling, args.combine, dhidden.shape[1]);
    const Tensor dvectors = input(args.dvectors, "args.dvectors", only(GAVEL_F32), {last.shape[0], width});
    overlaps.reads(dvectors, "args.dvectors");
    overlaps.check();
    const Pooling pooling =
        resolve_pooling(args.pooling, args.combine, first, last, dhidden.shape[0], dhidden.shape[1], workspace, "args.dhidden");
    run_scatter(on, pooling, dvectors, dhidden);
  });
}

}  // extern "C"
