// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The thread pool and the shares of its parts: every part and every item once, whatever the timing; idle threads parked; signals left to others; fork survived.
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "cpu/shares.h"
#include "cpu/thread_pool.h"

using gavel::Shares;
using gavel::ThreadPool;
using namespace gavel::test;

namespace {

// Threads of this process, as the system names them.
std::vector<std::string> pool_threads() {
  std::vector<std::string> found;
  DIR *directory = opendir("/proc/self/task");
  while (const dirent *entry = readdir(directory)) {
    const std::string path = std::string("/proc/self/task/") + entry->d_name;
    std::string name;
    std::getline(std::ifstream(path + "/comm"), name);
    if (name == "gavel") found.push_back(path);
  }
  closedir(directory);
  return found;
}

// A thread names itself when it starts, which it may do some time after it was made.
std::vector<std::string> started_threads(size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::vector<std::string> found = pool_threads();
  while (found.size() < count && std::chrono::steady_clock::now() < deadline) found = pool_threads();
  check_equal("threads", static_cast<int64_t>(found.size()), static_cast<int64_t>(count));
  return found;
}

std::string field(const std::string &path, const std::string &name) {
  std::ifstream status(path + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name + ":", 0) == 0) return line.substr(line.find_first_not_of("\t ", name.size() + 1));
  }
  return "";
}

void test_every_part_once(int32_t threads) {
  ThreadPool pool(threads);
  for (int round = 0; round < 2000; ++round) {
    const int32_t parts = 1 + round % (2 * threads + 1);
    std::unique_ptr<std::atomic<int>[]> done(new std::atomic<int>[static_cast<size_t>(parts)]());
    std::thread::id first;
    pool.run(parts, [&](int32_t part) {
      done[static_cast<size_t>(part)].fetch_add(1);
      if (part == 0) first = std::this_thread::get_id();
    });
    for (int32_t part = 0; part < parts; ++part) {
      CHECK(done[static_cast<size_t>(part)] == 1, "part %d of %d ran %d times", part, parts,
            done[static_cast<size_t>(part)].load());
    }
    CHECK(first == std::this_thread::get_id(), "part 0 runs on the caller's thread");
  }
}

// The caller waits long enough in its part for the others to be taken by other threads.
void test_parts_run_at_once() {
  ThreadPool pool(3);
  std::atomic<int> arrived{0};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  pool.run(3, [&](int32_t) {
    arrived.fetch_add(1);
    while (arrived.load() < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  });
  check_equal("parts that met", arrived, 3);
}

// Several callers: one has the threads, the others run their parts themselves, and none waits for another.
void test_many_callers() {
  ThreadPool pool(4);
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 3000; ++round) {
        int64_t parts[7] = {};
        pool.run(7, [&](int32_t part) {
          parts[part] += part + 1;
          // A body may call the pool again: it is busy, so this runs here.
          if (part == 3) pool.run(2, [&](int32_t inner) { parts[3] += inner; });
        });
        for (const int64_t part : parts) sum += part;
      }
    });
  }
  for (std::thread &caller : callers) caller.join();
  check_equal("sum", sum, int64_t{4} * 3000 * (28 + 1));
}

// Every item of every share once, whoever takes it; with one part a share is taken in order.
void test_every_item_once() {
  ThreadPool pool(4);
  for (const int32_t parts : {1, 2, 3, 4, 9}) {
    for (const int64_t items : {0, 1, 2, 3, 8, 1000}) {
      std::vector<Shares::Share> storage(static_cast<size_t>(parts));
      std::unique_ptr<std::atomic<int>[]> taken(new std::atomic<int>[static_cast<size_t>(items)]());
      std::vector<int64_t> first;
      Shares shares(storage.data(), parts, items);
      pool.run(parts, [&](int32_t part) {
        for (int64_t item; (item = shares.take(part)) >= 0;) {
          taken[static_cast<size_t>(item)].fetch_add(1);
          if (part == 0) first.push_back(item);
          // Uneven work, so that parts help each other.
          for (int64_t i = 0; i < item * 8; ++i) __builtin_ia32_pause();
        }
      });
      for (int64_t item = 0; item < items; ++item) {
        const int times = taken[static_cast<size_t>(item)];
        CHECK(times == 1, "item %lld of %lld in %d parts was taken %d times", static_cast<long long>(item),
              static_cast<long long>(items), parts, times);
      }
      if (parts > 1) continue;
      check_equal("items of the only part", static_cast<int64_t>(first.size()), items);
      for (size_t i = 0; i < first.size(); ++i) check_equal("in order", first[i], static_cast<int64_t>(i));
    }
  }
}

