// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// threads.cpp: every CUDA thread is an OS thread, two blocks at a time. What a barrier or intrinsic orders is ordered here by a mutex of
// that barrier or warp and by nothing else, so ThreadSanitizer sees the races that the kernel has.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine.h"

namespace gavel::emulator {
namespace {

constexpr uint64_t kBlocksAtOnce = 2;

class Team : public Engine {
 public:
  explicit Team(const Launch &launch)
      : launch_(launch),
        block_(launch, *this),
        size_(static_cast<uint32_t>(block_.threads.size())),
        meetings_(block_.warps.size()) {}

  // Runs blocks order[next], order[next + 1], ... as long as there are some, together with other teams.
  void start(const std::vector<uint64_t> &order, std::atomic<uint64_t> &next) {
    for (uint32_t i = 0; i < size_; ++i) {
      os_threads_.emplace_back([this, i, &order, &next] { live(i, order, next); });
    }
  }
  void join() {
    for (std::thread &thread : os_threads_) thread.join();
  }

  void collective(uint32_t mask, const char *name, Completion complete) override {
    Thread &self = *current;
    Meeting &meeting = meetings_[self.warp->number];
    std::unique_lock<std::mutex> lock(meeting.mutex);
    const uint32_t lanes = arrive(self, mask, name, complete);
    if (lanes != 0) {
      release(meeting, lanes & ~(1u << self.lane));
      return;
    }
    meeting.waiting |= 1u << self.lane;
    stopped(1);
    meeting.condition.wait(lock, [&] { return (meeting.waiting >> self.lane & 1) == 0; });
  }

  int barrier(int predicate) override {
    std::unique_lock<std::mutex> lock(gate_.mutex);
    gate_.votes += predicate != 0;
    if (++gate_.arrived == size_) return open_gate();
    const uint64_t round = gate_.round;
    at_barrier_.fetch_add(1, std::memory_order_relaxed);
    stopped(1);
    gate_.condition.wait(lock, [&] { return gate_.round != round; });
    return gate_.result;
  }

  void pass() override {}

 private:
  // Lanes of one warp that wait in an intrinsic.
  struct Meeting {
    std::mutex mutex;
    std::condition_variable condition;
    uint32_t waiting = 0;
  };
  struct Gate {
    std::mutex mutex;
    std::condition_variable condition;
    uint32_t arrived = 0;
    uint64_t round = 0;
    int votes = 0;
    int result = 0;
  };

  int open_gate() {
    gate_.arrived = 0;
    ++gate_.round;
    gate_.result = gate_.votes;
    gate_.votes = 0;
    at_barrier_.fetch_sub(size_ - 1, std::memory_order_relaxed);
    stopped_.fetch_sub(size_ - 1, std::memory_order_relaxed);
    gate_.condition.notify_all();
    return gate_.result;
  }

  void release(Meeting &meeting, uint32_t lanes) {
    meeting.waiting &= ~lanes;
    stopped_.fetch_sub(static_cast<uint32_t>(__builtin_popcount(lanes)), std::memory_order_relaxed);
    meeting.condition.notify_all();
  }

  // Counts threads that wait or have left; who releases others takes them off before they run. So all of them counted means that
  // nobody is left who could release anybody. Relaxed: the count must not order what the kernel does not.
  void stopped(uint32_t n) {
    if (stopped_.fetch_add(n, std::memory_order_relaxed) + n != size_) return;
    const uint32_t exited = exited_.load(std::memory_order_relaxed);
    if (exited != size_) stop_deadlocked(block_, at_barrier_.load(std::memory_order_relaxed), exited);
  }

  void live(uint32_t i, const std::vector<uint64_t> &order, std::atomic<uint64_t> &next) {
    FlushDenormals flush;
    Thread &self = block_.threads[i];
    for (;;) {
      if (i == 0) begin(order, next);
      between_blocks();
      if (!more_) return;
      current = &self;
      launch_.body();
      Meeting &meeting = meetings_[self.warp->number];
      {
        std::lock_guard<std::mutex> lock(meeting.mutex);
        const uint32_t lanes = leave(self);
        if (lanes != 0) release(meeting, lanes);
      }
      exited_.fetch_add(1, std::memory_order_relaxed);
      stopped(1);
      current = nullptr;
      between_blocks();
      if (i == 0) block_.end();
    }
  }

  void begin(const std::vector<uint64_t> &order, std::atomic<uint64_t> &next) {
    const uint64_t position = next.fetch_add(1);
    more_ = position < order.size();
    if (!more_) return;
    block_.begin(order[position]);
    stopped_.store(0, std::memory_order_relaxed);
    exited_.store(0, std::memory_order_relaxed);
  }

  // A barrier of the engine's own, which no kernel can see.
  void between_blocks() {
    std::unique_lock<std::mutex> lock(between_.mutex);
    if (++between_.arrived == size_) {
      between_.arrived = 0;
      ++between_.round;
      between_.condition.notify_all();
      return;
    }
    const uint64_t round = between_.round;
    between_.condition.wait(lock, [&] { return between_.round != round; });
  }

  const Launch &launch_;
  Block block_;
  const uint32_t size_;
  std::vector<Meeting> meetings_;
  Gate gate_;
  Gate between_;
  std::atomic<uint32_t> stopped_{0};
  std::atomic<uint32_t> exited_{0};
  std::atomic<uint32_t> at_barrier_{0};
  bool more_ = false;
  std::vector<std::thread> os_threads_;
};

}  // namespace

void run_threads(const Launch &launch, uint64_t seed) {
  Random random(seed);
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  const std::vector<uint64_t> order = shuffled(blocks, random);
  std::atomic<uint64_t> next{0};
  std::vector<std::unique_ptr<Team>> teams;
  for (uint64_t i = 0; i < (blocks < kBlocksAtOnce ? blocks : kBlocksAtOnce); ++i) {
    teams.push_back(std::make_unique<Team>(launch));
    teams.back()->start(order, next);
  }
  for (const std::unique_ptr<Team> &team : teams) team->join();
}

}  // namespace gavel::emulator
