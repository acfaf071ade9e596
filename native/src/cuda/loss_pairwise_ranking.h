// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_pairwise_ranking.h: PAIRWISE_RANKING: the loss of one group and its gradient, by a team of threads. Its pairs are walked row by
// row for the loss, a pair a thread; for the gradients a thread takes one entry and all its pairs.
#ifndef GAVEL_CUDA_LOSS_PAIRWISE_RANKING_H
#define GAVEL_CUDA_LOSS_PAIRWISE_RANKING_H

#include "common/loss_pairwise_ranking.h"
#include "cuda/loss_groups.h"

namespace gavel::cuda {

struct PairwiseRanking : LossTraits {
  static constexpr int32_t kKind = GAVEL_LOSS_PAIRWISE_RANKING;
  static constexpr LossItems kItems = LossItems::GROUPS;
  using FewTeam = ThreadTeam;
  // The sums of entry_gradient live in registers.
  static constexpr int kBlocks = 2;
  // Larger groups are a fault: 2^32 pairs take one block seconds.
  static constexpr uint32_t kLevels = 17;
  static constexpr uint32_t kMostEntries = 1u << (kLevels - 1);
  static_assert(kFewEntries * (kFewEntries - 1) / 2 < 1u << ThreadTeam::kLevels);

  template <typename Team>
  __device__ static ItemResult evaluate(const LossTask &task, Team team, const Group &group) {
    const uint32_t item = group.item, size = group.size;
    const auto counts = [&](uint32_t entry) { return score_counts(task, group.begin + entry); };
    const auto score = [&](uint32_t entry) { return score_at(task, group.begin + entry); };
    const auto rank = [&](uint32_t entry) { return task.ranks[group.begin + entry]; };
    ItemResult result{has_two_ranks(team, size, counts, rank), 0.0f, number_at<kLossWeight>(task, item)};
    const float beta = number_at<kLossBeta>(task, item);
    bool good = true;
    if (Team::rank() == 0) {
      checked_number<kLossWeight, Range::NOT_NEGATIVE>(task, item, good);
      checked_number<kLossBeta, Range::POSITIVE>(task, item, good);
      if (size > kMostEntries && result.counts) {
        report_fault(task.fault, kFaultGroupSize, item, size, kMostEntries);
        good = false;
      }
    }
    good = team.template reduce<Add>(good ? 0u : 1u) == 0;
    if (!result.counts || !good) {
      if (result.counts) result.loss = quiet_nan();
      fill_gradients<Team>(task, group, result.counts, counts);
      return result;
    }

    const auto pair_of = [&](uint32_t one, uint32_t other) {
      return entry_pair(beta, score(one), score(other), rank(one) < rank(other), rank(one) > rank(other));
    };
    uint32_t mine = 0, i = 0, j = Team::rank();
    team.start_sum();
    for (uint64_t base = 0; base < static_cast<uint64_t>(size) * size; base += Team::size(), j += Team::size()) {
      for (; j >= size; j -= size) ++i;
      const bool here = i < size && j < i && counts(i) && counts(j);
      mine += here && rank(i) != rank(j) ? 1 : 0;
      team.add(here, here ? pair_of(i, j).loss : 0.0f, false);
    }
    const float losses = team.total();
    const auto pairs = static_cast<int64_t>(team.template reduce<Add>(mine));
    const float share = result.weight / static_cast<float>(pairs);
    result.loss = share * losses;
    for (uint32_t entry = Team::rank(); task.dscore != nullptr && entry < size; entry += Team::size()) {
      float gradient = 0.0f;
      if (counts(entry)) gradient = share * (beta * entry_gradient(size, entry, counts, pair_of));
      task.dscore[group.begin + entry] = gradient;
    }
    return result;
  }

 private:
  template <typename Team, typename Counts, typename Rank>
  __device__ static bool has_two_ranks(Team &team, uint32_t size, Counts counts, Rank rank) {
    // The largest rank and the complement of the smallest, both moved so that unsigned numbers order them; 0 where nothing counts.
    unsigned long long most = 0, least = 0;
    for (uint32_t entry = Team::rank(); entry < size; entry += Team::size()) {
      if (!counts(entry)) continue;
      const unsigned long long here = static_cast<unsigned long long>(rank(entry)) ^ 0x8000000000000000ull;
      most = here > most ? here : most;
      least = ~here > least ? ~here : least;
    }
    most = team.template reduce<Most>(most);
    least = team.template reduce<Most>(least);
    // Nothing but one rank, or nothing at all.
    return most != ~least && (most != 0 || least != 0);
  }

  template <typename Counts, typename PairOf>
  __device__ static float entry_gradient(uint32_t size, uint32_t one, Counts counts, PairOf pair_of) {
    ThreadPairwise<kLevels> sum;
    for (uint32_t n = 0; n < size; ++n) {
      if (n != one && counts(n)) sum.add(pair_of(one, n).dscore);
    }
    return sum.total();
  }
};

}  // namespace gavel::cuda

#endif
