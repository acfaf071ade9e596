// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// report_fault.h: how a kernel says that the data are wrong. Apart from fault.h, which files without code of the device read too.
#ifndef GAVEL_CUDA_REPORT_FAULT_H
#define GAVEL_CUDA_REPORT_FAULT_H

#include "cuda/device.h"
#include "cuda/fault.h"

namespace gavel::cuda {

// The first report stays until the host has read it.
__device__ __forceinline__ void report_fault(Fault *fault, int32_t kind, int64_t item, int64_t value, int64_t limit) {
  if (atomicCAS(&fault->kind, 0, -1) != 0) return;
  fault->item = item;
  fault->value = value;
  fault->limit = limit;
  __threadfence_system();
  atomicExch(&fault->kind, kind);
}

}  // namespace gavel::cuda

#endif
