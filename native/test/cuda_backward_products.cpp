// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The products of 16-bit heads on tensor cores: f32 accuracy against float64 in both tile sizes, the same bits in both, every shape's edges, and
// gradients at the ends of the range of f32.
#include <array>

#include "cuda/backward_split.h"
#include "cuda_device_array.h"
#include "cuda_emulator/emulator.h"
#include "cuda_score_fixture.h"

namespace cuda = gavel::cuda;
using namespace gavel::test;

namespace {

struct Problem {
  int64_t rows, columns, depth;
  std::vector<float> left, right;  // [depth, rows], [depth, columns]
};

Problem random_problem(uint64_t seed, int32_t dtype, int64_t rows, int64_t columns, int64_t depth) {
  Random random(seed);
  Problem problem{rows, columns, depth, {}, random_values(random, dtype, depth * columns)};
  // All 24 bits of a float are in use.
  for (int64_t k = 0; k < depth * rows; ++k) problem.left.push_back(random.normal());
  return problem;
}

template <int kColumns, int kParts>
std::vector<float> run(const Problem &problem, int64_t gap, bool overwrite) {
  const DeviceArray<float> left(problem.left), right(problem.right);
  const int64_t stride = problem.columns + gap;
  const DeviceArray<float> target(std::vector<float>(static_cast<size_t>(problem.rows * stride), 0.5f));
  const cuda::ProductShape shape{problem.rows, problem.columns, problem.depth, target.data(), stride, overwrite};
  cuda::split::enqueue<kColumns, kParts>(shape, cuda::LeftByRows{left.data(), problem.rows},
                                         cuda::RightMatrix{right.data(), problem.columns}, nullptr);
  std::vector<float> result;
  for (int64_t row = 0; row < problem.rows; ++row) {
    const float *values = target.data() + row * stride;
    result.insert(result.end(), values, values + problem.columns);
    for (int64_t k = problem.columns; k < stride; ++k) check_equal("between the rows", values[k] == 0.5f, true);
  }
  return result;
}

template <int kParts>
void check_shapes(int32_t dtype) {
  double worst = 0;
  uint64_t seed = 1;
  for (const auto &[rows, columns, depth] :
       {std::array<int64_t, 3>{1, 1, 1}, {64, 128, 32}, {65, 129, 33}, {63, 31, 15}, {70, 33, 64}, {9, 140, 100}, {5, 7, 0}}) {
    const Problem problem = random_problem(++seed, dtype, rows, columns, depth);
    std::vector<double> expected, bound;
    for (int64_t m = 0; m < rows; ++m) {
      for (int64_t n = 0; n < columns; ++n) {
        double sum = 0, magnitude = 0;
        for (int64_t k = 0; k < depth; ++k) {
          const double product = static_cast<double>(problem.left[static_cast<size_t>(k * rows + m)]) *
                                 static_cast<double>(problem.right[static_cast<size_t>(k * columns + n)]);
          sum += product;
          magnitude += std::fabs(product);
        }
        expected.push_back(sum);
        // As a sum of f32 products: the parts' products are exact, but there are three (six) times as many additions.
        const double terms = static_cast<double>(3 * kParts * std::max<int64_t>(1, depth));
        bound.push_back(4 * std::sqrt(terms) * 0x1p-24 * magnitude + 1e-30);
      }
    }
    const std::string what = std::to_string(rows) + " x " + std::to_string(columns) + " x " + std::to_string(depth);
    const std::vector<float> wide = run<128, kParts>(problem, seed % 3, true), narrow = run<32, kParts>(problem, 1, true);
    worst = std::fmax(worst, check_bound(what, wide.data(), expected.data(), bound.data(), rows * columns, seed));
    check_bits(what + ": both tiles", narrow.data(), wide.data(), rows * columns, seed);
    std::vector<float> added = wide;
    for (float &value : added) value = 0.5f + value;
    const std::vector<float> adding = run<128, kParts>(problem, 0, false);
    check_bits(what + ": added", adding.data(), added.data(), rows * columns, seed);
    for (uint64_t schedule = 1; schedule <= 8; ++schedule) {
      gavel::emulator::set_seed(schedule);
      const std::vector<float> again = run<32, kParts>(problem, 0, true);
      check_bits(what + ": schedule", again.data(), wide.data(), rows * columns, schedule);
    }
  }
  std::printf("split product %s: largest error %.2f of its bound\n", name_of(dtype), worst);
}

// A product with 1 gives the number back, all 24 bits of it; infinities and NaN show in their own row only.
void check_range() {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float largest = std::numeric_limits<float>::max();
  const std::vector<float> values = {
      1, -1, 0x1.fffffep0f, -0x1.234567p-20f, 0x1.abcdefp100f, largest, -largest, 0x1p-100f, 0x1.5p-90f, inf, -inf, nan, 0};
  const auto rows = static_cast<int64_t>(values.size());
  const Problem problem{rows, 1, 1, values, {1}};
  const std::vector<float> wide = run<128, 1>(problem, 0, true), two = run<32, 2>(problem, 0, true);
  check_bits("times 1", wide.data(), values.data(), rows, 0);
  for (size_t k = 0; k < values.size(); ++k) {
    // An infinity meets the 0 of the second part.
    if (std::isfinite(values[k])) check_bits("times 1, two parts", &two[k], &values[k], 1, k);
    CHECK(std::isfinite(values[k]) || !std::isfinite(two[k]), "%zu: %g", k, static_cast<double>(two[k]));
  }
}

}  // namespace

int main() {
  check_shapes<1>(GAVEL_BF16);
  check_shapes<2>(GAVEL_F16);
  check_range();
  return finish();
}
