// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/loss_cross_entropy.h"

#include "common/error.h"
#include "common/loss.h"
#include "common/pairwise_sum.h"
#include "common/score_groups.h"
#include "common/target_entry.h"

namespace gavel {

void refuse_target(int64_t item, int64_t target, int64_t size) {
  fail(GAVEL_INVALID_ARGUMENT, "loss.target_index[%lld] is %lld; group %lld has %lld entries, numbered from 0",
       static_cast<long long>(item), static_cast<long long>(target), static_cast<long long>(item),
       static_cast<long long>(size));
}

namespace {

constexpr int64_t kNobody = -1;

struct Group : ScoreGroup {
  int64_t target = kNobody;  // index of the score, where targets are indices
};

Group read_bounds(const LossPlan &plan, int64_t item) {
  return {read_group(plan, item)};
}

float target_of(const LossPlan &plan, const Group &group, int64_t n) {
  if (plan.target_weights != nullptr) return plan.target_weights[n];
  return n == group.target ? 1.0f : 0.0f;
}

void refuse_masked_target(const LossPlan &plan, int64_t item, int64_t position) {
  fail(
      GAVEL_INVALID_ARGUMENT,
      "group %lld of %lld has a target on its entry %lld, which is masked; unmask the entry, move the target or mask the group",
      static_cast<long long>(item), static_cast<long long>(plan.items), static_cast<long long>(position));
}

Group read_target(const LossPlan &plan, int64_t item, Group group) {
  if (plan.target_index == nullptr) return group;
  group.target = group.begin + read_target_entry(plan, item, group.end - group.begin);
  return group;
}

// Where a group does not count, its target is not looked at: an empty group has no index to give.
bool valid(const LossPlan &plan, int64_t item) {
  Group group = read_bounds(plan, item);
  if (!has_two_valid(plan, group)) return false;
  group = read_target(plan, item, group);
  if (plan.mask == nullptr && plan.valid == nullptr) return true;
  for (int64_t n = group.begin; n < group.end; ++n) {
    if (!plan.is_valid(n) && target_of(plan, group, n) != 0.0f) refuse_masked_target(plan, item, n - group.begin);
  }
  return true;
}

void check_tensors(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan) {
  take_groups(args, tensors, plan);
  const Tensor index = tensors.optional_input(args.target_index, "loss.target_index", only(GAVEL_I64), {plan.items});
  const Tensor weights =
      tensors.optional_input(args.target_weights, "loss.target_weights", only(GAVEL_F32), {plan.score_count});
  GAVEL_CHECK(index.present() != weights.present(),
              "CROSS_ENTROPY takes exactly one of loss.target_index and loss.target_weights; found %s",
              index.present() ? "both" : "none");
  plan.target_index = index.as<int64_t>();
  plan.target_weights = weights.as<float>();
}

void check_values(const LossPlan &plan) {
  check_group_bounds(plan);
  for (int64_t n = 0; plan.target_weights != nullptr && n < plan.score_count; ++n) {
    const float target = plan.target_weights[n];
    GAVEL_CHECK(is_finite(target) && target >= 0.0f, "loss.target_weights[%lld] is %g; it must be finite and at least 0",
                static_cast<long long>(n), static_cast<double>(target));
  }
}

// The first of the largest; a NaN in front stays in front, and one elsewhere shows in the sum of exponentials.
template <typename Value>
int64_t first_largest(const LossPlan &plan, const Group &group, Value value) {
  int64_t best = kNobody;
  for (int64_t n = group.begin; n < group.end; ++n) {
    if (plan.is_valid(n) && (best == kNobody || value(n) > value(best))) best = n;
  }
  return best;
}

// Sum over the valid entries but one, in pairwise order; the one left out holds its place with 0.
template <typename Value>
float sum_but(const LossPlan &plan, const Group &group, int64_t left_out, Value value) {
  PairwiseSum sum;
  for (int64_t n = group.begin; n < group.end; ++n) {
    if (plan.is_valid(n)) sum.add(n == left_out ? 0.0f : value(n));
  }
  return sum.total();
}

float run(const LossPlan &plan, int64_t item, float scale) {
  const Group group = read_target(plan, item, read_bounds(plan, item));
  const auto score = [&](int64_t n) { return plan.score(n); };
  const auto target = [&](int64_t n) { return target_of(plan, group, n); };
  const int64_t leader = first_largest(plan, group, score);
  const int64_t largest_target = first_largest(plan, group, target);
  if (leader == kNobody) return 0.0f;

  GroupTerms terms{};
  terms.leader = plan.score(leader);
  terms.temperature = plan.temperature.at(item);
  terms.rest = sum_but(plan, group, leader, [&](int64_t n) { return exponential(scaled_gap(plan.score(n), terms)); });
  terms.log_sum = log_one_plus(terms.rest);
  terms.largest_target = target(largest_target);
  terms.other_targets = sum_but(plan, group, largest_target, target);

  const float weight = plan.weight.at(item);
  if (plan.dscore != nullptr) {
    for (int64_t n = group.begin; n < group.end; ++n) {
      if (!plan.is_valid(n)) continue;
      const float gradient = entry_gradient(plan.score(n), n == leader, target(n), n == largest_target, terms);
      plan.dscore[n] += scale * (weight * gradient / terms.temperature);
    }
  }
  // A group without any target has loss 0, but not with a NaN score in it.
  if (is_nan(terms.rest)) return terms.rest;
  return weight *
         sum_but(plan, group, kNobody, [&](int64_t n) { return entry_loss(plan.score(n), n == leader, target(n), terms); });
}

}  // namespace

const LossFamily kCrossEntropy = {.kind = GAVEL_LOSS_CROSS_ENTROPY,
                                  .name = "CROSS_ENTROPY",
                                  .with = "with CROSS_ENTROPY",
                                  .item = "group",
                                  .numbers = kTemperature,
                                  .tensors = kOffsets | kTargetIndex | kTargetWeights,
                                  .check_tensors = check_tensors,
                                  .check_values = check_values,
                                  .valid = valid,
                                  .run = run};

}  // namespace gavel
