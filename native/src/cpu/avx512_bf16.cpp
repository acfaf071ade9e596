// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// avx512_bf16.cpp: the kernels of AVX-512 with the bf16 matrix product on VDPBF16PS (AVX512-BF16), for processors that have
// it and add in the right order.
#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/vector_avx512.h"
#include "gavel/gavel.h"

namespace gavel::avx512 {
namespace {

#include "cpu/table.inl"
// In this order, after table.inl.
#include "cpu/gemm_bf16.inl"
#include "cpu/register_products_bf16.inl"

constexpr Kernels bf16_table() {
  Kernels kernels = table(GAVEL_INSTRUCTION_SET_AVX512);
  kernels.packed_rows_bytes = pairs_packed_rows_bytes;
  kernels.pack_row = pairs_pack_row;
  kernels.multiply = pairs_multiply;
  kernels.register_products = pairs_register_products;
  return kernels;
}

}  // namespace
}  // namespace gavel::avx512

namespace gavel {

constinit const Kernels kAvx512Bf16Kernels = avx512::bf16_table();

bool bf16_products_in_order() {
  return avx512::products_in_order();
}

}  // namespace gavel
