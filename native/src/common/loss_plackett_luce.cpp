// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// PLACKETT_LUCE. The places of a group are walked twice: from the last to the first, adding each to the set of those not better than it
// (log_sum_chain.h), and from the first to the last for the gradients, where with share_k and others_k of place k in its set
//   d loss / d z_j = share_j before_j - others_j for j <= top_k,   before_j = sum over k < j of e^(LSE_j - LSE_k)
// and before_j+1 = (before_j + 1) others_j: nothing is subtracted but what the formula itself subtracts.
#include <algorithm>
#include <new>

#include "common/error.h"
#include "common/log_sum_chain.h"
#include "common/loss.h"
#include "common/pairwise_sum.h"
#include "common/score_groups.h"

namespace gavel {

namespace {

struct Place {
  int64_t score;
  int64_t rank;
  float share;
  float others;
};

void check_tensors(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan) {
  take_groups(args, tensors, plan);
  plan.ranks = tensors.input(args.ranks, "loss.ranks", only(GAVEL_I64), {plan.score_count}).as<int64_t>();
  GAVEL_CHECK(args.top_k >= 0, "loss.top_k is %lld; say how many places count, or 0 for all",
              static_cast<long long>(args.top_k));
  plan.top_k = args.top_k;
}

int64_t scratch_bytes(const LossPlan &plan) {
  return multiply_sizes(largest_group(plan), int64_t{sizeof(Place)}, "scratch of PLACKETT_LUCE");
}

// The valid entries of the group, best first.
int64_t read_places(const LossPlan &plan, int64_t item, Place *&places) {
  const ScoreGroup group = read_group(plan, item);
  GAVEL_CHECK(group.end - group.begin <= plan.scratch_bytes / int64_t{sizeof(Place)},
              "loss.offsets changed while the call was running");
  places = reinterpret_cast<Place *>(plan.scratch);
  int64_t count = 0;
  for (int64_t n = group.begin; n < group.end; ++n) {
    if (plan.is_valid(n)) new (places + count++) Place{n, load_index(plan.ranks + n), 0.0f, 0.0f};
  }
  std::sort(places, places + count, [](const Place &a, const Place &b) { return a.rank < b.rank; });
  return count;
}

bool valid(const LossPlan &plan, int64_t item) {
  Place *places;
  const int64_t count = read_places(plan, item, places);
  for (int64_t k = 1; k < count; ++k) {
    GAVEL_CHECK(places[k].rank != places[k - 1].rank,
                "loss.ranks: scores %lld and %lld of group %lld both have rank %lld; PLACKETT_LUCE needs an order without ties "
                "(PAIRWISE_RANKING takes ties)",
                static_cast<long long>(std::min(places[k - 1].score, places[k].score)),
                static_cast<long long>(std::max(places[k - 1].score, places[k].score)), static_cast<long long>(item),
                static_cast<long long>(places[k].rank));
  }
  return count >= 2;
}

float run(const LossPlan &plan, int64_t item, float scale) {
  Place *places;
  const int64_t count = read_places(plan, item, places);
  const int64_t top = plan.top_k == 0 ? count : std::min(plan.top_k, count);
  const float temperature = plan.temperature.at(item);
  const float weight = plan.weight.at(item);
  const auto z = [&](int64_t k) { return plan.score(places[k].score) / temperature; };

  LogSumChain chain = empty_chain();
  LogSumChain last = chain;  // of the set of the last place that counts
  PairwiseSum losses;
  for (int64_t k = count - 1; k >= 0; --k) {
    const ChainEntry entry = add_to_chain(chain, z(k));
    places[k].share = entry.share;
    places[k].others = entry.others;
    if (k == top - 1) last = chain;
    if (k < top) losses.add(entry.loss);
  }
  if (plan.dscore == nullptr) return weight * losses.total();
  float before = 0.0f;
  for (int64_t k = 0; k < count; ++k) {
    float gradient;
    if (k < top) {
      gradient = chain_gradient(places[k].share, places[k].others, before);
      // What the places behind the last one see is the sum for that one.
      before = seen_before(before, k + 1 < top ? places[k].others : 1.0f);
    } else {
      gradient = share_in_chain(last, z(k)) * before;
    }
    plan.dscore[places[k].score] += scale * (weight * gradient / temperature);
  }
  return weight * losses.total();
}

void check_values(const LossPlan &plan) {
  check_group_bounds(plan);
}

}  // namespace

const LossFamily kPlackettLuce = {.kind = GAVEL_LOSS_PLACKETT_LUCE,
                                  .name = "PLACKETT_LUCE",
                                  .with = "with PLACKETT_LUCE",
                                  .item = "group",
                                  .numbers = kTemperature,
                                  .tensors = kOffsets | kRanks,
                                  .check_tensors = check_tensors,
                                  .check_values = check_values,
                                  .valid = valid,
                                  .run = run,
                                  .scratch_bytes = scratch_bytes};

}  // namespace gavel
