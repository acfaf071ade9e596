// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_head.cu: the launches of one head, and what lies where in the scratch memory. What a score is stands in score.cu.
//
// Launches: LINEAR 1. MLP 1 for up to 8 items of aligned rows, else 1 for the vectors and 1 a hidden layer; 1 more for more than 4 outputs. SPAN_MEAN 1
// more, before. A loss 1 more, behind, unless it is small (is_small_loss), the outputs are at most 4 and a linear head's kernel is not STREAM:
// then the last block does it.
// Mode FAST with many items: the vectors, those of blaslt_layers.cu, and any loss.
#include "cuda/score_head.h"

#include <algorithm>
#include <cinttypes>

#include "common/error.h"
#include "cuda/blaslt_layers.h"
#include "cuda/loss.h"
#include "cuda/score_output.h"
#include "cuda/vectors.h"

namespace gavel::cuda {

namespace {

// Where everything lies in the scratch memory, and which kernels run.
class Plan {
 public:
  Plan(const ScoreCall &call, const ScoreKernels &kernels)
      : call_(call), items_(item_count(call.hidden, call.last)), vectors_(vectors_call()) {
    const HeadSpec &spec = call.head.spec;
    means_ = take(vectors_workspace(vectors_), 1);
    states_ = take(items_, 1);
    library_ = !kernels.product && blaslt_takes(call.context, call.head, items_);
    if (library_) {
      const int64_t elements = packed_elements(items_, kBlockRows, spec.hidden[0].depth);
      packed_[0] = take(elements, dtype_size(spec.fields.dtype));
      layers_ = take(blaslt_layers_workspace(spec, items_), 1);
    } else if (spec.has_hidden_layers()) {
      choose(kernels.product);
      const int64_t rows = padded(items_, product_unit(product_));
      // Also where the first layer's vectors never come to memory: what is needed must not depend on how rows are aligned.
      for (int32_t l = 0; l < spec.fields.hidden_layers; ++l) {
        // Layers take turns: one reads what the one before has written.
        const int64_t bytes = multiply_sizes(rows, step_count(spec.hidden[l].depth) * kBlockColumns, "packed vectors");
        packed_bytes_[l % 2] = std::max(packed_bytes_[l % 2], bytes);
      }
      for (int turn = 0; turn < 2; ++turn) packed_[turn] = take(packed_bytes_[turn], dtype_size(spec.fields.dtype));
      if (spec.fields.output_width <= kFusedOutputs) {
        const int64_t tiles = product_tiles(spec.output_depth) * spec.fields.output_width;
        partials_ = take(multiply_sizes(tiles, items_, "sums of tiles"), sizeof(float));
        groups_ = product_groups(product_, items_);
      } else {
        activated_ = take(multiply_sizes(spec.output_depth, items_, "activations"), sizeof(float));
      }
    }
    if (call.loss != nullptr) loss_ = take(loss_workspace(*call.loss), 1);
    linear_ = kernels.linear;
  }

  HeadNeeds needs() const { return {bytes_, kOwn + groups_ + kLossCounters, states_}; }

  void enqueue(const HeadMemory &memory, Stream &stream) {
    stream_ = &stream;
    scratch_ = memory.scratch;
    counters_ = memory.counters;
    states_wanted_ = memory.states_wanted || call_.loss != nullptr;
    tickets_ = counters_ + kOwn;
    if (items_ == 0) {
      if (call_.counts.present()) {
        check(cudaMemsetAsync(call_.counts.data, 0, 2 * sizeof(int64_t), stream.native), "clearing the counts of no items");
      }
    } else if (!call_.head.spec.has_hidden_layers()) {
      enqueue_linear_head();
    } else if (library_) {
      enqueue_on_library();
    } else {
      enqueue_mlp();
    }
    if (call_.loss != nullptr && !loss_in_last_block_) launch_loss(loss_task(), stream.context.sm_count, stream.native);
  }

 private:
  // Counters of the call; the tickets of the product and the counters of the loss are behind them.
  static constexpr int64_t kOwn = sizeof(Counters) / sizeof(uint32_t);

  bool fused() const { return product_ == ProductKernel::FUSED; }
  LossTask loss_task() const {
    // One output: a score a row, whatever lies between the rows; several: without gaps.
    const int64_t outputs = call_.head.spec.fields.output_width, stride = outputs == 1 ? call_.scores.stride[0] : 1;
    return make_loss_task(*call_.loss, call_.scores.as<const float>(), stride, at<uint8_t>(states_), outputs, stream_->fault,
                          tickets_ + groups_, at<void>(loss_));
  }

