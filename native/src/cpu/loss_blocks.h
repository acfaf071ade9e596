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

// Groups whose entries have ranks, whole numbers up to 2^24, the lowest for the best one. Entries lie as in GroupBlock.
struct RankedGroups {
  int64_t entries;  // of the largest group, 1 to kLaneEntries
  int64_t entry_step;
  int64_t lane_step;
  const float *scores;
  const float *ranks;
  const float *sizes;  // [lanes], as is the next one
  const float *weight;
  float scale;
  float *loss;    // [lanes]
  float *dscore;  // times `scale`, added to 0; null: not wanted
};

// PAIRWISE_RANKING.
struct RankingBlock {
  RankedGroups groups;
  const float *beta;  // [lanes]
};

// PLACKETT_LUCE. Places are walked from the last to the first, one a step. A lane begins where its last place that counts is step `uncounted`,
// as it is in all.
struct PlacesBlock {
  RankedGroups groups;
  int64_t steps;  // up to 2 kLaneEntries
  int64_t uncounted;
  const float *first;  // [lanes], as are the next two: step of the last place
  const float *end;    // one behind that of the first
  const float *temperature;
};

// One entry of a group that is too large for a lane, and `count` <= kLossBlock others.
struct RankingRow {
  int64_t count;
  const float *scores;
  const float *ranks;
  float score;
  float rank;
  float beta;
};

// In the blocks below entry e of lane l lies at [16 e + l], and what a lane has not must be a number; numbers are [lanes].

// STEP_RANKING. In a lane with wrong steps the correct ones begin at [1], else at [0].
struct StepsBlock {
  int64_t most_wrong;
  int64_t terms;  // where the correct steps end; at least 1, at most kLaneEntries + 1
  const float *wrong;
  const float *correct;
  const float *wrong_steps;
  const float *correct_steps;
  const float *zeta;
  const float *weight;
  float scale;
  float *loss;
  float *dwrong;  // times `scale`; null, as is dcorrect: not wanted
  float *dcorrect;
};

// ORDINAL: a pair of rows a lane.
struct LevelsBlock {
  int64_t levels;  // up to kLaneEntries
  const float *chosen;
  const float *rejected;
  const float *factors;      // [levels, levels], what is admitted
  const float *log_factors;  // of those above 0
  const float *weight;
  float scale;
  float *loss;
  float *dchosen;  // times `scale`; null, as is drejected: not wanted
  float *drejected;
};

}  // namespace gavel

#endif
