// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/backward_run.h"

namespace gavel {

// Sums of single numbers are made in double precision and rounded once: they are what LibTorch adds most exactly, and cost one pass over
// rows that a layer reads many times.
void BackwardRun::sum_bias(const Matrix &matrix, int64_t width, const Tensor &bias) {
  if (!bias.present()) return;
  parallel(0.4 * static_cast<double>(rows_ * width), width, kColumnUnit, [&](const Slice &columns, int32_t) {
    double *sum = wide_sums_ + columns.begin;
    std::fill_n(sum, columns.size(), 0.0);
    for (int64_t row = 0; row < rows_; ++row) {
      const float *terms = matrix.row(row) + columns.begin;
      for (int64_t c = 0; c < columns.size(); ++c) sum[c] += static_cast<double>(terms[c]);
    }
    float *rounded = open_ + columns.begin;
    for (int64_t c = 0; c < columns.size(); ++c) rounded[c] = static_cast<float>(sum[c]);
    put_gradient(bias.as<float>() + columns.begin, rounded, columns.size(), overwrite_);
  });
}

// The gradient of an input is a sum over outputs: fours of fused steps from zero, one added to the other. A single chain over all of them is
// further away than LibTorch's.
constexpr int64_t kOutputsInOrder = 4;
constexpr int64_t kTileColumns = 1024;

void BackwardRun::output_layer() {
  const int64_t outputs = spec_.fields.output_width;
  const int64_t depth = spec_.output_depth;
  const Matrix &input = inputs_[layers_];
  const double work = 0.2 * static_cast<double>(rows_) * static_cast<double>(outputs) * static_cast<double>(depth);
  const Tensor &weight = gradient(spec_.output_weight);
  if (weight.present()) {
    parallel(work, depth, kColumnUnit, [&](const Slice &columns, int32_t) {
      for (int64_t k = 0; k < outputs; ++k) {
        const float *sum = sum_columns(columns, [&](int64_t row, float *leaf) {
          kernels_.multiply_add(leaf, doutput_.row(row)[k], input.row(row) + columns.begin, columns.size());
        });
        put_gradient(weight.row<float>(k) + columns.begin, sum, columns.size(), overwrite_);
      }
    });
  }
  sum_bias(doutput_, outputs, gradient(spec_.output_bias));
  if (lowest_ == layers_ && !vectors_) return;
  parallel(work, rows_, 1, [&](const Slice &slice, int32_t) {
    for (int64_t row = slice.begin; row < slice.end; ++row) {
      for (int64_t begin = 0; begin < depth; begin += kTileColumns) {
        const int64_t columns = std::min(kTileColumns, depth - begin);
        float *out = dinput_.row(row) + begin;
        alignas(64) float four[kTileColumns];
        for (int64_t k = 0; k < outputs; k += kOutputsInOrder) {
          float *sum = k == 0 ? out : four;
          std::fill_n(sum, columns, 0.0f);
          for (int64_t o = k; o < std::min(k + kOutputsInOrder, outputs); ++o)
            kernels_.multiply_add(sum, doutput_.row(row)[o], output_weight_ + o * depth + begin, columns);
          if (k > 0) kernels_.add(out, four, columns);
        }
      }
    }
  });
}

// d loss / d slope = sum of min(a, 0) times the gradient behind the activation. A shared slope is the sum over the columns, in dot order.
void BackwardRun::sum_slope(int32_t l) {
  const Tensor &slope = gradient(spec_.hidden[l].slope);
  if (!slope.present()) return;
  const int64_t width = spec_.hidden[l].width;
  const bool shared = slope.shape[0] != width;
  parallel(static_cast<double>(rows_ * width), width, kColumnUnit, [&](const Slice &columns, int32_t) {
    const float *sum = sum_columns(columns, [&](int64_t row, float *leaf) {
      const float *a = preactivation(row, l) + columns.begin;
      const float *du = dinput_.row(row) + columns.begin;
      // Not a * du with a set to 0: an infinite gradient must not become NaN where the slope has no part in it.
      for (int64_t c = 0; c < columns.size(); ++c) leaf[c] += a[c] > 0.0f ? 0.0f : a[c] * du[c];
    });
    if (shared) {
      std::copy_n(sum, columns.size(), slope_sums_ + columns.begin);
    } else {
      put_gradient(slope.as<float>() + columns.begin, sum, columns.size(), overwrite_);
    }
  });
  if (shared) {
    const float sum = kernels_.sum(slope_sums_, width);
    put_gradient(slope.as<float>(), &sum, 1, overwrite_);
  }
}

void BackwardRun::hidden_layer(int32_t l) {
  const HiddenLayer &layer = spec_.hidden[l];
  sum_slope(l);
  parallel(2.0 * static_cast<double>(rows_ * layer.width), rows_, 1, [&](const Slice &slice, int32_t) {
    for (int64_t row = slice.begin; row < slice.end; ++row) {
      std::copy_n(dinput_.row(row), layer.width, da_.row(row));
      kernels_.activate_gradient(spec_.fields.activation, call_.head.hidden[l].slope.as<float>(), preactivation(row, l),
                                 da_.row(row), layer.width);
    }
  });
  sum_bias(da_, layer.width, gradient(layer.bias));
  if (wanted(layer.weight)) {
    multiply_weight_gradient(context_, da_, inputs_[l], rows_, gradient(layer.weight), overwrite_);
  }
  if (l > lowest_ || vectors_) {
    multiply_input_gradient(context_, da_, rows_, layer.width, layer.depth, spec_.fields.dtype,
                            call_.head.values[layer.weight].as(), dinput_);
  }
}

// The gradient of the finished vectors is in dinput_. The sums over rows are those of sum_rows, made 32 rows at a time so that threads
// can share them: the kernel adds a whole row to the weight and the bias at once. A sum of 32 rows is a node of the tree over all.
void BackwardRun::norm() {
  const int64_t width = spec_.fields.input_width;
  const int64_t blocks = (rows_ + kSummedRows - 1) / kSummedRows;
  Workspace scratch(context_.workspaces);
  constexpr int64_t kOpenInBlock = open_sums(kSummedRows / kLeafRows);
  float *nodes = scratch.take<float>(2 * blocks * width);
  float *open = scratch.take<float>(parts_ * kOpenInBlock * 2 * width);
  float *dx = scratch.take<float>(parts_ * width);
  parallel(4.0 * static_cast<double>(rows_ * width), blocks, 1, [&](const Slice &slice, int32_t part) {
    float *out = dx + part * width;
    for (int64_t block = slice.begin; block < slice.end; ++block) {
      const int64_t first = block * kSummedRows;
      const float *node =
          sum_rows(kernels_, first, std::min(first + kSummedRows, rows_), 2 * width, open + part * kOpenInBlock * 2 * width,
                   2 * width, [&](int64_t row, float *dweight) {
                     kernels_.norm_gradient(spec_.fields.norm, pooled_.row(row), call_.head.norm_weight.as<float>(),
                                            spec_.fields.norm_epsilon, dinput_.row(row), width, out,
                                            wanted(spec_.norm_weight) ? dweight : nullptr,
                                            wanted(spec_.norm_bias) ? dweight + width : nullptr);
                     std::copy_n(out, width, dinput_.row(row));
                   });
      std::copy_n(node, 2 * width, nodes + 2 * block * width);
    }
  });
  const int32_t parameters[] = {spec_.norm_weight, spec_.norm_bias};
  for (int32_t which = 0; which < 2; ++which) {
    if (!wanted(parameters[which])) continue;
    VectorSum sum(kernels_, open_, open_stride_, width);
    for (int64_t block = 0; block < blocks; ++block) {
      std::copy_n(nodes + (2 * block + which) * width, width, sum.leaf());
      sum.close();
    }
    put_gradient(gradient(parameters[which]).as<float>(), sum.total(), width, overwrite_);
  }
}

}  // namespace gavel
