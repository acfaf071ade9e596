// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// table.inl: the kernels of one instruction set, and the table of them. Included inside the namespace of a wrapper of vector.h,
// in its unnamed namespace.

// In this order: each uses the ones before it.
// clang-format off
#include "common/functions.inl"
#include "cpu/rows.inl"
#include "cpu/norm.inl"
#include "common/activations.inl"
#include "cpu/activate.inl"
#include "cpu/gemm_rows.inl"
#include "cpu/gemm.inl"
// clang-format on

constexpr Kernels table(int32_t instruction_set) {
  return {
      .instruction_set = instruction_set,
      .widen = widen,
      .narrow = narrow,
      .dot = dot,
      .sum = sum,
      .largest = largest,
      .exponential_sum = exponential_sum,
      .add = add_row,
      .subtract = subtract_row,
      .scale = scale_row,
      .multiply_add = multiply_add_row,
      .norm = norm,
      .norm_gradient = norm_gradient,
      .activate = activate,
      .activate_gradient = activate_gradient,
      .sigmoid = sigmoid,
      .adamw = adamw,
      .packed_rows_bytes = packed_rows_bytes,
      .pack_row = pack_row,
      .pack_tail = pack_tail,
      .multiply = multiply,
      .panel_dot = panel_dot,
  };
}
