// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// read_out.h: readout_row.inl on one float, for host and device.
#ifndef GAVEL_COMMON_READ_OUT_H
#define GAVEL_COMMON_READ_OUT_H

#include "common/readout_row.h"
#include "common/row_walk.h"

namespace gavel {
namespace one_lane {

#include "common/readout_row.inl"

}  // namespace one_lane

using one_lane::gate_scale_gradient_row;
using one_lane::read_out_row;
using one_lane::read_out_row_gradient;

}  // namespace gavel

#endif
