// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// optimizer.h: AdamW on the device, over f32 masters of a head's parameters. Two launches a step whatever the number of parameters, and the
// bits of the CPU backend.
#ifndef GAVEL_CUDA_OPTIMIZER_H
#define GAVEL_CUDA_OPTIMIZER_H

#include <cstdint>
#include <memory>

#include "common/adamw.h"
#include "common/tensor.h"
#include "cuda/head.h"

namespace gavel::cuda {

struct Stream;

// On the device, so that a step that was captured into a graph counts when it is replayed.
struct OptimizerProgress {
  int64_t step_count;
  unsigned long long bad;  // 0, or of the first gradient that is not finite: all ones less (parameter << 40 | element)
  int32_t apply;           // whether the step at hand is taken
  AdamwStep matrix;        // constants of the step at hand, for parameters of rank 2
  AdamwStep vector;        // and for the others
};

struct Optimizer {
  // Keeps no reference to the head: the caller does. Masters are the head's parameters widened. Waits for the device.
  Optimizer(Head &head, const gavel_optimizer_options &checked_options);

  float *state(int32_t which, int32_t index) const;

  Head &head;
  const gavel_optimizer_options options;
  DeviceBytes states;                // f32: masters, first moments, second moments, each of all parameters, contiguous
  int64_t offsets[kMostParameters];  // of a parameter among the masters, in floats; multiples of 64
  int64_t kind_stride;               // floats from the masters to the first moments, and on to the second ones
  DeviceBytes progress;
};

// gradients: one per parameter, f32 on the device, absent ones leave theirs alone. A gradient that is not finite, or a step count that can
// grow no further, is a fault, and nothing changes.
void enqueue_step(Optimizer &optimizer, const Tensor *gradients, float learning_rate, Stream &stream);

// State GAVEL_OPTIMIZER_* of parameter `index` to or from host memory; writing a master sets the head's parameter, too. These and the
// step count wait for all work of the device.
void read_state(Optimizer &optimizer, int32_t which, int32_t index, const Tensor &host_target);
void write_state(Optimizer &optimizer, int32_t which, int32_t index, const Tensor &host_source);
int64_t step_count(Optimizer &optimizer);
void set_step_count(Optimizer &optimizer, int64_t steps);

}  // namespace gavel::cuda

#endif
