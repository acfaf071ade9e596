// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// ceilings.cu: what this GPU can do at most, measured: launches of an empty kernel, copying and reading of memory by working-set size.
// Prints one JSON object. Every time is the median of rounds; a round is many launches between two events.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

void check(cudaError_t status, const char *what) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "ceilings: %s: %s\n", what, cudaGetErrorString(status));
  std::exit(3);
}

__global__ void empty() {}

__global__ void copy(const uint4 *__restrict__ from, uint4 *__restrict__ to, size_t count) {
  for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < count; i += size_t{gridDim.x} * blockDim.x) to[i] = from[i];
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

}  // namespace

int main() {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0), "no device");
  int driver = 0;
  check(cudaDriverGetVersion(&driver), "driver");
  const size_t most = size_t{2} << 30;
  uint4 *from = nullptr;
  uint4 *to = nullptr;
  check(cudaMalloc(&from, most), "cudaMalloc");
  check(cudaMalloc(&to, most), "cudaMalloc");
  check(cudaMemset(from, 1, most), "cudaMemset");
  const unsigned blocks = static_cast<unsigned>(properties.multiProcessorCount) * 8;
  std::printf("{\n \"gpu\": \"%s\", \"multiprocessors\": %d, \"l2_bytes\": %d, \"driver\": %d,\n", properties.name,
              properties.multiProcessorCount, properties.l2CacheSize, driver);
  std::printf(" \"empty_launch_us\": %.3f,\n \"memory\": [", microseconds(1000, [] { empty<<<1, 32>>>(); }));
  const char *comma = "";
  for (size_t bytes = size_t{4} << 20; bytes <= most; bytes *= 8) {
    const size_t count = bytes / sizeof(uint4);
    const int launches = bytes < (size_t{64} << 20) ? 100 : 10;
    const double copying = microseconds(launches, [&] { copy<<<blocks, 256>>>(from, to, count); });
    const double reading = microseconds(launches, [&] { read<<<blocks, 256>>>(from, reinterpret_cast<unsigned *>(to), count); });
    std::printf("%s\n  {\"bytes\": %zu, \"copy_gb_per_s\": %.1f, \"read_gb_per_s\": %.1f}", comma, bytes,
                2e-3 * static_cast<double>(bytes) / copying, 1e-3 * static_cast<double>(bytes) / reading);
    comma = ",";
  }
  std::printf("\n ]\n}\n");
  return 0;
}
