// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_blocks.h: what the loss kernels of kernels.h work on: a block of items, whose scores are already side by side.
#ifndef GAVEL_CPU_LOSS_BLOCKS_H
#define GAVEL_CPU_LOSS_BLOCKS_H

#include <cstdint>

namespace gavel {

// Items of a block; a power of two, so that a block's sum is one node of the tree of common/pairwise_sum.h. Blocks stay in the
// nearest cache.
constexpr int64_t kLossBlock = 256;
// Groups side by side, one a lane.
constexpr int64_t kGroupLanes = 16;
// Entries of the largest group that is evaluated in a lane.
constexpr int64_t kLaneEntries = 64;

// One value an item, or one for all where values is null.
struct BlockNumber {
  const float *values;
  float scalar;
};

// count <= kLossBlock. Gradients are times `scale`.
struct PairBlock {
  int64_t count;
  const float *chosen;
  const float *rejected;
  BlockNumber weight;
  BlockNumber beta;
  BlockNumber margin;
  BlockNumber label_smoothing;
  BlockNumber center;
  BlockNumber tie;
  const float *ties;  // above 0 where the pair is a tie; null: none is
  float scale;
  float *loss;
  float *dchosen;
  float *drejected;
};

struct ElementBlock {
  int64_t count;
  const float *scores;
  const float *targets;
  BlockNumber weight;
  BlockNumber number;  // positive_weight, or quantile
  float scale;
  float *loss;
  float *dscore;
};

// Entry e of lane l lies at [e * entry_step + l * lane_step]: in the caller's memory where groups of one size follow one another, else
// side by side (lane_step 1). What a lane has not, is never looked at but must be a number.
struct GroupBlock {
  int64_t entries;  // of the largest group, 1 to kLaneEntries
  int64_t entry_step;
  int64_t lane_step;
  const float *scores;
  const float *targets;  // null: 1 at target_entry, 0 elsewhere
  const float *sizes;    // [lanes], as are the next three
  const float *target_entry;
  const float *weight;
  const float *temperature;
  float scale;
  float *loss;    // [lanes]
  float *dscore;  // times `scale`, added to 0; null: not wanted
};

// Entries of one group that is too large for a lane. Positions count from the block's first entry; outside [0, count) there is none.
struct EntryBlock {
  int64_t count;  // at most kLossBlock
  const float *scores;
  const float *targets;  // null: 1 at target_entry, 0 elsewhere
  int64_t target_entry;
  int64_t leader_entry;
  int64_t largest_target_entry;
  // As GroupTerms of common/loss_cross_entropy.inl.
  float leader;
  float temperature;
  float rest;
  float log_sum;
  float largest_target;
  float other_targets;
  float weight;
  float scale;
};

}  // namespace gavel

#endif
