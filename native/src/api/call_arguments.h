// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// call_arguments.h: the arguments that gavel_score, gavel_backward, gavel_scatter and gavel_optimizer_step have in common, checked the
// same way in each. Nothing here reads what a tensor holds.
#ifndef GAVEL_API_CALL_ARGUMENTS_H
#define GAVEL_API_CALL_ARGUMENTS_H

#include <cstdint>

#include "common/call_tensors.h"
#include "common/head_spec.h"

namespace gavel {

// i64 [R] each; first is absent for INDEX, both for ALL.
struct IndexLists {
  Tensor first;
  Tensor last;
  int64_t items;  // R
};
// rows: T, which is R for ALL.
IndexLists take_index_lists(int32_t pooling, const gavel_tensor &first, const gavel_tensor &last, int64_t rows,
                            CallTensors &tensors);

// Hidden states [T, H] of which this pooling makes vectors as wide as the head's input; those of EXPERT_CONCAT as rows, too.
Tensor take_hidden(const gavel_tensor &hidden, int32_t pooling, int32_t combine, const HeadSpec &spec, CallTensors &tensors);

// The gate of a call, or NULL. Nothing behind the handle is looked at where the readout does not read it.
gavel_head *take_gate(const gavel_context &context, int32_t readout, gavel_head *gate);

// Whether a gate can read the vectors of these hidden states, which the head itself reads with `pooling`.
void check_gate_fits(const HeadSpec &gate, bool two_streams, int32_t pooling, const Tensor &hidden);

// What messages call an array of gradients and its length.
struct GradientNames {
  const char *array;
  const char *count;
};
constexpr GradientNames kGradients = {"gradients", "gradient_count"};

// One f32 tensor per parameter in canonical order, any of them absent.
enum class Access { READ, WRITE };
void take_gradients(const GradientNames &names, const gavel_tensor *gradients, int32_t count, const HeadSpec &spec,
                    Access access, CallTensors &tensors, Tensor *taken);

// A tensor of a parameter's shape.
Tensor take_parameter(const gavel_tensor &tensor, const TensorName &name, const Parameter &parameter, int32_t dtype,
                      Access access, CallTensors &tensors);

}  // namespace gavel

#endif
