// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_training_call.h: problems of whole numbers, and gavel_backward on the device, of tensors described in host memory, which get the
// results.
#ifndef GAVEL_TEST_CUDA_TRAINING_CALL_H
#define GAVEL_TEST_CUDA_TRAINING_CALL_H

#include "cuda_api_fixture.h"
#include "training_fixture.h"

namespace gavel::test {

// Small whole numbers, spans of 1, 2 or 4 rows, so that means are exact; some items are invalid. With parameters that are small whole
// numbers, too, nothing is rounded anywhere: every order of additions gives the same bits.
inline TrainingCase exact_case(Random &random, const gavel_head_spec &spec, int64_t items, int32_t pooling, int32_t combine) {
  TrainingCase training = random_case(random, spec, items, pooling, combine, 0);
  for (float &value : training.batch.values) value = static_cast<float>(random.integer(-2, 2));
  training.batch.reencode();
  for (size_t r = 0; r < training.batch.last.size(); ++r) {
    int64_t &first = training.batch.first[r];
    first = random.integer(0, training.batch.tokens - 4);
    training.batch.last[r] = first + (int64_t{1} << random.integer(0, 2)) - 1;
    if (random.integer(0, 5) == 0) training.batch.last[r] = pooling == GAVEL_POOLING_INDEX ? -1 : first - 1;
  }
  for (float &value : training.dscore) value = static_cast<float>(4 * random.integer(-2, 2));
  return training;
}

inline TrainingOutputs backward_on_device(const CudaContext &context, gavel_head *head, const gavel_head_spec &spec,
                                          const TrainingCase &training, const Scores &forward, int64_t row_gap = 3) {
  TrainingOutputs out;
  out.forward = forward;
  GradientBuffers buffers(spec, std::numeric_limits<float>::quiet_NaN(), row_gap);
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
