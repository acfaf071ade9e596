// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// warp.cpp: who takes part in a warp intrinsic, and what each lane gets.
#include <bit>
#include <cstring>

#include "cuda_runtime.h"

namespace gavel::emulator {

constinit thread_local Thread *current __attribute__((tls_model("initial-exec"))) = nullptr;

Block::Block(const Launch &of, Engine &by) : launch(&of), engine(&by), shared(of.dynamic_bytes) {
  const uint32_t n = of.block.x * of.block.y * of.block.z;
  threads.resize(n);
  warps.resize((n + 31) / 32);
  for (uint32_t w = 0; w < warps.size(); ++w) {
    warps[w].block = this;
    warps[w].threads = &threads[w * 32];
    warps[w].number = w;
    warps[w].groups.reserve(32);
  }
  for (uint32_t i = 0; i < n; ++i) {
    Thread &thread = threads[i];
    thread.index = {i % of.block.x, i / of.block.x % of.block.y, i / of.block.x / of.block.y};
    thread.linear = i;
    thread.lane = i % 32;
    thread.warp = &warps[i / 32];
    thread.block = this;
  }
}

void Block::begin(uint64_t number) {
  const dim3 grid = launch->grid;
  index = {static_cast<unsigned>(number % grid.x), static_cast<unsigned>(number / grid.x % grid.y),
           static_cast<unsigned>(number / grid.x / grid.y)};
  shared.poison();
  for (Thread &thread : threads) {
    thread.copies.clear();
    thread.copy_group = 0;
  }
  const uint32_t last = static_cast<uint32_t>(threads.size() % 32);
  for (Warp &warp : warps) {
    warp.groups.clear();
    warp.exited = 0;
  }
  if (last != 0) warps.back().exited = kAllLanes << last;
}

void Block::end() {
  shared.check();
}

namespace {

// Where all that are meant to come have come, runs the intrinsic and returns its lanes.
uint32_t complete_if_full(Warp &warp, size_t position) {
  const Group group = warp.groups[position];
  if (group.arrived != (group.mask & ~warp.exited)) return 0;
  warp.groups.erase(warp.groups.begin() + static_cast<ptrdiff_t>(position));
  group.complete(warp, group.arrived);
  return group.arrived;
}

}  // namespace

uint32_t arrive(Thread &thread, uint32_t mask, const char *name, Completion complete) {
  Warp &warp = *thread.warp;
  if ((mask >> thread.lane & 1) == 0)
    stop("%s: the mask 0x%08x does not name lane %u, which calls it", name, mask, thread.lane);
  size_t position = 0;
  while (position < warp.groups.size() && warp.groups[position].mask != mask) ++position;
  if (position == warp.groups.size()) {
    warp.groups.push_back({mask, 0, name, complete});
  } else if (warp.groups[position].name != name && std::strcmp(warp.groups[position].name, name) != 0) {
    stop("lane %u calls %s while lanes 0x%08x of the same mask 0x%08x wait in %s", thread.lane, name,
         warp.groups[position].arrived, mask, warp.groups[position].name);
  }
  warp.groups[position].arrived |= 1u << thread.lane;
  return complete_if_full(warp, position);
}

uint32_t leave(Thread &thread) {
  Warp &warp = *thread.warp;
  warp.exited |= 1u << thread.lane;
  uint32_t released = 0;
  for (size_t position = 0; position < warp.groups.size();) {
    const uint32_t lanes = complete_if_full(warp, position);
    released |= lanes;
    if (lanes == 0) ++position;
  }
  return released;
}

void complete_nothing(Warp &, uint32_t) {}

void complete_shuffle(Warp &warp, uint32_t lanes) {
  for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    Thread &thread = warp.threads[std::countr_zero(rest)];
    if (thread.source > 31 || (lanes >> thread.source & 1) == 0) {
      stop("lane %u reads lane %u in a shuffle that only lanes 0x%08x take part in", thread.lane, thread.source, lanes);
    }
    thread.taken = warp.threads[thread.source].given;
  }
}

void complete_ballot(Warp &warp, uint32_t lanes) {
  uint32_t votes = 0;
  for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    votes |= warp.threads[lane].given.words[0] << lane;
  }
  for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) warp.threads[std::countr_zero(rest)].taken.words[0] = votes;
}

void complete_match(Warp &warp, uint32_t lanes) {
  for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    Thread &thread = warp.threads[std::countr_zero(rest)];
    uint32_t equal = 0;
    for (uint32_t others = lanes; others != 0; others &= others - 1) {
      const int lane = std::countr_zero(others);
      if (std::memcmp(&warp.threads[lane].given, &thread.given, 8) == 0) equal |= 1u << lane;
    }
    thread.taken.words[0] = equal;
  }
}

void check_shuffle_width(int width, const char *name) {
  if (width < 1 || width > 32 || !std::has_single_bit(static_cast<uint32_t>(width))) {
    stop("%s: width %d is not a power of two from 1 to 32", name, width);
  }
}

void copy_async_16(void *shared, const void *global) {
  if (reinterpret_cast<uintptr_t>(shared) % 16 != 0 || reinterpret_cast<uintptr_t>(global) % 16 != 0) {
    stop("copy_async_16(%p, %p): both addresses must be multiples of 16", shared, global);
  }
  current->copies.push_back({shared, global, current->copy_group});
}

void copy_async_commit() {
  ++current->copy_group;
}

void copy_async_wait(uint32_t pending) {
  std::vector<Thread::Copy> &copies = current->copies;
  size_t done = 0;
  while (done < copies.size() && copies[done].group + pending < current->copy_group) {
    std::memcpy(copies[done].target, copies[done].source, 16);
    ++done;
  }
  copies.erase(copies.begin(), copies.begin() + static_cast<ptrdiff_t>(done));
}

}  // namespace gavel::emulator
