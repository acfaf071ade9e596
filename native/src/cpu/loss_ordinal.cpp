// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// ORDINAL in blocks: sixteen pairs of rows side by side, one a lane. The gradient of a score is the sum of its pairs' in the order of the
// pairs. Rows of more levels than a lane takes are done as common/loss_ordinal.cpp does it.
#include <algorithm>

#include "common/row_pairs.h"
#include "cpu/group_lanes.h"

namespace gavel {

namespace {

bool surely_right(LossPlan &plan, const Kernels &) {
  if (has_mask(plan) || plan.admissible.present()) return false;
  const int64_t rows = plan.score_count / plan.classes;
  bool right = true;
  for (int64_t item = 0; item < plan.items; ++item) {
    const RowPair pair = load_row_pair(plan, item);
    right &=
        pair.chosen >= 0 && pair.chosen < rows && pair.rejected >= 0 && pair.rejected < rows && pair.chosen != pair.rejected;
  }
  return right;
}

int64_t find_valid(const LossPlan &plan, const Kernels &kernels, int64_t begin, int64_t count, uint8_t *valid) {
  return has_mask(plan) ? find_valid_items(plan, kernels, begin, count, valid) : count;
}

// Whether the pairs are neighbours, or all chosen rows stand in a row and all rejected ones in another.
bool disjoint(const LossPlan &plan) {
  const RowPair first = load_row_pair(plan, 0);
  PairRow row{first.chosen, first.rejected, 1};
  if (row.distance() < plan.items) row.step = 2;
  if (row.step == 2 && row.distance() != 1) return false;
  for (int64_t item = 1; item < plan.items; ++item) {
    const RowPair pair = load_row_pair(plan, item);
    if (PairRow{pair.chosen, pair.rejected, row.step} != row.from(item)) return false;
  }
  return true;
}

class LevelLanes {
 public:
  explicit LevelLanes(const LossRun &run) : run_(run), levels_(run.plan.classes) {
    for (int64_t a = 0; a < levels_; ++a) {
      for (int64_t b = 0; b < levels_; ++b) {
        const float factor = admitted(run.plan, a, b);
        factors_[a * levels_ + b] = factor;
        log_factors_[a * levels_ + b] = factor == 0.0f || factor == 1.0f ? 0.0f : natural_log(factor);
      }
    }
  }

  int64_t count() const { return count_; }

  void add(int64_t item, float *loss) {
    const LossPlan &plan = run_.plan;
    const RowPair pair = read_row_pair(plan, item);
    for (int64_t k = 0; k < levels_; ++k) {
      chosen_[k * kGroupLanes + count_] = plan.score(pair.chosen * levels_ + k);
      rejected_[k * kGroupLanes + count_] = plan.score(pair.rejected * levels_ + k);
    }
    weight_[count_] = plan.weight.at(item);
    pairs_[count_] = pair;
    loss_[count_++] = loss;
  }

  void finish() {
    for (int64_t l = count_; l < kGroupLanes; ++l) {
      weight_[l] = 0;
      for (int64_t k = 0; k < levels_; ++k) chosen_[k * kGroupLanes + l] = rejected_[k * kGroupLanes + l] = 0;
    }
    float *dscore = run_.plan.dscore;
    alignas(64) float loss[kGroupLanes];
    const LevelsBlock block = {.levels = levels_,
                               .chosen = chosen_,
                               .rejected = rejected_,
                               .factors = factors_,
                               .log_factors = log_factors_,
                               .weight = weight_,
                               .scale = run_.scale,
                               .loss = loss,
                               .dchosen = dscore != nullptr ? dchosen_ : nullptr,
                               .drejected = dscore != nullptr ? drejected_ : nullptr};
    run_.kernels.levels_block(&block);
    for (int64_t l = 0; l < count_; ++l) {
      *loss_[l] = loss[l];
      for (int64_t k = 0; dscore != nullptr && k < levels_; ++k) {
        dscore[pairs_[l].chosen * levels_ + k] += dchosen_[k * kGroupLanes + l];
        dscore[pairs_[l].rejected * levels_ + k] += drejected_[k * kGroupLanes + l];
      }
    }
    count_ = 0;
  }

 private:
  static constexpr int64_t kPlaces = kLaneEntries * kGroupLanes;
  const LossRun &run_;
  const int64_t levels_;
  int64_t count_ = 0;
  RowPair pairs_[kGroupLanes];
  float *loss_[kGroupLanes];
  alignas(64) float weight_[kGroupLanes], chosen_[kPlaces], rejected_[kPlaces], dchosen_[kPlaces], drejected_[kPlaces];
  float factors_[kLaneEntries * kLaneEntries], log_factors_[kLaneEntries * kLaneEntries];
};

void run(const LossRun &run, int64_t begin, int64_t count, const uint8_t *valid, float *loss) {
  const auto for_each_valid = [&](auto &&body) {
    for (int64_t k = 0; k < count; ++k) {
      if (valid == nullptr || valid[k] != 0) body(begin + k, loss + k);
    }
  };
  if (run.plan.classes > kLaneEntries) {
    return for_each_valid([&](int64_t item, float *at) { *at = run_plain(run, item); });
  }
  LevelLanes lanes(run);
  for_each_valid([&](int64_t item, float *at) {
    lanes.add(item, at);
    if (lanes.count() == kGroupLanes) lanes.finish();
  });
  if (lanes.count() > 0) lanes.finish();
}

}  // namespace

const LossBlocks kOrdinalBlocks = {4, surely_right, find_valid, 5, disjoint, run};

}  // namespace gavel
