// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_runtime.h: found in place of the toolkit's file when g++ compiles the CUDA sources, so that kernels and host code run on a
// processor, in tests only. kernel.h is the kernels' side, runtime.h the host's, emulator.h what a test can ask for.
#ifndef GAVEL_TEST_CUDA_EMULATOR_CUDA_RUNTIME_H
#define GAVEL_TEST_CUDA_EMULATOR_CUDA_RUNTIME_H

#define GAVEL_CUDA_EMULATED 1

#include "kernel.h"
#include "mma.h"
#include "runtime.h"
#include "types.h"

namespace gavel::emulator {

inline char *dynamic_shared() {
  return current->block->shared.dynamic();
}

template <typename Type>
Type &shared_array(const void *site) {
  return *static_cast<Type *>(current->block->shared.array(site, sizeof(Type), alignof(Type)));
}

void copy_async_16(void *shared, const void *global);
void copy_async_commit();
void copy_async_wait(uint32_t pending);

}  // namespace gavel::emulator

#endif
