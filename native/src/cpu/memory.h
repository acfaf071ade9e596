// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// memory.h: owned memory at 64-byte boundaries, which is what the kernels ask of packed data.
#ifndef GAVEL_CPU_MEMORY_H
#define GAVEL_CPU_MEMORY_H

#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace gavel {

constexpr int64_t kCacheLine = 64;

constexpr int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Move-only; its bytes are not initialised. Throws std::bad_alloc.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(int64_t bytes) : bytes_(bytes) {
    if (bytes < 0 || bytes > INT64_MAX - kCacheLine) throw std::bad_alloc();
    if (bytes == 0) return;
    data_ = std::aligned_alloc(kCacheLine, static_cast<size_t>(round_up(bytes, kCacheLine)));
    if (data_ == nullptr) throw std::bad_alloc();
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
