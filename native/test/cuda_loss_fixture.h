// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_loss_fixture.h: the losses of src/cuda, run by the emulator on the problems of loss_problem.h, beside the CPU backend's.
#ifndef GAVEL_TEST_CUDA_LOSS_FIXTURE_H
#define GAVEL_TEST_CUDA_LOSS_FIXTURE_H

#include <string>
#include <vector>

#include "cuda/loss.h"
#include "cuda_device_array.h"
#include "cuda_emulator/emulator.h"
#include "loss_checks.h"

namespace gavel::test {

// How the loss is run.
struct CudaLossRun {
  unsigned block = 0;  // threads of the one block that does it all; 0: the kernel of its own
  int multiprocessors = 2;
  int64_t score_stride = 1;
  bool gradient = true;  // whether dscore is wanted
};

// A loss in one block of this many threads, as other kernels have it behind their scores.
void launch_loss_in_block(const cuda::LossTask &task, unsigned block);

struct CudaLossOutputs : LossOutputs {
  cuda::Fault fault{};
};

// Whatever the problem's values are: the host looks at none.
inline CudaLossOutputs run_cuda_loss(const LossProblem &problem, const CudaLossRun &run = {}) {
  CudaLossOutputs out;
  gavel_loss_args args = loss_args(problem, out);
  if (!run.gradient) args.dscore = gavel_tensor{};
  CallTensors tensors{Memory{}};
  LossPlan plan = check_loss(args, kAny, tensors);

  const size_t scores = problem.scores.size();
  DeviceArray<float> spread(scores * static_cast<size_t>(run.score_stride));
  for (size_t n = 0; n < scores; ++n) spread.data()[n * static_cast<size_t>(run.score_stride)] = problem.scores[n];
  DeviceArray<float> item_loss(out.item_loss.size()), loss(1), dscore(scores);
  DeviceArray<int64_t> counts(2);
  DeviceArray<cuda::Fault> fault(1);
  DeviceArray<uint32_t> counters(cuda::kLossCounters);
  *fault.data() = {};
  counters.set(std::vector<uint32_t>(cuda::kLossCounters, 0));
  plan.item_loss = item_loss.data();
  if (plan.loss != nullptr) plan.loss = loss.data();
  if (plan.dscore != nullptr) plan.dscore = dscore.data();
  plan.counts = counts.data();
  DeviceArray<char> workspace(static_cast<size_t>(cuda::loss_workspace(plan)));
  const cuda::LossTask task =
      cuda::make_loss_task(plan, spread.data(), run.score_stride, nullptr, 1, fault.data(), counters.data(), workspace.data());
  if (run.block == 0) {
    cuda::launch_loss(task, run.multiprocessors, nullptr);
  } else {
    launch_loss_in_block(task, run.block);
  }
  for (const uint32_t counter : counters.values()) check_equal("counters after the kernel", counter, 0);
  out.item_loss = item_loss.values();
  out.loss = loss.values();
  out.dscore = dscore.values();
  out.fault = *fault.data();
  std::copy_n(counts.data(), 2, out.counts);
  return out;
}

inline void check_no_fault(const std::string &what, const CudaLossOutputs &out, uint64_t seed) {
  check_equal(what + ": fault of seed " + std::to_string(seed), out.fault.kind, cuda::kNoFault);
}

// Against the CPU bit for bit: the kernel, and one block of several sizes.
inline void check_as_cpu(gavel_context *context, const LossProblem &problem, uint64_t seed, Where where = Where::current()) {
  const LossOutputs expected = run_loss(context, problem, where);
  const CudaLossRun runs[] = {{}, {0, 1, 3, true}, {64, 1, 1, true}, {256, 1, 2, true}};
  for (const CudaLossRun &run : runs) {
    const std::string what = "block of " + std::to_string(run.block) + ", stride " + std::to_string(run.score_stride);
    const CudaLossOutputs actual = run_cuda_loss(problem, run);
    check_same_outputs(what, actual, expected, seed, where);
    check_equal(what + ": valid", actual.counts[0], expected.counts[0], where);
    check_equal(what + ": skipped", actual.counts[1], expected.counts[1], where);
    check_no_fault(what, actual, seed);
    for (size_t n = 0; n < problem.scores.size(); ++n) {
      if (problem.is_valid(static_cast<int64_t>(n))) continue;
      check_equal(what + ": bits of a masked gradient", std::bit_cast<uint32_t>(actual.dscore[n]), 0, where);
    }
  }
  const CudaLossOutputs alone = run_cuda_loss(problem, {0, 2, 1, false});
  check_bits("loss without dscore", alone.loss.data(), expected.loss.data(), 1, seed, where);
}

// The same bits whatever the order in which threads and blocks run.
inline void check_schedules(const LossProblem &problem, const std::string &what, Where where = Where::current()) {
  emulator::set_seed(1);
  const CudaLossOutputs expected = run_cuda_loss(problem);
  for (uint64_t schedule = 2; schedule <= (kSanitized ? 3 : 9); ++schedule) {
    emulator::set_seed(schedule);
    check_same_outputs(what, run_cuda_loss(problem, {0, schedule % 2 == 0 ? 1 : 3, 1, true}), expected, schedule, where);
    check_same_outputs(what + " in a block", run_cuda_loss(problem, {128, 1, 1, true}), expected, schedule, where);
  }
}

}  // namespace gavel::test

#endif
