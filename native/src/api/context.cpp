// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of gavel_context.
#include <cstring>
#include <memory>

#include "api/handles.h"
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
    GAVEL_CHECK(wanted.reserved == 0 && wanted.reserved2 == 0,
                "options.reserved and options.reserved2 are %u and %u; set them to 0", wanted.reserved, wanted.reserved2);
    GAVEL_CHECK(wanted.mode == GAVEL_MODE_INVARIANT, "options.mode is %d; the CPU has 0 (INVARIANT) only", wanted.mode);
    GAVEL_CHECK(wanted.cublaslt == nullptr,
                "options.cublaslt names a library, which only CUDA in mode FAST can use: set it to NULL");
    char detail[sizeof(gavel_context_info::detail)] = {};
    const Kernels &kernels = choose_kernels(wanted.instruction_set, detail, sizeof detail);
    auto part = std::make_unique<CpuContext>(kernels, wanted.threads);
    std::memcpy(part->detail, detail, sizeof detail);
    processor_name(part->device_name, sizeof part->device_name);
    *context = std::make_unique<gavel_context>(std::move(part)).release();
  });
}

void gavel_context_destroy(gavel_context *context) {
  destroy(context, kContextMagic);
}

int32_t gavel_context_describe(gavel_context *context, gavel_context_info *info, gavel_error *error) {
  return enter("gavel_context_describe", error, [&] {
    const CpuContext &described = *checked(context).cpu;
    check_struct(info, "info");
    info->device_type = GAVEL_CPU;
    info->device_id = 0;
    info->threads = described.pool.threads();
    info->instruction_set = described.kernels.instruction_set;
    info->best_instruction_set = best_instruction_set();
    std::memcpy(info->device_name, described.device_name, sizeof info->device_name);
    std::memcpy(info->detail, described.detail, sizeof info->detail);
    info->mode = GAVEL_MODE_INVARIANT;
    info->compute_capability = 0;
    info->memory_bytes = info->free_memory_bytes = info->held_bytes = 0;
  });
}

}  // extern "C"
