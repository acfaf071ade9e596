// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// fibres.cpp: every CUDA thread is a fibre of the calling OS thread. A fibre runs until it must wait; the next one is drawn at random
// from all that can run, of up to three blocks at a time, so a seed is an order that the hardware might take too.
#include <sys/mman.h>

#include <bit>
#include <cstdlib>
#include <mutex>

#include "engine.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// swapcontext would make two system calls per switch, for the signal mask. Only what a call must preserve is saved; the rounding and
// flush mode are the same in all fibres.
extern "C" void gavel_emulator_switch(void **saved, void *next);
asm(R"(
  .text
  .p2align 4
  .type gavel_emulator_switch, @function
gavel_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size gavel_emulator_switch, .-gavel_emulator_switch
)");

namespace gavel::emulator {
namespace {

constexpr uint32_t kBlocksAtOnce = 3;
constexpr size_t kPage = 4096;
#ifdef __SANITIZE_ADDRESS__
constexpr size_t kStackBytes = 512 * 1024;
#else
constexpr size_t kStackBytes = 128 * 1024;
#endif

// Kept for the life of the process; kernels run one at a time. A page without access below each stack catches an overflow.
class Stacks {
 public:
  char *top(size_t i) {
    while (stacks_.size() <= i) {
      void *memory =
          mmap(nullptr, kPage + kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED) stop("the host has no memory for the stack of thread %zu", i);
      mprotect(memory, kPage, PROT_NONE);
      stacks_.push_back(static_cast<char *>(memory) + kPage);
    }
    return stacks_[i] + kStackBytes;
  }

 private:
  std::vector<char *> stacks_;
};

struct Fibre {
  void *stack_pointer = nullptr;
  char *stack_top = nullptr;
  void *fake_stack = nullptr;  // AddressSanitizer's
  Thread *thread = nullptr;
};

class Fibres;

struct Team : Block {
  std::vector<Fibre> fibres;
  std::vector<Fibre *> at_barrier;
  uint32_t exited = 0;
  int votes = 0;
  int result = 0;
  bool running = false;

  Team(const Launch &launch, Engine &engine) : Block(launch, engine), fibres(threads.size()) {}
};

class Fibres : public Engine {
 public:
  Fibres(const Launch &launch, uint64_t seed, Stacks &stacks) : launch_(launch), random_(seed), stacks_(stacks) {}

  void run() {
    const uint64_t blocks = uint64_t{launch_.grid.x} * launch_.grid.y * launch_.grid.z;
    const std::vector<uint64_t> order = shuffled(blocks, random_);
    const uint64_t at_once = blocks < kBlocksAtOnce ? blocks : kBlocksAtOnce;
    teams_.reserve(at_once);
    uint64_t next = 0;
    for (uint64_t i = 0; i < at_once; ++i) {
      teams_.push_back(std::make_unique<Team>(launch_, *this));
      start(*teams_.back(), i, order[next++]);
    }
    for (;;) {
      if (!ready_.empty()) enter(draw());
      // Back here: a block has ended, or every thread left waits.
      Team *ended = nullptr;
      bool left = false;
      size_t position = 0;
      for (size_t i = 0; i < teams_.size(); ++i) {
        Team &team = *teams_[i];
        if (!team.running) continue;
        if (team.exited == team.fibres.size()) {
          ended = &team;
          position = i;
        } else {
          left = true;
        }
      }
      if (ended != nullptr) {
        ended->running = false;
        ended->end();
        if (next < order.size()) {
          start(*ended, position, order[next++]);
          left = true;
        }
        if (!left) return;
      } else if (ready_.empty()) {
        report_deadlock();
      }
    }
  }

  void collective(uint32_t mask, const char *name, Completion complete) override {
    Fibre &self = fibre_of(*current);
    const uint32_t lanes = arrive(*current, mask, name, complete);
    if (lanes == 0) {
      suspend(self);
      return;
    }
    release(*current->warp, lanes, current->lane);
    // Now and then the one that came last goes on last.
    if (random_.below(8) == 0) {
      ready_.push_back(&self);
      suspend(self);
    }
  }

  int barrier(int predicate) override {
    Fibre &self = fibre_of(*current);
    Team &team = team_of(*current);
    team.votes += predicate != 0;
    team.at_barrier.push_back(&self);
    if (team.at_barrier.size() == team.fibres.size()) {
      ready_.insert(ready_.end(), team.at_barrier.begin(), team.at_barrier.end());
      team.at_barrier.clear();
      team.result = team.votes;
      team.votes = 0;
    }
    suspend(self);
    return team.result;
  }

  void pass() override {
    if (random_.below(4) != 0) return;
    Fibre &self = fibre_of(*current);
    ready_.push_back(&self);
    suspend(self);
  }

