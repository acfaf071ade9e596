// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Kernels that move and count, of every table, against their definition in kernels.h: pairs apart and together, transposition, sums in
// pairs, dots of several rows.
#include <algorithm>
#include <cstring>

#include "check.h"
#include "common/pairwise_sum.h"
#include "cpu/pack_weight.h"
#include "rows.h"

namespace gavel::test {
namespace {

std::vector<float> random_floats(Random &random, int64_t n) {
  std::vector<float> values(static_cast<size_t>(n));
  for (float &value : values) value = random.normal();
  return values;
}

void check_pairs(const Table &table) {
  for (int64_t n = 0; n <= 70; ++n) {
    Random random(static_cast<uint64_t>(n));
    const std::vector<float> x = random_floats(random, 2 * n);
    // One more of each, which is not to be written.
    std::vector<float> even(static_cast<size_t>(n) + 1, 7), odd = even, y = random_floats(random, 2 * n + 1);
    const std::vector<float> before = y;
    table.kernels->split_pairs(x.data(), even.data(), odd.data(), n);
    table.kernels->add_pairs(y.data(), even.data(), odd.data(), n);
    for (size_t k = 0; k < static_cast<size_t>(n); ++k) CHECK(even[k] == x[2 * k] && odd[k] == x[2 * k + 1], "%zu", k);
    for (size_t k = 0; k < x.size(); ++k)
      CHECK(y[k] == before[k] + x[k], "%s: element %zu of %zu", table.name.c_str(), k, x.size());
    CHECK(even.back() == 7 && odd.back() == 7 && y.back() == before.back(), "%s: written behind the end", table.name.c_str());
  }
}

void check_rising_pairs(const Table &table) {
  for (int64_t n = 1; n <= 20; ++n) {
    for (const int64_t first : {int64_t{0}, int64_t{5}, int64_t{1} << 30}) {
      for (const int64_t step : {1, 2}) {
        std::vector<int64_t> pairs;
        for (int64_t k = 0; k < n; ++k) pairs.insert(pairs.end(), {first + k * step, first + 1000 + k * step});
        CHECK(table.kernels->rising_pairs(pairs.data(), n, step), "%s: %d from %lld on", table.name.c_str(),
              static_cast<int>(n), static_cast<long long>(first));
        CHECK(n == 1 || !table.kernels->rising_pairs(pairs.data(), n, 3 - step), "%s: another step", table.name.c_str());
        for (size_t k = 2; k < pairs.size(); ++k) {
          for (const int64_t change : {int64_t{1}, int64_t{-1}, int64_t{1} << 32, INT64_MIN}) {
            const int64_t kept = pairs[k];
            pairs[k] = static_cast<int64_t>(static_cast<uint64_t>(kept) + static_cast<uint64_t>(change));
            CHECK(!table.kernels->rising_pairs(pairs.data(), n, step), "%s: number %zu is another", table.name.c_str(), k);
            pairs[k] = kept;
          }
        }
      }
    }
  }
  for (const int64_t first : {int64_t{-1}, INT64_MIN, int64_t{INT32_MAX}, int64_t{1} << 32, INT64_MAX}) {
    const int64_t chosen[] = {first, 0}, rejected[] = {0, first};
    CHECK(!table.kernels->rising_pairs(chosen, 1, 1) && !table.kernels->rising_pairs(rejected, 1, 1), "%s: from %lld on",
          table.name.c_str(), static_cast<long long>(first));
  }
}

void check_sums(const Table &table) {
  for (int64_t n = 0; n <= 256; ++n) {
    Random random(static_cast<uint64_t>(n) + 1);
    std::vector<float> x = random_floats(random, n);
    if (n % 5 == 4) std::fill(x.begin(), x.end(), -0.0f);
    if (n % 7 == 6) x.back() = kInfinity;
    PairwiseSum expected;
    for (const float term : x) expected.add(term);
    const float actual = table.kernels->pairwise_sum(x.data(), n), total = expected.total();
    check_bits(table.name + ": pairwise sum", &actual, &total, 1, static_cast<uint64_t>(n));

    int64_t numbers = 0;
    for (float &value : x) {
      if (random.integer(0, 3) == 0) value = kNan;
      numbers += !std::isnan(value);
    }
    if (n % 7 == 6) continue;
    check_equal(table.name + ": numbers", table.kernels->count_numbers(x.data(), n, -100, 100), numbers);
    if (n == 0) continue;
    for (const float outside : {-100.5f, 100.5f, kInfinity, -kInfinity}) {
      x[static_cast<size_t>(random.integer(0, n - 1))] = outside;
      check_equal(table.name + ": outside", table.kernels->count_numbers(x.data(), n, -100, 100), -1);
    }
  }
}

// Of several rows and outputs, with the dots of kernels.dot and nothing between them.
void check_dots(const Table &table) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    const int64_t bytes = dtype == GAVEL_F32 ? 4 : 2;
    for (const int64_t n : kLengths) {
      Random random(static_cast<uint64_t>(n) * 3 + static_cast<uint64_t>(dtype));
      const int64_t count = 1 + n % 9, outputs = random.integer(1, 8), step = outputs + random.integer(0, 2);
      const std::vector<float> x = random_floats(random, n * count), w = random_floats(random, n * outputs);
      std::vector<char> rows(x.size() * static_cast<size_t>(bytes) + 2), weights(w.size() * static_cast<size_t>(bytes));
      // Off every alignment but the element's.
      char *data = rows.data() + (bytes == 2 ? 2 : 0);
      kScalarKernels.narrow(dtype, x.data(), data, n * count);
      kScalarKernels.narrow(dtype, w.data(), weights.data(), n * outputs);
      std::vector<const void *> places, ahead;
      std::vector<float> expected(static_cast<size_t>(count * step) + 1, 7), actual = expected, wide(static_cast<size_t>(n));
      for (int64_t r = 0; r < count; ++r) {
        places.push_back(data + r * n * bytes);
        ahead.push_back(data);
        kScalarKernels.widen(dtype, places.back(), wide.data(), n);
        for (int64_t o = 0; o < outputs; ++o) {
          expected[static_cast<size_t>(r * step + o)] =
              kScalarKernels.dot(wide.data(), dtype, weights.data() + o * n * bytes, n);
        }
      }
      table.kernels->dots(dtype, places.data(), ahead.data(), count, weights.data(), outputs, n, actual.data(), step);
      check_bits(table.name + ": dots", actual.data(), expected.data(), count * step + 1, static_cast<uint64_t>(n));
    }
  }
}

