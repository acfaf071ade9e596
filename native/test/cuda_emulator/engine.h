// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// engine.h: what a running kernel is made of. Two engines run it: fibres.cpp (every CUDA thread a fibre of one OS thread, in a seeded
// random order) and threads.cpp (every CUDA thread an OS thread, so that ThreadSanitizer sees what the kernel does).
#ifndef GAVEL_TEST_CUDA_EMULATOR_ENGINE_H
#define GAVEL_TEST_CUDA_EMULATOR_ENGINE_H

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "guarded.h"
#include "types.h"

namespace gavel::emulator {

struct Block;
struct Warp;

// What a lane gives to a warp intrinsic, and what it gets.
struct alignas(16) Exchange {
  uint32_t words[12];
};

struct Thread {
  uint3 index;      // threadIdx
  uint32_t linear;  // its number in the block
  uint32_t lane;
  Warp *warp;
  Block *block;
  uint32_t source;  // lane that a shuffle reads
  Exchange given;
  Exchange taken;
  // cp.async: each copy takes place as late as it may, when the wait for its group returns, so that a missing wait shows.
  struct Copy {
    void *target;
    const void *source;
    uint32_t group;
  };
  std::vector<Copy> copies;
  uint32_t copy_group;
};

// Runs once, when the last lane of a warp intrinsic has arrived; `lanes` are those that take part.
using Completion = void (*)(Warp &warp, uint32_t lanes);

// Lanes that wait for one another in one intrinsic.
struct Group {
  uint32_t mask;
  uint32_t arrived;
  const char *name;
  Completion complete;
};

struct Warp {
  Block *block = nullptr;
  Thread *threads = nullptr;
  uint32_t number = 0;
  uint32_t exited = 0;  // lanes that returned from the kernel or never existed
  std::vector<Group> groups;
};

// The two engine-specific ways to stop and go on.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual void collective(uint32_t mask, const char *name, Completion complete) = 0;
  // Returns how many threads gave a predicate that is not 0.
  virtual int barrier(int predicate) = 0;
  // A point where another thread may run.
  virtual void pass() = 0;
};

struct Launch {
  const void *kernel;
  dim3 grid;
  dim3 block;
  size_t dynamic_bytes;
  std::function<void()> body;
};

struct Block {
  uint3 index;  // blockIdx
  const Launch *launch = nullptr;
  Engine *engine = nullptr;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  SharedMemory shared;

  explicit Block(const Launch &of, Engine &by);
  // Ready for block `number` of the grid: poisons the shared memory, forgets who has exited.
  void begin(uint64_t number);
  void end();
};

extern constinit thread_local Thread *current __attribute__((tls_model("initial-exec")));

// Lanes to release (the caller's own included) where `thread` completes a group, 0 where it has to wait.
uint32_t arrive(Thread &thread, uint32_t mask, const char *name, Completion complete);
// A thread returns from the kernel: lanes of groups that waited for it alone.
uint32_t leave(Thread &thread);

// Says what is wrong, names the kernel, block and thread at hand, and aborts.
[[noreturn]] void stop(const char *format, ...) __attribute__((format(printf, 1, 2)));
// As stop, for threads that wait for ever: says how many wait where.
[[noreturn]] void stop_deadlocked(const Block &block, uint32_t at_barrier, uint32_t exited);
// Demangled name of a function, or its address where the symbols were stripped. Static storage.
const char *function_name(const void *function);

void run_fibres(const Launch &launch, uint64_t seed);
void run_threads(const Launch &launch, uint64_t seed);

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du) {}
  uint32_t below(uint32_t n) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<uint32_t>((((state_ * 0x2545f4914f6cdd1du) >> 32) * n) >> 32);
  }

 private:
  uint64_t state_;
};

// The numbers 0 to n - 1 in random order.
std::vector<uint64_t> shuffled(uint64_t n, Random &random);

// nvcc compiles the kernels with --ftz=true: denormal inputs and results are 0.
class FlushDenormals {
 public:
  FlushDenormals() : before_(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(before_ | 0x8040u); }
  ~FlushDenormals() { __builtin_ia32_ldmxcsr(before_); }

 private:
  unsigned before_;
};

}  // namespace gavel::emulator

#endif
