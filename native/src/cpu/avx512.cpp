// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// avx512.cpp: the kernels for AVX-512 F, BW, DQ and VL.
#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/vector_avx512.h"
#include "gavel/gavel.h"

namespace gavel::avx512 {
namespace {

#include "cpu/table.inl"

}  // namespace
}  // namespace gavel::avx512

namespace gavel {

constinit const Kernels kAvx512Kernels = avx512::table(GAVEL_INSTRUCTION_SET_AVX512);

}  // namespace gavel
