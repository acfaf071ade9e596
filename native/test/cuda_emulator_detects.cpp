// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// What a kernel or its caller must not do ends the process, with words that say what and where. Each in a process of its own.
#include <cstdlib>
#include <cstring>

#include "check.h"
#include "cuda/device.h"
#include "cuda/ptx.h"
#include "cuda_case.h"

namespace gavel::test {
namespace {

using namespace gavel::cuda;

#ifdef __SANITIZE_THREAD__
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

__global__ void some_at_barrier() {
  if (threadIdx.x < 5) __syncthreads();
}
__global__ void others_at_warp_barrier() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    if (threadIdx.x < 40) __syncwarp();
    __syncthreads();
  }
}
__global__ void lane_does_not_come(int *out) {
  if (threadIdx.x != 9) *out = __shfl_xor_sync(kAllLanes, 1, 1);
  __syncthreads();
}
__global__ void lane_not_in_mask() {
  __syncwarp(0x0000ffffu);
}
__global__ void reads_absent_lane(int *out) {
  if (threadIdx.x < 16) *out = __shfl_sync(0x0000ffffu, 1, 20);
}
__global__ void reads_lane_that_left(int *out) {
  if (threadIdx.x >= 16) return;
  *out = __shfl_xor_sync(kAllLanes, 1, 16);
}
__global__ void mixed_intrinsics() {
  if (threadIdx.x < 16) {
    __syncwarp();
  } else {
    __ballot_sync(kAllLanes, 1);
  }
}
__global__ void bad_width(int *out) {
  *out = __shfl_sync(kAllLanes, 1, 0, 24);
}
__global__ void half_warp_multiplies(float *out) {
  const uint32_t zeros[4] = {};
  float d[4] = {};
  if (threadIdx.x < 16) mma_16816_bf16(d, zeros, zeros);
  *out = d[0];
}
__global__ void writes_behind_static() {
  GAVEL_SHARED(int[8], words);
  volatile int *const end = words;
  end[8 + threadIdx.x] = 1;
}
__global__ void writes_behind_dynamic(int n) {
  GAVEL_DYNAMIC_SHARED(int, words);
  words[n] = 1;
}
__global__ void too_much_static(int *out) {
  GAVEL_SHARED(int[13000], words);
  *out = words[0];
}
__global__ void copies_unaligned(const char *source) {
  GAVEL_SHARED(uint4[2], target);
  copy_async_16(target, source + 4);
}
__global__ void write_at(int *out, int n) {
  out[n] = 1;
}
__global__ void count(int *out) {
  *out += 1;
}
__global__ void forgets_barrier(int *out) {
  GAVEL_SHARED(int[64], words);
  words[threadIdx.x] = static_cast<int>(threadIdx.x);
  out[threadIdx.x] = words[63 - threadIdx.x];
}
__global__ void forgets_warp_barrier(int *out) {
  GAVEL_SHARED(int[64], words);
  words[threadIdx.x] = __shfl_xor_sync(kAllLanes, static_cast<int>(threadIdx.x), 1);
  out[threadIdx.x] = words[threadIdx.x ^ 3];
}

template <typename... Parameters, typename... Arguments>
void launch_64(void (*kernel)(Parameters...), Arguments... arguments) {
  run(kernel, dim3(1), dim3(64), 16, arguments...);
}

int *device_words(size_t n) {
  int *words = nullptr;
  require(cudaMalloc(&words, n * sizeof(int)), "cudaMalloc");
  return words;
}

cudaStream_t capturing_stream() {
  cudaStream_t stream = nullptr;
  require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  return stream;
}

const char *or_sanitizer(const char *message) {
  return kSanitized ? "AddressSanitizer" : message;
}

// In kernels, tried on both engines.
const FatalCase kKernelCases[] = {
    {"some_at_barrier", [] { launch_64(some_at_barrier); },
     "divergent barrier: of 64 threads 5 wait at __syncthreads, 59 have left the kernel [kernel "
     "gavel::test::(anonymous namespace)::some_at_barrier(), grid 1 x 1 x 1, block 64 x 1 x 1, in block (0, 0, 0)]"},
    {"others_at_warp_barrier", [] { launch_64(others_at_warp_barrier); },
     "of 64 threads 56 wait at __syncthreads, 0 have left the kernel; in warp 1 lanes 0x000000ff wait in __syncwarp"},
    {"lane_does_not_come", [] { launch_64(lane_does_not_come, device_words(1)); },
     "lanes 0xfffffdff wait in __shfl_xor_sync, mask 0xffffffff"},
    {"lane_not_in_mask", [] { launch_64(lane_not_in_mask); }, "the mask 0x0000ffff does not name lane"},
    {"reads_absent_lane", [] { launch_64(reads_absent_lane, device_words(1)); },
     "reads lane 20 in a shuffle that only lanes 0x0000ffff take part in"},
    {"reads_lane_that_left", [] { launch_64(reads_lane_that_left, device_words(1)); }, "take part in"},
    {"mixed_intrinsics", [] { launch_64(mixed_intrinsics); }, "of the same mask 0xffffffff wait in __"},
    {"bad_width", [] { launch_64(bad_width, device_words(1)); }, "width 24 is not a power of two"},
    {"half_warp_multiplies", [] { launch_64(half_warp_multiplies, reinterpret_cast<float *>(device_words(1))); },
     "mma: only lanes 0x0000ffff take part"},
    {"writes_behind_static", [] { launch_64(writes_behind_static); },
     or_sanitizer("a shared array of 32 bytes was written 0 bytes behind its end")},
    {"writes_behind_dynamic", [] { launch_64(writes_behind_dynamic, 4); },
     or_sanitizer("the dynamic shared memory of a block of 16 bytes was written 0 bytes behind its end")},
    {"too_much_static", [] { launch_64(too_much_static, device_words(1)); }, "take 52000 bytes; 49152 is the most"},
    {"copies_unaligned", [] { launch_64(copies_unaligned, reinterpret_cast<const char *>(device_words(64))); },
     "both addresses must be multiples of 16"},
};

