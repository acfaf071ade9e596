// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_cross_entropy.h: CROSS_ENTROPY: the loss of one group and its gradient, by a team of threads.
//
// Passes over the group: validity, the leader and the largest target, two sums, then losses and gradients; all but the first find the
// scores in the nearest cache.
#ifndef GAVEL_CUDA_LOSS_CROSS_ENTROPY_H
#define GAVEL_CUDA_LOSS_CROSS_ENTROPY_H

#include "common/loss_cross_entropy.h"
#include "cuda/loss_groups.h"

namespace gavel::cuda {

// The first of the largest of value(entry) over the entries that count, as a running comparison with > finds it: a NaN in front stays in
// front, and one elsewhere is passed over. `first`: the first entry that counts.
template <typename Team, typename Counts, typename Value>
__device__ __forceinline__ uint32_t first_largest(Team &team, uint32_t size, uint32_t first, Counts counts, Value value) {
  unsigned long long best = 0;
  for (uint32_t entry = Team::rank(); entry < size; entry += Team::size()) {
    if (!counts(entry)) continue;
    const float here = value(entry);
    unsigned long long rank = is_nan(here) ? 0 : rank_of(here, entry);
    if (entry == first && is_nan(here)) rank = ~0ull << 32 | ~entry;
    best = rank > best ? rank : best;
  }
  return ~static_cast<uint32_t>(team.template reduce<Most>(best));
}

struct CrossEntropy : LossTraits {
  static constexpr int32_t kKind = GAVEL_LOSS_CROSS_ENTROPY;
  static constexpr LossItems kItems = LossItems::GROUPS;
  using FewTeam = LaneTeam<kFewEntries>;

  template <typename Team>
  __device__ static ItemResult evaluate(const LossTask &task, Team team, const Group &group) {
    const uint32_t item = group.item, begin = group.begin, size = group.size;
    const bool packed = task.mask == nullptr && task.valid == nullptr;
    const auto counts = [&](uint32_t entry) { return packed || score_counts(task, begin + entry); };
    const auto score = [&](uint32_t entry) { return score_at(task, begin + entry); };
    // One pass: how many entries count (low half) and which is the first (complement in the high half).
    uint32_t found = 0, first = 0xffffffffu;
    for (uint32_t entry = Team::rank(); entry < size; entry += Team::size()) {
      if (!counts(entry)) continue;
      if (found == 0) first = entry;
      ++found;
    }
    found = static_cast<uint32_t>(team.template reduce<Add>(found));
    first = ~static_cast<uint32_t>(team.template reduce<Most>(~first));

    bool good = true;
    ItemResult result{found >= 2, 0.0f, 0.0f};
    float temperature = 1.0f;
    if (group.here && Team::rank() == 0) {
      // By one thread, or the fault would be found several times; the others look at `good` below.
      checked_number<kLossWeight, Range::NOT_NEGATIVE>(task, item, good);
      checked_number<kLossTemperature, Range::POSITIVE>(task, item, good);
    }
    if (group.here) {
      result.weight = number_at<kLossWeight>(task, item);
      temperature = number_at<kLossTemperature>(task, item);
    }
    // Where a group does not count its target is not looked at.
    uint32_t target_entry = kNoSide;
    if (size > 0 && result.counts && task.target_index != nullptr) {
      const int64_t position = task.target_index[item];
      if (position >= 0 && position < static_cast<int64_t>(size)) {
        target_entry = static_cast<uint32_t>(position);
        if (Team::rank() == 0 && !counts(target_entry)) {
          report_fault(task.fault, kFaultTargetMasked, item, position, size);
          good = false;
        }
      } else if (Team::rank() == 0) {
        report_fault(task.fault, kFaultTargetIndex, item, position, size);
        good = false;
      }
    }
    const auto target = [&](uint32_t entry) {
      if (task.target_weights != nullptr) return task.target_weights[begin + entry];
      return entry == target_entry ? 1.0f : 0.0f;
    };
    if (task.target_weights != nullptr) {
      for (uint32_t entry = Team::rank(); entry < size; entry += Team::size()) {
        const float weight = target(entry);
        if (!in_range(weight, Range::NOT_NEGATIVE)) {
          report_fault(task.fault, kFaultTargetWeight, begin + entry, bits_of(weight), task.score_count);
          good = false;
        } else if (result.counts && weight != 0.0f && !counts(entry)) {
          report_fault(task.fault, kFaultTargetMasked, item, entry, size);
          good = false;
        }
      }
    }
    good = team.template reduce<Add>(good ? 0u : 1u) == 0;

    // Loops, not a call for each: the code of a sum or a search, for three teams, is most of what every score kernel carries for its loss.
    uint32_t leader = 0, largest_target = target_entry;
    GAVEL_UNROLL_BY(1)
    for (int turn = 0; turn < (task.target_weights != nullptr ? 2 : 1); ++turn) {
      const uint32_t largest =
          first_largest(team, size, first, counts, [&](uint32_t entry) { return turn == 0 ? score(entry) : target(entry); });
      (turn == 0 ? leader : largest_target) = largest;
    }
    GroupTerms terms{};
    const bool whole = result.counts && good;
    terms.leader = whole ? score(leader) : 0.0f;
    terms.temperature = temperature;
    terms.largest_target = whole ? target(largest_target) : 0.0f;
    float losses = 0.0f;
    // Sums over the entries that count but one, in pairwise order; the one left out holds its place with 0. Of the exponentials; of the
    // targets; of the losses.
    GAVEL_UNROLL_BY(1)
    for (int turn = 0; turn < 3; ++turn) {
      if (turn == 1 && task.target_weights == nullptr) continue;
      const uint32_t left_out = turn == 0 ? leader : turn == 1 ? largest_target : kNoSide;
      team.start_sum();
      for (uint32_t base = 0; base == 0 || base < size; base += Team::size()) {
        const uint32_t entry = base + Team::rank();
        const bool here = entry < size && counts(entry);
        float term = 0.0f;
        if (here && entry != left_out) {
          term = turn == 0   ? exponential(scaled_gap(score(entry), terms))
                 : turn == 1 ? target(entry)
                             : entry_loss(score(entry), entry == leader, target(entry), terms);
        }
        team.add(here, term, packed);
      }
      const float sum = team.total();
      if (turn == 0) terms.rest = sum, terms.log_sum = log_one_plus(sum);
      if (turn == 1) terms.other_targets = sum;
      if (turn == 2) losses = sum;
    }

    if (task.dscore != nullptr) {
      for (uint32_t entry = Team::rank(); entry < size; entry += Team::size()) {
        float gradient = 0.0f;
        if (result.counts && counts(entry)) {
          gradient = good ? result.weight *
                                entry_gradient(score(entry), entry == leader, target(entry), entry == largest_target, terms) /
                                temperature
                          : quiet_nan();
        }
        task.dscore[begin + entry] = gradient;
      }
    }
    if (result.counts) {
      // A group without any target has loss 0, but not with a NaN score in it.
      result.loss = !good ? quiet_nan() : is_nan(terms.rest) ? terms.rest : result.weight * losses;
    }
    return result;
  }
};

}  // namespace gavel::cuda

#endif
