// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// PLACKETT_LUCE in blocks: sixteen groups side by side, one a lane, their entries in the order of their places. Groups too large for a lane
// are walked as common/loss_plackett_luce.cpp does it.
#include <algorithm>

#include "cpu/group_lanes.h"

namespace gavel {

namespace {

// Ranks that lie within 64 of one another, as bits counted from the lowest.
struct RankBits {
  int64_t lowest = 0;
  uint64_t bits = 0;

  // False where they are further apart, or two are equal.
  bool set(const int64_t *ranks, int64_t count) {
    lowest = *std::min_element(ranks, ranks + count);
    bits = 0;
    bool right = true;
    for (int64_t k = 0; k < count; ++k) {
      const uint64_t place = distance(ranks[k]);
      right &= place < 64;
      const uint64_t bit = uint64_t{1} << (place & 63);
      right &= (bits & bit) == 0;
      bits |= bit;
    }
    return right;
  }
  uint64_t distance(int64_t rank) const { return static_cast<uint64_t>(rank) - static_cast<uint64_t>(lowest); }
  // How many are lower.
  int64_t place(int64_t rank) const {
    const uint64_t lower = (uint64_t{1} << distance(rank)) - 1;
    return (bits & lower) == lower ? static_cast<int64_t>(distance(rank)) : __builtin_popcountll(bits & lower);
  }
};

// Entries in the order of their ranks, best first. ranks: of the entries; changed.
void sort_entries(int64_t *ranks, int64_t count, uint8_t *entries) {
  uint8_t given[kLaneEntries], places[kLaneEntries];
  std::copy_n(entries, count, given);
  if (RankBits bits; bits.set(ranks, count)) {
    for (int64_t k = 0; k < count; ++k) entries[bits.place(ranks[k])] = given[k];
    return;
  }
  for (int64_t k = 0; k < count; ++k) places[k] = static_cast<uint8_t>(k);
  std::sort(places, places + count, [&](uint8_t a, uint8_t b) { return ranks[a] < ranks[b]; });
  for (int64_t k = 0; k < count; ++k) entries[k] = given[places[k]];
}

// Whether no two ranks of a group are the same is quickly seen where they are as close as places.
bool surely_right(LossPlan &plan, const Kernels &) {
  if (has_mask(plan) || !groups_right(plan)) return false;
  for (int64_t item = 0; item < plan.items; ++item) {
    const ScoreGroup group = read_group(plan, item);
    const int64_t size = group.end - group.begin;
    RankBits bits;
    if (size >= 2 && (size > kLaneEntries || !bits.set(plan.ranks + group.begin, size))) return false;
  }
  return true;
}

int64_t find_valid(const LossPlan &plan, const Kernels &, int64_t begin, int64_t count, uint8_t *valid) {
  int64_t found = 0;
  for (int64_t k = 0; k < count; ++k) {
    valid[k] = has_two_valid(plan, read_group(plan, begin + k));
    found += valid[k];
  }
  return found;
}

class PlaceLanes : public LaneGroups {
 public:
  using LaneGroups::LaneGroups;

  bool add(int64_t item, const ScoreGroup &group, float *loss) {
    LaneGroup &lane = next(item, group, loss);
    // A mask that another thread changed meanwhile.
    if (lane.size == 0) return false;
    int64_t ranks[kLaneEntries];
    for (int64_t k = 0; k < lane.size; ++k) ranks[k] = load_index(plan_.ranks + lane.score(k));
    sort_entries(ranks, lane.size, lane.entries);
    take();
    return true;
  }

  void finish() {
    int64_t uncounted = 0, steps = 0, first[kGroupLanes];
    alignas(64) float firsts[kGroupLanes] = {}, ends[kGroupLanes] = {};
    alignas(64) float temperature[kGroupLanes], weight[kGroupLanes], loss[kGroupLanes];
    for (int64_t l = 0; l < count(); ++l) uncounted = std::max(uncounted, uncounted_places(l));
    for (int64_t l = 0; l < count(); ++l) {
      first[l] = uncounted - uncounted_places(l);
      const int64_t end = first[l] + lane(l).size;
      firsts[l] = static_cast<float>(first[l]);
      ends[l] = static_cast<float>(end);
      steps = std::max(steps, end);
    }
    read_number(plan_.temperature, temperature);
    read_number(plan_.weight, weight);
    const auto row = [&](int64_t l, int64_t place) { return first[l] + lane(l).size - 1 - place; };
    read_scores(scores_, steps, row);
    const PlacesBlock block = {.steps = steps,
                               .uncounted = uncounted,
                               .scores = scores_,
                               .first = firsts,
                               .end = ends,
                               .temperature = temperature,
                               .weight = weight,
                               .scale = run_.scale,
                               .loss = loss,
                               .dscore = plan_.dscore != nullptr ? dscore_ : nullptr};
    run_.kernels.places_block(&block);
    write(loss, dscore_, row);
  }

 private:
  int64_t uncounted_places(int64_t l) const { return plan_.top_k == 0 ? 0 : std::max<int64_t>(0, lane(l).size - plan_.top_k); }

  alignas(64) float scores_[2 * kLaneEntries * kGroupLanes], dscore_[2 * kLaneEntries * kGroupLanes];
};

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  run_groups<PlaceLanes>(run, begin, count, valid, loss,
                         [&](int64_t item, const ScoreGroup &) { return run_plain(run, item); });
}

}  // namespace

const LossBlocks kPlackettLuceBlocks = {4, surely_right, find_valid, 5, always_disjoint, run};

}  // namespace gavel
