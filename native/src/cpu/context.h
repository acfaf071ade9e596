// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// context.h: what is behind gavel_context.
#ifndef GAVEL_CPU_CONTEXT_H
#define GAVEL_CPU_CONTEXT_H

#include <cstdint>

#include "cpu/handle.h"
#include "cpu/kernels.h"
#include "cpu/thread_pool.h"
#include "cpu/workspace.h"
#include "gavel/gavel.h"

struct gavel_context final : gavel::Handle {
  gavel_context(const gavel::Kernels &table, int32_t threads) : Handle(gavel::kContextMagic), kernels(table), pool(threads) {}

  const gavel::Kernels &kernels;
  gavel::ThreadPool pool;
  gavel::WorkspaceCache workspaces;
  char device_name[sizeof(gavel_context_info::device_name)] = {};
  char detail[sizeof(gavel_context_info::detail)] = {};
};

namespace gavel {

inline gavel_context &checked(gavel_context *context) {
  return checked_handle(context, kContextMagic, "context");
}
// Gives a reference up; the last one ends the context and joins its threads.
void release(gavel_context *context);

}  // namespace gavel

#endif
