// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_gradients.h: from the gradients of scores back to those of logits, for items that need not be neighbours.
#ifndef GAVEL_CPU_READOUT_GRADIENTS_H
#define GAVEL_CPU_READOUT_GRADIENTS_H

#include <cstdint>

#include "common/readout.h"
#include "cpu/kernels.h"

namespace gavel {

// The rows of up to sixteen items, one behind the other, for a kernel that goes back through their readout. The tensors must outlive it.
class ReadoutGradients {
 public:
  // Floats, a whole number of cache lines; memory is aligned to one.
  static int64_t scratch(const ReadoutPlan &plan);
  // logits, gate_logits: absent where the gradient reads none.
  ReadoutGradients(const ReadoutPlan &plan, const Tensor &logits, const Tensor &gate_logits, const Tensor &dscore,
                   float *memory);

  int64_t items() const { return items_; }
  bool full() const { return items_ == kReadoutItems; }
  void add(int64_t item);
  // Of the items added since the last of these calls. What is returned is valid until the next one.
  struct Rows {
    const float *logits;  // [items, logits of the plan]
    const float *gate;    // [items, gate outputs]
  };
  Rows of_logits(const Kernels &kernels);
  const float *of_gate_scale(const Kernels &kernels);  // [items]

 private:
  ReadoutBlock take_block();

  const ReadoutPlan &plan_;
  const Tensor &logits_, &gate_logits_, &dscore_;
  int64_t items_ = 0;
  float *of_scores_, *read_logits_, *read_gate_, *of_logits_, *of_gate_, *scratch_;
};

}  // namespace gavel

#endif
