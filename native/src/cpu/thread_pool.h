// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// thread_pool.h: a few parked threads that take parts of one call at a time.
//
// What a part is, the caller decides before it knows who runs it (a range of output columns or of items, never a piece of a sum),
// so neither the number of threads nor their timing can change a bit of a result.
#ifndef GAVEL_CPU_THREAD_POOL_H
#define GAVEL_CPU_THREAD_POOL_H

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

namespace gavel {

class ThreadPool {
 public:
  // threads: the caller's own included, 1 to kMostThreads. Throws Failure where the system refuses a thread.
  explicit ThreadPool(int32_t threads);
  // Joins the threads. In a forked child, which has none of them, it only forgets them.
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  static constexpr int32_t kMostThreads = 256;
  int32_t threads() const { return threads_; }

  // How many parts work of about this many nanoseconds (on one thread) is worth, at most `most` and threads(). A parked thread takes about 20 us to wake and starts with cold caches: a product of 28 us took 55 us on
  // two threads (measured with both cores busy), so a part is worth 40 us. While threads are awake, or where calls follow one another so
  // closely that they will be, a part is worth 8 us: then each thread finds its share of the weights in its own second-level cache (2 MiB,
  // one row: 75 us on one thread, which reads them from the third cache, 20 us on two). Tests set the least worth lower, to split what
  // would not be split.
  int32_t parts_for(double nanoseconds, int64_t most) const;
  void set_part_nanoseconds(double nanoseconds) { part_nanoseconds_ = nanoseconds; }

  // While one lives, a call is between its jobs: the threads wait awake for the next one, for 200 us at most, because waking one takes
  // longer than the pauses between the jobs (20 us where processors are the machine's own, 60 to 100 us in a virtual machine).
  class Awake {
   public:
    explicit Awake(ThreadPool &pool) : pool_(pool) { pool_.awake_.fetch_add(1, std::memory_order_relaxed); }
    ~Awake() { pool_.awake_.fetch_sub(1, std::memory_order_relaxed); }
    Awake(const Awake &) = delete;
    Awake &operator=(const Awake &) = delete;

   private:
    ThreadPool &pool_;
  };

  // Calls body(part) for each part in [0, parts), parts <= kMostThreads, and returns when all are done. Part 0 runs on the caller's
  // thread, as do all parts that no other thread has started by then. Every thread flushes denormals, the caller's by its own
  // FlushDenormals. Where the pool is busy with another call, the parts run here, one after the other. body must not throw.
  template <typename Body>
  void run(int32_t parts, Body &&body) {
    run_parts(
        parts, [](void *state, int32_t part) { (*static_cast<std::remove_reference_t<Body> *>(state))(part); }, &body);
  }

 private:
  using Function = void (*)(void *state, int32_t part);
  void run_parts(int32_t parts, Function function, void *state);
  bool run_one();
  bool is_warm() const;
  void work();
  void wait_for_parts();
  void stop();

  const int32_t threads_;
  const pid_t process_;
  std::unique_ptr<std::thread[]> workers_;
  int32_t started_ = 0;
  double part_nanoseconds_ = 40000;

  std::atomic<bool> busy_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int32_t> awake_{0};
  // When work that might be split came last, nanoseconds of the steady clock; negative: never.
  mutable std::atomic<int64_t> last_work_{-1};
  // The job: written while busy_ is held and no part is left, read only by a thread that has claimed a part of it.
  Function function_ = nullptr;
  void *state_ = nullptr;
  // Generation (upper 32 bits), parts (16), next unclaimed part (16): one word, so that a late thread cannot claim a part of the
  // wrong job.
  alignas(64) std::atomic<uint64_t> claim_{0};
  alignas(64) std::atomic<uint32_t> unfinished_{0};
  std::atomic<uint32_t> caller_parked_{0};
  alignas(64) std::atomic<uint32_t> signal_{0};  // changes with every job; what idle threads park on
  std::atomic<int32_t> parked_{0};
};

}  // namespace gavel

#endif