// Of host code.
const FatalCase kHostCases[] = {
    {"freed_twice",
     [] {
       int *words = device_words(1);
       cudaFree(words);
       cudaFree(words);
     },
     "no allocation begins there: it was freed before"},
    {"freed_inside", [] { cudaFree(device_words(4) + 1); }, "no allocation begins there"},
    {"device_memory_freed_as_pinned", [] { cudaFreeHost(device_words(1)); }, "that memory is device memory"},
    {"written_behind",
     [] {
       int *words = device_words(3);
       launch_64(write_at, words, 3);
       cudaFree(words);
     },
     or_sanitizer("an allocation of device memory of 12 bytes was written 0 bytes behind its end")},
    {"written_before",
     [] {
       int *words = device_words(3);
       launch_64(write_at, words, -1);
       cudaFree(words);
     },
     or_sanitizer("was written 4 bytes before its start")},
    {"allocates_in_capture",
     [] {
       capturing_stream();
       device_words(1);
     },
     "cudaMalloc was called on a stream that is being captured"},
    {"frees_in_capture",
     [] {
       int *words = device_words(1);
       cudaFreeAsync(words, capturing_stream());
     },
     "cudaFreeAsync was called on a stream that is being captured"},
    {"waits_in_capture", [] { cudaStreamSynchronize(capturing_stream()); },
     "cudaStreamSynchronize was called on a stream that is being captured"},
    {"waits_for_device_in_capture",
     [] {
       capturing_stream();
       cudaDeviceSynchronize();
     },
     "cudaDeviceSynchronize was called on a stream that is being captured"},
    {"stream_after_its_end",
     [] {
       cudaStream_t stream = nullptr;
       cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
       cudaStreamDestroy(stream);
       cudaStreamSynchronize(stream);
     },
     "is none, or was destroyed"},
};

const FatalCase kUnknownEngine = {"unknown_engine", [] { launch_64(count, device_words(1)); }, "say fibres or threads"};
// Host code that reads device memory.
const FatalCase kHostAccess = {"host_access", [] { std::printf("%d", *device_words(1)); }, "AddressSanitizer"};
const FatalCase kRaces[] = {
    {"forgets_barrier", [] { launch_64(forgets_barrier, device_words(64)); }, "ThreadSanitizer: data race"},
    {"forgets_warp_barrier", [] { launch_64(forgets_warp_barrier, device_words(64)); }, "ThreadSanitizer: data race"},
    {"counts_without_atomics", [] { run(count, dim3(1), dim3(2), 0, device_words(1)); }, "ThreadSanitizer: data race"},
    {"blocks_without_atomics", [] { run(count, dim3(8), dim3(1), 0, device_words(1)); }, "ThreadSanitizer: data race"},
};

}  // namespace
}  // namespace gavel::test

int main(int argc, char **argv) {
  using namespace gavel::test;
  std::vector<FatalCase> all(std::begin(kKernelCases), std::end(kKernelCases));
  all.insert(all.end(), std::begin(kHostCases), std::end(kHostCases));
  all.insert(all.end(), std::begin(kRaces), std::end(kRaces));
  all.push_back(kUnknownEngine);
  all.push_back(kHostAccess);
  if (argc == 2) return run_case(all.data(), all.size(), argv[1]);

  if (kThreadSanitizer) {
    // The other cases are found by the same code as without it.
    for (const FatalCase &race : kRaces) check_fatal(race, "threads");
    check_fatal(kKernelCases[0], "threads");
    check_fatal(kKernelCases[1], "threads");
    return finish();
  }
  for (const FatalCase &fatal : kKernelCases) {
    check_fatal(fatal, "fibres");
    check_fatal(fatal, "threads");
  }
  for (const FatalCase &fatal : kHostCases) check_fatal(fatal, "fibres");
  check_fatal(kUnknownEngine, "none");
  if (kSanitized) check_fatal(kHostAccess, "fibres");
  return finish();
}
