// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// plugin.h: what libgavel_cuda.so offers libgavel.so: one table of functions.
//
// Both libraries are built from the same sources, and libgavel uses no plugin of another version or with another table, so they may
// share structs (Tensor, HeadSpec, LossPlan). Every function but those that end something returns a status and fills the error, as in
// gavel.h, whose functions they serve; arguments are checked as far as the host can see. Any thread, any current device.
#ifndef GAVEL_CUDA_PLUGIN_H
#define GAVEL_CUDA_PLUGIN_H

#include <cstdint>

#include "common/head_spec.h"
#include "common/loss.h"
#include "common/tensor.h"
#include "cuda/calls.h"
#include "gavel/gavel.h"

namespace gavel::cuda {

struct Context;
struct Stream;
struct Buffer;
struct Head;
struct Optimizer;
struct Vocabulary;

struct Plugin {
  uint32_t struct_size;  // of this table
  uint32_t tensor_size;  // of Tensor, which stands for all that is shared
  const char *version;   // GAVEL_VERSION

  int32_t (*context_create)(int32_t device, int32_t mode, const char *cublaslt, Context **context, gavel_error *error) noexcept;
  void (*context_destroy)(Context *context) noexcept;
  // All fields but struct_size.
  int32_t (*context_describe)(Context &context, gavel_context_info &info, gavel_error *error) noexcept;
  // Refuses data that does not lie where the tensor says (GAVEL_CUDA, GAVEL_CUDA_HOST).
  int32_t (*check_place)(Context &context, const void *data, int32_t device_type, const TensorName &name,
                         gavel_error *error) noexcept;

  int32_t (*stream_create)(Context &context, Stream **stream, gavel_error *error) noexcept;
  int32_t (*stream_wrap)(Context &context, void *native, Stream **stream, gavel_error *error) noexcept;
  void (*stream_destroy)(Stream *stream) noexcept;
  void *(*stream_native)(Stream &stream) noexcept;
  int32_t (*stream_reserve)(Stream &stream, int64_t bytes, gavel_error *error) noexcept;
  int32_t (*stream_synchronize)(Stream &stream, gavel_error *error) noexcept;
  int32_t (*stream_wait)(Stream &waiting, Stream &awaited, gavel_error *error) noexcept;

  // stream: null for memory that belongs to no stream.
  int32_t (*buffer_create)(Context &context, int32_t device_type, int64_t bytes, Stream *stream, Buffer **buffer,
                           gavel_error *error) noexcept;
  void (*buffer_destroy)(Buffer *buffer) noexcept;
  void *(*buffer_data)(Buffer &buffer) noexcept;
  int32_t (*copy)(const Tensor &source, const Tensor &target, Stream &stream, gavel_error *error) noexcept;

  // operations: of all that was enqueued.
  int32_t (*register_products)(Stream &stream, int32_t dtype, int64_t rounds, int64_t *operations, gavel_error *error) noexcept;

  int32_t (*head_create)(Context &context, const HeadSpec &spec, const Tensor *host_parameters, Head **head,
                         gavel_error *error) noexcept;
  void (*head_destroy)(Head *head) noexcept;
  int32_t (*head_read)(Head &head, int32_t index, const Tensor &host_target, gavel_error *error) noexcept;

  int32_t (*score_workspace)(const ScoreCall &call, int64_t *bytes, gavel_error *error) noexcept;
  int32_t (*score)(const ScoreCall &call, Stream &stream, gavel_error *error) noexcept;
  int32_t (*loss_workspace)(const LossPlan &plan, int64_t *bytes, gavel_error *error) noexcept;
  int32_t (*loss)(const LossPlan &plan, Stream &stream, gavel_error *error) noexcept;
  int32_t (*backward_workspace)(const BackwardCall &call, int64_t *bytes, gavel_error *error) noexcept;
  int32_t (*backward)(const BackwardCall &call, Stream &stream, gavel_error *error) noexcept;
  int32_t (*scatter)(const ScatterCall &call, Stream &stream, gavel_error *error) noexcept;

  int32_t (*vocabulary_create)(Context &context, const Tensor &host_weight, Vocabulary **vocabulary,
                               gavel_error *error) noexcept;
  void (*vocabulary_destroy)(Vocabulary *vocabulary) noexcept;
  int32_t (*token_logprob_workspace)(const TokenLogprobCall &call, int64_t *bytes, gavel_error *error) noexcept;
  int32_t (*token_logprob)(const TokenLogprobCall &call, Stream &stream, gavel_error *error) noexcept;
  int32_t (*token_logprob_backward_workspace)(const TokenLogprobBackwardCall &call, int64_t *bytes,
                                              gavel_error *error) noexcept;
  int32_t (*token_logprob_backward)(const TokenLogprobBackwardCall &call, Stream &stream, gavel_error *error) noexcept;

  int32_t (*optimizer_create)(Head &head, const gavel_optimizer_options &options, Optimizer **optimizer,
                              gavel_error *error) noexcept;
  void (*optimizer_destroy)(Optimizer *optimizer) noexcept;
  // gradients: one per parameter, absent ones leave theirs alone.
  int32_t (*optimizer_step)(Optimizer &optimizer, const Tensor *gradients, float learning_rate, Stream &stream,
                            gavel_error *error) noexcept;
  int32_t (*optimizer_read)(Optimizer &optimizer, int32_t state, int32_t index, const Tensor &host_target,
                            gavel_error *error) noexcept;
  int32_t (*optimizer_write)(Optimizer &optimizer, int32_t state, int32_t index, const Tensor &host_source,
                             gavel_error *error) noexcept;
  int32_t (*optimizer_step_count)(Optimizer &optimizer, int64_t *steps, gavel_error *error) noexcept;
  int32_t (*optimizer_set_step_count)(Optimizer &optimizer, int64_t steps, gavel_error *error) noexcept;
};

// The one symbol libgavel looks up.
using GetPlugin = const Plugin *(*)();
constexpr const char *kGetPlugin = "gavel_cuda_plugin";

}  // namespace gavel::cuda

// The table: a constant.
extern "C" __attribute__((visibility("default"))) const gavel::cuda::Plugin *gavel_cuda_plugin(void);

#endif
