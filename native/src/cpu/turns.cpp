// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/turns.h"

#include <algorithm>
#include <ctime>
#include <thread>

#include "cpu/futex.h"

namespace gavel {

int32_t Turns::processors() {
  // 0 where the system does not say: then nobody waits.
  const unsigned count = std::thread::hardware_concurrency();
  return count == 0 ? INT32_MAX : static_cast<int32_t>(count);
}

Turns::Turn::Turn(Turns &turns, double nanoseconds) : turns_(nanoseconds < kWorthWaiting ? nullptr : &turns) {
  if (turns_ != nullptr) turns_->wait(turns_->drawn_.fetch_add(1));
}

Turns::Turn::~Turn() {
  if (turns_ != nullptr) turns_->finish();
}

void Turns::wait(uint64_t number) {
  if (has_come(number)) return;
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + longest_wait_;
  std::atomic<uint32_t> &signal = signal_of(number);
  for (;;) {
    // Read before the question: a turn that comes in between changes it.
    const uint32_t seen = signal.load();
    if (has_come(number)) return;
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(end - Clock::now()).count();
    if (left <= 0) return;
    futex_wait(signal, seen, left);
  }
}

void Turns::finish() {
  // Both are sequentially consistent: either the next call has drawn its number by now, or it sees this one finished.
  const uint64_t next = finished_.fetch_add(1) + static_cast<uint64_t>(most_);
  if (next >= drawn_.load()) return;
  std::atomic<uint32_t> &signal = signal_of(next);
  signal.fetch_add(1);
  // More than one where 64 calls or more wait.
  futex_wake(signal, INT32_MAX);
}

}  // namespace gavel
