// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The definition of a score on the device. The roundings are those of the CPU backend (cpu/score.cpp), the order of the additions is its
// own; all values are f32 unless said otherwise.
//
//   1. y = pooled vector [D] (cpu/pooling.h).
//   2. y = norm(y) (norm.h), sums in row order (row_order.h).
//   3. x = y rounded to the head's dtype, nearest even.
//   4. LINEAR: s[k] = dot(x, W[k]) in row order.
//      MLP, hidden layer l: a = product of W and x (gemm.h: slices of the depth, in order) + b, u = activation(a); before the last,
//      x = u rounded to the head's dtype; the last layer's u is not rounded. Then, for output k, neurons in tiles of 32:
//        s[k] = sum over tiles, in order, of (fmaf over the neurons of the tile, in order, of u and W[k]).
//   5. logit[k] = (s[k] + bias[k]) * output_scale; without a bias nothing is added.
//   6. score[k] = logit[k]; or (logit[k] - mean) / deviation; or sigmoid(logit[k]); or what common/readout_row.inl makes of the logits of
//      the item, and of those of its gate, with the CPU's bits from the same logits. A NaN is written as 0x7fc00000.
// An item that is invalid has -inf in logits and scores, one with an index out of range NaN.
//
// None of this depends on the number of items, an item's place or the kernels chosen: every kernel keeps these orders. What is not said
// is how the hardware adds the 16 products of one mma.
//
// Mode FAST with many items: the same roundings, the additions of hidden layers and the output layer in another order (blaslt_layers.h).
//
// Launches: those of score_head.cu for each head (TWO_STREAM: two of its rows), 1 more for a readout that is not of one logit each, and
// then 1 for a loss.
#include "cuda/score.h"

#include <algorithm>

#include "common/error.h"
#include "cuda/loss.h"
#include "cuda/readout.h"
#include "cuda/score_head.h"

namespace gavel::cuda {

namespace {

// A call whose scores are made of all logits of an item: its heads write logits, one after another, and a readout reads them.
class MixedScore {
 public:
  // base: scratch memory, or null to find out how much there has to be.
  MixedScore(const ScoreCall &call, const ScoreKernels &kernels, char *base)
      : call_(call), kernels_(kernels), plan_(*call.mixing), items_(item_count(call.hidden, call.last)), base_(base) {
    logits_ = matrix(call.logits, plan_.logits);
    if (call.gate != nullptr) gate_logits_ = matrix(call.gate_logits, plan_.gate_outputs);
    if (items_ > 0)
      readout_ = take(multiply_sizes(readout_scratch_floats(plan_, items_), sizeof(float), "scratch of a readout"));
    if (call.loss != nullptr) loss_ = take(loss_workspace(*call.loss));
    add(head_call());
    if (plan_.two_streams()) add(reverse_call());
    if (call.gate != nullptr) add(gate_call());
  }

  int64_t bytes() const { return bytes_; }

  void enqueue(Stream &stream) {
    uint32_t *counters = stream.counters(kOwn + kLossCounters + head_counters_);
    // Heads run one after another and leave their counters at 0.
    const auto run = [&](const ScoreCall &head, int64_t place) {
      enqueue_head(head, kernels_, {places_[place], counters + kOwn + kLossCounters, true}, stream);
    };
    run(head_call(), 0);
    if (plan_.two_streams()) run(reverse_call(), 1);
    if (call_.gate != nullptr) run(gate_call(), heads_ - 1);
    if (items_ > 0) {
      enqueue_readout(task(counters, stream), stream);
    } else if (call_.counts.present()) {
      check(cudaMemsetAsync(call_.counts.data, 0, 2 * sizeof(int64_t), stream.native), "clearing the counts of no items");
    }
    if (call_.loss == nullptr) return;
    // One score an item: a score a row, whatever lies between the rows; several: without gaps.
    const int64_t stride = plan_.scores == 1 ? call_.scores.stride[0] : 1;
    const LossTask loss = make_loss_task(*call_.loss, call_.scores.as<const float>(), stride, states(), plan_.scores,
                                         stream.fault, counters + kOwn, loss_);
    launch_loss(loss, stream.context.sm_count, stream.native);
  }

 private:
  static constexpr int64_t kOwn = sizeof(Counters) / sizeof(uint32_t);

  char *take(int64_t bytes) {
    char *piece = base_ == nullptr ? nullptr : base_ + bytes_;
    bytes_ = add_sizes(bytes_, padded(bytes, int64_t{256}), "scratch memory");
    return piece;
  }

