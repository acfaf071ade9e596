// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// STEP_RANKING: the steps are one growing set (log_sum_chain.h): 0, the wrong ones with their margin, then the correct ones in order.
// With share and others of each correct step t in the set up to it, and after_t = sum over later correct steps k of e^(D_t - D_k):
//   d / d s_t = share_t after_t - others_t,   after of the step before t = (after_t + 1) others_t
//   d / d s_w = e^(s_w + zeta - D_0) (1 + after_0)
#include <new>

#include "common/error.h"
#include "common/log_sum_chain.h"
#include "common/loss.h"
#include "common/pairwise_sum.h"
#include "common/score_groups.h"

namespace gavel {

namespace {

enum class Kind { MASKED, WRONG, CORRECT };
// What a step is, read once so that both walks agree, and, for a correct one, its place in the set.
struct Step {
  Kind kind;
  ChainEntry entry;
};

void check_tensors(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan) {
  take_groups(args, tensors, plan);
  plan.labels = tensors.input(args.labels, "loss.labels", only(GAVEL_U8), {plan.score_count}).as<uint8_t>();
}

void check_values(const LossPlan &plan) {
  check_group_bounds(plan);
  for (int64_t n = 0; n < plan.score_count; ++n) {
    GAVEL_CHECK(plan.labels[n] <= 1 || !plan.is_valid(n), "loss.labels[%lld] is %d; say 1 (a correct step) or 0 (a wrong one)",
                static_cast<long long>(n), plan.labels[n]);
  }
}

int64_t scratch_bytes(const LossPlan &plan) {
  return multiply_sizes(largest_group(plan), int64_t{sizeof(Step)}, "scratch of STEP_RANKING");
}

bool valid(const LossPlan &plan, int64_t item) {
  const ScoreGroup group = read_group(plan, item);
  for (int64_t n = group.begin; n < group.end; ++n) {
    if (plan.is_valid(n)) return true;
  }
  return false;
}

float run(const LossPlan &plan, int64_t item, float scale) {
  const ScoreGroup group = read_group(plan, item);
  GAVEL_CHECK(group.end - group.begin <= plan.scratch_bytes / int64_t{sizeof(Step)},
              "loss.offsets changed while the call was running");
  Step *steps = reinterpret_cast<Step *>(plan.scratch);
  const auto step = [&](int64_t n) -> Step & { return steps[n - group.begin]; };
  const float zeta = plan.zeta.at(item);
  int64_t wrong = 0, correct = 0;
  LogSumChain chain = chain_of_zero();
  for (int64_t n = group.begin; n < group.end; ++n) {
    const Kind kind = !plan.is_valid(n) ? Kind::MASKED : plan.labels[n] != 0 ? Kind::CORRECT : Kind::WRONG;
    new (&step(n)) Step{kind, {}};
    correct += kind == Kind::CORRECT;
    wrong += kind == Kind::WRONG;
    if (kind == Kind::WRONG) extend_chain(chain, plan.score(n) + zeta);
  }
  // A mask that another thread changed meanwhile.
  if (wrong + correct == 0) return 0.0f;
  const LogSumChain start = chain;
  const float weight = plan.weight.at(item) / static_cast<float>((wrong > 0) + correct);
  PairwiseSum losses;
  if (wrong > 0) losses.add(log_sum_of(start));
  for (int64_t n = group.begin; n < group.end; ++n) {
    if (step(n).kind != Kind::CORRECT) continue;
    step(n).entry = add_to_chain(chain, plan.score(n));
    losses.add(step(n).entry.loss);
  }
  const float loss = weight * losses.total();
  if (plan.dscore == nullptr) return loss;
  float after = 0.0f;
  for (int64_t n = group.end - 1; n >= group.begin; --n) {
    if (step(n).kind != Kind::CORRECT) continue;
    const ChainEntry &entry = step(n).entry;
    plan.dscore[n] += scale * (weight * chain_gradient(entry.share, entry.others, after));
    after = seen_before(after, entry.others);
  }
  for (int64_t n = group.begin; n < group.end; ++n) {
    if (step(n).kind != Kind::WRONG) continue;
    plan.dscore[n] += scale * (weight * (share_in_chain(start, plan.score(n) + zeta) * (1.0f + after)));
  }
  return loss;
}

}  // namespace

const LossFamily kStepRanking = {.kind = GAVEL_LOSS_STEP_RANKING,
                                 .name = "STEP_RANKING",
                                 .with = "with STEP_RANKING",
                                 .item = "group",
                                 .numbers = kZeta,
                                 .tensors = kOffsets | kLabels,
                                 .check_tensors = check_tensors,
                                 .check_values = check_values,
                                 .valid = valid,
                                 .run = run,
                                 .scratch_bytes = scratch_bytes};

}  // namespace gavel
