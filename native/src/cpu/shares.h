// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// shares.h: items of a job (output panels, say) among the parts a thread pool runs. A part takes its own share from the front; when
// that is done, half of what another part has left. So a thread that woke late, or was put aside by the system, is helped out, each
// part still walks through memory in one direction, and call after call finds its share in the cache of the same processor.
//
// Who takes an item is a matter of timing: nothing that depends on it may show in a result.
#ifndef GAVEL_CPU_SHARES_H
#define GAVEL_CPU_SHARES_H

#include <atomic>
#include <cstdint>
#include <new>

namespace gavel {

class Shares {
 public:
  // What one part has left: the first item (upper 32 bits) and the end; in a cache line of its own.
  struct alignas(64) Share {
    std::atomic<uint64_t> left;
  };

  // Shares of about the same size of items 0 .. items - 1, less than 2^31, for each of `parts` parts, in `storage` [parts].
  Shares(Share *storage, int32_t parts, int64_t items) : shares_(storage), parts_(parts) {
    for (int32_t part = 0; part < parts; ++part) {
      new (storage + part) Share{word(items * part / parts, items * (part + 1) / parts)};
    }
  }

  // The next item for `part`, or -1 where all have been taken. One thread at a time calls it for a part.
  int64_t take(int32_t part) {
    for (;;) {
      const int64_t own = take_first(part);
      if (own >= 0) return own;
      if (!help(part)) return -1;
    }
  }

 private:
  static uint64_t word(int64_t begin, int64_t end) { return static_cast<uint64_t>(begin) << 32 | static_cast<uint64_t>(end); }
  static int64_t begin_of(uint64_t word) { return static_cast<int64_t>(word >> 32); }
  static int64_t end_of(uint64_t word) { return static_cast<int64_t>(word & 0xffffffff); }

  int64_t take_first(int32_t part) {
    std::atomic<uint64_t> &left = shares_[part].left;
    // A word that was seen before stands for the same items, none of them taken: an item never comes back to a share.
    uint64_t seen = left.load(std::memory_order_relaxed);
    while (begin_of(seen) < end_of(seen)) {
      if (left.compare_exchange_weak(seen, word(begin_of(seen) + 1, end_of(seen)), std::memory_order_relaxed))
        return begin_of(seen);
    }
    return -1;
  }

  // Moves the rear half of another part's share to this one's, which is empty. False where no part has any left.
  bool help(int32_t part) {
    for (int32_t step = 1; step < parts_; ++step) {
      std::atomic<uint64_t> &left = shares_[(part + step) % parts_].left;
      uint64_t seen = left.load(std::memory_order_relaxed);
      while (begin_of(seen) < end_of(seen)) {
        const int64_t middle = begin_of(seen) + (end_of(seen) - begin_of(seen)) / 2;
        if (!left.compare_exchange_weak(seen, word(begin_of(seen), middle), std::memory_order_relaxed)) continue;
        shares_[part].left.store(word(middle, end_of(seen)), std::memory_order_relaxed);
        return true;
      }
    }
    return false;
  }

  Share *shares_;
  const int32_t parts_;
};

}  // namespace gavel

#endif
