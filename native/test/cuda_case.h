// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_case.h: what tests on the emulated CUDA runtime share: arrays on the device, launches, schedules, and cases that must abort.
#ifndef GAVEL_TEST_CUDA_CASE_H
#define GAVEL_TEST_CUDA_CASE_H

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "common/error.h"
#include "cuda_runtime.h"
#include "emulator.h"

namespace gavel::test {

inline void require(cudaError_t error, const char *what) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorName(error));
  std::abort();
}

// An array in device memory with a copy back.
template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t n) : n_(n) { require(cudaMalloc(&data_, n * sizeof(T)), "cudaMalloc"); }
  explicit DeviceArray(const std::vector<T> &values) : DeviceArray(values.size()) { write(values); }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray &) = delete;
  DeviceArray &operator=(const DeviceArray &) = delete;

  T *data() const { return data_; }
  size_t size() const { return n_; }
  void write(const std::vector<T> &values) {
    require(cudaMemcpy(data_, values.data(), n_ * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  std::vector<T> read() const {
    std::vector<T> values(n_);
    require(cudaMemcpy(values.data(), data_, n_ * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return values;
  }

 private:
  T *data_ = nullptr;
  size_t n_;
};

// kernel<<<grid, block, shared_bytes>>>(arguments...), and that it worked.
template <typename... Parameters, typename... Arguments>
void run(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, Arguments &&...arguments) {
  const cudaLaunchConfig_t config = {grid, block, shared_bytes, nullptr, nullptr, 0};
  require(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), "cudaLaunchKernelEx");
}

// The body must throw a Failure of this status, with all of these words in its message.
template <typename Body>
void check_fails(int32_t status, const std::vector<std::string> &words, Body &&body, Where where = Where::current()) {
  try {
    body();
  } catch (const Failure &failure) {
    const std::string text = failure.what();
    bool all = failure.status() == status;
    for (const std::string &word : words) all = all && text.find(word) != std::string::npos;
    if (failed(all, where)) std::fprintf(stderr, "status %d (expected %d): %s\n", failure.status(), status, text.c_str());
    return;
  }
  if (failed(false, where)) std::fprintf(stderr, "nothing was thrown; expected status %d\n", status);
}

// The n-th of the schedules that results must not depend on: seeds, and each fourth time an OS thread per CUDA thread.
class Schedule {
 public:
  explicit Schedule(int n) : before_(emulator::engine()) {
    emulator::set_seed(static_cast<uint64_t>(n));
    if (n % 4 == 3) emulator::set_engine(emulator::EngineKind::THREADS);
  }
  ~Schedule() {
    emulator::set_engine(before_);
    emulator::set_seed(0);
  }
  Schedule(const Schedule &) = delete;
  Schedule &operator=(const Schedule &) = delete;

 private:
  emulator::EngineKind before_;
};

// A case that must end the process, run by this executable with the case's name as argument.
struct FatalCase {
  const char *name;
  void (*body)();
  const char *message;  // part of what it must say
};

struct Ended {
  int status;  // as waitpid gives it
  std::string text;
};

// Runs this executable with these arguments in another process.
inline Ended run_self(const char *name, const char *engine) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t child = fork();
  if (child < 0) std::abort();
  if (child == 0) {
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    setenv("GAVEL_EMULATOR", engine, 1);
    execl("/proc/self/exe", "case", name, static_cast<char *>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  Ended ended{};
  char buffer[4096];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) ended.text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  waitpid(child, &ended.status, 0);
  return ended;
}

// The rest of a case's process: runs it and ends as if it were harmless.
inline int run_case(const FatalCase *cases, size_t n, const char *name) {
  for (size_t i = 0; i < n; ++i) {
    if (std::string(cases[i].name) != name) continue;
    cases[i].body();
    return 0;
  }
  std::fprintf(stderr, "there is no case %s\n", name);
  return 3;
}

inline void check_fatal(const FatalCase &fatal, const char *engine, Where where = Where::current()) {
  const Ended ended = run_self(fatal.name, engine);
  const bool harmless = WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0;
  if (failed(!harmless && ended.text.find(fatal.message) != std::string::npos, where)) {
    std::fprintf(stderr, "%s on %s %s, saying:\n%s\nnot: %s\n", fatal.name, engine, harmless ? "went unnoticed" : "ended",
                 ended.text.c_str(), fatal.message);
  }
}

}  // namespace gavel::test

#endif
