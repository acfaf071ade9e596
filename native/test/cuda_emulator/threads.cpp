// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// threads.cpp: every CUDA thread is an OS thread, two blocks at a time. What a barrier or an intrinsic orders is ordered here, and as
// little else as possible, so that ThreadSanitizer sees the races that the kernel has. A thread that waits therefore sleeps on a word of
// its own: on a common mutex it would, waking up, come after what faster threads have done since, and hide a race with that.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "engine.h"

namespace gavel::emulator {
namespace {

constexpr uint64_t kBlocksAtOnce = 2;
constexpr uint32_t kWarp = 32;

// Up to 32 threads that sleep and are woken in one system call.
class Sleepers {
 public:
  void wait(uint32_t i) {
    for (;;) {
      // Read before the thread's own word, which wake() writes first: a call in between is not missed. Relaxed, or the common word
      // would order what the threads' own do not; the processor is an x86, which keeps loads and stores in order.
      const uint32_t seen = calls_.load(std::memory_order_relaxed);
      if (awake_[i].load(std::memory_order_acquire) != 0) break;
      syscall(SYS_futex, reinterpret_cast<uint32_t *>(&calls_), FUTEX_WAIT_BITSET_PRIVATE, seen, nullptr, nullptr, 1u << i);
    }
    awake_[i].store(0, std::memory_order_relaxed);
  }
  void wake(uint32_t which) {
    for (uint32_t left = which; left != 0; left &= left - 1) {
      awake_[static_cast<uint32_t>(__builtin_ctz(left))].store(1, std::memory_order_release);
    }
    calls_.fetch_add(1, std::memory_order_relaxed);
    syscall(SYS_futex, reinterpret_cast<uint32_t *>(&calls_), FUTEX_WAKE_BITSET_PRIVATE, kWarp, nullptr, nullptr, which);
  }

 private:
  std::array<std::atomic<uint32_t>, kWarp> awake_{};
  std::atomic<uint32_t> calls_{0};
  static_assert(sizeof(std::atomic<uint32_t>) == 4);
};

// The OS threads of the launches of one host thread.
class Workers {
 public:
  ~Workers() {
    if (getpid() != process_) {
      // A forked child has the objects and not the threads.
      for (std::unique_ptr<Worker> &worker : workers_) static_cast<void>(worker.release());
      return;
    }
    for (const std::unique_ptr<Worker> &worker : workers_) {
      worker->body = nullptr;
      worker->sleeper.wake(1);
    }
    for (const std::unique_ptr<Worker> &worker : workers_) worker->os_thread.join();
  }

  // Runs body(0), ..., body(count - 1), all at the same time, and returns when all have ended.
  static void run(uint64_t count, const std::function<void(uint64_t)> &body) {
    thread_local std::unique_ptr<Workers> mine;
    if (mine == nullptr || mine->process_ != getpid()) mine = std::make_unique<Workers>();
    mine->run_all(count, body);
  }

 private:
  struct Worker {
    Sleepers sleeper;
    const std::function<void(uint64_t)> *body = nullptr;
    std::thread os_thread;
  };

  void run_all(uint64_t count, const std::function<void(uint64_t)> &body) {
    while (workers_.size() < count) {
      workers_.push_back(std::make_unique<Worker>());
      Worker &worker = *workers_.back();
      worker.os_thread = std::thread([this, &worker, number = workers_.size() - 1] { live(worker, number); });
    }
    left_.store(count, std::memory_order_relaxed);
    for (uint64_t i = 0; i < count; ++i) {
      workers_[i]->body = &body;
      workers_[i]->sleeper.wake(1);
    }
    ended_.wait(0);
  }

  void live(Worker &worker, uint64_t number) {
    for (;;) {
      worker.sleeper.wait(0);
      if (worker.body == nullptr) return;
      (*worker.body)(number);
      if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) ended_.wake(1);
    }
  }

  const pid_t process_ = getpid();
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<uint64_t> left_{0};
  Sleepers ended_;
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
  // Runs blocks order[first], order[first + step], ...: a share of its own, so that every team runs some.
  Team(const Launch &launch, const std::vector<uint64_t> &order, uint64_t first, uint64_t step)
      : launch_(launch),
        order_(order),
        position_(first),
        step_(step),
        block_(launch, *this),
        size_(static_cast<uint32_t>(block_.threads.size())),
        sleepers_(block_.warps.size()),
        warps_(block_.warps.size()) {}

  uint32_t size() const { return size_; }

  // What OS thread i of the team does.
  void live(uint32_t i) {
    FlushDenormals flush;
    Thread &self = block_.threads[i];
    for (;;) {
      if (i == 0) begin();
      meet(i);
      if (!more_) return;
      current = &self;
      launch_.body();
      {
        std::lock_guard<std::mutex> lock(warps_[self.warp->number]);
        const uint32_t lanes = leave(self);
        release(*self.warp, lanes);
        exited_.fetch_add(1, std::memory_order_relaxed);
        count_stopped(&warps_[self.warp->number]);
      }
      current = nullptr;
      meet(i);
      if (i == 0) block_.end();
    }
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
    sleepers_[self.warp->number].wait(self.lane);
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
    sleep(current->linear);
    return barrier_.result;
  }

  void pass() override {}

 private:
  void sleep(uint32_t i) { sleepers_[i / kWarp].wait(i % kWarp); }

  void wake_all_but(uint32_t self) {
    for (uint32_t first = 0; first < size_; first += kWarp) {
      uint32_t lanes = size_ - first < kWarp ? (1u << (size_ - first)) - 1 : ~0u;
      if (self / kWarp == first / kWarp) lanes &= ~(1u << self % kWarp);
      if (lanes != 0) sleepers_[first / kWarp].wake(lanes);
    }
  }

  void release(Warp &warp, uint32_t lanes) {
    if (lanes == 0) return;
    stopped_.fetch_sub(static_cast<uint32_t>(__builtin_popcount(lanes)), std::memory_order_relaxed);
    sleepers_[warp.number].wake(lanes);
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

  void begin() {
    more_ = position_ < order_.size();
    if (!more_) return;
    block_.begin(order_[position_]);
    position_ += step_;
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
    sleep(i);
  }

  const Launch &launch_;
  const std::vector<uint64_t> &order_;
  uint64_t position_;
  const uint64_t step_;
  Block block_;
  const uint32_t size_;
  std::vector<Sleepers> sleepers_;  // a warp's each
  std::vector<std::mutex> warps_;
  Gate barrier_;
  Gate between_;
  std::atomic<uint32_t> stopped_{0};
  std::atomic<uint32_t> exited_{0};
  std::atomic<uint32_t> at_barrier_{0};
  bool more_ = false;
};

}  // namespace

void run_threads(const Launch &launch, uint64_t seed) {
  Random random(seed);
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  const std::vector<uint64_t> order = shuffled(blocks, random);
  const uint64_t at_once = blocks < kBlocksAtOnce ? blocks : kBlocksAtOnce;
  std::vector<std::unique_ptr<Team>> teams;
  for (uint64_t i = 0; i < at_once; ++i) teams.push_back(std::make_unique<Team>(launch, order, i, at_once));
  const uint64_t size = teams.front()->size();
  Workers::run(at_once * size, [&](uint64_t i) { teams[i / size]->live(static_cast<uint32_t>(i % size)); });
}

}  // namespace gavel::emulator