  // Where logits go: to the caller's tensor, or to scratch memory.
  Tensor matrix(const Tensor &wanted, int64_t columns) {
    if (wanted.present()) return wanted;
    Tensor own;
    own.dtype = GAVEL_F32;
    own.rank = 2;
    own.shape[0] = items_, own.shape[1] = columns;
    own.stride[0] = columns, own.stride[1] = 1;
    own.data = take(multiply_sizes(multiply_sizes(items_, columns, "logits"), sizeof(float), "logits"));
    return own;
  }

  void add(const ScoreCall &head) {
    const HeadNeeds needs = head_needs(head, kernels_);
    if (heads_ == 0) states_ = needs.states;
    places_[heads_++] = take(needs.bytes);
    head_counters_ = std::max(head_counters_, needs.counters);
  }

  const uint8_t *states() const { return reinterpret_cast<const uint8_t *>(places_[0] + states_); }

  ScoreCall head_call() const {
    ScoreCall head = call_;
    head.readout = GAVEL_READOUT_IDENTITY;
    head.logits = head.counts = Tensor{};
    head.loss = nullptr;
    head.scores = logits_;
    if (call_.gate != nullptr) head.other.last = plan_.gate_index;
    if (!plan_.two_streams()) return head;
    const HeadSpec &spec = call_.head.spec;
    head.scores = columns(logits_, 0, 1);
    head.vectors = columns(call_.vectors, 0, spec.fields.input_width);
    head.preactivations = columns(call_.preactivations, 0, spec.preactivation_width);
    return head;
  }

  ScoreCall reverse_call() const {
    const HeadSpec &spec = call_.head.spec;
    ScoreCall reverse = head_call();
    reverse.last = plan_.gate_index;
    reverse.other = {.last = call_.last, .of_gate = true};
    reverse.scores = columns(logits_, 1, 1);
    reverse.vectors = columns(call_.vectors, spec.fields.input_width, spec.fields.input_width);
    reverse.preactivations = columns(call_.preactivations, spec.preactivation_width, spec.preactivation_width);
    return reverse;
  }

  ScoreCall gate_call() const {
    const GateRows rows = gate_rows(plan_, call_.first, call_.last);
    return {.head = *call_.gate,
            .pooling = rows.pooling,
            .combine = rows.combine,
            .hidden = call_.hidden,
            .first = rows.first,
            .last = rows.last,
            .readout = GAVEL_READOUT_IDENTITY,
            .readout_mean = 0,
            .readout_deviation = 0,
            .scores = gate_logits_,
            .logits = {},
            .vectors = {},
            .preactivations = call_.gate_preactivations,
            .counts = {},
            .loss = nullptr,
            .other = rows.other,
            .context = call_.context};
  }

  ReadoutTask task(uint32_t *counters, Stream &stream) const {
    ReadoutTask task = {};
    task.row = plan_;
    task.items = items_;
    task.states = states();
    task.logits = float_rows(logits_);
    task.gate = float_rows(gate_logits_);
    task.scores = float_rows(call_.scores);
    task.objectives = float_rows(call_.objectives);
    task.gate_weights = float_rows(call_.gate_weights);
    task.output.counters = reinterpret_cast<Counters *>(counters);
    if (call_.counts.present()) task.output.counts = call_.counts.as<int64_t>();
    task.fault = stream.fault;
    task.scratch = reinterpret_cast<float *>(readout_);
    return task;
  }

  const ScoreCall &call_;
  const ScoreKernels &kernels_;
  const ReadoutPlan &plan_;
  const int64_t items_;
  char *const base_;
  int64_t bytes_ = 0;
  Tensor logits_, gate_logits_;
  char *readout_ = nullptr, *loss_ = nullptr;
  char *places_[3] = {};  // scratch of the heads
  int64_t states_ = 0;    // in that of the first
  int heads_ = 0;
  int64_t head_counters_ = 0;
};

}  // namespace

int64_t score_workspace(const ScoreCall &call, const ScoreKernels &kernels) {
  return call.mixing != nullptr ? MixedScore(call, kernels, nullptr).bytes() : head_needs(call, kernels).bytes;
}

void enqueue_score(const ScoreCall &call, Stream &stream, const ScoreKernels &kernels) {
  if (call.mixing != nullptr) {
    auto *scratch = static_cast<char *>(stream.scratch(MixedScore(call, kernels, nullptr).bytes()));
    return MixedScore(call, kernels, scratch).enqueue(stream);
  }
  const HeadNeeds needs = head_needs(call, kernels);
  auto *scratch = static_cast<char *>(stream.scratch(needs.bytes));
  enqueue_head(call, kernels, {scratch, stream.counters(needs.counters), false}, stream);
}

}  // namespace gavel::cuda
