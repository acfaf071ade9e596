// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_step_ranking.h: STEP_RANKING: the loss of one group and its gradient, by a team of threads. The walks and their formulas are those of
// common/loss_step_ranking.cpp.
#ifndef GAVEL_CUDA_LOSS_STEP_RANKING_H
#define GAVEL_CUDA_LOSS_STEP_RANKING_H

#include "cuda/chain.h"
#include "cuda/loss_groups.h"

namespace gavel::cuda {

struct StepRanking : LossTraits {
  static constexpr int32_t kKind = GAVEL_LOSS_STEP_RANKING;
  static constexpr LossItems kItems = LossItems::GROUPS;
  static constexpr int kEntryFloats = 3;
  using FewTeam = ThreadTeam;

  template <typename Team>
  __device__ static ItemResult evaluate(const LossTask &task, Team team, const Group &group) {
    const uint32_t item = group.item;
    const auto counts = [&](uint32_t entry) { return score_counts(task, group.begin + entry); };
    const auto correct = [&](uint32_t entry) { return counts(entry) && task.labels[group.begin + entry] != 0; };
    const uint32_t found = count_entries(team, group.size, counts);
    const uint32_t right = count_entries(team, group.size, correct);
    const bool any_wrong = right < found;
    ItemResult result{found > 0, 0.0f, number_at<kLossWeight>(task, item)};
    const float zeta = number_at<kLossZeta>(task, item);
    bool good = true;
    if (Team::rank() == 0) {
      checked_number<kLossWeight, Range::NOT_NEGATIVE>(task, item, good);
      checked_number<kLossZeta, Range::FINITE>(task, item, good);
    }
    for (uint32_t entry = Team::rank(); entry < group.size; entry += Team::size()) {
      const uint8_t label = task.labels[group.begin + entry];
      if (label <= 1 || !counts(entry)) continue;
      report_fault(task.fault, kFaultLabel, group.begin + entry, label, task.score_count);
      good = false;
    }
    good = team.template reduce<Add>(good ? 0u : 1u) == 0;
    if (!result.counts || !good) {
      if (result.counts) result.loss = quiet_nan();
      fill_gradients<Team>(task, group, result.counts, counts);
      return result;
    }

    const float weight = result.weight / static_cast<float>(static_cast<int64_t>(any_wrong) + right);
    float start = 0.0f;
    if (Team::rank() < Team::kWalkers) start = walk<Team::kWalkers>(task, group, weight, zeta);
    Team::sync();
    const float *losses = task.entries[0] + group.begin;
    team.start_sum();
    team.add(Team::rank() == 0 && any_wrong, start, false);
    for (uint32_t base = 0; base < group.size; base += Team::size()) {
      const uint32_t entry = base + Team::rank();
      const bool here = entry < group.size && correct(entry);
      team.add(here, here ? __ldcg(losses + entry) : 0.0f, false);
    }
    result.loss = weight * team.total();
    return result;
  }

 private:
  // Losses of the correct steps, and gradients. By the walkers. Returns the log-sum-exp of 0 and the wrong steps.
  template <uint32_t kWalkers>
  __device__ static float walk(const LossTask &task, const Group &group, float weight, float zeta) {
    float *losses = task.entries[0] + group.begin;
    float *shares = task.entries[1] + group.begin, *others = task.entries[2] + group.begin;
    const uint32_t size = group.size, walker = threadIdx.x % kWalkers;
    const auto counts = [&](uint32_t entry) { return score_counts(task, group.begin + entry); };
    const auto correct = [&](uint32_t entry) { return task.labels[group.begin + entry] != 0; };
    const auto score = [&](uint32_t entry) { return score_at(task, group.begin + entry); };

    LogSumChain chain = chain_of_zero();
    for (uint32_t base = 0; base < size; base += kWalkers) {
      const uint32_t entry = base + walker;
      const bool in = entry < size && counts(entry) && !correct(entry);
      walk_chain<kWalkers>(chain, in, in ? score(entry) + zeta : 0.0f);
    }
    const LogSumChain start = chain;
    for (uint32_t base = 0; base < size; base += kWalkers) {
      const uint32_t entry = base + walker;
      const bool in = entry < size && counts(entry) && correct(entry);
      const WalkedEntry walked = walk_chain<kWalkers>(chain, in, in ? score(entry) : 0.0f);
      if (!in) continue;
      losses[entry] = walked.entry.loss;
      shares[entry] = walked.entry.share;
      others[entry] = walked.entry.others;
    }
    if (task.dscore == nullptr) return log_sum_of(start);
    sync_walkers<kWalkers>();
    float seen = 0.0f;
    for (uint32_t base = 0; base < size; base += kWalkers) {
      const bool there = base + walker < size;
      const uint32_t entry = there ? size - 1 - (base + walker) : 0;
      const bool in = there && counts(entry) && correct(entry);
      const float other = in ? others[entry] : 0.0f;
      const float after = walk_back<kWalkers>(seen, in, other);
      if (in) task.dscore[group.begin + entry] = weight * chain_gradient(shares[entry], other, after);
    }
    for (uint32_t entry = walker; entry < size; entry += kWalkers) {
      if (!counts(entry)) {
        task.dscore[group.begin + entry] = 0.0f;
      } else if (!correct(entry)) {
        task.dscore[group.begin + entry] = weight * (share_in_chain(start, score(entry) + zeta) * (1.0f + seen));
      }
    }
    return log_sum_of(start);
  }
};

}  // namespace gavel::cuda

#endif
