// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// fault.cu: a fault in words, those the CPU backend uses for the same mistake.
#include "cuda/fault.h"

#include "common/error.h"
#include "common/numeric.h"
#include "cuda/loss_task.h"

namespace gavel::cuda {
namespace {

using Long = long long;

double number(int64_t bits) {
  return static_cast<double>(float_of(static_cast<uint32_t>(bits)));
}

struct ParameterText {
  const char *name;
  const char *range;
};

ParameterText loss_parameter(int64_t which) {
  switch (which) {
    case kLossWeight:
      return {"loss.weight_values", "finite and at least 0"};
    case kLossBeta:
      return {"loss.beta_values", "finite and above 0"};
    case kLossMargin:
      return {"loss.margin_values", "finite"};
    case kLossLabelSmoothing:
      return {"loss.label_smoothing_values", "from 0 to 1"};
    case kLossCenter:
      return {"loss.center_values", "finite and at least 0"};
    case kLossTie:
      return {"loss.tie_values", "finite and at least 0"};
    case kLossTemperature:
      return {"loss.temperature_values", "finite and above 0"};
    default:
      return {"a parameter of the loss", "within its range"};
  }
}

}  // namespace

void fail_fault(const Fault &fault) {
  const Long item = fault.item, value = fault.value, limit = fault.limit;
  switch (fault.kind) {
    case kFaultFirstIndex:
    case kFaultLastIndex:
      fail(GAVEL_INVALID_ARGUMENT,
           "item %lld: %s[%lld] is %lld; the hidden states have %lld rows: say 0 or more and less than that, or -1 for an "
           "invalid item",
           item, fault.kind == kFaultFirstIndex ? "first" : "last", item, value, limit);
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
      const ParameterText text = loss_parameter(limit);
      fail(GAVEL_INVALID_ARGUMENT, "%s[%lld] is %g; it must be %s", text.name, item, number(value), text.range);
    }
    case kFaultGradient:
      fail(GAVEL_INVALID_ARGUMENT, "gradients[%lld]: element %lld is %g; no step was taken", limit, item, number(value));
    case kFaultStepCount:
      fail(GAVEL_INVALID_ARGUMENT, "the step count is %lld; no step can follow", value);
    default:
      fail(GAVEL_INTERNAL, "a kernel reported a fault of unknown kind %d (item %lld, value %lld, limit %lld)", fault.kind, item,
           value, limit);
  }
}

}  // namespace gavel::cuda
