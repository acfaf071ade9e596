// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/loss_bradley_terry.h"

#include "common/error.h"
#include "common/loss.h"
#include "common/score_pairs.h"

namespace gavel {

void refuse_pair(const LossPlan &plan, int64_t item, const ScorePair &pair) {
  const int64_t sides[] = {pair.chosen, pair.rejected};
  for (int side = 0; side < 2; ++side) {
    GAVEL_CHECK(sides[side] >= 0 && sides[side] < plan.score_count,
                "loss.pairs: pair %lld of %lld has %lld as its %s score; there are %lld scores, numbered from 0",
                static_cast<long long>(item), static_cast<long long>(plan.items), static_cast<long long>(sides[side]),
                side == 0 ? "chosen" : "rejected", static_cast<long long>(plan.score_count));
  }
  fail(GAVEL_INVALID_ARGUMENT, "loss.pairs: pair %lld of %lld compares score %lld with itself", static_cast<long long>(item),
       static_cast<long long>(plan.items), static_cast<long long>(pair.chosen));
}

namespace {

void check_tensors(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan) {
  plan.pairs = tensors.input(args.pairs, "loss.pairs", only(GAVEL_I64), {kAny, 2});
  plan.items = plan.pairs.shape[0];
  const Tensor tie_mask = tensors.optional_input(args.tie_mask, "loss.tie_mask", only(GAVEL_U8), {plan.items});
  plan.tie_mask = tie_mask.as<uint8_t>();
  GAVEL_CHECK(tie_mask.present() || args.tie_values.dtype == GAVEL_NONE,
              "loss.tie_values is given without loss.tie_mask, which says what pairs are ties");
}

// Pairs are all there is, and valid() looks at each.
void check_values(const LossPlan &) {}

bool valid(const LossPlan &plan, int64_t item) {
  const ScorePair pair = read_pair(plan, item);
  return plan.is_valid(pair.chosen) && plan.is_valid(pair.rejected);
}

float run(const LossPlan &plan, int64_t item, float scale) {
  const ScorePair pair = read_pair(plan, item);
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

const LossFamily kBradleyTerry = {.kind = GAVEL_LOSS_BRADLEY_TERRY,
                                  .name = "BRADLEY_TERRY",
                                  .with = "with BRADLEY_TERRY",
                                  .item = "pair",
                                  .numbers = kBeta | kMargin | kLabelSmoothing | kCenter | kTie,
                                  .tensors = kPairs | kTieMask,
                                  .check_tensors = check_tensors,
                                  .check_values = check_values,
                                  .valid = valid,
                                  .run = run};

}  // namespace gavel
