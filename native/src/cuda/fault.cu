// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// fault.cu: a fault in words, those the CPU backend uses for the same mistake.
#include "cuda/fault.h"

#include "common/error.h"
#include "common/loss.h"
#include "cuda/loss_task.h"

namespace gavel::cuda {
namespace {

using Long = long long;

double number(int64_t bits) {
  return static_cast<double>(float_of(static_cast<uint32_t>(bits)));
}

}  // namespace

void fail_fault(const Fault &fault) {
  const Long item = fault.item, value = fault.value, limit = fault.limit;
  switch (fault.kind) {
    case kFaultFirstIndex:
    case kFaultLastIndex:
    case kFaultGateIndex:
      fail(GAVEL_INVALID_ARGUMENT,
           "item %lld: %s[%lld] is %lld; the hidden states have %lld rows: say 0 or more and less than that, or -1 for an "
           "invalid item",
           item,
           fault.kind == kFaultFirstIndex  ? "first"
           : fault.kind == kFaultLastIndex ? "last"
                                           : "gate_index",
           item, value, limit);
    case kFaultPairChosen:
    case kFaultPairRejected:
      fail(GAVEL_INVALID_ARGUMENT, "loss.pairs: pair %lld has %lld as its %s score; there are %lld scores, numbered from 0",
           item, value, fault.kind == kFaultPairChosen ? "chosen" : "rejected", limit);
    case kFaultPairItself:
      fail(GAVEL_INVALID_ARGUMENT, "loss.pairs: pair %lld compares score %lld with itself", item, value);
    case kFaultOffsets:
      fail(GAVEL_INVALID_ARGUMENT,
           "loss.offsets[%lld] is %lld; offsets start at 0, do not fall and end at the number of scores, %lld", item, value,
           limit);
    case kFaultTargetIndex:
      fail(GAVEL_INVALID_ARGUMENT, "loss.target_index[%lld] is %lld; group %lld has %lld entries, numbered from 0", item, value,
           item, limit);
    case kFaultTargetMasked:
      fail(GAVEL_INVALID_ARGUMENT,
           "group %lld has a target on its entry %lld, which is masked; unmask the entry, move the target or mask the group",
           item, value);
    case kFaultTargetWeight:
      fail(GAVEL_INVALID_ARGUMENT, "loss.target_weights[%lld] is %g; it must be finite and at least 0", item, number(value));
    case kFaultLossParameter: {
      if (limit < 0 || limit >= kLossParameters) break;
      const LossNumberField &field = kLossNumbers[limit];
      fail(GAVEL_INVALID_ARGUMENT, "%s[%lld] is %g; it must be %s", field.values_name, item, number(value),
           range_text(field.range));
    }
    case kFaultGradient:
      fail(GAVEL_INVALID_ARGUMENT, "gradients[%lld]: element %lld is %g; no step was taken", limit, item, number(value));
    case kFaultStepCount:
      fail(GAVEL_INVALID_ARGUMENT, "the step count is %lld; no step can follow", value);
    case kFaultRowChosen:
    case kFaultRowRejected:
      fail(GAVEL_INVALID_ARGUMENT, "loss.pairs: pair %lld has %lld as its %s row; there are %lld rows, numbered from 0", item,
           value, fault.kind == kFaultRowChosen ? "chosen" : "rejected", limit);
    case kFaultRowItself:
      fail(GAVEL_INVALID_ARGUMENT, "loss.pairs: pair %lld compares row %lld with itself", item, value);
    case kFaultTiedRanks:
      fail(GAVEL_INVALID_ARGUMENT,
           "loss.ranks: score %lld and another of group %lld both have rank %lld; PLACKETT_LUCE needs an order without ties "
           "(PAIRWISE_RANKING takes ties)",
           limit, item, value);
    case kFaultLabel:
      fail(GAVEL_INVALID_ARGUMENT, "loss.labels[%lld] is %lld; say 1 (a correct step) or 0 (a wrong one)", item, value);
    case kFaultTarget:
      fail(GAVEL_INVALID_ARGUMENT, "loss.targets[%lld] is %g; it must be finite, or NaN for a score without a target", item,
           number(value));
    case kFaultProbability:
      fail(GAVEL_INVALID_ARGUMENT, "loss.targets[%lld] is %g; BCE needs 0 to 1, or NaN for a score without a target", item,
           number(value));
    case kFaultAdmissible:
      fail(GAVEL_INVALID_ARGUMENT, "loss.admissible[%lld][%lld] is %g; it must be finite and at least 0", item, limit,
           number(value));
    case kFaultNothingAdmitted:
      fail(GAVEL_INVALID_ARGUMENT,
           "loss.admissible is 0 everywhere: no pair of levels is allowed, and every loss would be infinite");
    case kFaultGroupSize:
      fail(GAVEL_UNSUPPORTED,
           "group %lld has %lld entries; PAIRWISE_RANKING on CUDA takes at most %lld: cut the group, or use a CPU context",
           item, value, limit);
    case kFaultReadout:
      fail(GAVEL_INVALID_ARGUMENT, "%s[%lld] is %g; it must be finite",
           limit == kReadoutLevels    ? "readout_levels"
           : limit == kReadoutWeights ? "readout_weights"
                                      : "gate_transform",
           item, number(value));
    case kFaultToken:
      fail(GAVEL_INVALID_ARGUMENT,
           "targets[%lld] is %lld; the vocabulary has %lld tokens: say 0 or more and less than that, or leave the row out with "
           "the mask or the spans",
           item, value, limit);
    default:
      break;
  }
  fail(GAVEL_INTERNAL, "a kernel reported a fault of unknown kind %d (item %lld, value %lld, limit %lld)", fault.kind, item,
       value, limit);
}

}  // namespace gavel::cuda
