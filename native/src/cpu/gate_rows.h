// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gate_rows.h: which rows a gate reads.
#ifndef GAVEL_CPU_GATE_ROWS_H
#define GAVEL_CPU_GATE_ROWS_H

#include "common/readout.h"
#include "cpu/pooling.h"

namespace gavel {

struct GatePooling {
  Pooling rows;     // X[gate_index]
  Pooling vectors;  // what the gate reads: those, or [X[last]; X[gate_index]] with TWO_STREAM
};

// Items without a row for the gate become invalid in `items`, too.
inline GatePooling resolve_gate(const ReadoutPlan &plan, Pooling &items, const Tensor &hidden, Workspace &workspace) {
  GatePooling gate;
  gate.rows = resolve_pooling(GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, Tensor{}, plan.gate_index, hidden.shape[0],
                              hidden.shape[1], workspace, "args.hidden", "args.gate_index");
  join_validity(items, gate.rows);
  gate.vectors = plan.two_streams() ? concatenate_rows(items, gate.rows, workspace) : gate.rows;
  return gate;
}

}  // namespace gavel

#endif
