// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points gavel_token_logprob and gavel_token_logprob_workspace.
#include "cpu/token_logprob.h"

#include <algorithm>
#include <cinttypes>
#include <optional>

#include "api/handles.h"
#include "api/span_score.h"
#include "common/call_tensors.h"
#include "common/error.h"
#include "common/loss.h"
#include "common/versioned.h"
#include "cpu/loss.h"
#include "cpu/token_spans.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

// Where log-probabilities come from.
struct Source {
  const gavel_vocabulary *vocabulary = nullptr;
  Tensor states;       // hidden states or logits; absent where the caller has the log-probabilities
  Tensor policy;       // those
  const char *name;    // of the tensor that has T rows
  int64_t rows = 0;    // T
  int64_t tokens = 0;  // V
  Tensor targets;      // absent with policy
};

Source take_source(const gavel_context &context, gavel_vocabulary *given, const gavel_token_logprob_args &args,
                   CallTensors &tensors) {
  const bool hidden = !is_absent(args.hidden, "args.hidden");
  const bool logits = !is_absent(args.logits, "args.logits");
  const bool policy = !is_absent(args.policy_logprobs, "args.policy_logprobs");
  GAVEL_CHECK(
      hidden + logits + policy == 1,
      "%d of args.hidden, args.logits and args.policy_logprobs are present; log-probabilities are made from exactly one",
      hidden + logits + policy);
  Source source;
  if (hidden) {
    const gavel_vocabulary &vocabulary = checked(given);
    GAVEL_CHECK(vocabulary.context.device_type == context.device_type && vocabulary.context.device_id == context.device_id,
                "the vocabulary was made on another device than the call's context: make one with this context");
    const Dtypes dtypes = vocabulary.dtype == GAVEL_F32 ? kFloatDtypes : only(vocabulary.dtype);
    source.vocabulary = &vocabulary;
    source.name = "args.hidden";
    source.states = tensors.input(args.hidden, source.name, dtypes, {kAny, kAny});
    source.tokens = vocabulary.tokens;
    GAVEL_CHECK(source.states.shape[1] == vocabulary.width,
                "args.hidden has rows of %" PRId64 " values; the vocabulary's weight has rows of %" PRId64,
                source.states.shape[1], vocabulary.width);
  } else {
    GAVEL_CHECK(given == nullptr, "vocabulary is given; only args.hidden is multiplied with one: set it to NULL");
  }
  if (logits) {
    source.name = "args.logits";
    source.states = tensors.input(args.logits, source.name, kFloatDtypes, {kAny, kAny});
    source.tokens = source.states.shape[1];
  }
  if (policy) {
    source.name = "args.policy_logprobs";
    source.policy = tensors.input(args.policy_logprobs, source.name, only(GAVEL_F32), {kAny});
    source.rows = source.policy.shape[0];
    CallTensors::require_absent(args.targets, "args.targets", "with policy_logprobs, which are of their tokens already");
    return source;
  }
  source.rows = source.states.shape[0];
  source.targets = tensors.input(args.targets, "args.targets", only(GAVEL_I64), {source.rows});
  return source;
}

struct Call {
  gavel_token_logprob_args args;
  Source source;
  Tensor mask;
  Tensor reference;
  bool with_spans = false;
  Tensor first;
  Tensor last;
  Tensor logprobs;
  Tensor scores;
  Tensor counts;
  std::optional<LossPlan> loss;
};

void check_without_spans(const Call &call, const gavel_loss_args *loss) {
  const gavel_token_logprob_args &args = call.args;
  constexpr const char *kWhy = "without args.last, that is, without spans";
  CallTensors::require_absent(args.first, "args.first", kWhy);
  CallTensors::require_absent(args.scores, "args.scores", kWhy);
  CallTensors::require_absent(args.counts, "args.counts", kWhy);
  CallTensors::require_absent(args.reference_logprobs, "args.reference_logprobs", kWhy);
  CallTensors::require_absent(args.policy_logprobs, "args.policy_logprobs", kWhy);
  GAVEL_CHECK(loss == nullptr, "loss is given, but there are no scores without args.last: give spans, or set it to NULL");
  GAVEL_CHECK(
      args.reduce == 0 && args.readout == 0 && args.beta == 0,
      "args.reduce, args.readout and args.beta are %d, %d and %g; without args.last there is nothing to reduce: set them to 0",
      args.reduce, args.readout, static_cast<double>(args.beta));
  GAVEL_CHECK(call.logprobs.present(), "args.logprobs is absent, and so are the spans: ask for at least one result");
}

