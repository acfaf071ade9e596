// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// fault.h: that the data, which only the device can see, are wrong: what a kernel says of it (report_fault.h) and the host makes of it.
//
// A kernel goes on with NaN for the item (or changes nothing) and reports the fault here; the next gavel_stream_synchronize of the
// stream turns it into a message like the one the CPU backend gives at once. One record per stream, in pinned host memory.
#ifndef GAVEL_CUDA_FAULT_H
#define GAVEL_CUDA_FAULT_H

#include <cstdint>

namespace gavel::cuda {

// What was found. fault.cu has one line per kind: which of item, value and limit mean what, and the message.
enum FaultKind : int32_t {
  kNoFault = 0,
  kFaultFirstIndex = 1,      // first[item] = value, limit rows
  kFaultLastIndex = 2,       // last[item] = value, limit rows
  kFaultPairChosen = 3,      // pair item has score value as its chosen one, limit scores
  kFaultPairRejected = 4,    // and as its rejected one
  kFaultPairItself = 5,      // pair item compares score value with itself
  kFaultOffsets = 6,         // offsets[item] = value, in a list that ends at limit
  kFaultTargetIndex = 7,     // target_index[item] = value, limit entries
  kFaultTargetMasked = 8,    // group item has a target on its entry value, which is masked
  kFaultTargetWeight = 9,    // target_weights[item]: value holds the bits of the f32
  kFaultLossParameter = 10,  // parameter number limit (loss_task.h) of item: value holds the bits of the f32
  kFaultGradient = 11,       // gradients[limit], element item: value holds the bits of the f32
  kFaultStepCount = 12,      // the optimizer has taken value steps, no more can be counted
  kFaultRowChosen = 13,      // as kFaultPairChosen and the two behind it, but of rows of scores
  kFaultRowRejected = 14,
  kFaultRowItself = 15,
  kFaultTiedRanks = 16,        // of group item two entries have rank value, one of them score limit
  kFaultLabel = 17,            // labels[item] = value
  kFaultTarget = 18,           // targets[item]: value holds the bits of the f32
  kFaultProbability = 19,      // likewise, where it must be from 0 to 1
  kFaultAdmissible = 20,       // admissible[item][limit]: value holds the bits of the f32
  kFaultNothingAdmitted = 21,  // admissible, [limit, limit], is 0 everywhere
  kFaultGroupSize = 22,        // group item has value entries, limit are taken
  kFaultGateIndex = 23,        // gate_index[item] = value, limit rows
  kFaultReadout = 24,          // number item of ReadoutNumbers limit: value holds the bits of the f32
  kFaultToken = 25,            // targets[item] = value, limit tokens
};

// `limit` of kFaultReadout.
enum ReadoutNumbers : int32_t { kReadoutLevels = 0, kReadoutWeights = 1, kReadoutTransform = 2 };

struct Fault {
  int32_t kind;  // 0: none; -1: being written
  int32_t reserved;
  int64_t item;
  int64_t value;
  int64_t limit;
};

// Throws Failure with the message of a fault that the host has read.
[[noreturn]] void fail_fault(const Fault &fault);

}  // namespace gavel::cuda

#endif
