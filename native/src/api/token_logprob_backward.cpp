// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points gavel_token_logprob_backward and gavel_token_logprob_backward_workspace.
#include "api/handles.h"
#include "api/span_score.h"
#include "common/call_tensors.h"
#include "common/versioned.h"
#include "cpu/token_spans.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

struct Backward {
  gavel_token_logprob_backward_args args;
  Tensor mask;
  Tensor first;
  Tensor last;
  Tensor logprobs;
  Tensor reference;
  Tensor dscore;
  Tensor dlogprobs;
};

Backward check(gavel_context &context, const gavel_token_logprob_backward_args *caller) {
  Backward call;
  read_struct(caller, "args", call.args);
  const gavel_token_logprob_backward_args &args = call.args;
  check_span_score(args.reduce, args.readout, args.beta);
  CallTensors tensors(context.memory());
  const Dtypes f32 = only(GAVEL_F32);
  call.dlogprobs = tensors.output(args.dlogprobs, "args.dlogprobs", f32, {kAny});
  const int64_t rows = call.dlogprobs.shape[0];
  call.mask = tensors.optional_input(args.mask, "args.mask", only(GAVEL_U8), {rows});
  call.last = tensors.input(args.last, "args.last", only(GAVEL_I64), {kAny});
  const int64_t items = call.last.shape[0];
  call.first = tensors.input(args.first, "args.first", only(GAVEL_I64), {items});
  call.dscore = tensors.input(args.dscore, "args.dscore", f32, {items});
  if (args.reduce == GAVEL_LOGPROB_MIN || args.reduce == GAVEL_LOGPROB_MEAN_PROB) {
    call.logprobs = tensors.input(args.logprobs, "args.logprobs", f32, {rows});
  } else {
    CallTensors::require_absent(args.logprobs, "args.logprobs", "with SUM and MEAN, whose gradient does not depend on them");
  }
  if (args.reduce == GAVEL_LOGPROB_MIN) {
    call.reference = tensors.optional_input(args.reference_logprobs, "args.reference_logprobs", f32, {rows});
  } else {
    CallTensors::require_absent(args.reference_logprobs, "args.reference_logprobs",
                                "without MIN, whose gradient alone depends on them");
  }
  tensors.check_overlaps();
  return call;
}

void run(CpuContext &context, const Backward &call) {
  const FlushDenormals flush;
  Workspace workspace(context.workspaces);
  const int64_t rows = call.dlogprobs.shape[0];
  const TokenSpans spans = resolve_spans(call.first, call.last, call.mask, rows, workspace, "args.dlogprobs");
  const SpanScore how = {call.args.reduce, factor_of(call.args.readout, call.args.beta), call.logprobs.as<const float>(),
                         call.reference.as<const float>()};
  backward_spans(spans, how, call.dscore.as<const float>(), call.dlogprobs.as<float>(), rows);
}

cuda::TokenLogprobBackwardCall call_on_cuda(const Backward &call) {
  return {.mask = call.mask,
          .first = call.first,
          .last = call.last,
          .reduce = call.args.reduce,
          .factor = factor_of(call.args.readout, call.args.beta),
          .logprobs = call.logprobs,
          .reference = call.reference,
          .dscore = call.dscore,
          .dlogprobs = call.dlogprobs};
}

}  // namespace

extern "C" {

int32_t gavel_token_logprob_backward(gavel_context *context, const gavel_token_logprob_backward_args *args,
                                     gavel_error *error) {
  return enter("gavel_token_logprob_backward", error, [&] {
    gavel_context &on = checked(context);
    const Backward call = check(on, args);
    cuda::Stream *stream = stream_of_call(on, call.args.stream, "args.stream");
    if (stream == nullptr) return run(*on.cpu, call);
    on_plugin(on.plugin->token_logprob_backward, call_on_cuda(call), *stream);
  });
}

int32_t gavel_token_logprob_backward_workspace(gavel_context *context, const gavel_token_logprob_backward_args *args,
                                               int64_t *bytes, gavel_error *error) {
  return enter("gavel_token_logprob_backward_workspace", error, [&] {
    gavel_context &on = checked(context);
    const Backward call = check(on, args);
    const bool on_cuda = stream_of_call(on, call.args.stream, "args.stream") != nullptr;
    set_bytes(bytes, 0);
    if (on_cuda) on_plugin(on.plugin->token_logprob_backward_workspace, call_on_cuda(call), bytes);
  });
}

}  // extern "C"
