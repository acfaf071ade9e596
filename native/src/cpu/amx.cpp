// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// amx.cpp: the kernels of AVX-512 with the bf16 matrix product on the AMX tiles.
#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/tile.h"
#include "cpu/vector_avx512.h"
#include "gavel/gavel.h"

namespace gavel::avx512 {
namespace {

#include "cpu/table.inl"
// In this order, after table.inl.
#include "cpu/gemm_amx.inl"
#include "cpu/register_products_amx.inl"

constexpr Kernels amx_table() {
  Kernels kernels = table(GAVEL_INSTRUCTION_SET_AMX);
  kernels.packed_rows_bytes = amx_packed_rows_bytes;
  kernels.pack_row = amx_pack_row;
  kernels.pack_tail = amx_pack_tail;
  kernels.multiply = amx_multiply;
  kernels.register_products = amx_register_products;
  return kernels;
}

}  // namespace
}  // namespace gavel::avx512

namespace gavel {

constinit const Kernels kAmxKernels = avx512::amx_table();

}  // namespace gavel
