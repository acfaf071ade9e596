// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of losses alone; gavel_score runs the same losses on its own scores.
#include "common/loss.h"

#include "api/handles.h"
#include "common/error.h"
#include "common/versioned.h"
#include "cpu/loss.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

LossPlan check(gavel_context &context, const gavel_loss_args &args) {
  CallTensors tensors(context.memory());
  const LossPlan plan = check_loss(args, kAny, tensors);
  tensors.check_overlaps();
  return plan;
}

}  // namespace

extern "C" {

int32_t gavel_loss(gavel_context *context, const gavel_loss_args *args, gavel_error *error) {
  return enter("gavel_loss", error, [&] {
    gavel_context &on = checked(context);
    const gavel_loss_args wanted = read_struct(args, "args");
    LossPlan plan = check(on, wanted);
    cuda::Stream *stream = stream_of_call(on, wanted.stream, "loss.stream");
    if (stream != nullptr) return on_plugin(on.plugin->loss, plan, *stream);
    const FlushDenormals flush;
    Workspace workspace(on.cpu->workspaces);
    prepare_loss(plan, on.cpu->kernels, workspace);
    run_cpu_loss(plan, *on.cpu, plan.scores, plan.score_stride, workspace);
  });
}

int32_t gavel_loss_workspace(gavel_context *context, const gavel_loss_args *args, int64_t *bytes, gavel_error *error) {
  return enter("gavel_loss_workspace", error, [&] {
    gavel_context &on = checked(context);
    const gavel_loss_args wanted = read_struct(args, "args");
    const LossPlan plan = check(on, wanted);
    const bool on_cuda = stream_of_call(on, wanted.stream, "loss.stream") != nullptr;
    set_bytes(bytes, 0);
    if (on_cuda) on_plugin(on.plugin->loss_workspace, plan, bytes);
  });
}

}  // extern "C"
