// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// widen and narrow of every table, against the formats' definitions: all 65536 values of each format, every point halfway between
// two of them and its neighbours, and random bit patterns. Denormals are kept by conversions, so nothing here is flushed.
#include <algorithm>

#include "check.h"
#include "rows.h"

namespace gavel::test {
namespace {

struct Format {
  const char *name;
  int32_t dtype;
  uint16_t infinity;
  int lowest_exponent;  // of a value's last bit
  int bits;             // of the significand
};
constexpr Format kFormats[] = {{"f16", GAVEL_F16, 0x7c00, -24, 11}, {"bf16", GAVEL_BF16, 0x7f80, -133, 8}};

// Nearest value of the format, ties to even, by arithmetic on doubles alone (round() of fesetround's default is to even).
float rounded(const Format &format, float x) {
  if (std::isnan(x) || std::isinf(x) || x == 0) return x;
  int exponent;
  std::frexp(static_cast<double>(x), &exponent);
  const int last = std::max(exponent - format.bits, format.lowest_exponent);
  const double result = std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(x), -last)), last);
  const double largest = float_of(format.dtype, static_cast<uint16_t>(format.infinity - 1));
  if (std::fabs(result) > largest) return x > 0 ? kInfinity : -kInfinity;
  return std::copysign(static_cast<float>(result), x);
}

void test_widen(const Table &table, const Format &format) {
  std::vector<uint16_t> in(65536);
  std::vector<float> expected(65536), out(65536);
  for (int i = 0; i < 65536; ++i) {
    in[i] = static_cast<uint16_t>(i);
    expected[i] = float_of(format.dtype, in[i]);
  }
  table.kernels->widen(format.dtype, in.data(), out.data(), 65536);
  check_bits(table.name + " widen " + format.name, out.data(), expected.data(), 65536, 0);
}

void narrow_all(const Table &table, const Format &format, const std::vector<float> &in, const char *what, uint64_t seed) {
  const int64_t n = static_cast<int64_t>(in.size());
  std::vector<uint16_t> out(in.size());
  std::vector<float> expected(in.size()), actual(in.size());
  table.kernels->narrow(format.dtype, in.data(), out.data(), n);
  for (size_t i = 0; i < in.size(); ++i) {
    expected[i] = rounded(format, in[i]);
    actual[i] = float_of(format.dtype, out[i]);
    const bool quiet = !std::isnan(in[i]) || (out[i] & (format.dtype == GAVEL_F16 ? 0x0200 : 0x0040)) != 0;
    if (!quiet) CHECK(quiet, "%s narrow %s of %a gave a signalling NaN %04x", table.name.c_str(), format.name, in[i], out[i]);
  }
  check_bits(table.name + " narrow " + format.name + " " + what, actual.data(), expected.data(), n, seed);
}

void test_narrow(const Table &table, const Format &format) {
  std::vector<float> values;
  for (uint32_t i = 0; i < 65536; ++i) {
    const float value = float_of(format.dtype, static_cast<uint16_t>(i));
    values.push_back(value);
    if ((i & 0x7fff) >= format.infinity) continue;
    // Halfway to the next larger magnitude; for the largest value, halfway to where the next one would be.
    const uint16_t above = static_cast<uint16_t>(i + 1);
    const double step = (above & 0x7fff) == format.infinity
                            ? static_cast<double>(value) - float_of(format.dtype, static_cast<uint16_t>(i - 1))
                            : static_cast<double>(float_of(format.dtype, above)) - value;
    const float middle = static_cast<float>(value + step / 2);
    values.insert(values.end(), {middle, std::nextafter(middle, kInfinity), std::nextafter(middle, -kInfinity)});
  }
  narrow_all(table, format, values, "values and midpoints", 0);
  constexpr uint64_t kSeed = 11;
  Random random(kSeed);
  narrow_all(table, format, row(random, 1 << 20, Data::BITS), "random bits", kSeed);
  narrow_all(table, format, {std::begin(kSpecial), std::end(kSpecial)}, "special values", 0);
  const float signalling = std::bit_cast<float>(0x7f800001u);  // its only payload bit is cut off: must not become an infinity
  narrow_all(table, format, std::vector<float>(17, signalling), "signalling NaN", 0);
}

void test_f32(const Table &table) {
  Random random(12);
  const std::vector<float> in = row(random, 1000, Data::BITS);
  std::vector<float> out(1000), back(1000);
  table.kernels->widen(GAVEL_F32, in.data(), out.data(), 1000);
  table.kernels->narrow(GAVEL_F32, in.data(), back.data(), 1000);
  check_bits(table.name + " widen f32", out.data(), in.data(), 1000, 12);
  check_bits(table.name + " narrow f32", back.data(), in.data(), 1000, 12);
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  for (const Table &table : row_tables()) {
    for (const Format &format : kFormats) {
      test_widen(table, format);
      test_narrow(table, format);
      // Callers convert with denormals flushed in arithmetic; conversions must not notice. The expected values need denormals, so
      // they are made outside.
      std::vector<uint16_t> in(65536), back(65536);
      std::vector<float> wide(65536);
      for (int i = 0; i < 65536; ++i) in[i] = static_cast<uint16_t>(i);
      {
        gavel::FlushDenormals flush;
        table.kernels->widen(format.dtype, in.data(), wide.data(), 65536);
        table.kernels->narrow(format.dtype, wide.data(), back.data(), 65536);
      }
      int64_t wrong = 0;
      for (int i = 0; i < 65536; ++i) wrong += back[i] != in[i] && (i & 0x7fff) <= format.infinity;
      check_equal(table.name + " values of " + format.name + " that change by going to f32 and back, flushing", wrong, 0);
    }
    test_f32(table);
  }
  return finish();
}
