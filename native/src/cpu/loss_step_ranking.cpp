// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// STEP_RANKING in blocks: sixteen groups side by side, one a lane, the wrong steps of each in front of the correct ones. Groups too large for
// a lane are walked as common/loss_step_ranking.cpp does it.
#include <algorithm>

#include "cpu/group_lanes.h"

namespace gavel {

namespace {

bool surely_right(LossPlan &plan, const Kernels &) {
  if (has_mask(plan) || !groups_right(plan)) return false;
  uint8_t labels = 0;
  for (int64_t n = 0; n < plan.score_count; ++n) labels |= plan.labels[n];
  return labels <= 1;
}

class StepLanes : public LaneGroups {
 public:
  using LaneGroups::LaneGroups;

  bool add(int64_t item, const ScoreGroup &group, float *loss) {
    LaneGroup &lane = next(item, group, loss);
    uint8_t correct[kLaneEntries];
    int64_t wrong = 0, right = 0;
    for (int64_t k = 0; k < lane.size; ++k) {
      // To both, one of which writes over it: the processor cannot foresee labels.
      const uint8_t entry = lane.entries[k];
      const bool is_right = plan_.labels[lane.begin + entry] != 0;
      correct[right] = lane.entries[wrong] = entry;
      right += is_right;
      wrong += !is_right;
    }
    std::copy_n(correct, right, lane.entries + wrong);
    wrong_[count()] = wrong;
    take();
    return true;
  }

  void finish() {
    int64_t most_wrong = 0, terms = 1;
    alignas(64) float wrong[kGroupLanes] = {}, correct[kGroupLanes] = {}, zeta[kGroupLanes], weight[kGroupLanes],
                      loss[kGroupLanes];
    for (int64_t l = 0; l < count(); ++l) {
      const int64_t right = lane(l).size - wrong_[l];
      wrong[l] = static_cast<float>(wrong_[l]);
      correct[l] = static_cast<float>(right);
      most_wrong = std::max(most_wrong, wrong_[l]);
      terms = std::max(terms, front(l) + right);
    }
    read_number(plan_.zeta, zeta);
    read_number(plan_.weight, weight);
    const auto row = [&](int64_t l, int64_t k) { return k < wrong_[l] ? k : most_wrong + front(l) + (k - wrong_[l]); };
    read_scores(scores_, most_wrong + terms, row);
    const StepsBlock block = {.most_wrong = most_wrong,
                              .terms = terms,
                              .wrong = scores_,
                              .correct = scores_ + most_wrong * kGroupLanes,
                              .wrong_steps = wrong,
                              .correct_steps = correct,
                              .zeta = zeta,
                              .weight = weight,
                              .scale = run_.scale,
                              .loss = loss,
                              .dwrong = plan_.dscore != nullptr ? dscore_ : nullptr,
                              .dcorrect = plan_.dscore != nullptr ? dscore_ + most_wrong * kGroupLanes : nullptr};
    run_.kernels.steps_block(&block);
    write(loss, dscore_, row);
  }

 private:
  // Where the correct steps begin.
  int64_t front(int64_t l) const { return wrong_[l] > 0 ? 1 : 0; }

  int64_t wrong_[kGroupLanes];
  alignas(64) float scores_[(2 * kLaneEntries + 1) * kGroupLanes], dscore_[(2 * kLaneEntries + 1) * kGroupLanes];
};

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  ScoreGroup groups[kLossBlock];
  for (int64_t k = 0; k < count; ++k) groups[k] = read_group(run.plan, begin + k);
  StepLanes lanes(run);
  run_sorted(lanes, begin, groups, count, valid, loss, [&](int64_t item, const ScoreGroup &) { return run_plain(run, item); });
}

}  // namespace

const LossBlocks kStepRankingBlocks = {4, surely_right, find_valid_items, 5, always_disjoint, run};

}  // namespace gavel
