// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// token_logprob.cu: the launches of a call: which rows are wanted; their log-probabilities (token_rows.h); scores of spans; a loss.
#include "cuda/token_logprob.h"

#include "common/error.h"
#include "cuda/loss.h"
#include "cuda/packed.h"
#include "cuda/stream.h"
#include "cuda/token_rows.h"
#include "cuda/token_spans.h"

namespace gavel::cuda {

namespace {

TokenSpans make_spans(const Tensor &first, const Tensor &last, const Tensor &mask, int64_t rows, Stream &stream) {
  TokenSpans spans = {};
  spans.source.pooling = GAVEL_POOLING_SPAN_MEAN;
  set_lists(spans.source, first.as<const int64_t>(), last.as<const int64_t>());
  spans.source.tokens = rows;
  spans.source.items = last.present() ? last.shape[0] : 0;
  spans.source.fault = stream.fault;
  spans.mask = mask.as<const uint8_t>();
  return spans;
}

// Pieces of a stream's scratch memory. base: null to find out how much there has to be.
class Scratch {
 public:
  explicit Scratch(char *base) : base_(base) {}
  char *take(int64_t bytes) {
    char *piece = base_ == nullptr ? nullptr : base_ + bytes_;
    bytes_ = add_sizes(bytes_, padded(bytes, int64_t{256}), "scratch memory");
    return piece;
  }
  int64_t bytes() const { return bytes_; }

 private:
  char *const base_;
  int64_t bytes_ = 0;
};

class Plan {
 public:
  Plan(const TokenLogprobCall &call, char *base) : call_(call), scratch_(base) {
    rows_ = {call.vocabulary, call.states, call.tokens, call.targets, nullptr, call.logprobs.as<float>()};
    if (call.states.present()) {
      const int64_t count = call.rows;
      rows_.wanted = wanted_ = reinterpret_cast<uint8_t *>(scratch_.take(count));
      char *logprobs =
          call.logprobs.present() ? nullptr : scratch_.take(multiply_sizes(count, sizeof(float), "log-probabilities"));
      if (!call.logprobs.present()) rows_.logprobs = reinterpret_cast<float *>(logprobs);
      work_ = scratch_.take(count == 0 ? 0 : token_rows_workspace(rows_));
    }
    if (call.loss == nullptr) return;
    valid_ = reinterpret_cast<uint8_t *>(scratch_.take(call.last.shape[0]));
    loss_ = scratch_.take(loss_workspace(*call.loss));
  }

  int64_t bytes() const { return scratch_.bytes(); }

  void enqueue(Stream &stream) {
    uint32_t *counters = stream.counters(kOwn + kLossCounters);
    TokenSpans spans = make_spans(call_.first, call_.last, call_.mask, call_.rows, stream);
    spans.reduce = call_.reduce;
    spans.factor = call_.factor;
    spans.reference = call_.reference.as<const float>();
    const bool with_spans = call_.last.present();
    if (call_.states.present()) {
      enqueue_mark_rows(spans, with_spans, call_.targets.as<const int64_t>(), call_.tokens, wanted_, rows_.logprobs, stream);
      if (call_.rows > 0) enqueue_token_rows(rows_, work_, stream);
      spans.logprobs = rows_.logprobs;
    } else {
      copy_policy(stream);
      spans.logprobs = call_.policy.as<const float>();
    }
    if (!with_spans) return;
    Output output = {};
    output.counters = reinterpret_cast<Counters *>(counters);
    if (call_.counts.present()) output.counts = call_.counts.as<int64_t>();
    if (call_.counts.present() && spans.source.items == 0) {
      check(cudaMemsetAsync(call_.counts.data, 0, 2 * sizeof(int64_t), stream.native), "clearing the counts of no items");
    }
    enqueue_span_scores(spans, call_.scores.as<float>(), valid_, output, stream);
    if (call_.loss == nullptr) return;
    launch_loss(make_loss_task(*call_.loss, call_.scores.as<const float>(), 1, valid_, 1, stream.fault, counters + kOwn, loss_),
                stream.context.sm_count, stream.native);
  }

 private:
  static constexpr int64_t kOwn = sizeof(Counters) / sizeof(uint32_t);

  void copy_policy(Stream &stream) const {
    if (!call_.logprobs.present() || call_.rows == 0) return;
    check(cudaMemcpyAsync(call_.logprobs.data, call_.policy.data, static_cast<size_t>(call_.rows) * sizeof(float),
                          cudaMemcpyDefault, stream.native),
          "copying log-probabilities");
  }

  const TokenLogprobCall &call_;
  Scratch scratch_;
  TokenRows rows_;
  uint8_t *wanted_ = nullptr;
  uint8_t *valid_ = nullptr;
  char *work_ = nullptr;
  char *loss_ = nullptr;
};

}  // namespace

int64_t token_logprob_workspace(const TokenLogprobCall &call) {
  return Plan(call, nullptr).bytes();
}

int64_t token_logprob_backward_workspace(const TokenLogprobBackwardCall &call) {
  return multiply_sizes(call.last.present() ? call.last.shape[0] : 0, sizeof(SpanRows), "rows of spans");
}

void enqueue_token_logprob(const TokenLogprobCall &call, Stream &stream) {
  auto *scratch = static_cast<char *>(stream.scratch(token_logprob_workspace(call)));
  Plan(call, scratch).enqueue(stream);
}

void enqueue_token_logprob_backward(const TokenLogprobBackwardCall &call, Stream &stream) {
  TokenSpans spans = make_spans(call.first, call.last, call.mask, call.dlogprobs.shape[0], stream);
  spans.reduce = call.reduce;
  spans.factor = call.factor;
  spans.logprobs = call.logprobs.as<const float>();
  spans.reference = call.reference.as<const float>();
  auto *span_rows = static_cast<SpanRows *>(stream.scratch(token_logprob_backward_workspace(call)));
  enqueue_span_gradients(spans, call.dscore.as<const float>(), span_rows, call.dlogprobs.as<float>(), stream);
}

}  // namespace gavel::cuda
