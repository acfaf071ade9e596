// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// threads.cpp: every CUDA thread is an OS thread, two blocks at a time. What a barrier or an intrinsic orders is ordered here, and as
// little else as possible, so that ThreadSanitizer sees the races that the kernel has. A thread that waits therefore sleeps on a word of
// its own: on a common mutex it would, waking up, come after what faster threads have done since, and hide a race with that.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "engine.h"

namespace gavel::emulator {
namespace {

constexpr uint64_t kBlocksAtOnce = 2;

class Sleeper {
 public:
  void wait() {
    while (awake_.load(std::memory_order_acquire) == 0) {
      syscall(SYS_futex, reinterpret_cast<uint32_t *>(&awake_), FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
    }
    awake_.store(0, std::memory_order_relaxed);
  }
  void wake() {
    awake_.store(1, std::memory_order_release);
    syscall(SYS_futex, reinterpret_cast<uint32_t *>(&awake_), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }

 private:
  std::atomic<uint32_t> awake_{0};
  static_assert(sizeof(std::atomic<uint32_t>) == 4);
};

// Where all threads of a block meet.
struct Gate {
  std::mutex mutex;
  uint32_t arrived = 0;
  int votes = 0;
  int result = 0;
};

class Team : public Engine {
 public:
  explicit Team(const Launch &launch)
      : launch_(launch),
        block_(launch, *this),
        size_(static_cast<uint32_t>(block_.threads.size())),
        sleepers_(size_),
        warps_(block_.warps.size()) {}

  // Runs blocks order[first], order[first + step], ...: a share of its own, so that every team runs some.
  void start(const std::vector<uint64_t> &order, uint64_t first, uint64_t step) {
    position_ = first;
    for (uint32_t i = 0; i < size_; ++i) {
      os_threads_.emplace_back([this, i, &order, step] { live(i, order, step); });
    }
  }
  void join() {
    for (std::thread &thread : os_threads_) thread.join();
  }

  void collective(uint32_t mask, const char *name, Completion complete) override {
    Thread &self = *current;
    {
      std::lock_guard<std::mutex> lock(warps_[self.warp->number]);
      const uint32_t lanes = arrive(self, mask, name, complete);
      if (lanes != 0) {
        release(*self.warp, lanes & ~(1u << self.lane));
        return;
      }
      count_stopped(&warps_[self.warp->number]);
    }
    sleepers_[self.linear].wait();
  }

  int barrier(int predicate) override {
    {
      std::lock_guard<std::mutex> lock(barrier_.mutex);
      barrier_.votes += predicate != 0;
      if (++barrier_.arrived == size_) {
        barrier_.arrived = 0;
        barrier_.result = barrier_.votes;
        barrier_.votes = 0;
        at_barrier_.fetch_sub(size_ - 1, std::memory_order_relaxed);
        stopped_.fetch_sub(size_ - 1, std::memory_order_relaxed);
        wake_all_but(current->linear);
        return barrier_.result;
      }
      at_barrier_.fetch_add(1, std::memory_order_relaxed);
      count_stopped(nullptr);
    }
    sleepers_[current->linear].wait();
    return barrier_.result;
  }

  void pass() override {}

 private:
  void wake_all_but(uint32_t self) {
    for (uint32_t i = 0; i < size_; ++i) {
      if (i != self) sleepers_[i].wake();
    }
  }

  void release(Warp &warp, uint32_t lanes) {
    stopped_.fetch_sub(static_cast<uint32_t>(__builtin_popcount(lanes)), std::memory_order_relaxed);
    for (; lanes != 0; lanes &= lanes - 1) {
      sleepers_[warp.number * 32 + static_cast<uint32_t>(__builtin_ctz(lanes))].wake();
    }
  }

  // Counts a thread that waits or has left; who releases others takes them off before they run. So all of them counted means that
  // nobody is left who could release anybody. Relaxed: the count must not order what the kernel does not.
  void count_stopped(std::mutex *held) {
    if (stopped_.fetch_add(1, std::memory_order_relaxed) + 1 != size_) return;
    const uint32_t exited = exited_.load(std::memory_order_relaxed);
    if (exited == size_) return;
    for (std::mutex &warp : warps_) {
      if (&warp != held) warp.lock();
    }
    stop_deadlocked(block_, at_barrier_.load(std::memory_order_relaxed), exited);
  }

  void live(uint32_t i, const std::vector<uint64_t> &order, uint64_t step) {
    FlushDenormals flush;
    Thread &self = block_.threads[i];
    for (;;) {
      if (i == 0) begin(order, step);
      meet(i);
      if (!more_) return;
      current = &self;
      launch_.body();
      {
        std::lock_guard<std::mutex> lock(warps_[self.warp->number]);
        const uint32_t lanes = leave(self);
        if (lanes != 0) release(*self.warp, lanes);
        exited_.fetch_add(1, std::memory_order_relaxed);
        count_stopped(&warps_[self.warp->number]);
      }
      current = nullptr;
      meet(i);
      if (i == 0) block_.end();
    }
  }

  void begin(const std::vector<uint64_t> &order, uint64_t step) {
    more_ = position_ < order.size();
    if (!more_) return;
    block_.begin(order[position_]);
    position_ += step;
    stopped_.store(0, std::memory_order_relaxed);
    exited_.store(0, std::memory_order_relaxed);
  }

  // Between blocks; no kernel can see it.
  void meet(uint32_t i) {
    {
      std::lock_guard<std::mutex> lock(between_.mutex);
      if (++between_.arrived == size_) {
        between_.arrived = 0;
        wake_all_but(i);
        return;
      }
    }
    sleepers_[i].wait();
  }

  const Launch &launch_;
  Block block_;
  const uint32_t size_;
  std::vector<Sleeper> sleepers_;
  std::vector<std::mutex> warps_;
  Gate barrier_;
  Gate between_;
  std::atomic<uint32_t> stopped_{0};
  std::atomic<uint32_t> exited_{0};
  std::atomic<uint32_t> at_barrier_{0};
  uint64_t position_ = 0;
  bool more_ = false;
  std::vector<std::thread> os_threads_;
};

}  // namespace

void run_threads(const Launch &launch, uint64_t seed) {
  Random random(seed);
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  const std::vector<uint64_t> order = shuffled(blocks, random);
  const uint64_t at_once = blocks < kBlocksAtOnce ? blocks : kBlocksAtOnce;
  std::vector<std::unique_ptr<Team>> teams;
  for (uint64_t i = 0; i < at_once; ++i) {
    teams.push_back(std::make_unique<Team>(launch));
    teams.back()->start(order, i, at_once);
  }
  for (const std::unique_ptr<Team> &team : teams) team->join();
}

}  // namespace gavel::emulator
