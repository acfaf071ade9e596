// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// SPAN_MEAN of short and long spans: the bits of the order in common/span_mean.h, written a second time, on every instruction set; and an
// error that does not grow with the span.
#include "api_fixture.h"
#include "summation.h"

using namespace gavel::test;

namespace {

constexpr int64_t kTokens = 9300, kWidth = 19;

void check_spans(int32_t dtype, int32_t instruction_set) {
  const TestContext context(2, instruction_set);
  if (context.get() == nullptr) return;
  const uint64_t seed = static_cast<uint64_t>(70 + dtype);
  Random random(seed);
  Batch batch(random, dtype, kTokens, kWidth);
  for (const int64_t count : {1, 2, 3, 15, 16, 17, 31, 32, 33, 255, 256, 257, 273, 500, 4095, 4096, 4097, 4353, 8192, 9300}) {
    batch.first.push_back(kTokens - count);
    batch.last.push_back(kTokens - 1);
    batch.first.push_back(0);
    batch.last.push_back(count - 1);
  }
  const TestHead head(context.get(), linear_spec(GAVEL_F32, kWidth, 1), 3);
  Scores out;
  const gavel_score_args args = score_args(head.spec(), batch, GAVEL_POOLING_SPAN_MEAN, GAVEL_COMBINE_NONE, true, out);
  auto error = sized<gavel_error>();
  if (!expect_status("gavel_score", gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error)) return;
  for (size_t item = 0; item < batch.last.size(); ++item) {
    const int64_t first = batch.first[item], count = batch.last[item] - first + 1;
    for (int64_t column = 0; column < kWidth; ++column) {
      const auto value = [&](int64_t row) { return batch.values[static_cast<size_t>(row * kWidth + column)]; };
      const float expected = span_sum(first, count, value) / static_cast<float>(count);
      const float actual = out.vectors[item * kWidth + static_cast<size_t>(column)];
      check_bits(std::string(name_of(dtype)) + " mean of " + std::to_string(count) + " rows from " + std::to_string(first),
                 &actual, &expected, 1, seed);
      double exact = 0;
      for (int64_t row = first; row < first + count; ++row) exact += static_cast<double>(value(row));
      exact /= static_cast<double>(count);
      // Partial sums of n normal values are about sqrt(n), so each of the at most 4 * 16 additions on the way of a value is off by half a unit
      // of that: 16 half units of the mean's size, and three deviations. One row after the other is off by more from 1000 rows on.
      const double bound = 16 * 0x1p-24 * 3 / std::sqrt(static_cast<double>(count));
      CHECK(std::fabs(static_cast<double>(actual) - exact) <= bound, "mean of %d rows: %g, exactly %g", static_cast<int>(count),
            static_cast<double>(actual), exact);
    }
  }
}

}  // namespace

int main() {
  for (const int32_t set : {GAVEL_INSTRUCTION_SET_SCALAR, GAVEL_INSTRUCTION_SET_AVX2, GAVEL_INSTRUCTION_SET_AVX512}) {
    for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) check_spans(dtype, set);
  }
  return finish();
}
