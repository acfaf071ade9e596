// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// futex.h: sleeping on a word of memory.
#ifndef GAVEL_CPU_FUTEX_H
#define GAVEL_CPU_FUTEX_H

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <ctime>

namespace gavel {

// Sleeps while the word has this value, until it is woken, or for about `nanoseconds` where they are not negative; and now and then without
// a reason: the caller asks again.
inline void futex_wait(std::atomic<uint32_t> &word, uint32_t value, int64_t nanoseconds = -1) {
  const timespec limit = {static_cast<time_t>(nanoseconds / 1000000000), static_cast<long>(nanoseconds % 1000000000)};
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nanoseconds < 0 ? nullptr : &limit, nullptr, 0);
}

inline void futex_wake(std::atomic<uint32_t> &word, int32_t count) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

}  // namespace gavel

#endif
