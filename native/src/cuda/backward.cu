// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// backward.cu: a readout that is not of one logit each is undone first, by one launch that writes the gradients of the logits of the head
// and of its gate; then each head runs as with IDENTITY, TWO_STREAM's a second time for its other row.
#include "cuda/backward.h"

#include <algorithm>
#include <optional>

#include "common/error.h"
#include "cuda/backward_head.h"
#include "cuda/head.h"
#include "cuda/packed.h"
#include "cuda/readout.h"
#include "cuda/stream.h"
#include "cuda/vectors.h"

namespace gavel::cuda {

namespace {

bool any_present(const Tensor *tensors) {
  return std::any_of(tensors, tensors + kMostParameters, [](const Tensor &tensor) { return tensor.present(); });
}

class MixedBackward {
 public:
  // base: scratch memory, or null to find out how much there has to be.
  MixedBackward(const BackwardCall &call, int64_t most_rows, char *base)
      : call_(call), most_rows_(most_rows), plan_(*call.mixing), items_(item_count(call.hidden, call.last)), base_(base) {
    dlogits_ = take_matrix(plan_.logits);
    if (call.gate != nullptr) dgate_ = take_matrix(plan_.gate_outputs);
    if (call.dgate_scale.present()) scale_terms_ = reinterpret_cast<float *>(take(items_));
    if (items_ > 0) scratch_ = reinterpret_cast<float *>(take(readout_scratch_floats(plan_, items_)));
    // Heads run one after another.
    BackwardNeeds most = {0, 1};
    const auto add = [&](const BackwardCall &head) {
      const BackwardNeeds needs = backward_needs(head, most_rows);
      most = {std::max(most.bytes, needs.bytes), std::max(most.counters, needs.counters)};
    };
    add(head_call());
    if (const auto gate = gate_call()) add(*gate);
    counters_ = most.counters;
    heads_ = take(divide_up(most.bytes, int64_t{sizeof(float)}));
  }

  int64_t bytes() const { return bytes_; }

  void enqueue(Stream &stream) {
    uint32_t *counters = stream.counters(counters_);
    const Source source = source_of(stream);
    if (items_ > 0) enqueue_readout_gradient(task(source), stream);
    const auto run = [&](const BackwardCall &head) { enqueue_head_backward(head, most_rows_, heads_, counters, stream); };
    run(head_call());
    if (plan_.two_streams()) run(reverse_call());
    if (call_.dgate_scale.present()) {
      enqueue_scale_sum(source, scale_terms_, call_.dgate_scale.as<float>(), !call_.accumulate, stream);
    }
    if (const auto gate = gate_call()) run(*gate);
  }

 private:
  char *take(int64_t floats) {
    char *piece = base_ == nullptr ? nullptr : base_ + bytes_;
    const int64_t bytes = multiply_sizes(floats, sizeof(float), "scratch memory of backward");
    bytes_ = add_sizes(bytes_, padded(bytes, int64_t{256}), "scratch memory of backward");
    return piece;
  }

  Tensor take_matrix(int64_t columns) {
    Tensor matrix;
    matrix.dtype = GAVEL_F32;
    matrix.rank = 2;
    matrix.shape[0] = items_, matrix.shape[1] = columns;
    matrix.stride[0] = columns, matrix.stride[1] = 1;
    matrix.data = take(multiply_sizes(items_, columns, "gradients of logits"));
    return matrix;
  }

  BackwardCall head_call() const {
    BackwardCall head = call_;
    head.readout = GAVEL_READOUT_IDENTITY;
    head.scores = Tensor{};
    head.dscore = dlogits_;
    if (call_.gate != nullptr) head.other.last = plan_.gate_index;
    if (!plan_.two_streams()) return head;
    const HeadSpec &spec = call_.head.spec;
    head.dscore = columns(dlogits_, 0, 1);
    head.preactivations = columns(call_.preactivations, 0, spec.preactivation_width);
    head.dvectors = columns(call_.dvectors, 0, spec.fields.input_width);
    return head;
  }

