// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of gavel_context.
#include "cpu/context.h"

#include <cstring>
#include <memory>

#include "common/error.h"
#include "common/versioned.h"
#include "cpu/processor.h"
#include "gavel/gavel.h"

using namespace gavel;

extern "C" {

int32_t gavel_context_create(const gavel_context_options *options, gavel_context **context, gavel_error *error) {
  return enter("gavel_context_create", error, [&] {
    GAVEL_CHECK(context != nullptr, "context is NULL; pass the address of a pointer to be set");
    *context = nullptr;
    const gavel_context_options wanted = read_struct(options, "options");
    GAVEL_CHECK(wanted.device_type == GAVEL_CPU && wanted.device_id == 0,
                "options ask for device type %d, id %d; this library has GAVEL_CPU (1), id 0", wanted.device_type,
                wanted.device_id);
    GAVEL_CHECK(wanted.threads >= 1 && wanted.threads <= ThreadPool::kMostThreads,
                "options.threads is %d; say 1 to %d, the caller's own thread included", wanted.threads,
                ThreadPool::kMostThreads);
    GAVEL_CHECK(wanted.reserved == 0, "options.reserved is %u; set it to 0", wanted.reserved);
    char detail[sizeof(gavel_context_info::detail)] = {};
    const Kernels &kernels = choose_kernels(wanted.instruction_set, detail, sizeof detail);
    auto created = std::make_unique<gavel_context>(kernels, wanted.threads);
    std::memcpy(created->detail, detail, sizeof detail);
    processor_name(created->device_name, sizeof created->device_name);
    *context = created.release();
  });
}

void gavel_context_destroy(gavel_context *context) {
  // Nothing can be reported here, so what is no live context is left alone.
  if (context != nullptr && context->magic == kContextMagic) release(context);
}

int32_t gavel_context_describe(gavel_context *context, gavel_context_info *info, gavel_error *error) {
  return enter("gavel_context_describe", error, [&] {
    const gavel_context &described = checked(context);
    check_struct(info, "info");
    info->device_type = GAVEL_CPU;
    info->device_id = 0;
    info->threads = described.pool.threads();
    info->instruction_set = described.kernels.instruction_set;
    info->best_instruction_set = best_instruction_set();
    std::memcpy(info->device_name, described.device_name, sizeof info->device_name);
    std::memcpy(info->detail, described.detail, sizeof info->detail);
  });
}

}  // extern "C"
