// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "guarded.h"

#include <cstdlib>
#include <cstring>

#include "engine.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace gavel::emulator {
namespace {

constexpr size_t kSentinel = 256;
// Neither the poison (0xff, a NaN in every dtype) nor a value that code tends to write.
constexpr int kSentinelByte = 0xa5;

[[maybe_unused]] size_t find_other(const char *bytes, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    if (static_cast<unsigned char>(bytes[i]) != kSentinelByte) return i;
  }
  return n;
}

}  // namespace

std::unique_ptr<Guarded> Guarded::allocate(size_t bytes, size_t alignment, const char *what) {
  std::unique_ptr<Guarded> memory(new Guarded);
  memory->front_ = alignment > kSentinel ? alignment : kSentinel;
  void *start = nullptr;
  if (bytes > SIZE_MAX / 2 || posix_memalign(&start, memory->front_, memory->front_ + bytes + kSentinel) != 0) return nullptr;
  memory->start_ = static_cast<char *>(start);
  memory->data_ = memory->start_ + memory->front_;
  memory->bytes_ = bytes;
  memory->what_ = what;
  std::memset(memory->start_, kSentinelByte, memory->front_);
  std::memset(memory->data_ + bytes, kSentinelByte, kSentinel);
  memory->poison();
#ifdef __SANITIZE_ADDRESS__
  __asan_poison_memory_region(memory->start_, memory->front_);
  __asan_poison_memory_region(memory->data_ + bytes, kSentinel);
#endif
  return memory;
}

Guarded::~Guarded() {
  if (start_ == nullptr) return;
  check();
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(start_, front_ + bytes_ + kSentinel);
#endif
  std::free(start_);
}

void Guarded::poison() {
  std::memset(data_, 0xff, bytes_);
}

void Guarded::check() const {
#ifndef __SANITIZE_ADDRESS__  // there the write itself was reported, with its line
  const size_t before = find_other(start_, front_);
  if (before != front_) stop("%s of %zu bytes was written %zu bytes before its start", what_, bytes_, front_ - before);
  const size_t after = find_other(data_ + bytes_, kSentinel);
  if (after != kSentinel) stop("%s of %zu bytes was written %zu bytes behind its end", what_, bytes_, after);
#endif
}

void Guarded::allow([[maybe_unused]] bool access) {
#ifdef __SANITIZE_ADDRESS__
  if (access) {
    __asan_unpoison_memory_region(data_, bytes_);
  } else {
    __asan_poison_memory_region(data_, bytes_);
  }
  // Poisoning works in units of 8 bytes and leaves the rest of the last one open.
  __asan_poison_memory_region(data_ + bytes_, kSentinel);
#endif
}

SharedMemory::SharedMemory(size_t dynamic_bytes)
    : dynamic_(Guarded::allocate(dynamic_bytes, 128, "the dynamic shared memory of a block")) {
  if (!dynamic_) stop("the host has no %zu bytes of memory for a block", dynamic_bytes);
}

void *SharedMemory::array(const void *site, size_t bytes, size_t alignment) {
  // Threads of one block only meet here, each once per declaration. A reader takes no lock: one would order what the kernel does not,
  // and hide its races from ThreadSanitizer.
  for (;;) {
    const int count = __atomic_load_n(&count_, __ATOMIC_ACQUIRE);
    for (int i = 0; i < count; ++i) {
      if (arrays_[i].site == site) return arrays_[i].memory->data();
    }
    if (__atomic_exchange_n(&lock_, true, __ATOMIC_ACQUIRE)) continue;
    if (__atomic_load_n(&count_, __ATOMIC_RELAXED) == count) {
      static_bytes_ += bytes;
      // What CUDA gives to static arrays.
      if (static_bytes_ > 48 * 1024) stop("the shared arrays of a block take %zu bytes; 49152 is the most", static_bytes_);
      if (count == kMostArrays) stop("a kernel declares more than %d shared arrays", kMostArrays);
      arrays_[count].site = site;
      arrays_[count].memory = Guarded::allocate(bytes, alignment < 16 ? 16 : alignment, "a shared array");
      if (!arrays_[count].memory) stop("the host has no %zu bytes of memory for a shared array", bytes);
      __atomic_store_n(&count_, count + 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&lock_, false, __ATOMIC_RELEASE);
  }
}

void SharedMemory::poison() {
  dynamic_->poison();
  for (int i = 0; i < count_; ++i) arrays_[i].memory->poison();
}

void SharedMemory::check() const {
  dynamic_->check();
  for (int i = 0; i < count_; ++i) arrays_[i].memory->check();
}

}  // namespace gavel::emulator
