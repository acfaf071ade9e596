// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// turns.h: calls wait for their turn where there are more of them than processors.
//
// Left to the system, more callers than processors share those by time slices of 3 to 4 ms, so of calls of 75 us one in fifty waits for a
// whole slice in the middle of its work: at four callers on two processors p99.9 was 160 times p50. Here as many calls are at work as
// there are processors, and the others sleep until it is their turn, in the order they came in: each waits for calls, not for slices.
#ifndef GAVEL_CPU_TURNS_H
#define GAVEL_CPU_TURNS_H

#include <atomic>
#include <chrono>
#include <cstdint>

namespace gavel {

class Turns {
 public:
  static constexpr std::chrono::milliseconds kLongestWait{100};
  // most: calls at work at once, at least 1.
  explicit Turns(int32_t most, std::chrono::milliseconds longest_wait = kLongestWait)
      : most_(most), longest_wait_(longest_wait) {}
  Turns(const Turns &) = delete;
  Turns &operator=(const Turns &) = delete;

  // Processors this process may run on.
  static int32_t processors();

  // Calls at work or waiting, one of them perhaps the asker's own.
  int64_t calls() const { return static_cast<int64_t>(drawn_.load() - finished_.load()); }

  // A call's turn: waits for it, and ends with the object. Nobody waits longer than longest_wait, after which the call goes on beside the
  // others: a turn is there for order, and nothing that is right depends on it. (The child of a fork has callers that never finish.)
  class Turn {
   public:
    // nanoseconds: of the call's work on one thread, roughly. Below kWorthWaiting it takes no turn.
    Turn(Turns &turns, double nanoseconds);
    ~Turn();
    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;

   private:
    Turns *turns_;
  };

  // Being woken takes about 5 us where the processor is in use, and a call this short seldom meets the end of a slice.
  static constexpr double kWorthWaiting = 10000;

 private:
  void wait(uint64_t number);
  void finish();
  bool has_come(uint64_t number) const { return number < finished_.load() + static_cast<uint64_t>(most_); }
  std::atomic<uint32_t> &signal_of(uint64_t number) { return signals_[number % kSignals]; }

  static constexpr uint64_t kSignals = 64;
  const int32_t most_;
  const std::chrono::milliseconds longest_wait_;
  // Calls have numbers as they come; that of number n has come when n - most have finished.
  alignas(64) std::atomic<uint64_t> drawn_{0};
  alignas(64) std::atomic<uint64_t> finished_{0};
  // What the call of a number sleeps on: it changes when its turn comes.
  std::atomic<uint32_t> signals_[kSignals]{};
};

}  // namespace gavel

#endif