// Panels have the bytes of pack_panel, whole or in parts.
void check_panels(const Table &table) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    const int64_t width = dtype == GAVEL_F32 ? 4 : 2;
    for (const int64_t rows : {31, 32, 33, 64, 70}) {
      for (const int64_t depth : {1, 31, 32, 33, 96, 160}) {
        std::vector<unsigned char> matrix(static_cast<size_t>(rows * depth * width));
        Random random(static_cast<uint64_t>(rows * depth));
        for (unsigned char &byte : matrix) byte = static_cast<unsigned char>(random.integer(0, 255));
        const MatrixView view = {matrix.data(), dtype, rows, depth, depth, 1};
        const auto bytes = static_cast<size_t>(panel_bytes(dtype, depth));
        std::vector<unsigned char> expected(bytes), actual(bytes, 1), parts(bytes, 2);
        for (int64_t panel = 0; panel < panel_count(rows); ++panel) {
          pack_panel(dtype, view, panel, expected.data());
          pack_weight(*table.kernels, view, panel, actual.data());
          CHECK(actual == expected, "%s: panel %d of %d by %d", table.name.c_str(), static_cast<int>(panel),
                static_cast<int>(rows), static_cast<int>(depth));
          if (!packs_in_parts(view, panel)) continue;
          for (int64_t k = 0; k < depth; k += kDepthBlock)
            pack_part(*table.kernels, view, panel, k, k + kDepthBlock, parts.data());
          CHECK(parts == expected, "%s: panel %d in parts", table.name.c_str(), static_cast<int>(panel));
        }
      }
    }
  }
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  const gavel::FlushDenormals flush;
  for (const Table &table : row_tables()) {
    check_pairs(table);
    check_rising_pairs(table);
    check_sums(table);
    check_dots(table);
    check_panels(table);
  }
  return finish();
}
