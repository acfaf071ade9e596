// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// ceilings.cu: what this GPU can do at most, measured: launches of an empty kernel, copying and reading of memory by working-set size.
// Prints one JSON object. Every time is the median of rounds; a round is many launches between two events.
//   ceilings probe        only says which GPU the CUDA runtime finds, or why it finds none; needs no nvidia-smi
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

void check(cudaError_t status, const char *what) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "ceilings: %s: %s\n", what, cudaGetErrorString(status));
  std::exit(3);
}

__global__ void empty() {}

__global__ void copy(const uint4 *__restrict__ from, uint4 *__restrict__ to, size_t count) {
  for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < count; i += size_t{gridDim.x} * blockDim.x)
    to[i] = from[i];
}

// The sum is written only where it has one value out of 2^32, so that the loads are needed and no store is made.
__global__ void read(const uint4 *__restrict__ from, unsigned *to, size_t count) {
  unsigned sum = 0;
  for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < count; i += size_t{gridDim.x} * blockDim.x) {
    const uint4 four = from[i];
    sum += four.x ^ four.y ^ four.z ^ four.w;
  }
  if (sum == 0x9e3779b9u) *to = sum;
}

template <typename Launch>
double microseconds(int launches, Launch launch) {
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "event");
  check(cudaEventCreate(&end), "event");
  std::vector<double> rounds;
  for (int round = 0; round < 11; ++round) {
    check(cudaEventRecord(begin), "record");
    for (int i = 0; i < launches; ++i) launch();
    check(cudaEventRecord(end), "record");
    check(cudaEventSynchronize(end), "synchronize");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin, end), "elapsed");
    if (round > 0) rounds.push_back(1000.0 * milliseconds / launches);
  }
  check(cudaGetLastError(), "launch");
  std::nth_element(rounds.begin(), rounds.begin() + rounds.size() / 2, rounds.end());
  return rounds[rounds.size() / 2];
}

// A launch and the wait for it, on the host's clock.
double launch_and_wait() {
  std::vector<double> times;
  for (int i = 0; i < 210; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    empty<<<1, 32>>>();
    check(cudaStreamSynchronize(nullptr), "synchronize");
    if (i >= 10) times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

int probe(const cudaDeviceProp &properties, int driver) {
  int runtime = 0, clock = 0, memory_clock = 0;
  size_t free_bytes = 0, bytes = 0;
  check(cudaRuntimeGetVersion(&runtime), "runtime");
  check(cudaDeviceGetAttribute(&clock, cudaDevAttrClockRate, 0), "clock");
  check(cudaDeviceGetAttribute(&memory_clock, cudaDevAttrMemoryClockRate, 0), "clock");
  check(cudaMemGetInfo(&free_bytes, &bytes), "memory");
  empty<<<1, 32>>>();
  check(cudaDeviceSynchronize(), "an empty kernel");
  std::printf(
      "%s, compute capability %d.%d, %d multiprocessors, L2 %d MiB, memory %zu MiB (%zu free), at most %d MHz, memory %d MHz, "
      "driver for CUDA %d.%d, runtime %d.%d\n",
      properties.name, properties.major, properties.minor, properties.multiProcessorCount, properties.l2CacheSize >> 20,
      bytes >> 20, free_bytes >> 20, clock / 1000, memory_clock / 1000, driver / 1000, driver % 1000 / 10, runtime / 1000,
      runtime % 1000 / 10);
  return 0;
}

}  // namespace

int main(int given, char **arguments) {
  int driver = 0, devices = 0;
  check(cudaDriverGetVersion(&driver), "driver");
  if (driver == 0) {
    std::fprintf(stderr, "ceilings: there is no NVIDIA driver on this machine (libcuda.so.1 was not found)\n");
    return 3;
  }
  check(cudaGetDeviceCount(&devices), "devices");
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0), "properties");
  if (given > 1 && std::strcmp(arguments[1], "probe") == 0) return probe(properties, driver);
  const size_t most = size_t{2} << 30;
  uint4 *from = nullptr;
  uint4 *to = nullptr;
  check(cudaMalloc(&from, most), "cudaMalloc");
  check(cudaMalloc(&to, most), "cudaMalloc");
  check(cudaMemset(from, 1, most), "cudaMemset");
  const unsigned blocks = static_cast<unsigned>(properties.multiProcessorCount) * 8;
  std::printf("{\n \"gpu\": \"%s\", \"multiprocessors\": %d, \"l2_bytes\": %d, \"driver\": %d,\n", properties.name,
              properties.multiProcessorCount, properties.l2CacheSize, driver);
  std::printf(" \"empty_launch_us\": %.3f,\n", microseconds(1000, [] { empty<<<1, 32>>>(); }));
  std::printf(" \"empty_launch_and_wait_us\": %.3f,\n \"memory\": [", launch_and_wait());
  const char *comma = "";
  for (size_t bytes = size_t{4} << 20; bytes <= most; bytes *= 8) {
    const size_t count = bytes / sizeof(uint4);
    const int launches = bytes < (size_t{64} << 20) ? 100 : 10;
    const double copying = microseconds(launches, [&] { copy<<<blocks, 256>>>(from, to, count); });
    const double reading =
        microseconds(launches, [&] { read<<<blocks, 256>>>(from, reinterpret_cast<unsigned *>(to), count); });
    std::printf("%s\n  {\"bytes\": %zu, \"copy_gb_per_s\": %.1f, \"read_gb_per_s\": %.1f}", comma, bytes,
                2e-3 * static_cast<double>(bytes) / copying, 1e-3 * static_cast<double>(bytes) / reading);
    comma = ",";
  }
  std::printf("\n ]\n}\n");
  return 0;
}
