// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// count_instructions.h: how many instructions a call executes, counted one by one.
//
// With the trap flag of the processor set, every instruction ends with a SIGTRAP, which the handler below counts. Time does
// not enter, so a busy machine changes nothing; unlike a simulator this knows every instruction set of the processor,
// AVX-512 and AMX too; and it asks for no permission, as ptrace does. A case should have some ten thousand instructions.
#ifndef GAVEL_TEST_COUNT_INSTRUCTIONS_H
#define GAVEL_TEST_COUNT_INSTRUCTIONS_H

#include <signal.h>

#include <cstdint>

namespace gavel::test {

inline volatile int64_t trapped_instructions = 0;

// The flag is pushed below the red zone, where the compiler may keep values of the function around.
inline void set_trap_flag() {
  __asm__ volatile("leaq -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tleaq 128(%%rsp), %%rsp" ::
                       : "memory", "cc");
}
inline void clear_trap_flag() {
  __asm__ volatile("leaq -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\tleaq 128(%%rsp), %%rsp" ::
                       : "memory", "cc");
}

// The instructions of call(), as far as this thread executes them, and about ten of the counting.
template <typename Call>
int64_t count_instructions(Call call) {
  struct sigaction action = {}, before = {};
  action.sa_handler = [](int) { trapped_instructions = trapped_instructions + 1; };
  sigemptyset(&action.sa_mask);
  sigaction(SIGTRAP, &action, &before);
  trapped_instructions = 0;
  set_trap_flag();
  call();
  clear_trap_flag();
  sigaction(SIGTRAP, &before, nullptr);
  return trapped_instructions;
}

}  // namespace gavel::test

#endif
