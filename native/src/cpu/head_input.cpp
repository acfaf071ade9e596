// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/head_input.h"

namespace gavel {

void finish_vector(const Kernels &kernels, const CpuHead &head, float *vector, void *rounded) {
  const gavel_head_spec &spec = head.spec.fields;
  if (spec.norm != GAVEL_NORM_NONE) {
    kernels.norm(spec.norm, vector, spec.input_width, head.norm_weight.as<float>(), head.norm_bias.as<float>(),
                 spec.norm_epsilon);
  }
  if (spec.dtype == GAVEL_F32) return;
  kernels.narrow(spec.dtype, vector, rounded, spec.input_width);
  kernels.widen(spec.dtype, rounded, vector, spec.input_width);
}

}  // namespace gavel
