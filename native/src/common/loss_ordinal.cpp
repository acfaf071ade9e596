// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/error.h"
#include "common/row_pairs.h"

namespace gavel {

namespace {

constexpr int64_t kMostClasses = 4096;

void check_tensors(const gavel_loss_args &args, CallTensors &tensors, LossPlan &plan) {
  GAVEL_CHECK(args.classes >= 2 && args.classes <= kMostClasses, "loss.classes is %lld; ORDINAL needs 2 to %lld levels",
              static_cast<long long>(args.classes), static_cast<long long>(kMostClasses));
  GAVEL_CHECK(plan.score_count % args.classes == 0,
              "there are %lld scores, which are no whole number of rows of loss.classes = %lld",
              static_cast<long long>(plan.score_count), static_cast<long long>(args.classes));
  plan.classes = args.classes;
  plan.pairs = tensors.input(args.pairs, "loss.pairs", only(GAVEL_I64), {kAny, 2});
  plan.items = plan.pairs.shape[0];
  plan.admissible = tensors.optional_input(args.admissible, "loss.admissible", only(GAVEL_F32), {args.classes, args.classes});
}

void check_values(const LossPlan &plan) {
  if (!plan.admissible.present()) return;
  bool any = false;
  for (int64_t a = 0; a < plan.classes; ++a) {
    for (int64_t b = 0; b < plan.classes; ++b) {
      const float value = admitted(plan, a, b);
      GAVEL_CHECK(is_finite(value) && value >= 0.0f, "loss.admissible[%lld][%lld] is %g; it must be finite and at least 0",
                  static_cast<long long>(a), static_cast<long long>(b), static_cast<double>(value));
      any = any || value >= 0x1p-126f;
    }
  }
  GAVEL_CHECK(any, "loss.admissible is 0 everywhere: no pair of levels is allowed, and every loss would be infinite");
}

bool valid(const LossPlan &plan, int64_t item) {
  const RowPair pair = read_row_pair(plan, item);
  for (int64_t k = 0; k < plan.classes; ++k) {
    if (!plan.is_valid(pair.chosen * plan.classes + k) || !plan.is_valid(pair.rejected * plan.classes + k)) return false;
  }
  return true;
}

float run(const LossPlan &plan, int64_t item, float scale) {
  const RowPair pair = read_row_pair(plan, item);
  const int64_t levels = plan.classes;
  // Relative to the largest of its row, so that a common shift of a row changes nothing.
  float chosen_leader = plan.score(pair.chosen * levels);
  float rejected_leader = plan.score(pair.rejected * levels);
  for (int64_t k = 1; k < levels; ++k) {
    const float u = plan.score(pair.chosen * levels + k), v = plan.score(pair.rejected * levels + k);
    if (leads_row(u, chosen_leader)) chosen_leader = u;
    if (leads_row(v, rejected_leader)) rejected_leader = v;
  }
  const auto chosen = [&](int64_t k) { return plan.score(pair.chosen * levels + k) - chosen_leader; };
  const auto rejected = [&](int64_t k) { return plan.score(pair.rejected * levels + k) - rejected_leader; };
  const auto below = [&](int64_t a) {
    LogSumChain chain = empty_chain();
    for (int64_t b = 0; b < levels; ++b) add_product(chain, admitted(plan, a, b), rejected(b));
    return log_sum_or_nothing(chain);
  };
  const auto above = [&](int64_t b) {
    LogSumChain chain = empty_chain();
    for (int64_t a = 0; a < levels; ++a) add_product(chain, admitted(plan, a, b), chosen(a));
    return log_sum_or_nothing(chain);
  };
  LogSumChain all_chosen = empty_chain(), all_rejected = empty_chain(), joint = empty_chain();
  for (int64_t k = 0; k < levels; ++k) {
    add_product(all_chosen, 1.0f, chosen(k));
    add_product(all_rejected, 1.0f, rejected(k));
    add_product(joint, 1.0f, chosen(k) + below(k));
  }
  const float weight = plan.weight.at(item);
  for (int64_t k = 0; plan.dscore != nullptr && k < levels; ++k) {
    const float dchosen = ordinal_gradient(all_chosen, joint, chosen(k), below(k));
    const float drejected = ordinal_gradient(all_rejected, joint, rejected(k), above(k));
    plan.dscore[pair.chosen * levels + k] += scale * (weight * dchosen);
    plan.dscore[pair.rejected * levels + k] += scale * (weight * drejected);
  }
  return weight * ordinal_loss(all_chosen, all_rejected, joint);
}

}  // namespace

RowPair read_row_pair(const LossPlan &plan, int64_t item) {
  const RowPair pair = load_row_pair(plan, item);
  const int64_t rows = plan.score_count / plan.classes;
  const int64_t sides[] = {pair.chosen, pair.rejected};
  for (int side = 0; side < 2; ++side) {
    GAVEL_CHECK(sides[side] >= 0 && sides[side] < rows,
                "loss.pairs: pair %lld of %lld has %lld as its %s row; there are %lld rows of %lld scores, numbered from 0",
                static_cast<long long>(item), static_cast<long long>(plan.items), static_cast<long long>(sides[side]),
                side == 0 ? "chosen" : "rejected", static_cast<long long>(rows), static_cast<long long>(plan.classes));
  }
  GAVEL_CHECK(pair.chosen != pair.rejected, "loss.pairs: pair %lld of %lld compares row %lld with itself",
              static_cast<long long>(item), static_cast<long long>(plan.items), static_cast<long long>(pair.chosen));
  return pair;
}

const LossFamily kOrdinal = {.kind = GAVEL_LOSS_ORDINAL,
                             .name = "ORDINAL",
                             .with = "with ORDINAL",
                             .item = "pair",
                             .numbers = 0,
                             .tensors = kPairs | kAdmissible,
                             .check_tensors = check_tensors,
                             .check_values = check_values,
                             .valid = valid,
                             .run = run};

}  // namespace gavel
