// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// guarded.h: host memory that stands for device or shared memory: poisoned, and with sentinels on both sides.
#ifndef GAVEL_TEST_CUDA_EMULATOR_GUARDED_H
#define GAVEL_TEST_CUDA_EMULATOR_GUARDED_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace gavel::emulator {

class Guarded {
 public:
  // Null where the host has no memory. `what` names it when a sentinel was written.
  static std::unique_ptr<Guarded> allocate(size_t bytes, size_t alignment, const char *what);
  ~Guarded();
  Guarded(const Guarded &) = delete;
  Guarded &operator=(const Guarded &) = delete;

  char *data() const { return data_; }
  size_t bytes() const { return bytes_; }
  void poison();
  // Aborts where a sentinel was written.
  void check() const;
  // With AddressSanitizer: whether the bytes may be touched. Without: nothing.
  void allow(bool access);

 private:
  Guarded() = default;
  char *start_ = nullptr;
  char *data_ = nullptr;
  size_t bytes_ = 0;
  size_t front_ = 0;
  const char *what_ = "";
};

// The shared memory of one block: one dynamic array, and the static ones in the order in which threads come across them.
class SharedMemory {
 public:
  explicit SharedMemory(size_t dynamic_bytes);
  char *dynamic() const { return dynamic_->data(); }
  // `site` is the address of something that is unique to the declaration.
  void *array(const void *site, size_t bytes, size_t alignment);
  void poison();
  void check() const;

 private:
  static constexpr int kMostArrays = 32;
  struct Array {
    const void *site;
    std::unique_ptr<Guarded> memory;
  };
  std::unique_ptr<Guarded> dynamic_;
  Array arrays_[kMostArrays];
  int count_ = 0;
  size_t static_bytes_ = 0;
  bool lock_ = false;
};

}  // namespace gavel::emulator

#endif
