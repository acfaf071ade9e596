// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// random.h: test data from a seed, the same on every machine and standard library (which std::normal_distribution is not).
#ifndef GAVEL_TEST_RANDOM_H
#define GAVEL_TEST_RANDOM_H

#include <cmath>
#include <cstdint>

namespace gavel::test {

// SplitMix64 (Steele, Lea and Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // low <= result <= high.
  int64_t integer(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(next() % static_cast<uint64_t>(high - low + 1));
  }
  double uniform(double low, double high) { return low + (high - low) * static_cast<double>(next() >> 11) * 0x1p-53; }
  // Mean 0, deviation 1 (Box and Muller 1958).
  float normal() {
    const double radius = std::sqrt(-2 * std::log(uniform(0x1p-60, 1)));
    return static_cast<float>(radius * std::cos(uniform(0, 6.283185307179586)));
  }

 private:
  uint64_t state_;
};

}  // namespace gavel::test

#endif
