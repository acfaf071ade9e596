// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/backward_head.h"

#include <algorithm>

#include "common/error.h"
#include "cuda/backward_layers.h"
#include "cuda/blaslt_layers.h"
#include "cuda/head.h"
#include "cuda/stream.h"
#include "cuda/vectors.h"

namespace gavel::cuda {

namespace {

constexpr int64_t kScratchFloats = int64_t{256} << 20;
constexpr int64_t kFewestRows = 512;
// A grid's rows are counted in 16 bits by the products, 64 at a time; nothing is gained by more.
constexpr int64_t kMostRows = 32768;

int64_t widest_layer(const HeadSpec &spec) {
  int64_t widest = std::max(spec.fields.input_width, spec.fields.output_width);
  for (int32_t l = 0; l < spec.fields.hidden_layers; ++l) widest = std::max(widest, spec.hidden[l].width);
  return widest;
}

// Rows of scratch matrices start at multiples of 32 bytes.
int64_t row_floats(int64_t width) {
  return padded(width, int64_t{kChunk});
}

Tensor slice(const Tensor &tensor, int64_t begin, int64_t count) {
  Tensor rows = tensor;
  if (!tensor.present()) return rows;
  rows.data = tensor.at(begin);
  rows.shape[0] = count;
  return rows;
}

FloatMatrix matrix(const Tensor &tensor) {
  return {tensor.as<float>(), tensor.stride[0]};
}

// The walk through the layers, last to first, for some rows after one another.
class BackwardRun {
 public:
  // base: scratch memory, or null to find out how much there has to be.
  BackwardRun(const BackwardCall &call, int64_t most_rows, char *base, uint32_t *counters)
      : most_rows_(most_rows), call_(call), spec_(call.head.spec), base_(base), counters_(counters) {
    choose_lowest();
    lay_out();
  }
  int64_t bytes() const { return used_; }
  int64_t counters() const { return row_sum_tiles(widest_layer(spec_)); }

  void run(Stream &stream) {
    stream_ = &stream;
    const int64_t items = items_of_call();
    // Without an item every sum is empty, and still written.
    for (int64_t begin = 0; begin == 0 || begin < items; begin += most_rows_) {
      rows_ = std::min(most_rows_, items - begin);
      overwrite_ = !call_.accumulate && begin == 0;
      take_rows(begin);
      output_layer();
      for (int32_t l = spec_.fields.hidden_layers - 1; l >= lowest_; --l) hidden_layer(l);
      if (has_norm() && vectors_) norm();
    }
  }

 private:
  bool wanted(int32_t index) const { return index != kNoParameter && call_.gradients[index].present(); }
  const Tensor &gradient(int32_t index) const { return call_.gradients[index]; }
  int64_t items_of_call() const { return item_count(call_.hidden, call_.last); }
  bool has_norm() const { return spec_.fields.norm != GAVEL_NORM_NONE; }
  cudaStream_t native() const { return stream_->native; }
  int64_t outputs() const { return spec_.fields.output_width; }
  bool few_outputs() const { return outputs() <= kMostPlanes; }
  // The output layer's sums read the hidden states themselves.
  bool reads_hidden() const { return spec_.fields.hidden_layers == 0 && !has_norm() && few_outputs(); }

  // Layers below lowest_ have no gradient that is wanted; vectors_: that of the vectors, or of the norm in front of them, is.
  void choose_lowest() {
    vectors_ = call_.dvectors.present() || wanted(spec_.norm_weight) || wanted(spec_.norm_bias);
    lowest_ = spec_.fields.hidden_layers;
    for (int32_t l = spec_.fields.hidden_layers - 1; l >= 0; --l) {
      const HiddenLayer &layer = spec_.hidden[l];
      if (vectors_ || wanted(layer.weight) || wanted(layer.bias) || wanted(layer.slope)) lowest_ = l;
    }
  }

  // Whether what goes into hidden layer l (or the output layer) is read.
  bool needs_input(int32_t l) const {
    return wanted(l == spec_.fields.hidden_layers ? spec_.output_weight : spec_.hidden[l].weight);
  }

  template <typename Element>
  Element *take(int64_t count) {
    char *piece = base_ == nullptr ? nullptr : base_ + used_;
    const int64_t bytes = multiply_sizes(count, sizeof(Element), "scratch memory of backward");
    used_ = add_sizes(used_, padded(bytes, int64_t{256}), "scratch memory of backward");
    return reinterpret_cast<Element *>(piece);
  }
  FloatMatrix take_matrix(int64_t width) {
    const int64_t stride = row_floats(width);
    return {take<float>(multiply_sizes(most_rows_, stride, "scratch memory of backward")), stride};
  }