  int64_t take(int64_t count, int64_t size) {
    const int64_t offset = bytes_;
    bytes_ = add_sizes(bytes_, padded(multiply_sizes(count, size, "scratch memory"), int64_t{256}), "scratch memory");
    return offset;
  }
  template <typename Element>
  Element *at(int64_t offset) const {
    return reinterpret_cast<Element *>(scratch_ + offset);
  }

  VectorsCall vectors_call() const {
    VectorsCall vectors = {call_.head, call_.pooling, call_.combine, call_.hidden, call_.first, call_.last, call_.vectors};
    vectors.other = call_.other;
    return vectors;
  }

  DeviceLimits limits() const { return product_limits(call_.head.context.sm_count, call_.head.context.shared_bytes); }

  // One kernel for all layers: they share the filled up rows of the packed vectors.
  void choose(const std::optional<ProductKernel> &wanted) {
    const HeadSpec &spec = call_.head.spec;
    const int32_t dtype = spec.fields.dtype;
    const auto possible = [&](ProductKernel kernel) { return product_possible(kernel, dtype, spec.hidden[0].depth, limits()); };
    if (wanted) {
      GAVEL_CHECK(possible(*wanted) && (*wanted != ProductKernel::FUSED || items_ <= product_columns(*wanted)),
                  "product kernel %d is not possible for %" PRId64 " items", static_cast<int>(*wanted), items_);
      product_ = *wanted;
      if (product_ == ProductKernel::FUSED && !rows_aligned(vectors_)) product_ = ProductKernel::COLUMNS_8;
      return;
    }
    if (items_ <= product_columns(ProductKernel::FUSED) && possible(ProductKernel::FUSED) && rows_aligned(vectors_)) {
      product_ = ProductKernel::FUSED;
      return;
    }
    int64_t widest = 0;
    for (int32_t l = 0; l < spec.fields.hidden_layers; ++l) widest = std::max(widest, spec.hidden[l].width);
    product_ = choose_product(items_, widest, spec.hidden[0].depth, dtype, limits());
  }

  Output output() const {
    const HeadSpec &spec = call_.head.spec;
    Output output = {};
    output.items = items_;
    output.outputs = static_cast<int32_t>(spec.fields.output_width);
    output.dtype = spec.fields.dtype;
    if (spec.output_bias != kNoParameter) output.bias = call_.head.parameter(spec.output_bias);
    output.scale = spec.fields.output_scale;
    output.readout = call_.readout;
    output.mean = call_.readout_mean;
    output.deviation = call_.readout_deviation;
    output.scores = call_.scores.as<float>();
    output.score_stride = call_.scores.stride[0];
    if (call_.logits.present()) output.logits = call_.logits.as<float>(), output.logit_stride = call_.logits.stride[0];
    output.counters = reinterpret_cast<Counters *>(counters_);
    if (call_.counts.present()) output.counts = call_.counts.as<int64_t>();
    return output;
  }

  // For a kernel that can take the loss along.
  void add_loss(Output &output) {
    if (call_.loss == nullptr || !is_small_loss(*call_.loss)) return;
    loss_in_last_block_ = output.has_loss = true;
    output.loss = loss_task();
  }

  Source source() {
    const float *means = nullptr;
    int64_t mean_stride = 0;
    enqueue_means(vectors_, at<void>(means_), *stream_, &means, &mean_stride);
    return make_source(vectors_, means, mean_stride, *stream_);
  }

  // Target of the pooled vectors, where kernels make them; the means are in place already.
  float *pooled() const {
    return call_.vectors.present() && call_.pooling != GAVEL_POOLING_SPAN_MEAN ? call_.vectors.as<float>() : nullptr;
  }

  void enqueue_linear_head() {
    const HeadSpec &spec = call_.head.spec;
    Linear linear = {};
    linear.source = source();
    linear.norm = make_norm(call_.head);
    linear.dtype = spec.fields.dtype;
    linear.weight = call_.head.parameter(spec.output_weight);
    linear.pooled = pooled();
    linear.pooled_stride = call_.vectors.stride[0];
    linear.output = output();
    // The other kernels write their states themselves.
    linear.output.valid = states_wanted_ ? at<uint8_t>(states_) : nullptr;
    const LinearKernel kernel = linear_ ? *linear_ : choose_linear(linear, stream_->context.sm_count);
    GAVEL_CHECK(linear_possible(kernel, linear), "linear kernel %d is not possible", static_cast<int>(kernel));
    if (linear_takes_loss(kernel) && spec.fields.output_width <= kFusedOutputs) add_loss(linear.output);
    enqueue_linear(linear, kernel, stream_->native);
  }