 private:
  static Team &team_of(const Thread &thread) { return static_cast<Team &>(*thread.block); }
  static Fibre &fibre_of(const Thread &thread) { return team_of(thread).fibres[thread.linear]; }

  void start(Team &team, size_t position, uint64_t number) {
    team.begin(number);
    team.exited = 0;
    team.running = true;
    for (size_t i = 0; i < team.fibres.size(); ++i) {
      Fibre &fibre = team.fibres[i];
      fibre.thread = &team.threads[i];
      fibre.stack_top = stacks_.top(position * team.fibres.size() + i);
      fibre.fake_stack = nullptr;
#ifdef __SANITIZE_ADDRESS__
      // Of the fibre before, only the frames of entry and live were never left.
      __asan_unpoison_memory_region(fibre.stack_top - kPage, kPage);
#endif
      // As gavel_emulator_switch leaves it: six registers and the address to return to, such that the stack is aligned at the entry.
      void **top = reinterpret_cast<void **>(fibre.stack_top) - 2;
      *top = reinterpret_cast<void *>(&entry);
      for (int k = 1; k <= 6; ++k) top[-k] = nullptr;
      fibre.stack_pointer = top - 6;
      ready_.push_back(&fibre);
    }
  }

  Fibre *draw() {
    const uint32_t i = random_.below(static_cast<uint32_t>(ready_.size()));
    Fibre *fibre = ready_[i];
    ready_[i] = ready_.back();
    ready_.pop_back();
    return fibre;
  }

  void release(Warp &warp, uint32_t lanes, uint32_t but) {
    Fibre *fibres = &fibre_of(warp.threads[0]);
    for (uint32_t rest = lanes & ~(1u << but); rest != 0; rest &= rest - 1) ready_.push_back(fibres + std::countr_zero(rest));
  }

  // From the scheduler to a fibre.
  void enter(Fibre *fibre) {
    current = fibre->thread;
    running_ = this;
    change(scheduler_, *fibre, false);
    current = nullptr;
  }

  // From a fibre to another one, or to the scheduler where none can run.
  void suspend(Fibre &self) {
    Fibre &next = ready_.empty() ? scheduler_ : *draw();
    if (&next != &self) {
      current = next.thread;
      change(self, next, false);
    }
  }

  void change(Fibre &from, Fibre &to, [[maybe_unused]] bool last) {
#ifdef __SANITIZE_ADDRESS__
    const bool to_scheduler = &to == &scheduler_;
    __sanitizer_start_switch_fiber(last ? nullptr : &from.fake_stack, to_scheduler ? host_bottom_ : to.stack_top - kStackBytes,
                                   to_scheduler ? host_bytes_ : kStackBytes);
#endif
    gavel_emulator_switch(&from.stack_pointer, to.stack_pointer);
#ifdef __SANITIZE_ADDRESS__
    arrived(from);
#endif
  }

#ifdef __SANITIZE_ADDRESS__
  void arrived(Fibre &self) {
    const void *bottom = nullptr;
    size_t bytes = 0;
    __sanitizer_finish_switch_fiber(self.fake_stack, &bottom, &bytes);
    // The first switch away from the host's stack tells where that is.
    if (host_bottom_ == nullptr) {
      host_bottom_ = bottom;
      host_bytes_ = bytes;
    }
  }
#endif

  static void entry() {
    Fibres &engine = *running_;
    engine.live();
    __builtin_unreachable();
  }

  void live() {
    Thread &self = *current;
    Fibre &fibre = fibre_of(self);
#ifdef __SANITIZE_ADDRESS__
    arrived(fibre);
#endif
    launch_.body();
    release(*self.warp, leave(self), self.lane);
    ++team_of(self).exited;
    current = nullptr;
    change(fibre, scheduler_, true);
  }

  [[noreturn]] void report_deadlock() {
    for (const std::unique_ptr<Team> &team : teams_) {
      if (!team->running) continue;
      stop_deadlocked(*team, static_cast<uint32_t>(team->at_barrier.size()), team->exited);
    }
    stop("no thread can run");
  }

  static thread_local Fibres *running_;

  const Launch &launch_;
  Random random_;
  Stacks &stacks_;
  std::vector<std::unique_ptr<Team>> teams_;
  std::vector<Fibre *> ready_;
  Fibre scheduler_;
#ifdef __SANITIZE_ADDRESS__
  const void *host_bottom_ = nullptr;
  size_t host_bytes_ = 0;
#endif
};

thread_local Fibres *Fibres::running_ = nullptr;

}  // namespace

void run_fibres(const Launch &launch, uint64_t seed) {
  // Never freed: a kernel may run in a destructor of the process.
  static Stacks &stacks = *new Stacks;
  FlushDenormals flush;
  Fibres(launch, seed, stacks).run();
}

}  // namespace gavel::emulator
