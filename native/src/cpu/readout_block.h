// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_block.h: up to sixteen items whose readout a kernel takes side by side.
#ifndef GAVEL_CPU_READOUT_BLOCK_H
#define GAVEL_CPU_READOUT_BLOCK_H

#include <cstdint>

#include "common/readout_row.h"

namespace gavel {

constexpr int64_t kReadoutItems = 16;  // the lanes of a vector

struct ReadoutBlock {
  const ReadoutRow *row;
  int64_t items;
  const float *logits;  // [items, K]; null where a gradient reads none
  const float *gate;    // [items, gate outputs]; null without a gate
  float *scratch;       // [readout_block_scratch], aligned to a cache line
};

// As many threads have work at most.
GAVEL_HOST_DEVICE int64_t readout_blocks(int64_t items) {
  return (items + kReadoutItems - 1) / kReadoutItems;
}

// Rows of the vectors that hold one number of each item go in and out sixteen at a time.
GAVEL_HOST_DEVICE int64_t readout_block_vectors(int64_t numbers) {
  return (numbers + 15) / 16 * 16;
}

// Floats.
GAVEL_HOST_DEVICE int64_t readout_block_scratch(const ReadoutRow &row) {
  return kReadoutItems * (2 * readout_block_vectors(row.logits) + 2 * readout_block_vectors(row.gate_outputs) +
                          readout_block_vectors(row.scores) + readout_block_vectors(row.objective_count) +
                          readout_block_vectors(row.gate_weights) + readout_scratch(row));
}

}  // namespace gavel

#endif
