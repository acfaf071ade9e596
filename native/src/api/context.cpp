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

namespace {

gavel_context *create_on_cpu(const gavel_context_options &wanted) {
  GAVEL_CHECK(wanted.device_id == 0, "options.device_id is %d; the CPU has 0 only", wanted.device_id);
  GAVEL_CHECK(wanted.threads >= 1 && wanted.threads <= ThreadPool::kMostThreads,
              "options.threads is %d; say 1 to %d, the caller's own thread included", wanted.threads, ThreadPool::kMostThreads);
  GAVEL_CHECK(wanted.mode == GAVEL_MODE_INVARIANT, "options.mode is %d; the CPU has 0 (INVARIANT) only", wanted.mode);
  char detail[sizeof(gavel_context_info::detail)] = {};
  const Kernels &kernels = choose_kernels(wanted.instruction_set, detail, sizeof detail);
  auto part = std::make_unique<CpuContext>(kernels, wanted.threads);
  std::memcpy(part->detail, detail, sizeof detail);
  processor_name(part->device_name, sizeof part->device_name);
  return std::make_unique<gavel_context>(std::move(part)).release();
}

gavel_context *create_on_cuda(const gavel_context_options &wanted) {
  GAVEL_CHECK(wanted.device_id >= 0, "options.device_id is %d; CUDA counts its devices from 0", wanted.device_id);
  GAVEL_CHECK(wanted.threads == 1, "options.threads is %d; a CUDA context has 1", wanted.threads);
  GAVEL_CHECK(wanted.instruction_set == GAVEL_INSTRUCTION_SET_BEST,
              "options.instruction_set is %d; a CUDA context has 0 (BEST) only", wanted.instruction_set);
  GAVEL_CHECK(wanted.mode == GAVEL_MODE_INVARIANT || wanted.mode == GAVEL_MODE_FAST,
              "options.mode is %d; say 0 (INVARIANT) or 1 (FAST)", wanted.mode);
  const cuda::Plugin &plugin = cuda_plugin();
  cuda::Context *made = nullptr;
  on_plugin(plugin.context_create, wanted.device_id, wanted.mode, wanted.cublaslt, &made);
  CudaPart<cuda::Context> part(made, plugin.context_destroy);
  return std::make_unique<gavel_context>(plugin, wanted.device_id, std::move(part)).release();
}

// Writes everything behind struct_size.
void describe_cpu(const CpuContext &context, gavel_context_info &info) {
  info.device_type = GAVEL_CPU;
  info.device_id = 0;
  info.threads = context.pool.threads();
  info.instruction_set = context.kernels.instruction_set;
  info.best_instruction_set = best_instruction_set();
  std::memcpy(info.device_name, context.device_name, sizeof info.device_name);
  std::memcpy(info.detail, context.detail, sizeof info.detail);
  info.mode = GAVEL_MODE_INVARIANT;
  info.compute_capability = 0;
  info.memory_bytes = info.free_memory_bytes = info.held_bytes = 0;
}

}  // namespace

extern "C" {

int32_t gavel_context_create(const gavel_context_options *options, gavel_context **context, gavel_error *error) {
  return enter("gavel_context_create", error, [&] {
    GAVEL_CHECK(context != nullptr, "context is NULL; pass the address of a pointer to be set");
    *context = nullptr;
    const gavel_context_options wanted = read_struct(options, "options");
    GAVEL_CHECK(wanted.reserved == 0 && wanted.reserved2 == 0,
                "options.reserved and options.reserved2 are %u and %u; set them to 0", wanted.reserved, wanted.reserved2);
    GAVEL_CHECK(wanted.device_type == GAVEL_CPU || wanted.device_type == GAVEL_CUDA,
                "options.device_type is %d; say 1 (CPU) or 2 (CUDA)", wanted.device_type);
    GAVEL_CHECK(wanted.cublaslt == nullptr || (wanted.device_type == GAVEL_CUDA && wanted.mode == GAVEL_MODE_FAST),
                "options.cublaslt names a library, which only CUDA in mode FAST can use: set it to NULL");
    *context = wanted.device_type == GAVEL_CPU ? create_on_cpu(wanted) : create_on_cuda(wanted);
  });
}

void gavel_context_destroy(gavel_context *context) {
  destroy(context, kContextMagic);
}

int32_t gavel_context_describe(gavel_context *context, gavel_context_info *info, gavel_error *error) {
  return enter("gavel_context_describe", error, [&] {
    const gavel_context &described = checked(context);
    check_struct(info, "info");
    if (described.cpu != nullptr) return describe_cpu(*described.cpu, *info);
    on_plugin(described.plugin->context_describe, *described.cuda, *info);
  });
}

}  // extern "C"
