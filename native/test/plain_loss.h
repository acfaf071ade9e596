// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// plain_loss.h: what losses in blocks must have the bits of: the plain loop of common/loss.cpp.
#ifndef GAVEL_TEST_PLAIN_LOSS_H
#define GAVEL_TEST_PLAIN_LOSS_H

#include <memory>

#include "api/handles.h"
#include "cpu/loss.h"
#include "loss_checks.h"

namespace gavel::test {

// One of every instruction set of this machine.
using Contexts = std::vector<std::unique_ptr<const TestContext>>;

// Even the smallest work is split there.
inline Contexts every_instruction_set() {
  Contexts contexts;
  for (int32_t set = GAVEL_INSTRUCTION_SET_SCALAR; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    auto context = std::make_unique<const TestContext>(set == GAVEL_INSTRUCTION_SET_SCALAR ? 1 : set, set);
    if (context->get() == nullptr) continue;
    context->get()->cpu->pool.set_part_nanoseconds(1);
    contexts.push_back(std::move(context));
  }
  return contexts;
}

// Item by item, as common/loss.cpp defines it.
inline LossOutputs plain_loss(const LossProblem &problem) {
  LossOutputs out;
  const gavel_loss_args args = loss_args(problem, out);
  gavel::CallTensors tensors(gavel::kHostMemory);
  gavel::LossPlan plan = gavel::check_loss(args, gavel::kAny, tensors);
  plan.scratch_bytes = gavel::loss_scratch_bytes(plan);
  std::vector<int64_t> scratch(static_cast<size_t>(plan.scratch_bytes / 8 + 1));
  plan.scratch = reinterpret_cast<char *>(scratch.data());
  const gavel::FlushDenormals flush;
  gavel::check_loss_values(plan);
  gavel::run_loss(plan, plan.scores, plan.score_stride);
  return out;
}

inline void check_blocks(const std::string &what, const LossProblem &problem, const Contexts &contexts, uint64_t seed) {
  const LossOutputs expected = plain_loss(problem);
  for (const auto &context : contexts) {
    const LossOutputs actual = run_loss(context->get(), problem);
    check_same_outputs(what, actual, expected, seed);
    check_equal("valid", actual.counts[0], expected.counts[0]);
    check_equal("skipped", actual.counts[1], expected.counts[1]);
  }
}

// Some of the scores become what arithmetic is least used to.
inline void spoil(Random &random, LossProblem &problem) {
  for (float &score : problem.scores) {
    const int64_t which = random.integer(0, 60);
    constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
    constexpr float kOdd[] = {1e4f, -1e4f, kInfinity, -kInfinity, kNan, 0.0f, -0.0f, 0x1p-130f, 3e38f, 1.0f};
    if (which < std::ssize(kOdd)) score = kOdd[which];
  }
}

inline void set_reduction(Random &random, LossProblem &problem) {
  problem.reduction = static_cast<int32_t>(random.integer(GAVEL_REDUCTION_NONE, GAVEL_REDUCTION_WEIGHTED_MEAN));
}

}  // namespace gavel::test

#endif
