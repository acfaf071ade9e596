// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// GAVEL_BUSY: calls that read a head run together, one that writes it runs alone, and nobody waits. Scores that come through belong to one
// state of the head, never to a mixture.
#include <atomic>
#include <thread>

#include "api/handles.h"
#include "api_fixture.h"
#include "common/error.h"

using namespace gavel::test;

namespace {

constexpr uint64_t kSeed = 12;

template <typename Guard>
bool can(gavel_head *head) {
  try {
    const Guard guard(*head);
    return true;
  } catch (const gavel::Failure &failure) {
    CHECK(failure.status() == GAVEL_BUSY && failure.what()[0] != 0, "status %d", failure.status());
    return false;
  }
}

void test_exclusion(const TestHead &head) {
  using gavel::HeadReader, gavel::HeadWriter;
  {
    const HeadReader one(*head.get());
    CHECK(can<HeadReader>(head.get()), "two readers");
    CHECK(!can<HeadWriter>(head.get()), "a writer beside a reader");
  }
  {
    const HeadWriter one(*head.get());
    CHECK(!can<HeadReader>(head.get()), "a reader beside a writer");
    CHECK(!can<HeadWriter>(head.get()), "two writers");
  }
  CHECK(can<HeadWriter>(head.get()) && can<HeadReader>(head.get()), "free again");
  check_equal("users", head.get()->users, 0);
}

// While a writer is inside, every entry point that reads the head says so.
void test_entry_points(const TestContext &context, const TestHead &head, gavel_optimizer *optimizer) {
  Random random(kSeed);
  Batch batch(random, GAVEL_F32, 4, head.spec().input_width);
  batch.last = {0, 1, 2};
  Scores out;
  const gavel_score_args args = score_args(head.spec(), batch, GAVEL_POOLING_INDEX, 0, false, out);
  auto error = sized<gavel_error>();
  std::vector<float> values(head.values("output.weight")->size());
  const gavel_tensor tensor = describe(values.data(), GAVEL_F32, {1, static_cast<int64_t>(values.size())});
  const auto answers = [&](int32_t reading, int32_t writing) {
    expect_status("score", gavel_score(context.get(), head.get(), &args, nullptr, &error), reading, error);
    expect_status("read", gavel_head_read(head.get(), 2, &tensor, &error), reading, error);
    gavel_tensor none[3] = {};
    expect_status("step", gavel_optimizer_step(optimizer, none, 3, 0.1f, nullptr, &error), writing, error);
    expect_status("write", gavel_optimizer_write(optimizer, GAVEL_OPTIMIZER_MASTER, 2, &tensor, &error), writing, error);
  };
  answers(GAVEL_OK, GAVEL_OK);
  {
    const gavel::HeadReader reader(*head.get());
    answers(GAVEL_OK, GAVEL_BUSY);
  }
  const gavel::HeadWriter writer(*head.get());
  answers(GAVEL_BUSY, GAVEL_BUSY);
}

// One thread sets the output layer to one of two states, others score.
void test_at_once(const TestContext &context, const TestHead &head, gavel_optimizer *optimizer) {
  Random random(kSeed);
  const int64_t width = head.spec().hidden_width[0];
  std::vector<float> states[2] = {random_values(random, GAVEL_F32, width), random_values(random, GAVEL_F32, width)};
  Batch batch(random, GAVEL_F32, 20, head.spec().input_width);
  for (int64_t item = 0; item < 20; ++item) batch.last.push_back(item);
  auto error = sized<gavel_error>();
  const auto set = [&](std::vector<float> &state) {
    const gavel_tensor tensor = describe(state.data(), GAVEL_F32, {1, width});
    auto own = sized<gavel_error>();
    const int32_t status = gavel_optimizer_write(optimizer, GAVEL_OPTIMIZER_MASTER, 2, &tensor, &own);
    CHECK(status == GAVEL_OK || status == GAVEL_BUSY, "write: %s", own.message);
    return status;
  };
  std::vector<float> expected[2];
  for (int i = 0; i < 2; ++i) {
    expect_status("set", set(states[i]), GAVEL_OK, error);
    Scores out;
    const gavel_score_args args = score_args(head.spec(), batch, GAVEL_POOLING_INDEX, 0, false, out);
    expect_status("score", gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error);
    expected[i] = out.scores;
  }
  CHECK(expected[0] != expected[1], "two states");

  std::atomic<bool> done{false};
  std::atomic<int64_t> scored{0}, mixed{0}, written{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      Scores out;
      const gavel_score_args args = score_args(head.spec(), batch, GAVEL_POOLING_INDEX, 0, false, out);
      while (!done) {
        std::this_thread::yield();  // with the head free for a moment
        const int32_t status = gavel_score(context.get(), head.get(), &args, nullptr, nullptr);
        if (status != GAVEL_OK && status != GAVEL_BUSY) mixed.fetch_add(1);
        if (status != GAVEL_OK) continue;
        scored.fetch_add(1);
        if (out.scores != expected[0] && out.scores != expected[1]) mixed.fetch_add(1);
      }
    });
  }
  for (int64_t round = 0; round < 200000 && (written < 200 || scored < 200); ++round) {
    if (set(states[round % 2]) == GAVEL_OK) written.fetch_add(1);
  }
  done = true;
  for (std::thread &thread : threads) thread.join();
  std::fprintf(stderr, "%d calls scored, %d wrote\n", static_cast<int>(scored), static_cast<int>(written));
  check_equal("scores of no state", mixed, 0);
  CHECK(scored > 0 && written > 0, "both came through");
}

}  // namespace

int main() {
  const TestContext context(2);
  auto spec = mlp_spec(GAVEL_F32, 40, {64}, 1, GAVEL_ACTIVATION_SILU);
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS;
  const TestHead head(context.get(), spec, kSeed);
  auto options = sized<gavel_optimizer_options>();
  options.epsilon = 1e-8f;
  auto error = sized<gavel_error>();
  gavel_optimizer *optimizer = nullptr;
  expect_status("optimizer", gavel_optimizer_create(head.get(), &options, &optimizer, &error), GAVEL_OK, error);
  test_exclusion(head);
  test_entry_points(context, head, optimizer);
  test_at_once(context, head, optimizer);
  gavel_optimizer_destroy(optimizer);
  return finish();
}
