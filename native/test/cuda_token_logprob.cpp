// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Token log-probabilities on CUDA through the C interface: from the same logits the CPU's bits (logits given, or products of whole
// numbers, which are exact in any order), computed bounds elsewhere; spans, losses and gradients with the CPU's bits; the same bits in any
// schedule and whatever rows are beside.
#include "cuda_api_fixture.h"
#include "loss_problem.h"
#include "token_logprob_fixture.h"

using namespace gavel::test;

namespace {

void upload_logprob(OnDevice &device, gavel_token_logprob_args &args) {
  device.upload(args, offsetof(gavel_token_logprob_args, hidden), offsetof(gavel_token_logprob_args, stream));
}

LogprobOutputs run_on_device(const CudaContext &cuda, LogprobCase &from, gavel_loss_args *loss = nullptr,
                             Where where = Where::current()) {
  LogprobOutputs out;
  gavel_token_logprob_args args = logprob_args(from, out);
  OnDevice device(cuda);
  upload_logprob(device, args);
  if (loss != nullptr) upload(device, *loss);
  args.stream = cuda.stream();
  auto error = sized<gavel_error>();
  expect_status("gavel_token_logprob", gavel_token_logprob(cuda.get(), vocabulary_of(from), &args, loss, &error), GAVEL_OK,
                error, where);
  device.download(where);
  return out;
}

void backward_on_device(const CudaContext &cuda, const LogprobCase &from, const std::vector<float> &dscore,
                        LogprobOutputs &out) {
  gavel_token_logprob_backward_args args = logprob_backward_args(from, dscore, out);
  OnDevice device(cuda);
  device.upload(args, offsetof(gavel_token_logprob_backward_args, mask), offsetof(gavel_token_logprob_backward_args, stream));
  args.stream = cuda.stream();
  auto error = sized<gavel_error>();
  expect_status("backward", gavel_token_logprob_backward(cuda.get(), &args, &error), GAVEL_OK, error);
  device.download();
}

// NaNs are equal whatever their bits: the CPU gives them out as they come.
void same(const std::string &what, const std::vector<float> &actual, std::vector<float> expected, uint64_t seed) {
  check_equal(what + ": length", static_cast<int64_t>(actual.size()), static_cast<int64_t>(expected.size()));
  for (size_t k = 0; k < expected.size(); ++k) {
    if (std::isnan(expected[k]) && std::isnan(actual[k])) expected[k] = actual[k];
  }
  check_bits(what, actual.data(), expected.data(), static_cast<int64_t>(expected.size()), seed);
}

// Items that overlap, are empty, invalid or masked away; `policy` false: of logits.
LogprobCase any_case(Random &random, int64_t rows, int64_t items, bool policy) {
  LogprobCase from;
  from.rows = rows;
  if (policy) {
    from.policy = random_values(random, GAVEL_F32, rows);
  } else {
    from.dtype = static_cast<int32_t>(random.integer(GAVEL_F32, GAVEL_BF16));
    from.tokens = random.integer(1, 2600);
    from.logits = random_values(random, from.dtype, rows * from.tokens, 3);
  }
  for (int64_t t = 0; t < rows && !policy; ++t) from.targets.push_back(random.integer(0, from.tokens - 1));
  if (random.integer(0, 2) > 0) {
    for (int64_t t = 0; t < rows; ++t) from.mask.push_back(random.integer(0, 3) > 0);
  }
  from.spans = true;
  from.reduce = static_cast<int32_t>(random.integer(GAVEL_LOGPROB_SUM, GAVEL_LOGPROB_MEAN_PROB));
  if (from.reduce != GAVEL_LOGPROB_MEAN_PROB && random.integer(0, 1) > 0) {
    from.readout = GAVEL_READOUT_LOG_RATIO, from.beta = 0.05f;
    from.reference = random_values(random, GAVEL_F32, rows);
  }
  for (int64_t r = 0; r < items; ++r) {
    const int64_t first = random.integer(-1, rows - 1);
    from.first.push_back(first);
    from.last.push_back(random.integer(0, 6) == 0 ? first - 1 : random.integer(std::max<int64_t>(first, 0), rows - 1));
    if (from.last.back() < -1) from.last.back() = -1;
  }
  return from;
}

void test_spans(const CudaContext &cuda, const TestContext &cpu, uint64_t trials) {
  constexpr int64_t kItems[] = {1, 2, 7, 8, 9, 16, 17, 63, 64, 65, 257, 0};
  for (uint64_t seed = 1; seed <= trials; ++seed) {
    machine().set_seed(seed);
    Random random(seed);
    LogprobCase from = any_case(random, random.integer(1, 90), kItems[seed % std::size(kItems)], seed % 3 != 0);
    if (seed % 4 == 0 && from.tokens > 0) from.logits[0] = std::numeric_limits<float>::quiet_NaN();
    if (seed % 4 == 0 && from.tokens == 0) from.policy[0] = std::numeric_limits<float>::quiet_NaN();
    const auto items = static_cast<int64_t>(from.last.size());
    LogprobOutputs expected = run_logprob(cpu.get(), from), actual = run_on_device(cuda, from);
    same("logprobs", actual.logprobs, expected.logprobs, seed);
    same("scores", actual.scores, expected.scores, seed);
    check_equal("invalid items", actual.counts[0], expected.counts[0]);
    check_equal("NaN items", actual.counts[1], expected.counts[1]);
    const std::vector<float> dscore = random_values(random, GAVEL_F32, items);
    const gavel_token_logprob_backward_args args = logprob_backward_args(from, dscore, expected);
    auto error = sized<gavel_error>();
    expect_status("backward", gavel_token_logprob_backward(cpu.get(), &args, &error), GAVEL_OK, error);
    backward_on_device(cuda, from, dscore, actual);
    same("dlogprobs", actual.dlogprobs, expected.dlogprobs, seed);
    if (seed % 6 != 0) continue;
    for (uint64_t schedule = 201; schedule <= 208; ++schedule) {
      machine().set_seed(schedule);
      LogprobOutputs again = run_on_device(cuda, from);
      same("logprobs again", again.logprobs, actual.logprobs, seed);
      same("scores again", again.scores, actual.scores, seed);
      backward_on_device(cuda, from, dscore, again);
      same("dlogprobs again", again.dlogprobs, actual.dlogprobs, seed);
    }
  }
}

// A loss in the call is the loss of its scores, invalid spans left out.
void test_loss(const CudaContext &cuda, const TestContext &cpu) {
  for (uint64_t seed = 50; seed < 56; ++seed) {
    Random random(seed);
    LogprobCase from = any_case(random, 40, 24, true);
    std::vector<float> targets(24, 1.0f);
    LogprobOutputs outs[2];
    std::vector<float> losses[2] = {unset(1), unset(1)}, dscores[2] = {unset(24), unset(24)};
    for (const int on : {0, 1}) {
      auto loss = sized<gavel_loss_args>();
      loss.kind = GAVEL_LOSS_BCE;
      loss.reduction = GAVEL_REDUCTION_MEAN_VALID;
      loss.weight = 1;
      loss.positive_weight = 1;
      loss.targets = describe_vector(targets, GAVEL_F32);
      loss.loss = describe(losses[on].data(), GAVEL_F32, {1});
      loss.dscore = describe_vector(dscores[on], GAVEL_F32);
      if (on == 1) {
        outs[1] = run_on_device(cuda, from, &loss);
        continue;
      }
      const gavel_token_logprob_args args = logprob_args(from, outs[0]);
      auto error = sized<gavel_error>();
      expect_status("on the CPU", gavel_token_logprob(cpu.get(), nullptr, &args, &loss, &error), GAVEL_OK, error);
    }
    same("loss", losses[1], losses[0], seed);
    same("dscore", dscores[1], dscores[0], seed);
  }
}

// Whole numbers: logits of hidden states are exact, so they have the CPU's bits, too. More rows and tokens than a block and a slab have.
void test_hidden_exact(const CudaContext &cuda, const TestContext &cpu, int32_t dtype, int64_t tokens, int64_t width,
                       int64_t rows) {
  const auto seed = static_cast<uint64_t>(tokens * 10 + dtype);
  Random random(seed);
  std::vector<float> weight, hidden;
  for (int64_t i = 0; i < tokens * width; ++i) weight.push_back(static_cast<float>(random.integer(-2, 2)));
  for (int64_t i = 0; i < rows * width; ++i) hidden.push_back(static_cast<float>(random.integer(-2, 2)));
  const TestVocabulary on_cpu(cpu.get(), dtype, tokens, width, weight), on_cuda(cuda.get(), dtype, tokens, width, weight);
  LogprobCase from;
  from.rows = rows, from.dtype = dtype, from.hidden = hidden;
  for (int64_t t = 0; t < rows; ++t) {
    from.targets.push_back(random.integer(0, tokens - 1));
    from.mask.push_back(rows < 20 || t % 16 == 0 || t + 3 > rows);
    // A row that nobody needs may have any target.
    if (from.mask.back() == 0) from.targets.back() = -100;
  }
  from.vocabulary = &on_cpu;
  const LogprobOutputs expected = run_logprob(cpu.get(), from);
  from.vocabulary = &on_cuda;
  same("hidden states, V " + std::to_string(tokens), run_on_device(cuda, from).logprobs, expected.logprobs, seed);
}

void test_hidden_bounds(const CudaContext &cuda, int32_t dtype) {
  const uint64_t seed = 77 + static_cast<uint64_t>(dtype);
  const int64_t rows = 9, tokens = 1100, width = 70;
  Random random(seed);
  const TestVocabulary vocabulary(cuda.get(), dtype, tokens, width, random_values(random, dtype, tokens * width, 0.35));
  LogprobCase from;
  from.rows = rows, from.vocabulary = &vocabulary, from.dtype = dtype;
  from.hidden = random_values(random, dtype, rows * width);
  for (int64_t t = 0; t < rows; ++t) from.targets.push_back(random.integer(0, tokens - 1));
  const LogprobOutputs out = run_on_device(cuda, from);
  std::vector<double> expected, bound, logits, error;
  for (size_t t = 0; t < static_cast<size_t>(rows); ++t) {
    logits_reference(vocabulary, from.hidden.data() + t * static_cast<size_t>(width), logits, error);
    const BoundedLogprob reference = logprob_reference(logits, error, static_cast<size_t>(from.targets[t]));
    expected.push_back(reference.value), bound.push_back(reference.bound);
  }
  check_bound("hidden states", out.logprobs.data(), expected.data(), bound.data(), rows, seed);
  // Rows alone, in another schedule.
  for (size_t t = 0; t < static_cast<size_t>(rows); t += 4) {
    machine().set_seed(300 + t);
    LogprobCase one = from;
    one.rows = 1;
    one.hidden.assign(from.hidden.begin() + static_cast<int64_t>(t) * width,
                      from.hidden.begin() + static_cast<int64_t>(t + 1) * width);
    one.targets = {from.targets[t]};
    same("row alone", run_on_device(cuda, one).logprobs, {out.logprobs[t]}, seed);
  }
}

void test_edges(const CudaContext &cuda, const TestContext &cpu) {
  const float infinite = std::numeric_limits<float>::infinity();
  LogprobCase from;
  from.tokens = 3;
  from.logits = {-infinite, 0, 0, -infinite, -infinite, -infinite, infinite, 0, 0, 3e38f, -3e38f, 0, -infinite, -infinite, 5};
  from.targets = {0, 1, 0, 1, 2};
  from.rows = 5;
  same("edges", run_on_device(cuda, from).logprobs, run_logprob(cpu.get(), from).logprobs, 0);
  // What the device alone can see.
  const auto fault = [&](LogprobCase spoiled, const char *text, Where where = Where::current()) {
    LogprobOutputs out;
    gavel_token_logprob_args args = logprob_args(spoiled, out);
    OnDevice device(cuda);
    upload_logprob(device, args);
    args.stream = cuda.stream();
    auto error = sized<gavel_error>();
    expect_status("enqueued", gavel_token_logprob(cuda.get(), nullptr, &args, nullptr, &error), GAVEL_OK, error, where);
    expect_status(text, gavel_stream_synchronize(cuda.stream(), &error), GAVEL_INVALID_ARGUMENT, error, where);
    if (failed(std::strstr(error.message, text) != nullptr, where))
      std::fprintf(stderr, "'%s' lacks '%s'\n", error.message, text);
    device.download(where);
    return out;
  };
  LogprobCase wrong = from;
  wrong.targets[3] = 3;
  const LogprobOutputs out = fault(wrong, "targets[3] is 3; the vocabulary has 3 tokens");
  CHECK(std::isnan(out.logprobs[3]) && !std::isnan(out.logprobs[4]), "%g and %g", static_cast<double>(out.logprobs[3]),
        static_cast<double>(out.logprobs[4]));
  wrong = from;
  wrong.spans = true, wrong.reduce = GAVEL_LOGPROB_SUM;
  wrong.first = {0, 1}, wrong.last = {4, 5};
  fault(wrong, "item 1: last[1] is 5");
}

// A vocabulary belongs to the device it was made on.
void test_other_device(const CudaContext &cuda, const TestContext &cpu) {
  const TestVocabulary on_cpu(cpu.get(), GAVEL_F32, 3, 4, std::vector<float>(12, 1));
  LogprobCase from;
  from.rows = 1, from.vocabulary = &on_cpu, from.hidden = {1, 2, 3, 4}, from.targets = {0};
  LogprobOutputs out;
  gavel_token_logprob_args args = logprob_args(from, out);
  OnDevice device(cuda);
  upload_logprob(device, args);
  args.stream = cuda.stream();
  auto error = sized<gavel_error>();
  expect_status("another device", gavel_token_logprob(cuda.get(), on_cpu.get(), &args, nullptr, &error), GAVEL_INVALID_ARGUMENT,
                error);
  CHECK(std::strstr(error.message, "another device") != nullptr, "%s", error.message);
}

}  // namespace

int main() {
  const TestContext cpu(1);
  {
    const CudaContext cuda;
    test_spans(cuda, cpu, 36);
    test_loss(cuda, cpu);
    test_hidden_exact(cuda, cpu, GAVEL_BF16, 1500, 40, 17);
    test_hidden_exact(cuda, cpu, GAVEL_F16, 4131, 24, 3);
    test_hidden_exact(cuda, cpu, GAVEL_F32, 33, 9, 5);
    test_hidden_exact(cuda, cpu, GAVEL_BF16, 40, 8, 1030);
    for (const int32_t dtype : {GAVEL_F32, GAVEL_BF16}) test_hidden_bounds(cuda, dtype);
    test_edges(cuda, cpu);
    test_other_device(cuda, cpu);
  }
  check_equal("live device allocations", machine().live().device_allocations, 0);
  return finish();
}
