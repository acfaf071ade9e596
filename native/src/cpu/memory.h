// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// memory.h: owned memory at 64-byte boundaries, which is what the kernels ask of packed data.
#ifndef GAVEL_CPU_MEMORY_H
#define GAVEL_CPU_MEMORY_H

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace gavel {

constexpr int64_t kCacheLine = 64;
constexpr int64_t kHugePage = int64_t{2} << 20;

constexpr int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Move-only; its bytes are not initialised. Throws std::bad_alloc.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(int64_t bytes) : bytes_(bytes) {
    if (bytes < 0 || bytes > INT64_MAX - kHugePage) throw std::bad_alloc();
    if (bytes == 0) return;
    // Panels of some MiB are read front to back in one go: from huge pages that takes about a fifth less time (4096 x 4096 in
    // bf16, one row, one core of a Zen 5: 600 instead of 770 us). Packed rows, about 1 MiB, are read again for every panel (1024
    // rows, AMX: 17.0 instead of 19.2 ms). No more than advice to the system, so its answer does not matter.
    const int64_t alignment = bytes >= kHugePage / 2 ? kHugePage : kCacheLine;
    data_ = std::aligned_alloc(static_cast<size_t>(alignment), static_cast<size_t>(round_up(bytes, alignment)));
    if (data_ == nullptr) throw std::bad_alloc();
    if (alignment == kHugePage) madvise(data_, static_cast<size_t>(round_up(bytes, alignment)), MADV_HUGEPAGE);
  }
  AlignedBytes(AlignedBytes &&other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  AlignedBytes &operator=(AlignedBytes &&other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~AlignedBytes() { std::free(data_); }

  int64_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }
  template <typename Element = char>
  Element *as() const {
    return static_cast<Element *>(data_);
  }

 private:
  void *data_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace gavel

#endif
