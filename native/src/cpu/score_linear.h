// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// score_linear.h: logits of a LINEAR head, one dot per item and output.
#ifndef GAVEL_CPU_SCORE_LINEAR_H
#define GAVEL_CPU_SCORE_LINEAR_H

#include <cstdint>

#include "cpu/score.h"

namespace gavel {

class LinearLogits {
 public:
  // Items worked on between two readouts.
  static int64_t block_rows(const LogitProblem &problem);
  LinearLogits(const LogitProblem &problem, int64_t block);
  // Logits of items begin .. begin + rows - 1 to logits [rows, K], contiguous; vectors are written on the way.
  void run(int64_t begin, int64_t rows, float *logits);

 private:
  bool takes_rows_as_they_are() const;
  void score_rows(int64_t begin, int64_t end, int64_t output_begin, int64_t output_end, float *logits) const;
  const float *vector_of(int64_t item, bool keep, float *scratch) const;
  void score_items(int64_t begin, int64_t end, int64_t output_begin, int64_t output_end, float *scratch, float *logits) const;

  const LogitProblem &problem_;
  int64_t vector_floats_;
  int64_t scratch_floats_;  // of one part
  float *scratch_;          // [threads, scratch_floats_]
};

}  // namespace gavel

#endif
