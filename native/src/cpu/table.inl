// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// table.inl: the kernels of one instruction set, and the table of them. Included inside the namespace of a wrapper of vector.h,
// in its unnamed namespace.

// In this order: each uses the ones before it.
// clang-format off
#include "common/functions.inl"
#include "cpu/rows.inl"
#include "common/numeric.inl"
#include "common/loss_bradley_terry.inl"
#include "common/loss_cross_entropy.inl"
#include "common/loss_elementwise.inl"
#include "common/log_sum_chain.inl"
#include "common/loss_pairwise_ranking.inl"
#include "common/loss_ordinal.inl"
#include "cpu/group_entries.inl"
#include "cpu/losses.inl"
#include "cpu/rankings.inl"
#include "common/pairwise_sum.inl"
#include "common/row_walk.inl"
#include "common/readout_row.inl"
#include "cpu/readouts.inl"
#include "cpu/norm.inl"
#include "common/activations.inl"
#include "cpu/activate.inl"
#include "cpu/gemm_rows.inl"
#include "cpu/gemm.inl"
#include "cpu/register_products.inl"
// clang-format on

constexpr Kernels table(int32_t instruction_set) {
  return {
      .instruction_set = instruction_set,
      .widen = widen,
      .narrow = narrow,
      .dot = dot,
      .dots = dots,
      .sum = sum,
      .largest = largest,
      .exponential_sum = exponential_sum,
      .add = add_row,
      .subtract = subtract_row,
      .divide = divide_row,
      .multiply_add = multiply_add_row,
      .norm = norm,
      .norm_gradient = norm_gradient,
      .activate = activate,
      .activate_gradient = activate_gradient,
      .sigmoid = sigmoid,
      .adamw = adamw,
      .pair_block = pair_block,
      .group_block = group_block,
      .entry_powers = entry_powers,
      .entry_block = entry_block,
      .element_block = element_block,
      .ranking_block = ranking_block,
      .ranking_row = ranking_row,
      .places_block = places_block,
      .steps_block = steps_block,
      .levels_block = levels_block,
      .split_pairs = split_pairs,
      .add_pairs = add_pairs,
      .count_numbers = count_numbers,
      .rising_pairs = rising_pairs,
      .pairwise_sum = pairwise_sum,
      .read_out = read_out_block,
      .read_out_gradient = read_out_gradient_block,
      .gate_scale_gradient = gate_scale_gradient_block,
      .transpose = transpose,
      .packed_rows_bytes = packed_rows_bytes,
      .pack_row = pack_row,
      .pack_tail = pack_tail,
      .multiply = multiply,
      .panel_dot = panel_dot,
      .register_products = register_products,
  };
}
