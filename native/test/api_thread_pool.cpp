// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The thread pool: every part once, whatever the timing; idle threads parked; signals left to others; fork survived.
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
#include "cpu/thread_pool.h"

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

void test_idle_threads_park() {
  ThreadPool pool(5);
  pool.run(5, [](int32_t) {});
  const std::vector<std::string> threads = started_threads(4);
  // Spinning ends after 20 us of processor time; a busy machine may take long to give them.
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

void test_parts_for() {
  const ThreadPool pool(4);
  check_equal("less than two parts' worth", pool.parts_for(79000, 100), 1);
  check_equal("two", pool.parts_for(81000, 100), 2);
  check_equal("all threads", pool.parts_for(1e9, 100), 4);
  check_equal("as many as there can be", pool.parts_for(1e9, 3), 3);
  check_equal("nothing to split", pool.parts_for(1e9, 0), 1);
  check_equal("beyond every integer", pool.parts_for(1e300, INT64_MAX), 4);
}

}  // namespace

int main() {
  for (const int32_t threads : {1, 2, 4}) test_every_part_once(threads);
  test_parts_run_at_once();
  test_many_callers();
  test_idle_threads_park();
  test_signals();
  test_fork();
  test_parts_for();
  check_equal("threads left behind", static_cast<int64_t>(pool_threads().size()), 0);
  return finish();
}