  Product product(int32_t l) {
    const HeadSpec &spec = call_.head.spec;
    const HiddenLayer &layer = spec.hidden[l];
    const bool last = l + 1 == spec.fields.hidden_layers;
    Product product = {};
    product.weight = call_.head.parameter(layer.weight);
    product.vectors = at<void>(packed_[l % 2]);
    product.neurons = layer.width;
    product.depth = layer.depth;
    product.items = items_;
    product.dtype = spec.fields.dtype;
    Epilogue &e = product.epilogue;
    e.dtype = spec.fields.dtype;
    e.activation = spec.fields.activation;
    if (layer.bias != kNoParameter) e.bias = call_.head.parameter(layer.bias);
    if (layer.slope != kNoParameter) e.slope = call_.head.parameter(layer.slope);
    e.slope_step = spec.fields.flags & GAVEL_HEAD_SLOPE_PER_CHANNEL ? 1 : 0;
    e.shared_slope = spec.fields.negative_slope;
    e.states = at<uint8_t>(states_);
    if (call_.preactivations.present()) {
      e.preactivations = call_.preactivations.as<float>() + layer.preactivation_column;
      e.preactivation_stride = call_.preactivations.stride[0];
    }
    if (!last) {
      e.next = at<void>(packed_[(l + 1) % 2]);
    } else if (spec.fields.output_width > kFusedOutputs) {
      e.activated = at<float>(activated_);
      e.activated_stride = spec.output_depth;
    } else {
      e.output_weight = call_.head.parameter(spec.output_weight);
      e.partials = at<float>(partials_);
      e.tickets = tickets_;
      e.output = output();
      add_loss(e.output);
    }
    return product;
  }

  void enqueue_packed_vectors(int64_t unit) {
    vectors_.packed = at<void>(packed_[0]);
    vectors_.packed_unit = unit;
    vectors_.states = at<uint8_t>(states_);
    enqueue_vectors(vectors_, at<void>(means_), *stream_);
  }

  void enqueue_on_library() {
    enqueue_packed_vectors(kBlockRows);
    enqueue_blaslt_layers({call_.head, at<void>(packed_[0]), items_, at<uint8_t>(states_), call_.preactivations, output()},
                          *call_.context, at<void>(layers_), *stream_);
  }

  void enqueue_mlp() {
    const HeadSpec &spec = call_.head.spec;
    if (fused()) {
      const FusedVectors vectors = {source(),
                                    make_norm(call_.head),
                                    pooled(),
                                    call_.vectors.stride[0],
                                    at<uint8_t>(states_),
                                    fused_stages(spec.fields.dtype, spec.hidden[0].depth, limits())};
      enqueue_fused_product(product(0), vectors, stream_->native);
    } else {
      enqueue_packed_vectors(product_unit(product_));
    }
    const ProductKernel kernel = fused() ? ProductKernel::COLUMNS_8 : product_;
    const bool early = stream_->context.overlaps_launches();
    for (int32_t l = fused() ? 1 : 0; l < spec.fields.hidden_layers; ++l) {
      enqueue_product(product(l), kernel, early, stream_->native);
    }
    if (spec.fields.output_width <= kFusedOutputs) return;
    enqueue_output(
        {at<float>(activated_), call_.head.parameter(spec.output_weight), spec.output_depth, at<uint8_t>(states_), output()},
        early, stream_->native);
  }

  const ScoreCall &call_;
  const int64_t items_;
  VectorsCall vectors_;
  ProductKernel product_ = ProductKernel::COLUMNS_8;
  std::optional<LinearKernel> linear_;
  int64_t bytes_ = 0;
  int64_t means_ = 0, states_ = 0, partials_ = 0, activated_ = 0, loss_ = 0;
  int64_t packed_[2] = {}, packed_bytes_[2] = {};
  bool library_ = false;  // the hidden layers' products are cuBLASLt's
  int64_t layers_ = 0;
  int64_t groups_ = 0;
  Stream *stream_ = nullptr;
  bool states_wanted_ = false;
  bool loss_in_last_block_ = false;
  char *scratch_ = nullptr;
  uint32_t *counters_ = nullptr;
  uint32_t *tickets_ = nullptr;
};

}  // namespace

HeadNeeds head_needs(const ScoreCall &call, const ScoreKernels &kernels) {
  return Plan(call, kernels).needs();
}

void enqueue_head(const ScoreCall &call, const ScoreKernels &kernels, const HeadMemory &memory, Stream &stream) {
  Plan(call, kernels).enqueue(memory, stream);
}

}  // namespace gavel::cuda
