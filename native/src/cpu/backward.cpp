// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/backward.h"

#include "cpu/backward_run.h"
#include "cpu/head_input.h"

namespace gavel {

namespace {

constexpr int64_t kChunkFloats = int64_t{16} << 20;

int64_t widest_layer(const HeadSpec &spec) {
  int64_t widest = spec.fields.input_width;
  for (int32_t l = 0; l < spec.fields.hidden_layers; ++l) widest = std::max(widest, spec.hidden[l].width);
  return widest;
}

}  // namespace

Matrix BackwardRun::take_matrix(int64_t width) {
  // One cache line more than whole cache lines: see Matrix.
  const int64_t stride = round_up(width, 16) + 16;
  return {workspace_.take<float>(chunk_rows(spec_) * stride), stride};
}

BackwardRun::BackwardRun(const BackwardCall &call, Workspace &workspace)
    : call_(call),
      spec_(call.head.spec),
      context_(call.context),
      pool_(context_.pool),
      kernels_(context_.kernels),
      layers_(spec_.fields.hidden_layers),
      parts_(context_.pool.threads()),
      workspace_(workspace) {
  const int64_t widest = widest_layer(spec_);
  widest_row_bytes_ = round_up(widest * int64_t{sizeof(float)}, kCacheLine);
  if (spec_.fields.norm != GAVEL_NORM_NONE) pooled_ = take_matrix(spec_.fields.input_width);
  for (int32_t l = 0; l <= layers_; ++l) {
    inputs_[l] = take_matrix(l == 0 ? spec_.fields.input_width : spec_.hidden[l - 1].width);
  }
  doutput_ = take_matrix(spec_.fields.output_width);
  dinput_ = take_matrix(widest);
  if (layers_ > 0) da_ = take_matrix(widest);
  output_weight_ = workspace.take<float>(spec_.fields.output_width * spec_.output_depth);
  read_parameter(call.head, spec_.output_weight, output_weight_);
  open_stride_ = round_up(std::max(widest, spec_.fields.output_width), kColumnUnit);
  open_ = workspace.take<float>(kOpenSums * open_stride_);
  wide_sums_ = workspace.take<double>(open_stride_);
  slope_sums_ = workspace.take<float>(widest);
  pooling_scratch_ = workspace.take<float>(parts_ * pooling_scratch_stride());
  rounded_ = workspace.take<char>(parts_ * rounded_stride());
  const int64_t readout_parts = std::min<int64_t>(parts_, readout_blocks(chunk_rows(spec_)));
  readout_scratch_ = workspace.take<float>(readout_parts * ReadoutGradients::scratch(*call.readout));
  valid_ = workspace.take<int64_t>(call.pooling.items);
}

const Tensor &BackwardRun::gradient(int32_t index) const {
  static const Tensor absent;
  return index == kNoParameter ? absent : call_.gradients[index];
}

void BackwardRun::choose_lowest() {
  vectors_ = call_.dvectors.present() || wanted(spec_.norm_weight) || wanted(spec_.norm_bias);
  lowest_ = layers_;
  for (int32_t l = layers_ - 1; l >= 0; --l) {
    const HiddenLayer &layer = spec_.hidden[l];
    if (vectors_ || wanted(layer.weight) || wanted(layer.bias) || wanted(layer.slope)) lowest_ = l;
  }
}

void BackwardRun::list_valid_items() {
  const Pooling &pooling = call_.pooling;
  for (int64_t item = 0; item < pooling.items; ++item) {
    if (pooling.rows[item].valid()) {
      valid_[valid_items_++] = item;
    } else if (call_.dvectors.present()) {
      std::fill_n(call_.dvectors.row<float>(item), spec_.fields.input_width, 0.0f);
    }
  }
}

// Without a valid item every sum is empty: 0.
void BackwardRun::clear_gradients() {
  for (int32_t i = 0; i < spec_.parameter_count; ++i) {
    const Tensor &tensor = call_.gradients[i];
    const Parameter &parameter = spec_.parameters[i];
    if (!tensor.present()) continue;
    const int64_t rows = parameter.rank == 2 ? parameter.shape[0] : 1;
    for (int64_t r = 0; r < rows; ++r) std::fill_n(tensor.row<float>(r), parameter.elements / rows, 0.0f);
  }
}

void BackwardRun::fill_chunk() {
  const double work =
      static_cast<double>(rows_) * static_cast<double>(spec_.fields.input_width + 2 * spec_.preactivation_width);
  parallel(work, rows_, 1, [&](const Slice &slice, int32_t part) {
    for (int64_t row = slice.begin; row < slice.end; ++row) {
      fill_row(row, pooling_scratch_ + part * pooling_scratch_stride(), rounded_ + part * rounded_stride());
    }
  });
  fill_logits();
  for (int64_t row = 0; row < rows_; ++row) {
    float *dlogits = doutput_.row(row);
    for (int64_t k = 0; k < spec_.fields.output_width; ++k) dlogits[k] = dlogits[k] * spec_.fields.output_scale;
  }
}

// What the forward call computed for one row.
void BackwardRun::fill_row(int64_t row, float *pooling_scratch, char *rounded) {
  const gavel_head_spec &fields = spec_.fields;
  const int64_t item = items_[row];
  float *vector = inputs_[0].row(row);
  pool_item(kernels_, call_.pooling, call_.hidden, item, pooling_scratch, vector);
  if (pooled_.data != nullptr) std::copy_n(vector, fields.input_width, pooled_.row(row));
  finish_vector(kernels_, call_.head, vector, rounded);
  for (int32_t l = 0; l < layers_; ++l) {
    const int64_t width = spec_.hidden[l].width;
    float *out = inputs_[l + 1].row(row);
    std::copy_n(preactivation(row, l), width, out);
    kernels_.activate(fields.activation, call_.head.hidden[l].slope.as<float>(), out, width);
    if (l + 1 < layers_ && fields.dtype != GAVEL_F32) {
      kernels_.narrow(fields.dtype, out, rounded, width);
      kernels_.widen(fields.dtype, rounded, out, width);
    }
  }
}

// The gradients of the logits, before output_scale.
void BackwardRun::fill_logits() {
  const ReadoutPlan &plan = *call_.readout;
  if (plan.family->elementwise()) {
    for (int64_t row = 0; row < rows_; ++row) fill_elements(items_[row], doutput_.row(row));
  } else {
    parallel(static_cast<double>(rows_) * readout_nanoseconds(plan), rows_, kReadoutItems,
             [&](const Slice &slice, int32_t part) {
               ReadoutGradients gradients(plan, call_.logits, call_.gate_logits, call_.dscore,
                                          readout_scratch_ + part * ReadoutGradients::scratch(plan));
               for (int64_t row = slice.begin; row < slice.end; ++row) {
                 gradients.add(items_[row]);
                 if (gradients.full() || row + 1 == slice.end) fill_block(row + 1 - gradients.items(), gradients);
               }
             });
  }
}

// IDENTITY, AFFINE, SIGMOID of one item.
void BackwardRun::fill_elements(int64_t item, float *dlogits) const {
  const ReadoutPlan &plan = *call_.readout;
  const float *dscore = call_.dscore.row<const float>(item);
  for (int64_t k = 0; k < plan.logits; ++k) {
    dlogits[k] = dscore[k];
    if (plan.family == &kAffine) dlogits[k] = dlogits[k] / plan.deviation;
    if (plan.family == &kSigmoid) {
      const float score = call_.scores.row<const float>(item)[k];
      dlogits[k] = dlogits[k] * (score * (1.0f - score));
    }
  }
}

// The items in `gradients` are those of the rows from `first` on.
void BackwardRun::fill_block(int64_t first, ReadoutGradients &gradients) {
  const ReadoutPlan &plan = *call_.readout;
  const int64_t items = gradients.items();
  const ReadoutGradients::Rows rows = gradients.of_logits(kernels_);
  const bool of_gate = call_.part == LogitPart::GATE;
  const float *wanted = of_gate ? rows.gate : rows.logits + (call_.part == LogitPart::REVERSE ? 1 : 0);
  const int64_t stride = of_gate ? plan.gate_outputs : plan.logits;
  for (int64_t i = 0; i < items; ++i) std::copy_n(wanted + i * stride, spec_.fields.output_width, doutput_.row(first + i));
}

void BackwardRun::write_vectors() {
  for (int64_t row = 0; row < rows_; ++row) {
    std::copy_n(dinput_.row(row), spec_.fields.input_width, call_.dvectors.row<float>(items_[row]));
  }
}

void BackwardRun::run() {
  choose_lowest();
  list_valid_items();
  if (valid_items_ == 0 && !call_.accumulate) clear_gradients();
  const int64_t chunk = chunk_rows(spec_);
  for (int64_t begin = 0; begin < valid_items_; begin += chunk) {
    items_ = valid_ + begin;
    rows_ = std::min(chunk, valid_items_ - begin);
    overwrite_ = !call_.accumulate && begin == 0;
    fill_chunk();
    output_layer();
    for (int32_t l = layers_ - 1; l >= lowest_; --l) hidden_layer(l);
    if (vectors_ && spec_.fields.norm != GAVEL_NORM_NONE) norm();
    if (call_.dvectors.present()) write_vectors();
  }
}

int64_t chunk_rows(const HeadSpec &spec) {
  const int64_t floats =
      2 * spec.fields.input_width + spec.preactivation_width + 2 * widest_layer(spec) + spec.fields.output_width;
  return std::clamp(kChunkFloats / floats / kSummedRows * kSummedRows, kSummedRows, kMostSummedRows);
}

void run_backward(const BackwardCall &call, Workspace &workspace) {
  BackwardRun(call, workspace).run();
}

}  // namespace gavel