  void lay_out() {
    const int64_t items = items_of_call();
    const int64_t width = spec_.fields.input_width;
    // What needs no scratch rows is done in one go.
    most_rows_ =
        std::max<int64_t>(1, reads_hidden() ? items : std::min(items, most_rows_ > 0 ? most_rows_ : backward_rows(spec_)));
    const int64_t widest = widest_layer(spec_);
    sums_ = take<float>(row_sum_bytes(most_rows_, widest) / int64_t{sizeof(float)});
    const bool vectors_read = !reads_hidden() && needs_input(0);
    if (has_norm() && vectors_) pooled_ = take_matrix(width);
    // enqueue_vectors writes rows without a gap.
    if (vectors_read) inputs_[0] = {take<float>(multiply_sizes(most_rows_, width, "vectors")), width};
    if (vectors_read || (has_norm() && vectors_) || reads_hidden()) {
      const bool all = !call_.last.present();
      VectorsCall call{call_.head,    call_.pooling,
                       call_.combine, all ? slice(call_.hidden, 0, most_rows_) : call_.hidden,
                       call_.first,   slice(call_.last, 0, most_rows_),
                       Tensor{}};
      vectors_scratch_ = take<char>(pooled_.stride != 0 ? 0 : vectors_workspace(call));
    }
    for (int32_t l = 1; l <= spec_.fields.hidden_layers; ++l) {
      if (needs_input(l)) inputs_[l] = take_matrix(spec_.hidden[l - 1].width);
    }
    if (!few_outputs()) logits_ = take_matrix(outputs());
    const bool descends = lowest_ < spec_.fields.hidden_layers || vectors_;
    for (FloatMatrix &buffer : gradients_) {
      if (descends) buffer = take_matrix(widest);
    }
    if (has_norm() && vectors_) scales_ = take<NormScale>(most_rows_);
    columns_ = take<float>(widest);
    if (lowest_ < spec_.fields.hidden_layers && blaslt_takes(call_.context, call_.head, most_rows_)) {
      library_ = take<char>(blaslt_gradients_workspace(spec_));
    }
  }

  void take_rows(int64_t begin) {
    part_.first = slice(call_.first, begin, rows_);
    part_.last = slice(call_.last, begin, rows_);
    // With ALL a part of the items is a part of the rows.
    part_.hidden = call_.last.present() ? call_.hidden : slice(call_.hidden, begin, rows_);
    part_.other = call_.other;
    part_.other.first = slice(call_.other.first, begin, rows_);
    part_.other.last = slice(call_.other.last, begin, rows_);
    part_.scores = slice(call_.scores, begin, rows_);
    part_.preactivations = slice(call_.preactivations, begin, rows_);
    part_.dscore = slice(call_.dscore, begin, rows_);
    part_.dvectors = slice(call_.dvectors, begin, rows_);

    VectorsCall vectors{call_.head, call_.pooling, call_.combine, part_.hidden, part_.first, part_.last, Tensor{}};
    vectors.other = part_.other;
    items_ = make_source(vectors, nullptr, 0, *stream_);
    if (pooled_.stride != 0) {
      vectors.pooled.dtype = GAVEL_F32;
      vectors.pooled.rank = 2;
      vectors.pooled.shape[0] = rows_, vectors.pooled.shape[1] = spec_.fields.input_width;
      vectors.pooled.stride[0] = pooled_.stride, vectors.pooled.stride[1] = 1;
      vectors.pooled.data = reinterpret_cast<char *>(pooled_.data);
    }
    vectors.rounded = inputs_[0].data;
    if (rows_ > 0 && (vectors.rounded != nullptr || vectors.pooled.present())) {
      enqueue_vectors(vectors, vectors_scratch_, *stream_);
    }
    if (reads_hidden()) {
      const float *means = nullptr;
      int64_t mean_stride = 0;
      if (rows_ > 0) enqueue_means(vectors, vectors_scratch_, *stream_, &means, &mean_stride);
      read_ = make_source(vectors, means, mean_stride, *stream_);
    }
    for (int32_t l = 1; l <= spec_.fields.hidden_layers; ++l) {
      if (inputs_[l].data == nullptr) continue;
      const bool rounds = l < spec_.fields.hidden_layers;
      enqueue_activation(activation(l - 1), rounds, preactivations(l - 1), rows_, spec_.hidden[l - 1].width, inputs_[l],
                         native());
    }
    weights_.logits = {
        items_,        part_.dscore.as<float>(), part_.dscore.stride[0],   part_.scores.as<float>(), part_.scores.stride[0],
        call_.readout, call_.readout_deviation,  spec_.fields.output_scale};
  }

  Activation activation(int32_t l) const {
    const int32_t slope = spec_.hidden[l].slope;
    Activation result = {spec_.fields.activation, spec_.fields.dtype, {nullptr, 0, spec_.fields.negative_slope}};
    if (slope != kNoParameter) {
      result.slope = {call_.head.parameter(slope), spec_.parameters[slope].elements > 1 ? 1 : 0, 0};
    }
    return result;
  }

