// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// processor.h: which kernel table a context gets, and what is told to people about it.
#ifndef GAVEL_CPU_PROCESSOR_H
#define GAVEL_CPU_PROCESSOR_H

#include <cstdint>

#include "cpu/kernels.h"

namespace gavel {

// The table for GAVEL_INSTRUCTION_SET_BEST (lowered by the environment variable GAVEL_INSTRUCTION_SET) or for the set asked for.
// detail: why it is not the highest there is; empty where it is. Throws Failure for an unknown set or variable value, and
// GAVEL_UNSUPPORTED for a set this machine lacks.
const Kernels &choose_kernels(int32_t instruction_set, char *detail, int64_t detail_capacity);

const char *instruction_set_name(int32_t instruction_set);

// The processor's brand string, e.g. "AMD EPYC 9B45 64-Core Processor".
void processor_name(char *name, int64_t capacity);

}  // namespace gavel

#endif
