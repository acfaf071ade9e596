// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/thread_pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <system_error>

#include "common/error.h"
#include "cpu/kernels.h"

namespace gavel {

namespace {

// Waking a parked thread takes at least about this long, so nobody spins longer without a reason,
constexpr std::chrono::microseconds kSpin{20};
// and nobody longer than this: what is waited for is worth less than two parts, or another thread is at work on it.
constexpr std::chrono::microseconds kLongSpin{200};

void futex_wait(std::atomic<uint32_t> &word, uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<uint32_t> &word, int32_t count) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

// What a part is worth whose thread need not be woken,
constexpr double kWarmPartNanoseconds = 8000;
// and how soon work must follow work for its threads to be woken for less than that costs: the next one will find them awake.
constexpr int64_t kCloseNanoseconds = 200000;

// Polls until ready(), for kSpin, and while it is to come soon() for kLongSpin; then the processor is offered to others between
// the polls. True where it became ready.
template <typename Ready, typename Soon>
bool spin_until(Ready ready, Soon soon) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < 16; ++i) {
      if (ready()) return true;
      __builtin_ia32_pause();
    }
    const auto spent = Clock::now() - start;
    if (spent < kSpin) continue;
    if (spent >= kLongSpin || !soon()) return ready();
    sched_yield();
  }
}

// The threads inherit the mask of the thread that starts them. Signals sent to the process are the application's (a JVM handles its
// own on threads it knows); signals that say this very instruction went wrong stay open, so that a crash is reported as a crash.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&blocked, fault);
    pthread_sigmask(SIG_SETMASK, &blocked, &saved_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }
  BlockedSignals(const BlockedSignals &) = delete;
  BlockedSignals &operator=(const BlockedSignals &) = delete;

 private:
  sigset_t saved_;
};

constexpr uint64_t claim_word(uint32_t generation, uint32_t parts, uint32_t next) {
  return uint64_t{generation} << 32 | parts << 16 | next;
}
constexpr uint32_t generation_of(uint64_t claim) {
  return static_cast<uint32_t>(claim >> 32);
}
constexpr uint32_t parts_of(uint64_t claim) {
  return static_cast<uint32_t>(claim >> 16) & 0xffff;
}
constexpr uint32_t next_of(uint64_t claim) {
  return static_cast<uint32_t>(claim) & 0xffff;
}

}  // namespace

ThreadPool::ThreadPool(int32_t threads) : threads_(threads), process_(getpid()) {
  if (threads == 1) return;
  workers_ = std::make_unique<std::thread[]>(static_cast<size_t>(threads - 1));
  const BlockedSignals blocked;
  for (; started_ < threads - 1; ++started_) {
    try {
      workers_[started_] = std::thread([this] { work(); });
    } catch (const std::system_error &error) {
      const int32_t started = started_;
      stop();
      fail_errno(GAVEL_OUT_OF_HOST_MEMORY, error.code().value(),
                 "the system refused thread %d of %d; ask for fewer threads or raise its limit", started + 2, threads);
    }
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::stop() {
  stopping_.store(true);
  signal_.fetch_add(1);
  futex_wake(signal_, kMostThreads);
  for (int32_t i = 0; i < started_; ++i) {
    if (getpid() == process_) {
      workers_[i].join();
    } else {
      workers_[i].detach();  // a fork copied this object but not the thread: there is nothing to wait for
    }
  }
  started_ = 0;
}

int32_t ThreadPool::parts_for(double nanoseconds, int64_t most) const {
  const double least = std::min(part_nanoseconds_, kWarmPartNanoseconds);
  if (threads_ == 1 || most < 2 || nanoseconds < 2 * least) return 1;
  const double worth = nanoseconds / (is_warm() ? least : part_nanoseconds_);
  const int64_t limit = std::min<int64_t>(threads_, most);
  return worth < 2 || limit < 2 ? 1 : static_cast<int32_t>(std::min<double>(worth, static_cast<double>(limit)));
}

bool ThreadPool::is_warm() const {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  const int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(since_start).count();
  const int64_t last = last_work_.exchange(now, std::memory_order_relaxed);
  return parked_.load(std::memory_order_relaxed) < started_ || (last >= 0 && now - last < kCloseNanoseconds);
}

void ThreadPool::run_parts(int32_t parts, Function function, void *state) {
  if (parts <= 1 || threads_ == 1 || busy_.exchange(true, std::memory_order_acquire)) {
    for (int32_t part = 0; part < parts; ++part) function(state, part);
    return;
  }
  function_ = function;
  state_ = state;
  unfinished_.store(static_cast<uint32_t>(parts), std::memory_order_relaxed);
  // Part 0 is this thread's; releasing the word publishes the job.
  const uint32_t generation = generation_of(claim_.load(std::memory_order_relaxed)) + 1;
  claim_.store(claim_word(generation, static_cast<uint32_t>(parts), 1), std::memory_order_release);
  // Either a parking thread sees the new signal, or it is counted in parked_ here: both are sequentially consistent.
  signal_.fetch_add(1);
  if (parked_.load() > 0) futex_wake(signal_, parts - 1);

  function(state, 0);
  unfinished_.fetch_sub(1, std::memory_order_acq_rel);
  while (run_one()) {
  }
  wait_for_parts();
  busy_.store(false, std::memory_order_release);
}

// Claims and runs a part of the job there is. False where none is left.
bool ThreadPool::run_one() {
  uint64_t claim = claim_.load(std::memory_order_acquire);
  do {
    if (next_of(claim) >= parts_of(claim)) return false;
  } while (!claim_.compare_exchange_weak(claim, claim + 1, std::memory_order_acq_rel, std::memory_order_acquire));
  // The job cannot end before this part has: function_ and state_ belong to it.
  function_(state_, static_cast<int32_t>(next_of(claim)));
  if (unfinished_.fetch_sub(1) == 1 && caller_parked_.load() != 0) futex_wake(unfinished_, 1);
  return true;
}

void ThreadPool::wait_for_parts() {
  if (spin_until([this] { return unfinished_.load(std::memory_order_acquire) == 0; }, [] { return true; })) return;
  caller_parked_.store(1);
  for (uint32_t left; (left = unfinished_.load()) != 0;) futex_wait(unfinished_, left);
  caller_parked_.store(0);
}

void ThreadPool::work() {
  prctl(PR_SET_NAME, "gavel", 0, 0, 0);
  const FlushDenormals flush;
  for (;;) {
    const uint32_t seen = signal_.load();
    if (stopping_.load()) return;
    while (run_one()) {
    }
    const auto changed = [this, seen] { return signal_.load() != seen; };
    if (spin_until(changed, [this] { return awake_.load(std::memory_order_relaxed) > 0; })) continue;
    parked_.fetch_add(1);
    while (!changed()) futex_wait(signal_, seen);
    parked_.fetch_sub(1);
  }
}

}  // namespace gavel
