// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_operations.h: every kind of call that enqueues kernels, over tensors on the device, each with what it writes: for tests that
// capture them or spoil the machine under them.
#ifndef GAVEL_TEST_CUDA_OPERATIONS_H
#define GAVEL_TEST_CUDA_OPERATIONS_H

#include <functional>
#include <memory>

#include "cuda_api_fixture.h"
#include "loss_problem_kinds.h"
#include "readout_calls.h"
#include "token_logprob_fixture.h"

namespace gavel::test {

// One call, ready to be made again and again.
struct Operation {
  std::string name;
  // Enqueues it on a stream.
  std::function<int32_t(gavel_stream *stream, gavel_error &error)> run;
  // Its scratch bytes.
  std::function<int32_t(gavel_stream *stream, int64_t *bytes, gavel_error &error)> workspace;
  // Everything it writes, where it lies on the host after OnDevice::download.
  std::vector<std::vector<float> *> outputs;
  std::shared_ptr<OnDevice> device;

  std::vector<std::vector<float>> results() const {
    device->download();
    std::vector<std::vector<float>> all;
    for (const std::vector<float> *output : outputs) all.push_back(*output);
    return all;
  }
};

// Owns what the operations read and write.
class Operations {
 public:
  explicit Operations(const CudaContext &cuda) : cuda_(cuda) {
    Random random(41);
    for (const LossProblem &problem :
         {random_pairs(random, 30, 20), random_groups(random, 8, 9), random_ranked(random, GAVEL_LOSS_PLACKETT_LUCE, 6, 9),
          random_ranked(random, GAVEL_LOSS_PAIRWISE_RANKING, 6, 9), random_targets(random, GAVEL_LOSS_MSE, 40),
          random_targets(random, GAVEL_LOSS_BCE, 40), random_ranked(random, GAVEL_LOSS_STEP_RANKING, 6, 9),
          random_ordinal(random, 12, 20), random_targets(random, GAVEL_LOSS_PINBALL, 40)}) {
      add_loss(problem);
    }
    // One of each readout, and each form of gate.
    std::vector<std::pair<int32_t, int32_t>> seen;
    for (uint64_t seed = 1; seen.size() < 7; ++seed) {
      Random of_seed(seed);
      ReadoutCase problem = any_readout_case(of_seed, 13);
      const std::pair<int32_t, int32_t> kind(problem.config.readout, problem.config.form);
      if (std::find(seen.begin(), seen.end(), kind) != seen.end()) continue;
      seen.push_back(kind);
      add_readout(problem, seed);
    }
    add_logprobs(random);
  }
  Operations(const Operations &) = delete;
  Operations &operator=(const Operations &) = delete;

  const std::vector<Operation> &all() const { return all_; }

 private:
  template <typename Type>
  Type &keep(Type *made) {
    kept_.push_back(std::shared_ptr<void>(made, [](void *object) { delete static_cast<Type *>(object); }));
    return *made;
  }

  void add_loss(const LossProblem &from) {
    LossProblem &problem = keep(new LossProblem(from));
    LossOutputs &out = keep(new LossOutputs);
    gavel_loss_args &args = keep(new gavel_loss_args(loss_args(problem, out)));
    auto device = std::make_shared<OnDevice>(cuda_);
    upload(*device, args);
    gavel_context *context = cuda_.get();
    all_.push_back({"loss " + std::to_string(problem.kind),
                    [&args, context](gavel_stream *stream, gavel_error &error) {
                      args.stream = stream;
                      return gavel_loss(context, &args, &error);
                    },
                    [&args, context](gavel_stream *stream, int64_t *bytes, gavel_error &error) {
                      args.stream = stream;
                      return gavel_loss_workspace(context, &args, bytes, &error);
                    },
                    {&out.item_loss, &out.loss, &out.dscore},
                    device});
  }

