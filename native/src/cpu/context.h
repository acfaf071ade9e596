// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// context.h: threads, kernels and scratch memory of a context on the CPU.
#ifndef GAVEL_CPU_CONTEXT_H
#define GAVEL_CPU_CONTEXT_H

#include <cstdint>

#include "cpu/kernels.h"
#include "cpu/thread_pool.h"
#include "cpu/workspace.h"
#include "gavel/gavel.h"

namespace gavel {

struct CpuContext {
  CpuContext(const Kernels &table, int32_t threads) : kernels(table), pool(threads) {}

  const Kernels &kernels;
  ThreadPool pool;
  WorkspaceCache workspaces;
  char device_name[sizeof(gavel_context_info::device_name)] = {};
  char detail[sizeof(gavel_context_info::detail)] = {};
};

}  // namespace gavel

#endif
