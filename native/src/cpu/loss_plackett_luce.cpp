// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// PLACKETT_LUCE in blocks: sixteen groups side by side, one a lane. Groups too large for a lane
// are walked as common/loss_plackett_luce.cpp does it.
#include <algorithm>

#include "cpu/ranked_groups.h"

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
};

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

template <typename ReadNumber>
void evaluate(const LossRun &run, const RankedGroups &groups, ReadNumber &&read_number) {
  alignas(64) float first[kGroupLanes], end[kGroupLanes], temperature[kGroupLanes];
  PlacesBlock block = {.groups = groups, .steps = 0, .uncounted = 0, .first = first, .end = end, .temperature = temperature};
  const auto size = [&](int64_t l) { return static_cast<int64_t>(groups.sizes[l]); };
  const auto uncounted = [&](int64_t l) { return run.plan.top_k == 0 ? 0 : std::max<int64_t>(0, size(l) - run.plan.top_k); };
  for (int64_t l = 0; l < kGroupLanes; ++l) block.uncounted = std::max(block.uncounted, uncounted(l));
  for (int64_t l = 0; l < kGroupLanes; ++l) {
    first[l] = static_cast<float>(block.uncounted - uncounted(l));
    end[l] = first[l] + groups.sizes[l];
    block.steps = std::max(block.steps, block.uncounted - uncounted(l) + size(l));
  }
  read_number(run.plan.temperature, temperature);
  run.kernels.places_block(&block);
}

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  ScoreGroup groups[kLossBlock];
  for (int64_t k = 0; k < count; ++k) groups[k] = read_group(run.plan, begin + k);
  run_ranked(
      run, begin, groups, count, valid, loss,
      [&](const RankedGroups &ranked, auto &&read_number) { evaluate(run, ranked, read_number); },
      [&](int64_t item, const ScoreGroup &) { return run_plain(run, item); });
}

}  // namespace

const LossBlocks kPlackettLuceBlocks = {4, surely_right, find_valid, 5, always_disjoint, run};

}  // namespace gavel
