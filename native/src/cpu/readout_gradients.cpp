// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/readout_gradients.h"

#include <algorithm>

namespace gavel {

int64_t ReadoutGradients::scratch(const ReadoutPlan &plan) {
  return kReadoutItems * (plan.scores + 2 * plan.logits + 2 * plan.gate_outputs) + readout_block_scratch(plan);
}

ReadoutGradients::ReadoutGradients(const ReadoutPlan &plan, const Tensor &logits, const Tensor &gate_logits,
                                   const Tensor &dscore, float *memory)
    : plan_(plan),
      logits_(logits),
      gate_logits_(gate_logits),
      dscore_(dscore),
      of_scores_(memory),
      read_logits_(of_scores_ + kReadoutItems * plan.scores),
      read_gate_(read_logits_ + kReadoutItems * plan.logits),
      of_logits_(read_gate_ + kReadoutItems * plan.gate_outputs),
      of_gate_(of_logits_ + kReadoutItems * plan.logits),
      scratch_(of_gate_ + kReadoutItems * plan.gate_outputs) {}

void ReadoutGradients::add(int64_t item) {
  const auto copy = [&](const Tensor &tensor, int64_t columns, float *rows) {
    if (tensor.present()) std::copy_n(tensor.row<const float>(item), columns, rows + items_ * columns);
  };
  copy(dscore_, plan_.scores, of_scores_);
  copy(logits_, plan_.logits, read_logits_);
  copy(gate_logits_, plan_.gate_outputs, read_gate_);
  ++items_;
}

ReadoutBlock ReadoutGradients::take_block() {
  const ReadoutBlock block{&plan_, items_, logits_.present() ? read_logits_ : nullptr,
                           gate_logits_.present() ? read_gate_ : nullptr, scratch_};
  items_ = 0;
  return block;
}

ReadoutGradients::Rows ReadoutGradients::of_logits(const Kernels &kernels) {
  const ReadoutBlock block = take_block();
  kernels.read_out_gradient(&block, of_scores_, of_logits_, block.gate == nullptr ? nullptr : of_gate_);
  return {of_logits_, of_gate_};
}

const float *ReadoutGradients::of_gate_scale(const Kernels &kernels) {
  const ReadoutBlock block = take_block();
  kernels.gate_scale_gradient(&block, of_scores_, of_gate_);
  return of_gate_;
}

}  // namespace gavel
