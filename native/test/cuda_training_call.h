// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_training_call.h: gavel_backward on the device, of tensors described in host memory, which get the results.
#ifndef GAVEL_TEST_CUDA_TRAINING_CALL_H
#define GAVEL_TEST_CUDA_TRAINING_CALL_H

#include "cuda_api_fixture.h"
#include "training_fixture.h"

namespace gavel::test {

inline TrainingOutputs backward_on_device(const CudaContext &context, gavel_head *head, const gavel_head_spec &spec,
                                          const TrainingCase &training, const Scores &forward) {
  TrainingOutputs out;
  out.forward = forward;
  GradientBuffers buffers(spec, std::numeric_limits<float>::quiet_NaN(), 3);
  gavel_backward_args args = backward_args(spec, training, forward, out.dvectors);
  OnDevice device(context);
  upload(device, args);
  args.stream = context.stream();
  std::vector<gavel_tensor> gradients = buffers.tensors;
  for (gavel_tensor &gradient : gradients) device.upload(gradient);
  auto error = sized<gavel_error>();
  expect_status("backward",
                gavel_backward(context.get(), head, &args, gradients.data(), static_cast<int32_t>(gradients.size()), &error),
                GAVEL_OK, error);
  device.download();
  out.names = buffers.names;
  for (size_t i = 0; i < gradients.size(); ++i) out.gradients.push_back(buffers.values(i));
  return out;
}

}  // namespace gavel::test

#endif
