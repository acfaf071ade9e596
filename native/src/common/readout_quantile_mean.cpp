// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/readout.h"

namespace gavel {

const ReadoutFamily kQuantileMean = {.kind = GAVEL_READOUT_QUANTILE_MEAN, .name = "QUANTILE_MEAN", .fields = kGroups};

}  // namespace gavel
