// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// workspace.h: scratch memory of a call, kept by the context so that a warmed-up call allocates nothing.
//
//   Workspace workspace(context.workspaces);
//   float* sums = workspace.take<float>(count);   // 64-byte aligned, not initialised, valid until workspace ends
#ifndef GAVEL_CPU_WORKSPACE_H
#define GAVEL_CPU_WORKSPACE_H

#include <cstdint>
#include <mutex>

#include "cpu/memory.h"

namespace gavel {

// Blocks no call is using. Safe from many threads.
class WorkspaceCache {
 public:
  // The smallest kept block of at least `bytes`, else a new one. Throws std::bad_alloc.
  AlignedBytes acquire(int64_t bytes);
  void release(AlignedBytes block);

 private:
  // As many calls at once as this find their scratch kept; further ones allocate.
  static constexpr int32_t kBlocks = 64;
  // What may lie idle in one context. A call that needs more gives the rest back to the system.
  static constexpr int64_t kKeptBytes = int64_t{256} << 20;

  std::mutex mutex_;
  AlignedBytes blocks_[kBlocks];
  int32_t count_ = 0;
  int64_t kept_bytes_ = 0;
};

// One call's scratch memory. One thread takes; what was taken may be used by all threads of the call.
class Workspace {
 public:
  explicit Workspace(WorkspaceCache &cache) : cache_(cache) {}
  ~Workspace();
  Workspace(const Workspace &) = delete;
  Workspace &operator=(const Workspace &) = delete;

  template <typename Element>
  Element *take(int64_t count) {
    if (count < 0 || count > INT64_MAX / static_cast<int64_t>(sizeof(Element))) throw std::bad_alloc();
    return static_cast<Element *>(take_bytes(count * static_cast<int64_t>(sizeof(Element))));
  }
  void *take_bytes(int64_t bytes);

 private:
  // A new block is at least twice as large as the one before, up to kLargestGrowth, so a call needs few.
  static constexpr int32_t kBlocks = 40;
  static constexpr int64_t kFirstBlock = int64_t{64} << 10;
  static constexpr int64_t kLargestGrowth = int64_t{64} << 20;

  WorkspaceCache &cache_;
  // The first count_ are alive: to make and destroy all for each call would show in a small one.
  union Blocks {
    Blocks() {}
    ~Blocks() {}
    AlignedBytes all[kBlocks];
  } blocks_;
  int32_t count_ = 0;
  char *next_ = nullptr;
  int64_t left_ = 0;
};

}  // namespace gavel

#endif