Call check(gavel_context &context, gavel_vocabulary *vocabulary, const gavel_token_logprob_args *caller,
           const gavel_loss_args *loss) {
  Call call;
  read_struct(caller, "args", call.args);
  const gavel_token_logprob_args &args = call.args;
  CallTensors tensors(context.memory());
  call.source = take_source(context, vocabulary, args, tensors);
  const int64_t rows = call.source.rows;
  const Dtypes f32 = only(GAVEL_F32);
  call.mask = tensors.optional_input(args.mask, "args.mask", only(GAVEL_U8), {rows});
  call.logprobs = tensors.optional_output(args.logprobs, "args.logprobs", f32, {rows});
  call.with_spans = !is_absent(args.last, "args.last");
  if (!call.with_spans) {
    check_without_spans(call, loss);
    tensors.check_overlaps();
    return call;
  }
  check_span_score(args.reduce, args.readout, args.beta);
  if (args.reduce == GAVEL_LOGPROB_MEAN_PROB) {
    CallTensors::require_absent(args.reference_logprobs, "args.reference_logprobs", "with MEAN_PROB, which has no reference");
  } else {
    call.reference = tensors.optional_input(args.reference_logprobs, "args.reference_logprobs", f32, {rows});
  }
  call.last = tensors.input(args.last, "args.last", only(GAVEL_I64), {kAny});
  const int64_t items = call.last.shape[0];
  call.first = tensors.input(args.first, "args.first", only(GAVEL_I64), {items});
  call.scores = tensors.output(args.scores, "args.scores", f32, {items});
  call.counts = tensors.optional_output(args.counts, "args.counts", only(GAVEL_I64), {2});
  if (loss != nullptr) {
    const gavel_loss_args copy = read_struct(loss, "loss");
    GAVEL_CHECK(copy.stream == nullptr, "loss.stream is not NULL; inside gavel_token_logprob the loss runs with the call");
    call.loss = check_loss(copy, items, tensors);
  }
  tensors.check_overlaps();
  return call;
}

// Rows to compute, with their targets.
struct Wanted {
  int64_t *rows;
  int64_t *targets;
  int64_t count = 0;
};

Wanted wanted_rows(const Call &call, const TokenSpans *spans, Workspace &workspace) {
  const Source &source = call.source;
  uint8_t *wanted = workspace.take<uint8_t>(source.rows);
  if (spans == nullptr) {
    for (int64_t t = 0; t < source.rows; ++t) wanted[t] = !call.mask.present() || call.mask.as<const uint8_t>()[t] != 0;
  } else {
    std::fill_n(wanted, source.rows, uint8_t{0});
    for (int64_t item = 0; item < spans->items; ++item) {
      if (spans->tokens[item] == 0) continue;
      for (int64_t t = spans->rows[item].first; t <= spans->rows[item].last; ++t) {
        wanted[t] = spans->mask == nullptr || spans->mask[t] != 0;
      }
    }
  }
  Wanted result = {workspace.take<int64_t>(source.rows), workspace.take<int64_t>(source.rows)};
  for (int64_t t = 0; t < source.rows; ++t) {
    if (wanted[t] == 0) continue;
    const int64_t target = load_index(source.targets.as<const int64_t>() + t);
    GAVEL_CHECK(target >= 0 && target < source.tokens,
                "args.targets[%" PRId64 "] is %" PRId64 "; the vocabulary has %" PRId64
                " tokens: say 0 or more and less than that, or leave the row out with args.mask or the spans",
                t, target, source.tokens);
    result.rows[result.count] = t;
    result.targets[result.count++] = target;
  }
  return result;
}

