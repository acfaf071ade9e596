// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// A call like one before it takes no memory from the system: everything comes from the context's workspaces.
#include <atomic>
#include <cerrno>

#include "readout_calls.h"
#include "token_logprob_fixture.h"

// Every allocation of this program passes here; glibc keeps its own under these names.
extern "C" {
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
}

namespace {

std::atomic<int64_t> allocations{0};

}  // namespace

extern "C" {
void *malloc(size_t bytes) {
  allocations.fetch_add(1);
  return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  allocations.fetch_add(1);
  return __libc_calloc(count, bytes);
}
void *realloc(void *block, size_t bytes) {
  allocations.fetch_add(1);
  return __libc_realloc(block, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  allocations.fetch_add(1);
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **block, size_t alignment, size_t bytes) {
  allocations.fetch_add(1);
  *block = __libc_memalign(alignment, bytes);
  return *block ? 0 : ENOMEM;
}
}

using namespace gavel::test;

namespace {

void test_score(const TestContext &context, const char *what, const gavel_head_spec &spec, int32_t pooling, int64_t items) {
  Random random(1);
  const TestHead head(context.get(), spec, 2);
  Batch batch(random, spec.dtype, 50, spec.input_width);
  for (int64_t item = 0; item < items; ++item) {
    batch.first.push_back(item % 40);
    batch.last.push_back(item % 7 == 6 ? -1 : item % 40 + 5);
  }
  Scores out;
  const gavel_score_args args = score_args(spec, batch, pooling, GAVEL_COMBINE_NONE, true, out);
  auto loss = sized<gavel_loss_args>();
  loss.kind = GAVEL_LOSS_BRADLEY_TERRY;
  loss.reduction = GAVEL_REDUCTION_MEAN_VALID;
  loss.weight = loss.beta = 1;
  std::vector<int64_t> pairs = {0, 1, 2, 3};
  loss.pairs = describe(pairs.data(), GAVEL_I64, {2, 2});
  std::vector<float> dscore(static_cast<size_t>(items));
  loss.dscore = describe(dscore.data(), GAVEL_F32, {items});
  const gavel_loss_args *with = spec.output_width == 1 ? &loss : nullptr;
  auto error = sized<gavel_error>();
  for (int call = 0; call < 3; ++call) {
    const int64_t before = allocations;
    const int32_t status = gavel_score(context.get(), head.get(), &args, with, &error);
    const int64_t taken = allocations - before;
    expect_status(what, status, GAVEL_OK, error);
    if (call > 0) check_equal(std::string(what) + ": allocations of a call like the one before", taken, 0);
  }
}

void test_token_logprob(const TestContext &context, int64_t rows) {
  Random random(1);
  const TestVocabulary vocabulary(context.get(), GAVEL_BF16, 2000, 64, random_values(random, GAVEL_BF16, 2000 * 64));
  LogprobCase from;
  from.rows = rows, from.vocabulary = &vocabulary, from.dtype = GAVEL_BF16;
  from.hidden = random_values(random, GAVEL_BF16, rows * 64);
  from.targets.assign(static_cast<size_t>(rows), 5), from.mask.assign(static_cast<size_t>(rows), 1);
  from.spans = true, from.first = {0, -1}, from.last = {rows - 1, -1};
  from.reduce = GAVEL_LOGPROB_MIN;
  LogprobOutputs out;
  const gavel_token_logprob_args args = logprob_args(from, out);
  LossProblem bce;
  bce.kind = GAVEL_LOSS_BCE, bce.positive_weight.scalar = 1;
  bce.targets = {1, 0}, bce.scores = {0, 0};
  LossOutputs loss_out;
  gavel_loss_args loss = loss_args(bce, loss_out);
  loss.scores = gavel_tensor{};
  const gavel_token_logprob_backward_args backward = logprob_backward_args(from, loss_out.dscore, out);
  auto error = sized<gavel_error>();
  for (int call = 0; call < 3; ++call) {
    const int64_t before = allocations;
    const int32_t status = gavel_token_logprob(context.get(), vocabulary.get(), &args, &loss, &error);
    const int32_t backward_status = gavel_token_logprob_backward(context.get(), &backward, &error);
    const int64_t taken = allocations - before;
    expect_status("token_logprob", status, GAVEL_OK, error);
    expect_status("token_logprob_backward", backward_status, GAVEL_OK, error);
    if (call > 0) check_equal("token log-probabilities: allocations of a call like the one before", taken, 0);
  }
}

void test_readouts() {
  for (uint64_t seed = 1; seed < 40; ++seed) {
    Random random(seed);
    const TestContext context(2);
    const ReadoutCase problem = any_readout_case(random, 50);
    const TestHead head(context.get(), problem.head, seed), gate(context.get(), problem.gate, seed + 1);
    ReadoutOutputs out;
    const gavel_score_args args = readout_score_args(problem, gate.get(), out);
    ReadoutBackward backward(problem, run_readout(context.get(), problem, head.get(), gate.get()), gate.get(), 0);
    auto error = sized<gavel_error>();
    for (int call = 0; call < 3; ++call) {
      const int64_t before = allocations;
      const int32_t status = gavel_score(context.get(), head.get(), &args, nullptr, &error);
      const int32_t back = gavel_backward(context.get(), head.get(), &backward.args, backward.gradients.tensors.data(),
                                          static_cast<int32_t>(backward.gradients.tensors.size()), &error);
      const int64_t taken = allocations - before;
      expect_status("readout", status, GAVEL_OK, error);
      expect_status("readout backward", back, GAVEL_OK, error);
      if (call > 0) check_equal("readout: allocations of a call like the one before", taken, 0);
    }
  }
}

}  // namespace

int main() {
  const int64_t before = allocations;
  std::free(std::malloc(1));
  check_equal("the counter counts", allocations - before, 1);
  const TestContext context(2);
  auto deep = mlp_spec(GAVEL_BF16, 512, {600, 300}, 1, GAVEL_ACTIVATION_SILU);
  deep.norm = GAVEL_NORM_RMS;
  deep.norm_epsilon = 1e-6f;
  test_score(context, "linear, 4 items", linear_spec(GAVEL_F32, 1024, 1), GAVEL_POOLING_INDEX, 4);
  test_score(context, "linear, 20000 items", linear_spec(GAVEL_BF16, 64, 3), GAVEL_POOLING_SPAN_MEAN, 20000);
  test_score(context, "mlp, 4 items", mlp_spec(GAVEL_F16, 1024, {256}, 1, GAVEL_ACTIVATION_RELU), GAVEL_POOLING_INDEX, 4);
  test_score(context, "mlp, 700 items", deep, GAVEL_POOLING_SPAN_MEAN, 700);
  test_readouts();
  test_token_logprob(context, 3);
  test_token_logprob(context, 300);
  return finish();
}
