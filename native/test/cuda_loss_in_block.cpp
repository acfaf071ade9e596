// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_loss_in_block.cpp: a kernel that is nothing but the part of other kernels which works on any loss in one block.
#include "cuda/launch.h"
#include "cuda/loss_phases.h"
#include "cuda_loss_fixture.h"

namespace gavel::test {

namespace {

__global__ void loss_in_block_kernel(const cuda::LossTask task) {
  GAVEL_SHARED(cuda::LossMemory, memory);
  cuda::run_listed_loss_in_block(task, memory, cuda::AllLosses{});
}

}  // namespace

void launch_loss_in_block(const cuda::LossTask &task, unsigned block) {
  cuda::launch(loss_in_block_kernel, dim3(1), block, 0, nullptr, task);
}

}  // namespace gavel::test
