// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// loss_plackett_luce.h: PLACKETT_LUCE: the loss of one group and its gradient, by a team of threads. The walks and their formulas are those of
// common/loss_plackett_luce.cpp.
#ifndef GAVEL_CUDA_LOSS_PLACKETT_LUCE_H
#define GAVEL_CUDA_LOSS_PLACKETT_LUCE_H

#include "cuda/chain.h"
#include "cuda/loss_groups.h"
#include "cuda/sort.h"

namespace gavel::cuda {

struct PlackettLuce : LossTraits {
  static constexpr int32_t kKind = GAVEL_LOSS_PLACKETT_LUCE;
  static constexpr LossItems kItems = LossItems::GROUPS;
  static constexpr int kEntryFloats = 3;
  using FewTeam = ThreadTeam;

  template <typename Team>
  __device__ static ItemResult evaluate(const LossTask &task, Team team, const Group &group) {
    const uint32_t item = group.item;
    const auto counts = [&](uint32_t entry) { return score_counts(task, group.begin + entry); };
    const uint32_t found = count_entries(team, group.size, counts);
    ItemResult result{found >= 2, 0.0f, number_at<kLossWeight>(task, item)};
    const float temperature = number_at<kLossTemperature>(task, item);
    bool good = true;
    if (Team::rank() == 0) {
      checked_number<kLossWeight, Range::NOT_NEGATIVE>(task, item, good);
      checked_number<kLossTemperature, Range::POSITIVE>(task, item, good);
    }
    uint32_t *order = task.order + group.begin;
    if (result.counts) {
      sort_places<Team>(task, group, order, counts);
      for (uint32_t k = 1 + Team::rank(); k < found; k += Team::size()) {
        const int64_t rank = rank_at(task, group, place(group, order, k));
        if (rank != rank_at(task, group, place(group, order, k - 1))) continue;
        report_fault(task.fault, kFaultTiedRanks, item, rank, group.begin + place(group, order, k));
        good = false;
      }
    }
    good = team.template reduce<Add>(good ? 0u : 1u) == 0;
    if (!result.counts || !good) {
      if (result.counts) result.loss = quiet_nan();
      fill_gradients<Team>(task, group, result.counts, counts);
      return result;
    }

    const uint32_t top = task.top_k == 0 || task.top_k > found ? found : static_cast<uint32_t>(task.top_k);
    float *losses = task.entries[0] + group.begin;
    if (Team::rank() < Team::kWalkers) walk<Team::kWalkers>(task, group, found, top, result.weight, temperature);
    Team::sync();
    fill_masked<Team>(task, group, counts);
    team.start_sum();
    for (uint32_t base = 0; base < top; base += Team::size()) {
      const uint32_t k = base + Team::rank();
      team.add(k < top, k < top ? __ldcg(losses + (top - 1 - k)) : 0.0f, true);
    }
    result.loss = result.weight * team.total();
    return result;
  }

 private:
  // Groups overlap where offsets fall, which is a fault; one must not follow what the other has written outside.
  __device__ __forceinline__ static uint32_t inside(const Group &group, uint32_t entry) { return min(entry, group.size - 1); }
  __device__ __forceinline__ static uint32_t place(const Group &group, const uint32_t *order, uint32_t k) {
    return inside(group, __ldcg(order + k));
  }
  __device__ __forceinline__ static int64_t rank_at(const LossTask &task, const Group &group, uint32_t entry) {
    return task.ranks[group.begin + entry];
  }

  // All entries, those that count in front, best first; equal ranks, which are a fault, in the order of the entries.
  template <typename Team, typename Counts>
  __device__ static void sort_places(const LossTask &task, const Group &group, uint32_t *order, Counts counts) {
    for (uint32_t entry = Team::rank(); entry < group.size; entry += Team::size()) __stcg(order + entry, entry);
    Team::sync();
    sort_entries<Team>(order, group.size, [&](uint32_t one, uint32_t other) {
      const uint32_t a = inside(group, one), b = inside(group, other);
      const bool a_counts = counts(a), b_counts = counts(b);
      if (a_counts != b_counts) return a_counts;
      const int64_t a_rank = rank_at(task, group, a), b_rank = rank_at(task, group, b);
      return a_rank != b_rank ? a_rank < b_rank : a < b;
    });
  }

  template <typename Team, typename Counts>
  __device__ static void fill_masked(const LossTask &task, const Group &group, Counts counts) {
    for (uint32_t entry = Team::rank(); task.dscore != nullptr && entry < group.size; entry += Team::size()) {
      if (!counts(entry)) task.dscore[group.begin + entry] = 0.0f;
    }
  }

  // Losses of the places, and gradients. By the walkers.
  template <uint32_t kWalkers>
  __device__ static void walk(const LossTask &task, const Group &group, uint32_t found, uint32_t top, float weight,
                              float temperature) {
    const uint32_t *order = task.order + group.begin;
    float *losses = task.entries[0] + group.begin;
    float *shares = task.entries[1] + group.begin, *others = task.entries[2] + group.begin;
    const uint32_t walker = threadIdx.x % kWalkers;
    const auto z = [&](uint32_t k) { return score_at(task, group.begin + place(group, order, k)) / temperature; };

    LogSumChain chain = empty_chain();
    LogSumChain last = chain;  // of the set of the last place that counts
    for (uint32_t base = 0; base < found; base += kWalkers) {
      const bool in = base + walker < found;
      const uint32_t k = in ? found - 1 - (base + walker) : 0;
      const WalkedEntry walked = walk_chain<kWalkers>(chain, in, in ? z(k) : 0.0f);
      const uint32_t at = found - top;  // place top - 1
      if (at >= base && at - base < kWalkers) last = set_of_walker<kWalkers>(walked.set, at - base);
      if (!in) continue;
      losses[k] = walked.entry.loss;
      shares[k] = walked.entry.share;
      others[k] = walked.entry.others;
    }
    if (task.dscore == nullptr) return;
    sync_walkers<kWalkers>();
    float seen = 0.0f;
    for (uint32_t base = 0; base < found; base += kWalkers) {
      const uint32_t k = base + walker;
      const bool in = k < top;
      const float other = in ? others[k] : 0.0f;
      // What the places behind the last one see is the sum for that one.
      const float before = walk_back<kWalkers>(seen, in, k + 1 < top ? other : 1.0f);
      if (k >= found) continue;
      const float gradient = in ? chain_gradient(shares[k], other, before) : share_in_chain(last, z(k)) * before;
      task.dscore[group.begin + place(group, order, k)] = weight * gradient / temperature;
    }
  }
};

}  // namespace gavel::cuda

#endif
