// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Turns of calls: no more at work than there may be, in the order they came in, nobody left behind, and nobody kept by a call that never ends.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "check.h"
#include "cpu/thread_pool.h"
#include "cpu/turns.h"

using gavel::ThreadPool;
using gavel::Turns;
using namespace gavel::test;

namespace {

using Clock = std::chrono::steady_clock;
constexpr double kLong = Turns::kWorthWaiting;
// A busy machine may keep a thread from running for longer than calls wait.
constexpr std::chrono::hours kNever{1};

// At most two of eight callers at work, whatever the timing, and all get through.
void test_no_more_than_there_may_be() {
  Turns turns(2, kNever);
  std::atomic<int> working{0}, most{0}, done{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        const Turns::Turn turn(turns, kLong);
        const int now = working.fetch_add(1) + 1;
        for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::yield();
        working.fetch_sub(1);
        done.fetch_add(1);
      }
    });
  }
  for (std::thread &caller : callers) caller.join();
  check_equal("calls done", done.load(), 8 * 500);
  check_equal("most at work at once", most.load(), 2);
  check_equal("calls left", turns.calls(), int64_t{0});
}

// Callers that wait are let in as they came. Each is waited for before the next one comes.
void test_order() {
  Turns turns(1, kNever);
  std::vector<int> order;
  std::vector<std::thread> callers;
  {
    const Turns::Turn held(turns, kLong);
    for (int caller = 0; caller < 5; ++caller) {
      callers.emplace_back([&, caller] {
        const Turns::Turn turn(turns, kLong);
        order.push_back(caller);
      });
      const auto deadline = Clock::now() + std::chrono::seconds(30);
      while (turns.calls() < caller + 2 && Clock::now() < deadline) std::this_thread::yield();
    }
  }
  for (std::thread &caller : callers) caller.join();
  CHECK(order == (std::vector<int>{0, 1, 2, 3, 4}), "callers are let in in the order they came");
}

// A turn that is never given back, as in the child of a fork, delays the others and does not stop them.
void test_nobody_waits_for_ever() {
  Turns turns(1);
  const Turns::Turn held(turns, kLong);
  const auto begin = Clock::now();
  const Turns::Turn turn(turns, kLong);
  CHECK(Clock::now() - begin >= Turns::kLongestWait, "a turn that is held is waited for");
}

void test_short_calls_take_none() {
  Turns turns(1);
  const Turns::Turn held(turns, kLong);
  const Turns::Turn turn(turns, kLong / 2);
  check_equal("calls with a turn", turns.calls(), int64_t{1});
}

// Beside another call a call has fewer threads, and alone all it asked for, more than there are processors, too.
void test_parts_beside_others() {
  ThreadPool pool(4);
  const Turns::Turn own(pool.turns(), kLong);
  check_equal("alone", pool.parts_for(1e9, 100), 4);
  if (Turns::processors() < 2 || Turns::processors() > 4) return;
  const Turns::Turn other(pool.turns(), kLong);
  check_equal("beside another", pool.parts_for(1e9, 100), Turns::processors() - 1);
}

}  // namespace

int main() {
  test_no_more_than_there_may_be();
  test_order();
  test_nobody_waits_for_ever();
  test_short_calls_take_none();
  test_parts_beside_others();
  return finish();
}
