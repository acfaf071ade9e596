// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_mlp.h: logits of an MLP head. Items are packed while they are gathered; bias, activation and the output layer's dots happen
// while a panel's products are in the nearest cache.
#ifndef GAVEL_CPU_SCORE_MLP_H
#define GAVEL_CPU_SCORE_MLP_H

#include <cstdint>

#include "cpu/score.h"
#include "cpu/shares.h"

namespace gavel {

class MlpLogits {
 public:
  // Items worked on while one panel is near: as many as stay in the second-level cache when packed, or fewer where their scratch
  // memory would be large.
  static int64_t block_rows(const LogitProblem &problem);
  MlpLogits(const LogitProblem &problem, int64_t block);
  // Logits of items begin .. begin + rows - 1 to logits [rows, K], contiguous; vectors and preactivations are written on the way.
  void run(int64_t begin, int64_t rows, float *logits);

 private:
  struct Part;
  void pack_items(int64_t begin, int64_t rows);
  void pack_item(int64_t item, int64_t r, int64_t rows, float *scratch);
  void multiply_layer(int32_t l, int64_t begin, int64_t rows);
  static void finish_panel(void *part, int64_t row, int64_t rows, int64_t panel, float *c);
  void dot_outputs(int64_t rows, int64_t panel, const float *c) const;
  void pack_activations(int32_t l, int64_t rows);
  void sum_dots(int64_t rows, float *logits) const;
  float *dots(int64_t panel, int64_t output) const;

  const LogitProblem &problem_;
  const ThreadPool::Awake awake_;
  int64_t dot_stride_;      // floats between the dots of two outputs: the block's rows, rounded up to a cache line
  int64_t vector_floats_;   // of one part
  int64_t product_floats_;  // of one part: the products of a panel
  char *packed_;            // the block's rows as the products read them, of the layer at hand
  float *vectors_;          // [threads, vector_floats_]: zeros or the pooled vector, and scratch of the pooling
  float *products_;         // [threads, product_floats_]
  float *activations_;      // [rows, padded width] of the layer at hand; null with one hidden layer
  float *dots_;             // [panels of the last layer, K, dot_stride_]
  Shares::Share *shares_;   // [threads]: panels of the layer at hand
};

}  // namespace gavel

#endif
