// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// backward_run.h: the state of one gavel_backward call: scratch for one chunk of rows, and the walk through the layers.
#ifndef GAVEL_CPU_BACKWARD_RUN_H
#define GAVEL_CPU_BACKWARD_RUN_H

#include <algorithm>
#include <cstdint>

#include "cpu/backward.h"
#include "cpu/backward_products.h"
#include "cpu/readout.h"
#include "cpu/readout_gradients.h"
#include "cpu/row_sums.h"

namespace gavel {

// Columns one thread takes at least: whole cache lines, and enough to be worth a start.
constexpr int64_t kColumnUnit = 64;

class BackwardRun {
 public:
  BackwardRun(const BackwardCall &call, Workspace &workspace);
  void run();

 private:
  Matrix take_matrix(int64_t width);
  const Tensor &gradient(int32_t index) const;
  bool wanted(int32_t index) const { return gradient(index).present(); }

  // backward.cpp: what surrounds the layers.
  void choose_lowest();
  void list_valid_items();
  void clear_gradients();
  void fill_chunk();
  void fill_row(int64_t row, float *pooling_scratch, char *rounded);
  void fill_logits();
  void fill_elements(int64_t item, float *dlogits) const;
  void fill_block(int64_t first, ReadoutGradients &gradients);
  void write_vectors();

  // backward_layers.cpp: one layer each. dinput_ goes in as the gradient of the layer's output and comes out as that of its input.
  void output_layer();
  void hidden_layer(int32_t l);
  void norm();
  void sum_bias(const Matrix &rows, int64_t width, const Tensor &gradient);
  void sum_slope(int32_t l);

  const float *preactivation(int64_t row, int32_t l) const {
    return call_.preactivations.row<const float>(items_[row]) + spec_.hidden[l].preactivation_column;
  }
  int64_t pooling_scratch_stride() const { return pooling_scratch(call_.pooling); }
  int64_t rounded_stride() const { return widest_row_bytes_; }
  // Splits [0, units) over the pool for work of about this many nanoseconds; body gets a part of it.
  template <typename Body>
  void parallel(double nanoseconds, int64_t units, int64_t unit, Body &&body) {
    const int32_t parts = std::min(parts_, pool_.parts_for(nanoseconds, (units + unit - 1) / unit));
    pool_.run(parts, [&](int32_t part) { body(Slice(units, unit, part, parts), part); });
  }

  // Sums over the rows of the chunk, of these columns.
  template <typename AddRow>
  const float *sum_columns(const Slice &columns, AddRow &&add_row) const {
    return sum_rows(kernels_, 0, rows_, columns.size(), open_ + columns.begin, open_stride_, add_row);
  }

  const BackwardCall &call_;
  const HeadSpec &spec_;
  CpuContext &context_;
  ThreadPool &pool_;
  const Kernels &kernels_;
  const int32_t layers_;
  const int32_t parts_;
  Workspace &workspace_;
  int64_t widest_row_bytes_ = 0;

  int32_t lowest_ = 0;    // hidden layers below this one have no gradient that is wanted
  bool vectors_ = false;  // the gradient of the vectors is wanted, or that of the norm in front of them
  int64_t valid_items_ = 0;
  int64_t *valid_ = nullptr;

  const int64_t *items_ = nullptr;  // of the chunk: its part of valid_
  int64_t rows_ = 0;                // how many
  bool overwrite_ = false;          // the first chunk of a call that does not accumulate

  Matrix pooled_;                               // before the norm; only with a norm
  Matrix inputs_[GAVEL_MAX_HIDDEN_LAYERS + 1];  // of hidden layer l, and of the output layer
  Matrix doutput_;                              // [rows, K], of the logits before output_scale
  Matrix dinput_;                               // of the input of the layer done last
  Matrix da_;                                   // of the preactivations of the layer at hand
  float *output_weight_ = nullptr;              // [K, output_depth] widened
  int64_t open_stride_ = 0;
  float *open_ = nullptr;             // [kOpenSums][open_stride_], split by columns among the threads
  double *wide_sums_ = nullptr;       // [open_stride_]
  float *slope_sums_ = nullptr;       // [widest layer], of a shared slope
  float *pooling_scratch_ = nullptr;  // [threads][pooling_scratch]
  char *rounded_ = nullptr;           // [threads][bytes of the widest row]
  float *readout_scratch_ = nullptr;  // [readout_blocks of a chunk, or threads][ReadoutGradients::scratch]
};

}  // namespace gavel

#endif