  FloatMatrix preactivations(int32_t l) const {
    return {part_.preactivations.as<float>() + spec_.hidden[l].preactivation_column, part_.preactivations.stride[0]};
  }

  RowSum row_sum(int64_t columns, int32_t planes) const {
    RowSum sum = {};
    sum.rows = rows_;
    sum.columns = columns;
    sum.planes = planes;
    sum.overwrite = overwrite_;
    sum.partials = sums_;
    sum.tickets = counters_;
    return sum;
  }

  // Sums of columns, to a gradient of one dimension.
  template <typename Values>
  void sum_columns(const Values &values, int64_t columns, float *target, bool overwrite) {
    RowSum sum = row_sum(columns, 1);
    sum.targets = target;
    sum.overwrite = overwrite;
    enqueue_row_sum<1>(sum, UnitWeights{}, values, native());
  }

  template <typename Values>
  void sum_outputs(const Values &values) {
    RowSum sum = row_sum(spec_.output_depth, static_cast<int32_t>(outputs()));
    if (wanted(spec_.output_weight)) {
      sum.targets = gradient(spec_.output_weight).as<float>();
      sum.target_stride = gradient(spec_.output_weight).stride[0];
    }
    if (wanted(spec_.output_bias)) sum.weight_sums = gradient(spec_.output_bias).as<float>();
    if (sum.targets == nullptr && sum.weight_sums == nullptr) return;
    // Without a weight to make, one tile is enough for the bias.
    if (sum.targets == nullptr) sum.columns = 1;
    if (outputs() == 1) return enqueue_row_sum<1>(sum, weights_, values, native());
    enqueue_row_sum<kMostPlanes>(sum, weights_, values, native());
  }

  void output_layer() {
    const int32_t layers = spec_.fields.hidden_layers;
    const int64_t depth = spec_.output_depth;
    const void *weight = call_.head.parameter(spec_.output_weight);
    const bool descends = lowest_ < layers || vectors_;
    d_ = gradients_[0];
    // Nothing lies between the output layer and the vectors.
    if (layers == 0 && !has_norm() && part_.dvectors.present()) d_ = matrix(part_.dvectors);
    if (few_outputs()) {
      if (!reads_hidden()) {
        sum_outputs(matrix_values(inputs_[layers].data, inputs_[layers].stride, depth));
      } else {
        with_type(read_.dtype, [&](auto type) {
          constexpr int32_t kType = decltype(type)::value;
          if (read_.aligned) return sum_outputs(PooledValues<kType, true>{read_, spec_.fields.dtype});
          sum_outputs(PooledValues<kType, false>{read_, spec_.fields.dtype});
        });
      }
      if (descends) {
        enqueue_output_gradient(weights_.logits, rows_, outputs(), depth, spec_.fields.dtype, weight, d_, native());
      }
      return;
    }
    enqueue_logit_gradients(weights_.logits, rows_, outputs(), logits_, native());
    if (wanted(spec_.output_weight)) {
      enqueue_weight_gradient(logits_, inputs_[layers], layers == 0 ? spec_.fields.dtype : GAVEL_F32, rows_, outputs(), depth,
                              matrix(gradient(spec_.output_weight)), overwrite_, native());
    }
    if (wanted(spec_.output_bias)) {
      sum_columns(matrix_values(logits_.data, logits_.stride, outputs()), outputs(), gradient(spec_.output_bias).as<float>(),
                  overwrite_);
    }
    if (descends) {
      enqueue_input_gradient(logits_, rows_, outputs(), depth, spec_.fields.dtype, weight, false, d_, native());
    }
  }

  // d_ is the gradient of the layer's output, and becomes that of its input.
  void hidden_layer(int32_t l) {
    const HiddenLayer &layer = spec_.hidden[l];
    const FloatMatrix a = preactivations(l);
    const auto values = [&](const FloatMatrix &m) { return matrix_values(m.data, m.stride, layer.width); };
    if (wanted(layer.slope)) {
      const SlopeValues slopes{values(a), values(d_)};
      float *target = gradient(layer.slope).as<float>();
      if (spec_.parameters[layer.slope].elements == layer.width) {
        sum_columns(slopes, layer.width, target, overwrite_);
      } else {
        sum_columns(slopes, layer.width, columns_, true);
        enqueue_column_sum(columns_, layer.width, target, overwrite_, native());
      }
    }
    enqueue_activation_gradient(activation(l), items_, a, rows_, layer.width, d_, native());
    if (wanted(layer.bias)) sum_columns(values(d_), layer.width, gradient(layer.bias).as<float>(), overwrite_);
    if (wanted(layer.weight)) weight_gradient(l);
    if (l == lowest_ && !vectors_) return;
    FloatMatrix dinput = d_.data == gradients_[0].data ? gradients_[1] : gradients_[0];
    if (l == 0 && !has_norm()) dinput = matrix(part_.dvectors);
    input_gradient(l, dinput);
    d_ = dinput;
  }

