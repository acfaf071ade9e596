// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// report.cpp: the last words of a kernel that did what it must not.
#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "engine.h"

namespace gavel::emulator {
namespace {

// Kernels are not exported, so the dynamic symbols do not have them; the file's own table does. Only that is read: with the sanitizers a
// test is hundreds of megabytes.
std::string symbol_at(const void *function) {
  Dl_info info;
  if (dladdr(function, &info) == 0) return "";
  std::ifstream file(info.dli_fname, std::ios::binary);
  // The name of the executable is what it was called as.
  if (!file) file.open("/proc/self/exe", std::ios::binary);
  const auto read = [&](uint64_t at, size_t bytes) {
    std::string text(bytes, '\0');
    file.seekg(static_cast<std::streamoff>(at));
    if (!file.read(text.data(), static_cast<std::streamsize>(bytes))) text.clear();
    return text;
  };
  Elf64_Ehdr header{};
  const std::string head = read(0, sizeof header);
  if (head.empty()) return "";
  std::memcpy(&header, head.data(), sizeof header);
  const uint64_t base = header.e_type == ET_DYN ? reinterpret_cast<uint64_t>(info.dli_fbase) : 0;
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  const std::string all = read(header.e_shoff, sections.size() * sizeof(Elf64_Shdr));
  if (all.empty()) return "";
  std::memcpy(sections.data(), all.data(), all.size());
  for (const Elf64_Shdr &table : sections) {
    if (table.sh_type != SHT_SYMTAB || table.sh_link >= sections.size()) continue;
    const std::string symbols = read(table.sh_offset, table.sh_size);
    const std::string names = read(sections[table.sh_link].sh_offset, sections[table.sh_link].sh_size);
    for (size_t at = 0; at + sizeof(Elf64_Sym) <= symbols.size(); at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, symbols.data() + at, sizeof symbol);
      if (symbol.st_value + base != reinterpret_cast<uint64_t>(function)) continue;
      if ((symbol.st_info & 15) == STT_FUNC && symbol.st_name < names.size()) return names.c_str() + symbol.st_name;
    }
  }
  return "";
}

void say_where(const Launch &launch) {
  std::fprintf(stderr, " [kernel %s, grid %u x %u x %u, block %u x %u x %u", function_name(launch.kernel), launch.grid.x,
               launch.grid.y, launch.grid.z, launch.block.x, launch.block.y, launch.block.z);
}

[[noreturn]] void end() {
  std::fputs("]\n", stderr);
  std::fflush(stderr);
  std::abort();
}

}  // namespace

const char *function_name(const void *function) {
  static std::string &name = *new std::string;
  const std::string symbol = symbol_at(function);
  int status = 0;
  char *text = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  char address[32];
  std::snprintf(address, sizeof address, "%p", function);
  name = text != nullptr ? text : symbol.empty() ? address : symbol;
  std::free(text);
  return name.c_str();
}

namespace {

// Many threads may find the same thing at once; the first one speaks, and the others wait for the end.
void speak_alone() {
  static std::mutex &mutex = *new std::mutex;
  mutex.lock();
}

}  // namespace

void stop(const char *format, ...) {
  speak_alone();
  std::fputs("cuda emulator: ", stderr);
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stderr, format, arguments);
  va_end(arguments);
  if (current == nullptr) {
    std::fputs(" [outside a kernel", stderr);
    end();
  }
  const Block &block = *current->block;
  say_where(*block.launch);
  std::fprintf(stderr, ", in block (%u, %u, %u) thread (%u, %u, %u)", block.index.x, block.index.y, block.index.z,
               current->index.x, current->index.y, current->index.z);
  end();
}

void stop_deadlocked(const Block &block, uint32_t at_barrier, uint32_t exited) {
  speak_alone();
  const uint32_t all = static_cast<uint32_t>(block.threads.size());
  std::fprintf(stderr, "cuda emulator: %s: of %u threads %u wait at __syncthreads, %u have left the kernel",
               at_barrier != 0 ? "divergent barrier" : "deadlock", all, at_barrier, exited);
  for (const Warp &warp : block.warps) {
    for (const Group &group : warp.groups) {
      std::fprintf(stderr, "; in warp %u lanes 0x%08x wait in %s, mask 0x%08x", warp.number, group.arrived, group.name,
                   group.mask);
    }
  }
  say_where(*block.launch);
  std::fprintf(stderr, ", in block (%u, %u, %u)", block.index.x, block.index.y, block.index.z);
  end();
}

std::vector<uint64_t> shuffled(uint64_t n, Random &random) {
  std::vector<uint64_t> order(n);
  for (uint64_t i = 0; i < n; ++i) order[i] = i;
  for (uint64_t i = n; i > 1; --i) std::swap(order[i - 1], order[random.below(static_cast<uint32_t>(i))]);
  return order;
}

}  // namespace gavel::emulator
