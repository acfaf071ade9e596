// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/workspace.h"

#include <algorithm>
#include <memory>

#include "common/error.h"

namespace gavel {

AlignedBytes WorkspaceCache::acquire(int64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    int32_t best = -1;
    for (int32_t i = 0; i < count_; ++i) {
      if (blocks_[i].bytes() >= bytes && (best < 0 || blocks_[i].bytes() < blocks_[best].bytes())) best = i;
    }
    if (best >= 0) {
      AlignedBytes block = std::move(blocks_[best]);
      kept_bytes_ -= block.bytes();
      --count_;
      std::swap(blocks_[best], blocks_[count_]);
      return block;
    }
  }
  return AlignedBytes(bytes);
}

void WorkspaceCache::release(AlignedBytes block) {
  // Declared before the lock: memory is given back to the system after it is open again.
  AlignedBytes dropped;
  const std::lock_guard lock(mutex_);
  if (kept_bytes_ + block.bytes() > kKeptBytes) {
    dropped = std::move(block);
    return;
  }
  if (count_ == kBlocks) {
    // Full: keep the larger of this block and the smallest kept one.
    AlignedBytes *smallest =
        std::min_element(blocks_, blocks_ + count_, [](const auto &a, const auto &b) { return a.bytes() < b.bytes(); });
    if (smallest->bytes() < block.bytes()) {
      kept_bytes_ += block.bytes() - smallest->bytes();
      std::swap(*smallest, block);
    }
    dropped = std::move(block);
    return;
  }
  kept_bytes_ += block.bytes();
  std::swap(blocks_[count_], block);
  ++count_;
}

Workspace::~Workspace() {
  for (int32_t i = 0; i < count_; ++i) {
    cache_.release(std::move(blocks_.all[i]));
    std::destroy_at(blocks_.all + i);
  }
}

void *Workspace::take_bytes(int64_t bytes) {
  if (bytes > INT64_MAX - kCacheLine) throw std::bad_alloc();
  // An empty request still gets an address of its own.
  bytes = round_up(std::max<int64_t>(bytes, 1), kCacheLine);
  if (bytes > left_) {
    if (count_ == kBlocks) fail(GAVEL_INTERNAL, "a call took scratch memory in more than %d blocks", kBlocks);
    const int64_t least = count_ == 0 ? kFirstBlock : std::min(2 * blocks_.all[count_ - 1].bytes(), kLargestGrowth);
    const AlignedBytes &block = *std::construct_at(blocks_.all + count_, cache_.acquire(std::max(bytes, least)));
    next_ = block.as<char>();
    left_ = block.bytes();
    ++count_;
  }
  void *result = next_;
  next_ += bytes;
  left_ -= bytes;
  return result;
}

}  // namespace gavel