// f32 [T]; 0 where a row was not computed.
const float *compute_logprobs(CpuContext &context, const Call &call, const TokenSpans *spans, Workspace &workspace) {
  const Source &source = call.source;
  float *logprobs = call.logprobs.present() ? call.logprobs.as<float>() : workspace.take<float>(source.rows);
  std::fill_n(logprobs, source.rows, 0.0f);
  const Wanted wanted = wanted_rows(call, spans, workspace);
  run_token_logprobs({context.kernels, context.pool, workspace,
                      source.vocabulary == nullptr ? nullptr : source.vocabulary->cpu.get(), source.states, source.tokens,
                      wanted.rows, wanted.targets, wanted.count, logprobs});
  return logprobs;
}

void run(CpuContext &context, Call &call) {
  const gavel_token_logprob_args &args = call.args;
  Workspace workspace(context.workspaces);
  const FlushDenormals flush;
  if (!call.with_spans) {
    compute_logprobs(context, call, nullptr, workspace);
    return;
  }
  const TokenSpans spans = resolve_spans(call.first, call.last, call.mask, call.source.rows, workspace, call.source.name);
  if (call.loss) {
    if (spans.invalid_items > 0) {
      uint8_t *valid = workspace.take<uint8_t>(spans.items);
      for (int64_t item = 0; item < spans.items; ++item) valid[item] = spans.tokens[item] != 0;
      call.loss->valid = valid;
    }
    prepare_loss(*call.loss, context.kernels, workspace);
  }
  const float *logprobs = call.source.policy.as<const float>();
  if (!call.source.policy.present()) {
    logprobs = compute_logprobs(context, call, &spans, workspace);
  } else if (call.logprobs.present()) {
    std::copy_n(logprobs, call.source.rows, call.logprobs.as<float>());
  }
  const SpanScore how = {args.reduce, factor_of(args.readout, args.beta), logprobs, call.reference.as<const float>()};
  const int64_t nan_items = score_spans(spans, how, call.scores.as<float>());
  if (call.counts.present()) {
    call.counts.as<int64_t>()[0] = spans.invalid_items;
    call.counts.as<int64_t>()[1] = nan_items;
  }
  if (call.loss) run_cpu_loss(*call.loss, context, call.scores.as<float>(), 1, workspace);
}

cuda::TokenLogprobCall call_on_cuda(const Call &call) {
  const Source &source = call.source;
  return {.vocabulary = source.vocabulary == nullptr ? nullptr : source.vocabulary->cuda.get(),
          .states = source.states,
          .policy = source.policy,
          .rows = source.rows,
          .tokens = source.tokens,
          .targets = source.targets,
          .mask = call.mask,
          .reference = call.reference,
          .first = call.first,
          .last = call.last,
          .reduce = call.args.reduce,
          .factor = factor_of(call.args.readout, call.args.beta),
          .logprobs = call.logprobs,
          .scores = call.scores,
          .counts = call.counts,
          .loss = call.loss ? &*call.loss : nullptr};
}

}  // namespace

extern "C" {

int32_t gavel_token_logprob(gavel_context *context, gavel_vocabulary *vocabulary, const gavel_token_logprob_args *args,
                            const gavel_loss_args *loss, gavel_error *error) {
  return enter("gavel_token_logprob", error, [&] {
    gavel_context &on = checked(context);
    Call call = check(on, vocabulary, args, loss);
    cuda::Stream *stream = stream_of_call(on, call.args.stream, "args.stream");
    if (stream == nullptr) return run(*on.cpu, call);
    on_plugin(on.plugin->token_logprob, call_on_cuda(call), *stream);
  });
}

int32_t gavel_token_logprob_workspace(gavel_context *context, gavel_vocabulary *vocabulary,
                                      const gavel_token_logprob_args *args, const gavel_loss_args *loss, int64_t *bytes,
                                      gavel_error *error) {
  return enter("gavel_token_logprob_workspace", error, [&] {
    gavel_context &on = checked(context);
    const Call call = check(on, vocabulary, args, loss);
    const bool on_cuda = stream_of_call(on, call.args.stream, "args.stream") != nullptr;
    set_bytes(bytes, 0);
    if (on_cuda) on_plugin(on.plugin->token_logprob_workspace, call_on_cuda(call), bytes);
  });
}

}  // extern "C"
