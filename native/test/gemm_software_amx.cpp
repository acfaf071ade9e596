// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_software_amx.cpp: the source of amx.cpp's products over the scalar wrapper and the tile unit in software, for the gemm
// tests.
#define GAVEL_SOFTWARE_TILES

#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/tile.h"
#include "cpu/vector_scalar.h"
#include "gavel/gavel.h"

namespace gavel::scalar {
namespace {

#include "cpu/table.inl"
// Needs what table.inl defines.
#include "cpu/gemm_amx.inl"

// Only the products are compiled here; the rest of the scalar table is taken as it is.
Kernels software_amx_table() {
  Kernels kernels = kScalarKernels;
  kernels.instruction_set = GAVEL_INSTRUCTION_SET_AMX;
  kernels.packed_rows_bytes = amx_packed_rows_bytes;
  kernels.pack_row = amx_pack_row;
  kernels.pack_tail = amx_pack_tail;
  kernels.multiply = amx_multiply;
  return kernels;
}

}  // namespace
}  // namespace gavel::scalar

namespace gavel {

extern const Kernels kSoftwareAmxKernels;
const Kernels kSoftwareAmxKernels = scalar::software_amx_table();

}  // namespace gavel