  BackwardCall reverse_call() const {
    const HeadSpec &spec = call_.head.spec;
    BackwardCall reverse = head_call();
    reverse.accumulate = true;
    reverse.last = plan_.gate_index;
    reverse.other = {.last = call_.last, .of_gate = true};
    reverse.dscore = columns(dlogits_, 1, 1);
    reverse.preactivations = columns(call_.preactivations, spec.preactivation_width, spec.preactivation_width);
    reverse.dvectors = columns(call_.dvectors, spec.fields.input_width, spec.fields.input_width);
    return reverse;
  }

  // None where nothing of the gate is wanted.
  std::optional<BackwardCall> gate_call() const {
    if (call_.gate == nullptr || !(call_.dgate_vectors.present() || any_present(call_.gate_gradients))) return std::nullopt;
    const GateRows rows = gate_rows(plan_, call_.first, call_.last);
    BackwardCall gate{.head = *call_.gate,
                      .accumulate = call_.accumulate,
                      .pooling = rows.pooling,
                      .combine = rows.combine,
                      .hidden = call_.hidden,
                      .first = rows.first,
                      .last = rows.last,
                      .readout = GAVEL_READOUT_IDENTITY,
                      .readout_deviation = 0,
                      .scores = {},
                      .preactivations = call_.gate_preactivations,
                      .dscore = dgate_,
                      .dvectors = call_.dgate_vectors,
                      .gradients = {},
                      .other = rows.other,
                      .context = call_.context};
    std::copy(std::begin(call_.gate_gradients), std::end(call_.gate_gradients), gate.gradients);
    return gate;
  }

  // Of the head's own rows, which know of the gate's.
  Source source_of(Stream &stream) const {
    VectorsCall vectors{call_.head, call_.pooling, call_.combine, call_.hidden, call_.first, call_.last, Tensor{}};
    if (call_.gate != nullptr) vectors.other.last = plan_.gate_index;
    return make_source(vectors, nullptr, 0, stream);
  }

  ReadoutGradientTask task(const Source &source) const {
    ReadoutGradientTask task = {};
    task.row = plan_;
    task.source = source;
    task.logits = float_rows(call_.logits);
    task.gate = float_rows(call_.gate_logits);
    task.dscore = float_rows(call_.dscore);
    task.dlogits = float_rows(dlogits_);
    task.dgate = float_rows(dgate_);
    task.dgate_scale = scale_terms_;
    task.scratch = scratch_;
    return task;
  }

  const BackwardCall &call_;
  const int64_t most_rows_;
  const ReadoutPlan &plan_;
  const int64_t items_;
  char *const base_;
  int64_t bytes_ = 0;
  int64_t counters_ = 0;
  Tensor dlogits_, dgate_;
  float *scale_terms_ = nullptr;
  float *scratch_ = nullptr;
  char *heads_ = nullptr;
};

}  // namespace

int64_t backward_workspace(const BackwardCall &call, int64_t most_rows) {
  if (call.mixing != nullptr) return MixedBackward(call, most_rows, nullptr).bytes();
  return backward_needs(call, most_rows).bytes;
}

void enqueue_backward(const BackwardCall &call, Stream &stream, int64_t most_rows) {
  if (call.mixing != nullptr) {
    auto *scratch = static_cast<char *>(stream.scratch(MixedBackward(call, most_rows, nullptr).bytes()));
    return MixedBackward(call, most_rows, scratch).enqueue(stream);
  }
  const BackwardNeeds needs = backward_needs(call, most_rows);
  auto *scratch = static_cast<char *>(stream.scratch(needs.bytes));
  enqueue_head_backward(call, most_rows, scratch, stream.counters(needs.counters), stream);
}

}  // namespace gavel::cuda
