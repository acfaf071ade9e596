// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/loss_bradley_terry.h"

#include "common/error.h"
#include "common/loss.h"

namespace gavel {

namespace {

struct Pair {
  int64_t chosen;
  int64_t rejected;
};

Pair read_pair(const LossPlan &plan, int64_t item) {
  const int64_t *row = plan.pairs.row<int64_t>(item);
  const Pair pair{load_index(row), load_index(row + 1)};
  const int64_t sides[] = {pair.chosen, pair.rejected};
  for (int side = 0; side < 2; ++side) {
    GAVEL_CHECK(sides[side] >= 0 && sides[side] < plan.score_count,
                "loss.pairs: pair %lld of %lld has %lld as its %s score; there are %lld scores, numbered from 0",
                static_cast<long long>(item), static_cast<long long>(plan.items), static_cast<long long>(sides[side]),
                side == 0 ? "chosen" : "rejected", static_cast<long long>(plan.score_count));
  }
  GAVEL_CHECK(pair.chosen != pair.rejected, "loss.pairs: pair %lld of %lld compares score %lld with itself",
              static_cast<long long>(item), static_cast<long long>(plan.items), static_cast<long long>(pair.chosen));
  return pair;
}

void check(const gavel_loss_args &args, Overlaps &overlaps, LossPlan &plan) {
  plan.pairs = input(args.pairs, "loss.pairs", only(GAVEL_I64), {kAny, 2});
  plan.items = plan.pairs.shape[0];
  overlaps.reads(plan.pairs, "loss.pairs");
  const Tensor tie_mask = optional_input(args.tie_mask, "loss.tie_mask", only(GAVEL_U8), {plan.items});
  overlaps.reads(tie_mask, "loss.tie_mask");
  plan.tie_mask = tie_mask.as<uint8_t>();
  GAVEL_CHECK(tie_mask.present() || args.tie_values.dtype == GAVEL_NONE,
              "loss.tie_values is given without loss.tie_mask, which says what pairs are ties");

  refuse_tensor(args.offsets, "loss.offsets", plan);
  refuse_tensor(args.target_index, "loss.target_index", plan);
  refuse_tensor(args.target_weights, "loss.target_weights", plan);
  refuse_parameter("loss.temperature", args.temperature, args.temperature_values, "loss.temperature_values", plan);
  plan.beta = check_parameter("loss.beta", args.beta, args.beta_values, "loss.beta_values", Range::POSITIVE, plan, overlaps);
  plan.margin =
      check_parameter("loss.margin", args.margin, args.margin_values, "loss.margin_values", Range::FINITE, plan, overlaps);
  plan.label_smoothing = check_parameter("loss.label_smoothing", args.label_smoothing, args.label_smoothing_values,
                                         "loss.label_smoothing_values", Range::UNIT, plan, overlaps);
  plan.center = check_parameter("loss.center", args.center, args.center_values, "loss.center_values", Range::NOT_NEGATIVE, plan,
                                overlaps);
  plan.tie = check_parameter("loss.tie", args.tie, args.tie_values, "loss.tie_values", Range::NOT_NEGATIVE, plan, overlaps);
}

bool valid(const LossPlan &plan, int64_t item) {
  const Pair pair = read_pair(plan, item);
  return plan.is_valid(pair.chosen) && plan.is_valid(pair.rejected);
}

float run(const LossPlan &plan, int64_t item, float scale) {
  const Pair pair = read_pair(plan, item);
  const PairParameters parameters{
      .weight = plan.weight.at(item),
      .beta = plan.beta.at(item),
      .margin = plan.margin.at(item),
      .label_smoothing = plan.label_smoothing.at(item),
      .center = plan.center.at(item),
      .tie = plan.tie.at(item),
      .is_tie = plan.tie_mask != nullptr && plan.tie_mask[item] != 0,
  };
  const PairTerms terms = pair_terms(plan.score(pair.chosen), plan.score(pair.rejected), parameters);
  if (plan.dscore != nullptr) {
    plan.dscore[pair.chosen] += scale * terms.dchosen;
    plan.dscore[pair.rejected] += scale * terms.drejected;
  }
  return terms.loss;
}

}  // namespace

const LossFamily kBradleyTerry = {GAVEL_LOSS_BRADLEY_TERRY, "BRADLEY_TERRY", "with BRADLEY_TERRY", "pair", check, valid, run};

}  // namespace gavel
