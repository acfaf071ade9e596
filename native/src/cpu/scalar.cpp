// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// scalar.cpp: the kernels in plain C++ for the baseline, the definition of every other table's bits.
#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/vector_scalar.h"
#include "gavel/gavel.h"

namespace gavel::scalar {
namespace {

#include "cpu/table.inl"

}  // namespace
}  // namespace gavel::scalar

namespace gavel {

constinit const Kernels kScalarKernels = scalar::table(GAVEL_INSTRUCTION_SET_SCALAR);

}  // namespace gavel
