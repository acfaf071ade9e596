// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// head.h: the parameters of a reward head on the device.
#ifndef GAVEL_CUDA_HEAD_H
#define GAVEL_CUDA_HEAD_H

#include <cstdint>
#include <memory>

#include "common/head_spec.h"
#include "common/tensor.h"
#include "cuda/context.h"

namespace gavel::cuda {

// Every parameter is in the head's dtype and starts at a multiple of 256 bytes. Weights of hidden layers are packed (packed.h, neurons
// filled up to kTileNeurons) and exist in that form only; all others are contiguous.
struct Head {
  Head(Context &parent, const HeadSpec &checked);

  Context &context;
  const HeadSpec spec;

  void *parameter(int32_t index) const { return static_cast<char *>(memory.data()) + offsets[index]; }
  // Hidden layer whose weight parameter `index` is, and so packed; -1: contiguous.
  int32_t packed_layer(int32_t index) const;
  // Elements of parameter `index` in memory, the filled up ones included.
  int64_t stored_elements(int32_t index) const;

  DeviceBytes memory;
  int64_t offsets[kMostParameters];
};

// host_parameters: in canonical order, shapes and dtype as the spec says, in host memory. Waits until they are copied.
std::unique_ptr<Head> create_head(Context &context, const HeadSpec &spec, const Tensor *host_parameters);

// Parameter `index` to a host tensor of its shape and the head's dtype. Waits for all work of the device.
void read_head(Head &head, int32_t index, const Tensor &host_target);

// packed (packed.h, rows filled up to kTileNeurons) <- matrix [rows, columns], both on the device, by the default stream.
void pack_weight(int32_t dtype, void *matrix, int64_t rows, int64_t columns, void *packed);

}  // namespace gavel::cuda

#endif