  void add_readout(const ReadoutCase &from, uint64_t seed) {
    const ReadoutCase &problem = keep(new ReadoutCase(from));
    const TestHead &head = keep(new TestHead(cuda_.get(), problem.head, seed));
    const TestHead &gate = keep(new TestHead(cuda_.get(), problem.gate, seed + 1));
    ReadoutOutputs &out = keep(new ReadoutOutputs);
    gavel_score_args &args = keep(new gavel_score_args(readout_score_args(problem, gate.get(), out)));
    auto device = std::make_shared<OnDevice>(cuda_);
    upload(*device, args);
    device->upload(args, offsetof(gavel_score_args, readout_levels), offsetof(gavel_score_args, gate));
    device->upload(args, offsetof(gavel_score_args, gate_index), sizeof args);
    gavel_context *context = cuda_.get();
    gavel_head *scored = head.get();
    const std::string name = std::to_string(problem.config.readout) + "." + std::to_string(problem.config.form);
    all_.push_back({"score " + name,
                    [&args, context, scored](gavel_stream *stream, gavel_error &error) {
                      args.stream = stream;
                      return gavel_score(context, scored, &args, nullptr, &error);
                    },
                    [&args, context, scored](gavel_stream *stream, int64_t *bytes, gavel_error &error) {
                      args.stream = stream;
                      return gavel_score_workspace(context, scored, &args, nullptr, bytes, &error);
                    },
                    {&out.scores, &out.logits, &out.objectives, &out.gate_weights, &out.gate_logits, &out.vectors},
                    device});
    // The logits of no call before: any will do.
    ReadoutOutputs forward = out;
    Random random(seed + 2);
    for (std::vector<float> *values :
         {&forward.logits, &forward.gate_logits, &forward.preactivations, &forward.gate_preactivations}) {
      for (float &value : *values) value = static_cast<float>(random.normal());
    }
    auto &backward = keep(new ReadoutBackward(problem, forward, gate.get(), 0));
    auto there = std::make_shared<OnDevice>(cuda_);
    gavel_backward_args &of = backward.args;
    upload(*there, of);
    there->upload(of, offsetof(gavel_backward_args, readout_levels), offsetof(gavel_backward_args, gate));
    there->upload(of, offsetof(gavel_backward_args, gate_index), offsetof(gavel_backward_args, gate_gradients));
    auto &gradients = keep(new std::vector<gavel_tensor>(backward.gradients.tensors));
    auto &gate_gradients = keep(new std::vector<gavel_tensor>(backward.gate_gradients.tensors));
    for (gavel_tensor &tensor : gradients) there->upload(tensor);
    if (problem.gated()) {
      for (gavel_tensor &tensor : gate_gradients) there->upload(tensor);
      of.gate_gradients = gate_gradients.data();
    }
    const auto count = static_cast<int32_t>(gradients.size());
    all_.push_back({"backward " + name,
                    [&of, &gradients, count, context, scored](gavel_stream *stream, gavel_error &error) {
                      of.stream = stream;
                      return gavel_backward(context, scored, &of, gradients.data(), count, &error);
                    },
                    [&of, &gradients, count, context, scored](gavel_stream *stream, int64_t *bytes, gavel_error &error) {
                      of.stream = stream;
                      return gavel_backward_workspace(context, scored, &of, gradients.data(), count, bytes, &error);
                    },
                    {&backward.out.dvectors, &backward.out.dgate_vectors, &backward.out.dgate_scale},
                    there});
  }

  void add_logprobs(Random &random) {
    const int64_t rows = 11, tokens = 1100, width = 24;
    const TestVocabulary &vocabulary =
        keep(new TestVocabulary(cuda_.get(), GAVEL_BF16, tokens, width, random_values(random, GAVEL_BF16, tokens * width)));
    LogprobCase &from = keep(new LogprobCase);
    from.rows = rows, from.vocabulary = &vocabulary, from.dtype = GAVEL_BF16;
    from.hidden = random_values(random, GAVEL_BF16, rows * width);
    for (int64_t t = 0; t < rows; ++t) from.targets.push_back(random.integer(0, tokens - 1));
    from.spans = true, from.reduce = GAVEL_LOGPROB_MEAN;
    from.first = {0, 4, -1}, from.last = {3, 10, -1};
    LogprobOutputs &out = keep(new LogprobOutputs);
    gavel_token_logprob_args &args = keep(new gavel_token_logprob_args(logprob_args(from, out)));
    auto device = std::make_shared<OnDevice>(cuda_);
    device->upload(args, offsetof(gavel_token_logprob_args, hidden), offsetof(gavel_token_logprob_args, stream));
    gavel_context *context = cuda_.get();
    gavel_vocabulary *multiplied = vocabulary.get();
    all_.push_back({"token log-probabilities",
                    [&args, context, multiplied](gavel_stream *stream, gavel_error &error) {
                      args.stream = stream;
                      return gavel_token_logprob(context, multiplied, &args, nullptr, &error);
                    },
                    [&args, context, multiplied](gavel_stream *stream, int64_t *bytes, gavel_error &error) {
                      args.stream = stream;
                      return gavel_token_logprob_workspace(context, multiplied, &args, nullptr, bytes, &error);
                    },
                    {&out.logprobs, &out.scores},
                    device});
    std::vector<float> &dscore = keep(new std::vector<float>(random_values(random, GAVEL_F32, 3)));
    auto there = std::make_shared<OnDevice>(cuda_);
    auto &backward = keep(new gavel_token_logprob_backward_args(logprob_backward_args(from, dscore, out)));
    there->upload(backward, offsetof(gavel_token_logprob_backward_args, mask),
                  offsetof(gavel_token_logprob_backward_args, stream));
    all_.push_back({"their gradient",
                    [&backward, context](gavel_stream *stream, gavel_error &error) {
                      backward.stream = stream;
                      return gavel_token_logprob_backward(context, &backward, &error);
                    },
                    [&backward, context](gavel_stream *stream, int64_t *bytes, gavel_error &error) {
                      backward.stream = stream;
                      return gavel_token_logprob_backward_workspace(context, &backward, bytes, &error);
                    },
                    {&out.dlogprobs},
                    there});
  }

  const CudaContext &cuda_;
  std::vector<std::shared_ptr<void>> kept_;
  std::vector<Operation> all_;
};

}  // namespace gavel::test

#endif