// A part whose thread never comes: another one takes all of its share, the rear half first and each piece in rising order.
void test_help() {
  Shares::Share storage[2];
  Shares shares(storage, 2, 10);
  std::vector<int64_t> taken;
  for (int64_t item; (item = shares.take(1)) >= 0;) taken.push_back(item);
  const std::vector<int64_t> expected = {5, 6, 7, 8, 9, 2, 3, 4, 1, 0};
  CHECK(taken == expected, "the order in which one thread takes the shares of two");
  check_equal("nothing left", shares.take(0), int64_t{-1});
}

// Threads that a call keeps awake park all the same where the call goes on without them.
void test_idle_threads_park() {
  ThreadPool pool(5);
  const ThreadPool::Awake awake(pool);
  pool.run(5, [](int32_t) {});
  const std::vector<std::string> threads = started_threads(4);
  // Spinning ends after 200 us; a busy machine may take long to give them.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (const std::string &thread : threads) {
    while (field(thread, "State")[0] != 'S' && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CHECK(field(thread, "State")[0] == 'S', "%s is %s", thread.c_str(), field(thread, "State").c_str());
  }
  // Parked threads are not given the processor again.
  std::vector<std::string> before;
  for (const std::string &thread : threads) before.push_back(field(thread, "voluntary_ctxt_switches"));
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
  for (size_t i = 0; i < threads.size(); ++i) {
    CHECK(field(threads[i], "voluntary_ctxt_switches") == before[i], "%s ran while there was nothing to do",
          threads[i].c_str());
  }
}

void test_signals() {
  ThreadPool pool(2);
  const std::vector<std::string> threads = started_threads(1);
  const uint64_t blocked = std::stoull(field(threads.at(0), "SigBlk"), nullptr, 16);
  const auto is_blocked = [blocked](int signal) { return (blocked >> (signal - 1) & 1) != 0; };
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD, SIGPROF}) {
    CHECK(is_blocked(signal), "signal %d reaches a thread of the pool", signal);
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) CHECK(!is_blocked(signal), "fault %d is blocked", signal);
  sigset_t own;
  pthread_sigmask(SIG_SETMASK, nullptr, &own);
  CHECK(!sigismember(&own, SIGTERM), "the caller's own mask is as it was");
}

// A forked child has no threads: calls run on its own, and ending the pool does not wait for what is not there.
void test_fork() {
  auto pool = std::make_unique<ThreadPool>(3);
  pool->run(3, [](int32_t) {});
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);  // a hang ends the child
    int done[3] = {};
    pool->run(3, [&](int32_t part) { done[part] = 1; });
    pool.reset();
    _exit(done[0] + done[1] + done[2] == 3 ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "status of the child %d", status);
}

void wait_for_parked(size_t threads) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (const std::string &thread : started_threads(threads)) {
    while (field(thread, "State")[0] != 'S' && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  }
}

// Threads that are parked are woken for much, and for less where work follows work.
void test_parts_for() {
  const ThreadPool pool(4);
  wait_for_parked(3);
  check_equal("less than two parts' worth", pool.parts_for(79000, 100), 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  check_equal("two", pool.parts_for(81000, 100), 2);
  // A machine that is busy may keep this thread from asking again in time.
  int32_t parts = 1;
  for (int tries = 0; tries < 1000 && parts == 1; ++tries) {
    pool.parts_for(17000, 100);
    parts = pool.parts_for(17000, 100);
  }
  check_equal("soon after other work", parts, 2);
  check_equal("not even then", pool.parts_for(15000, 100), 1);
  check_equal("all threads", pool.parts_for(1e9, 100), 4);
  check_equal("as many as there can be", pool.parts_for(1e9, 3), 3);
  check_equal("nothing to split", pool.parts_for(1e9, 0), 1);
  check_equal("beyond every integer", pool.parts_for(1e300, INT64_MAX), 4);
}

}  // namespace

int main() {
  for (const int32_t threads : {1, 2, 4}) test_every_part_once(threads);
  test_parts_run_at_once();
  test_every_item_once();
  test_help();
  test_many_callers();
  test_idle_threads_park();
  test_signals();
  test_fork();
  test_parts_for();
  check_equal("threads left behind", static_cast<int64_t>(pool_threads().size()), 0);
  return finish();
}
