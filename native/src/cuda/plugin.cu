// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// plugin.cu: the table. Each function makes the object's device current, runs one function of this folder and turns what it throws
// into a status.
#include "cuda/plugin.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "common/error.h"
#include "cuda/backward.h"
#include "cuda/buffer.h"
#include "cuda/context.h"
#include "cuda/head.h"
#include "cuda/loss.h"
#include "cuda/optimizer.h"
#include "cuda/register_products.h"
#include "cuda/scatter.h"
#include "cuda/score.h"
#include "cuda/stream.h"
#include "cuda/token_logprob.h"
#include "cuda/vocabulary.h"

namespace gavel::cuda {
namespace {

// libgavel puts the name of its own entry point in front of the message.
template <typename Body>
int32_t run(const Context &context, gavel_error *error, Body &&body) noexcept {
  return enter("libgavel_cuda", error, [&] {
    const ActiveDevice active(context);
    body();
  });
}

template <typename Body>
int32_t run_on(Stream &stream, gavel_error *error, Body &&body) noexcept {
  return run(stream.context, error, [&] {
    const StreamUse use(stream);
    body();
  });
}

template <typename Type, typename... Arguments>
int32_t make(Context &context, Type **made, gavel_error *error, Arguments &&...arguments) noexcept {
  return run(context, error, [&] { *made = std::make_unique<Type>(context, std::forward<Arguments>(arguments)...).release(); });
}

// Ends an object with its device current, the device being lost or not: what is held on the host must go in any case.
template <typename Type>
void end(const Context &context, Type *object) noexcept {
  int before = 0;
  const bool moved = cudaGetDevice(&before) == cudaSuccess && before != context.device;
  if (moved) note(cudaSetDevice(context.device));
  delete object;
  if (moved) note(cudaSetDevice(before));
}

// ---- context ----

int32_t context_create(int32_t device, int32_t mode, const char *cublaslt, Context **context, gavel_error *error) noexcept {
  return enter("libgavel_cuda", error, [&] { *context = std::make_unique<Context>(device, mode, cublaslt).release(); });
}

void context_destroy(Context *context) noexcept {
  delete context;
}

int32_t context_describe(Context &context, gavel_context_info &info, gavel_error *error) noexcept {
  return run(context, error, [&] {
    info.device_type = GAVEL_CUDA;
    info.device_id = context.device;
    info.threads = 1;
    info.instruction_set = info.best_instruction_set = 0;
    copy_text(info.device_name, sizeof info.device_name, context.name);
    char detail[sizeof info.detail];
    const int driver = context.driver_version;
    const int used = snprintf(detail, sizeof detail, "driver for CUDA %d.%d", driver / 1000, driver % 1000 / 10);
    if (context.blaslt != nullptr) {
      const auto version = static_cast<long long>(context.blaslt->version());
      snprintf(detail + used, sizeof detail - static_cast<size_t>(used), ", cuBLASLt %lld.%lld.%lld", version / 10000,
               version % 10000 / 100, version % 100);
    }
    copy_text(info.detail, sizeof info.detail, detail);
    info.mode = context.mode;
    info.compute_capability = context.compute_capability;
    info.memory_bytes = context.memory_bytes;
    info.free_memory_bytes = context.free_bytes();
    info.held_bytes = context.held_bytes.load(std::memory_order_relaxed);
  });
}

int32_t check_place(Context &context, const void *data, int32_t device_type, const TensorName &name,
                    gavel_error *error) noexcept {
  return run(context, error, [&] { require_place(context, data, device_type, name); });
}

// ---- streams, buffers ----

int32_t stream_create(Context &context, Stream **stream, gavel_error *error) noexcept {
  return make(context, stream, error);
}

int32_t stream_wrap(Context &context, void *native, Stream **stream, gavel_error *error) noexcept {
  return make(context, stream, error, static_cast<cudaStream_t>(native));
}

void stream_destroy(Stream *stream) noexcept {
  if (stream != nullptr) end(stream->context, stream);
}

void *stream_native(Stream &stream) noexcept {
  return stream.native;
}

int32_t stream_reserve(Stream &stream, int64_t bytes, gavel_error *error) noexcept {
  return run_on(stream, error, [&] { stream.reserve(bytes); });
}

int32_t stream_synchronize(Stream &stream, gavel_error *error) noexcept {
  return run_on(stream, error, [&] { stream.synchronize(); });
}

int32_t stream_wait(Stream &waiting, Stream &awaited, gavel_error *error) noexcept {
  return run_on(waiting, error, [&] {
    if (&waiting == &awaited) return;
    const StreamUse use(awaited);
    waiting.wait(awaited);
  });
}

int32_t buffer_create(Context &context, int32_t device_type, int64_t bytes, Stream *stream, Buffer **buffer,
                      gavel_error *error) noexcept {
  if (stream == nullptr) return make(context, buffer, error, device_type, bytes, stream);
  return run_on(*stream, error, [&] { *buffer = std::make_unique<Buffer>(context, device_type, bytes, stream).release(); });
}

void buffer_destroy(Buffer *buffer) noexcept {
  if (buffer != nullptr) end(buffer->context, buffer);
}

void *buffer_data(Buffer &buffer) noexcept {
  return buffer.data;
}

int32_t copy(const Tensor &source, const Tensor &target, Stream &stream, gavel_error *error) noexcept {
  return run_on(stream, error, [&] { enqueue_copy(source, target, stream); });
}

int32_t register_products(Stream &stream, int32_t dtype, int64_t rounds, int64_t *operations, gavel_error *error) noexcept {
  return run_on(stream, error, [&] { *operations = enqueue_register_products(dtype, rounds, stream); });
}

// ---- head ----

int32_t head_create(Context &context, const HeadSpec &spec, const Tensor *host_parameters, Head **head,
                    gavel_error *error) noexcept {
  return run(context, error, [&] { *head = create_head(context, spec, host_parameters).release(); });
}

void head_destroy(Head *head) noexcept {
  if (head != nullptr) end(head->context, head);
}

int32_t head_read(Head &head, int32_t index, const Tensor &host_target, gavel_error *error) noexcept {
  return run(head.context, error, [&] { read_head(head, index, host_target); });
}

// ---- score, loss, backward ----

int32_t score_bytes(const ScoreCall &call, int64_t *bytes, gavel_error *error) noexcept {
  return run(call.head.context, error, [&] { *bytes = score_workspace(call); });
}

int32_t score(const ScoreCall &call, Stream &stream, gavel_error *error) noexcept {
  return run_on(stream, error, [&] { enqueue_score(call, stream); });
}

int32_t loss_bytes(const LossPlan &plan, int64_t *bytes, gavel_error *error) noexcept {
  return enter("libgavel_cuda", error, [&] { *bytes = loss_workspace(plan); });
}

int32_t loss(const LossPlan &plan, Stream &stream, gavel_error *error) noexcept {
  return run_on(stream, error, [&] {
    void *workspace = stream.scratch(loss_workspace(plan));
    const LossTask task = make_loss_task(plan, plan.scores, plan.score_stride, nullptr, 1, stream.fault,
                                         stream.counters(kLossCounters), workspace);
    launch_loss(task, stream.context.sm_count, stream.native);
  });
}

int32_t backward_bytes(const BackwardCall &call, int64_t *bytes, gavel_error *error) noexcept {
  return run(call.head.context, error, [&] { *bytes = backward_workspace(call); });
}

int32_t backward(const BackwardCall &call, Stream &stream, gavel_error *error) noexcept {
  return run_on(stream, error, [&] { enqueue_backward(call, stream); });
}

int32_t scatter(const ScatterCall &call, Stream &stream, gavel_error *error) noexcept {
  return run_on(stream, error, [&] { enqueue_scatter(call, stream); });
}

// ---- token log-probabilities ----

int32_t vocabulary_create(Context &context, const Tensor &host_weight, Vocabulary **vocabulary, gavel_error *error) noexcept {
  return make(context, vocabulary, error, host_weight);
}

void vocabulary_destroy(Vocabulary *vocabulary) noexcept {
  if (vocabulary != nullptr) end(vocabulary->context, vocabulary);
}

int32_t token_logprob_bytes(const TokenLogprobCall &call, int64_t *bytes, gavel_error *error) noexcept {
  return enter("libgavel_cuda", error, [&] { *bytes = token_logprob_workspace(call); });
}

int32_t token_logprob(const TokenLogprobCall &call, Stream &stream, gavel_error *error) noexcept {
  return run_on(stream, error, [&] { enqueue_token_logprob(call, stream); });
}

int32_t token_logprob_backward_bytes(const TokenLogprobBackwardCall &call, int64_t *bytes, gavel_error *error) noexcept {
  return enter("libgavel_cuda", error, [&] { *bytes = token_logprob_backward_workspace(call); });
}

int32_t token_logprob_backward(const TokenLogprobBackwardCall &call, Stream &stream, gavel_error *error) noexcept {
  return run_on(stream, error, [&] { enqueue_token_logprob_backward(call, stream); });
}

// ---- optimizer ----

int32_t optimizer_create(Head &head, const gavel_optimizer_options &options, Optimizer **optimizer,
                         gavel_error *error) noexcept {
  return run(head.context, error, [&] { *optimizer = std::make_unique<Optimizer>(head, options).release(); });
}

void optimizer_destroy(Optimizer *optimizer) noexcept {
  if (optimizer != nullptr) end(optimizer->head.context, optimizer);
}

int32_t optimizer_step(Optimizer &optimizer, const Tensor *gradients, float learning_rate, Stream &stream,
                       gavel_error *error) noexcept {
  return run_on(stream, error, [&] { enqueue_step(optimizer, gradients, learning_rate, stream); });
}

int32_t optimizer_read(Optimizer &optimizer, int32_t state, int32_t index, const Tensor &host_target,
                       gavel_error *error) noexcept {
  return run(optimizer.head.context, error, [&] { read_state(optimizer, state, index, host_target); });
}

int32_t optimizer_write(Optimizer &optimizer, int32_t state, int32_t index, const Tensor &host_source,
                        gavel_error *error) noexcept {
  return run(optimizer.head.context, error, [&] { write_state(optimizer, state, index, host_source); });
}

int32_t optimizer_step_count(Optimizer &optimizer, int64_t *steps, gavel_error *error) noexcept {
  return run(optimizer.head.context, error, [&] { *steps = step_count(optimizer); });
}

int32_t optimizer_set_step_count(Optimizer &optimizer, int64_t steps, gavel_error *error) noexcept {
  return run(optimizer.head.context, error, [&] { set_step_count(optimizer, steps); });
}

const Plugin kPlugin = {
    .struct_size = sizeof(Plugin),
    .tensor_size = sizeof(Tensor),
    .version = GAVEL_VERSION,
    .context_create = context_create,
    .context_destroy = context_destroy,
    .context_describe = context_describe,
    .check_place = check_place,
    .stream_create = stream_create,
    .stream_wrap = stream_wrap,
    .stream_destroy = stream_destroy,
    .stream_native = stream_native,
    .stream_reserve = stream_reserve,
    .stream_synchronize = stream_synchronize,
    .stream_wait = stream_wait,
    .buffer_create = buffer_create,
    .buffer_destroy = buffer_destroy,
    .buffer_data = buffer_data,
    .copy = copy,
    .register_products = register_products,
    .head_create = head_create,
    .head_destroy = head_destroy,
    .head_read = head_read,
    .score_workspace = score_bytes,
    .score = score,
    .loss_workspace = loss_bytes,
    .loss = loss,
    .backward_workspace = backward_bytes,
    .backward = backward,
    .scatter = scatter,
    .vocabulary_create = vocabulary_create,
    .vocabulary_destroy = vocabulary_destroy,
    .token_logprob_workspace = token_logprob_bytes,
    .token_logprob = token_logprob,
    .token_logprob_backward_workspace = token_logprob_backward_bytes,
    .token_logprob_backward = token_logprob_backward,
    .optimizer_create = optimizer_create,
    .optimizer_destroy = optimizer_destroy,
    .optimizer_step = optimizer_step,
    .optimizer_read = optimizer_read,
    .optimizer_write = optimizer_write,
    .optimizer_step_count = optimizer_step_count,
    .optimizer_set_step_count = optimizer_set_step_count,
};

}  // namespace
}  // namespace gavel::cuda

const gavel::cuda::Plugin *gavel_cuda_plugin(void) {
  return &gavel::cuda::kPlugin;
}
