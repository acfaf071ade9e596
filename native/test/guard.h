// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// guard.h: memory with an inaccessible page on either side, so that one byte too far is a crash instead of luck.
// A buffer touches the page after it (Edge::AFTER) or the page before it (Edge::BEFORE); run both. The rest of its own pages holds
// a pattern, and untouched() says whether it still does: writes on the other side are found that way.
#ifndef GAVEL_TEST_GUARD_H
#define GAVEL_TEST_GUARD_H

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

namespace gavel::test {

enum class Edge { BEFORE, AFTER };
constexpr Edge kEdges[] = {Edge::BEFORE, Edge::AFTER};

class Guarded {
 public:
  // All bytes start as 0xff: a NaN in every float type, so a value that was read and not written shows.
  // Edge::AFTER puts the last byte right before the page, so the address has whatever alignment `bytes` leaves it.
  // Not inlined: GCC 12 would follow a path on which `bytes` is negative, and warn of it.
  [[gnu::noinline]] explicit Guarded(int64_t bytes, Edge edge = Edge::AFTER) : bytes_(bytes) {
    page_ = static_cast<int64_t>(sysconf(_SC_PAGESIZE));
    inner_ = (bytes + page_ - 1) / page_ * page_;
    base_ = spare().take(inner_);
    if (base_ == nullptr) {
      void *map = mmap(nullptr, static_cast<size_t>(inner_ + 2 * page_), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (map == MAP_FAILED) die("mmap");
      base_ = static_cast<unsigned char *>(map) + page_;
      protect(PROT_READ | PROT_WRITE);
    }
    data_ = edge == Edge::AFTER ? base_ + inner_ - bytes : base_;
    std::memset(base_, kPattern, static_cast<size_t>(inner_));
    std::memset(data_, 0xff, static_cast<size_t>(bytes));
  }
  ~Guarded() {
    if (frozen_) protect(PROT_READ | PROT_WRITE);
    spare().give(inner_, base_);
  }
  Guarded(const Guarded &) = delete;
  Guarded &operator=(const Guarded &) = delete;

  template <typename T>
  T *as() {
    return reinterpret_cast<T *>(data_);
  }
  int64_t bytes() const { return bytes_; }

  // Makes the buffer readable only: a kernel that writes its input crashes.
  void freeze() {
    protect(PROT_READ);
    frozen_ = true;
  }

  bool untouched() const {
    for (const unsigned char *p = base_; p != base_ + inner_; ++p) {
      if ((p < data_ || p >= data_ + bytes_) && *p != kPattern) return false;
    }
    return true;
  }

 private:
  static constexpr unsigned char kPattern = 0xa5;
  [[noreturn]] static void die(const char *call) {
    std::perror(call);
    std::abort();
  }

  // Pages whose buffer is gone, for the next one of their size: tests make hundreds of thousands of small ones, and mapping them anew
  // was most of their time.
  class Spare {
   public:
    unsigned char *take(int64_t inner) {
      std::vector<unsigned char *> &bases = by_size_[inner];
      if (bases.empty()) return nullptr;
      unsigned char *base = bases.back();
      bases.pop_back();
      return base;
    }
    void give(int64_t inner, unsigned char *base) { by_size_[inner].push_back(base); }
    ~Spare() {
      const auto page = static_cast<int64_t>(sysconf(_SC_PAGESIZE));
      for (const auto &[inner, bases] : by_size_) {
        for (unsigned char *base : bases) munmap(base - page, static_cast<size_t>(inner + 2 * page));
      }
    }

   private:
    std::map<int64_t, std::vector<unsigned char *>> by_size_;
  };
  static Spare &spare() {
    thread_local Spare spare;
    return spare;
  }

  void protect(int rights) {
    if (inner_ > 0 && mprotect(base_, static_cast<size_t>(inner_), rights) != 0) die("mprotect");
  }

  int64_t bytes_;
  int64_t page_;
  int64_t inner_;
  unsigned char *base_;
  unsigned char *data_;
  bool frozen_ = false;
};

}  // namespace gavel::test

#endif