  // The rows at hand are many enough for cuBLASLt.
  bool on_library() const { return library_ != nullptr && blaslt_takes(call_.context, call_.head, rows_); }

  void weight_gradient(int32_t l) {
    const HiddenLayer &layer = spec_.hidden[l];
    const FloatMatrix target = matrix(gradient(layer.weight));
    if (on_library() && enqueue_blaslt_weight_gradient(d_, inputs_[l], rows_, layer.width, layer.depth, target, overwrite_,
                                                       *call_.context, library_, *stream_)) {
      return;
    }
    enqueue_weight_gradient(d_, inputs_[l], spec_.fields.dtype, rows_, layer.width, layer.depth, target, overwrite_, native());
  }

  void input_gradient(int32_t l, const FloatMatrix &dinput) {
    const HiddenLayer &layer = spec_.hidden[l];
    const void *weight = call_.head.parameter(layer.weight);
    if (on_library() && enqueue_blaslt_input_gradient(d_, rows_, layer.width, layer.depth, spec_.fields.dtype, weight, dinput,
                                                      *call_.context, library_, *stream_)) {
      return;
    }
    enqueue_input_gradient(d_, rows_, layer.width, layer.depth, spec_.fields.dtype, weight, true, dinput, native());
  }

  void norm() {
    const int64_t width = spec_.fields.input_width;
    Source pooled = items_;
    pooled.pooling = kPooled;
    pooled.hidden = reinterpret_cast<const char *>(pooled_.data);
    pooled.dtype = GAVEL_F32;
    pooled.row_bytes = pooled_.stride * int64_t{sizeof(float)};
    pooled.hidden_width = pooled.vector_width = width;
    pooled.aligned = width % kChunk == 0;
    FloatMatrix dx = {nullptr, 0};
    if (part_.dvectors.present()) dx = matrix(part_.dvectors);
    enqueue_norm_gradient(make_norm(call_.head), spec_.fields.dtype, pooled, d_, rows_, dx, scales_, native());
    const MatrixValues dy = matrix_values(d_.data, d_.stride, width);
    if (wanted(spec_.norm_weight)) {
      const NormValues values{matrix_values(pooled_.data, pooled_.stride, width), dy, scales_};
      sum_columns(values, width, gradient(spec_.norm_weight).as<float>(), overwrite_);
    }
    if (wanted(spec_.norm_bias)) sum_columns(dy, width, gradient(spec_.norm_bias).as<float>(), overwrite_);
  }

  int64_t most_rows_;  // rows worked on at once
  const BackwardCall &call_;
  const HeadSpec &spec_;
  char *base_;
  uint32_t *counters_;
  Stream *stream_ = nullptr;
  int64_t used_ = 0;

  int32_t lowest_ = 0;
  bool vectors_ = false;

  struct {
    Tensor hidden, first, last, scores, preactivations, dscore, dvectors;
    OtherRows other;
  } part_;  // the rows at hand
  int64_t rows_ = 0;
  bool overwrite_ = false;
  Source items_ = {};  // which of them are valid
  Source read_ = {};   // where their vectors come from, where the output layer reads them
  LogitWeights weights_ = {};
  FloatMatrix d_ = {nullptr, 0};

  float *sums_ = nullptr;
  FloatMatrix pooled_ = {nullptr, 0};                     // before the norm
  FloatMatrix inputs_[GAVEL_MAX_HIDDEN_LAYERS + 1] = {};  // of hidden layer l, and of the output layer
  char *vectors_scratch_ = nullptr;
  FloatMatrix logits_ = {nullptr, 0};
  FloatMatrix gradients_[2] = {};
  NormScale *scales_ = nullptr;
  float *columns_ = nullptr;
  char *library_ = nullptr;  // scratch of products on cuBLASLt, where there may be some
};

}  // namespace

int64_t backward_rows(const HeadSpec &spec) {
  const int64_t floats =
      3 * spec.fields.input_width + spec.preactivation_width + 2 * widest_layer(spec) + spec.fields.output_width;
  return std::clamp(kScratchFloats / floats / kFewestRows * kFewestRows, kFewestRows, kMostRows);
}

BackwardNeeds backward_needs(const BackwardCall &call, int64_t most_rows) {
  const BackwardRun run(call, most_rows, nullptr, nullptr);
  return {run.bytes(), run.counters()};
}

void enqueue_head_backward(const BackwardCall &call, int64_t most_rows, char *scratch, uint32_t *counters, Stream &stream) {
  BackwardRun(call, most_rows, scratch, counters).run(stream);
}

}  // namespace gavel::cuda
