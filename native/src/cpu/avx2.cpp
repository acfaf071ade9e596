// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// avx2.cpp: the kernels for AVX2, FMA and F16C.
#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/vector_avx2.h"
#include "gavel/gavel.h"

namespace gavel::avx2 {
namespace {

#include "cpu/table.inl"

}  // namespace
}  // namespace gavel::avx2

namespace gavel {

constinit const Kernels kAvx2Kernels = avx2::table(GAVEL_INSTRUCTION_SET_AVX2);

}  // namespace gavel
