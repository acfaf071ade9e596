// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gavel_scatter is the transpose of pooling: exact on small integers, <pool(X), dY> = <X, scatter(dY)>, the same bits everywhere.
#include "training_fixture.h"

using namespace gavel::test;

namespace {

struct Kind {
  int32_t pooling;
  int32_t combine;
};
const Kind kKinds[] = {{GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE},
                       {GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_CONCAT},
                       {GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_ADD},
                       {GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_SUB},
                       {GAVEL_POOLING_SPAN_MEAN, GAVEL_COMBINE_NONE}};

struct ScatterCase {
  Kind kind;
  int64_t tokens, width;
  std::vector<int64_t> first, last;
  std::vector<float> dvectors;
  int64_t vector_width() const { return kind.combine == GAVEL_COMBINE_CONCAT ? 2 * width : width; }
};

ScatterCase random_scatter(Random &random, Kind kind, int64_t tokens, int64_t width, int64_t items, bool integers) {
  ScatterCase scatter{kind, tokens, width, {}, {}, {}};
  for (int64_t r = 0; r < items; ++r) {
    const bool invalid = random.integer(0, 7) == 0;
    const int64_t first = random.integer(0, tokens - 1);
    // Spans of 1, 2, 4, 8 rows: their shares are exact.
    const int64_t length = int64_t{1} << random.integer(0, 3);
    scatter.first.push_back(first);
    scatter.last.push_back(invalid                    ? (kind.pooling == GAVEL_POOLING_INDEX ? -1 : first - 1)
                           : first + length <= tokens ? first + length - 1
                                                      : first);
    for (int64_t k = 0; k < scatter.vector_width(); ++k) {
      scatter.dvectors.push_back(integers ? static_cast<float>(8 * random.integer(-3, 3)) : random.normal());
    }
  }
  return scatter;
}

std::vector<float> run_scatter(gavel_context *context, const ScatterCase &scatter, std::vector<float> dhidden,
                               int64_t row_gap = 0) {
  auto args = sized<gavel_scatter_args>();
  const auto items = static_cast<int64_t>(scatter.last.size());
  args.pooling = scatter.kind.pooling, args.combine = scatter.kind.combine;
  if (scatter.kind.pooling != GAVEL_POOLING_INDEX) {
    args.first = describe(const_cast<int64_t *>(scatter.first.data()), GAVEL_I64, {items});
  }
  args.last = describe(const_cast<int64_t *>(scatter.last.data()), GAVEL_I64, {items});
  args.dvectors = describe(const_cast<float *>(scatter.dvectors.data()), GAVEL_F32, {items, scatter.vector_width()});
  args.dhidden = describe(dhidden.data(), GAVEL_F32, {scatter.tokens, scatter.width}, scatter.width + row_gap);
  auto error = sized<gavel_error>();
  expect_status("gavel_scatter", gavel_scatter(context, &args, &error), GAVEL_OK, error);
  return dhidden;
}

// The transpose, written down in float64.
std::vector<double> scatter_reference(const ScatterCase &scatter) {
  std::vector<double> dhidden(static_cast<size_t>(scatter.tokens * scatter.width), 0);
  for (size_t r = 0; r < scatter.last.size(); ++r) {
    const int64_t first = scatter.first[r], last = scatter.last[r];
    if (last < 0 || (scatter.kind.pooling != GAVEL_POOLING_INDEX && last < first)) continue;
    const auto dy = [&](int64_t k) {
      return static_cast<double>(scatter.dvectors[r * static_cast<size_t>(scatter.vector_width()) + static_cast<size_t>(k)]);
    };
    const auto target = [&](int64_t t, int64_t k) -> double & { return dhidden[static_cast<size_t>(t * scatter.width + k)]; };
    for (int64_t k = 0; k < scatter.width; ++k) {
      if (scatter.kind.pooling == GAVEL_POOLING_INDEX) {
        target(last, k) += dy(k);
      } else if (scatter.kind.pooling == GAVEL_POOLING_SPAN_MEAN) {
        for (int64_t t = first; t <= last; ++t) target(t, k) += dy(k) / static_cast<double>(last - first + 1);
      } else {
        target(first, k) += scatter.kind.combine == GAVEL_COMBINE_SUB ? -dy(k) : dy(k);
        target(last, k) += dy(scatter.kind.combine == GAVEL_COMBINE_CONCAT ? scatter.width + k : k);
      }
    }
  }
  return dhidden;
}

void check_exact(gavel_context *context) {
  for (const Kind kind : kKinds) {
    for (const int64_t width : {1, 2, 7, 16, 17, 63, 64, 65, 100}) {
      Random random(static_cast<uint64_t>(width));
      const ScatterCase scatter = random_scatter(random, kind, 20, width, 40, true);
      const std::vector<double> expected = scatter_reference(scatter);
      const std::vector<float> actual = run_scatter(context, scatter, std::vector<float>(expected.size(), 5));
      for (size_t k = 0; k < expected.size(); ++k) {
        CHECK(static_cast<double>(actual[k]) == 5 + expected[k],
              "pooling %d, combine %d, width %d, element %zu: %g, expected %g", kind.pooling, kind.combine,
              static_cast<int>(width), k, static_cast<double>(actual[k]), 5 + expected[k]);
      }
      // The gaps of a strided dhidden stay as they are.
      const std::vector<float> spread =
          run_scatter(context, scatter, std::vector<float>(static_cast<size_t>(20 * (width + 3)), 5), 3);
      for (int64_t t = 0; t < 20; ++t) {
        for (int64_t k = 0; k < width + 3; ++k) {
          const float value = spread[static_cast<size_t>(t * (width + 3) + k)];
          CHECK(value == (k < width ? actual[static_cast<size_t>(t * width + k)] : 5), "row %d, column %d", static_cast<int>(t),
                static_cast<int>(k));
        }
      }
    }
  }
}

// <pool(X), dY> = <X, scatter(dY)>, with the library's own pooling on the left.
void check_transpose(gavel_context *context) {
  for (const Kind kind : kKinds) {
    Random random(31);
    const ScatterCase scatter = random_scatter(random, kind, 50, 24, 60, false);
    Batch batch(random, GAVEL_F32, 50, 24);
    batch.first = scatter.first, batch.last = scatter.last;
    const gavel_head_spec spec = linear_spec(GAVEL_F32, scatter.vector_width(), 1);
    const TestHead head(context, spec, 31);
    const TrainingCase training{batch, kind.pooling, kind.combine};
    const std::vector<float> vectors = run_forward(context, head, training).vectors;
    const std::vector<float> dhidden = run_scatter(context, scatter, std::vector<float>(50 * 24, 0));
    double left = 0, right = 0, magnitude = 0;
    for (size_t k = 0; k < vectors.size(); ++k) {
      left += static_cast<double>(vectors[k]) * static_cast<double>(scatter.dvectors[k]);
      magnitude += std::fabs(static_cast<double>(vectors[k]) * static_cast<double>(scatter.dvectors[k]));
    }
    for (size_t k = 0; k < dhidden.size(); ++k) right += static_cast<double>(batch.values[k]) * static_cast<double>(dhidden[k]);
    CHECK(std::fabs(left - right) <= 4 * std::sqrt(60.0) * 0x1p-24 * magnitude, "pooling %d, combine %d: %.9g and %.9g",
          kind.pooling, kind.combine, left, right);
  }
}

void check_bits_everywhere() {
  for (const Kind kind : kKinds) {
    for (const int64_t width : {33, 1000}) {
      Random random(static_cast<uint64_t>(width));
      const ScatterCase scatter = random_scatter(random, kind, 300, width, 500, false);
      const std::vector<float> zero(static_cast<size_t>(300 * width), 0);
      const std::vector<float> expected = run_scatter(TestContext(1, GAVEL_INSTRUCTION_SET_SCALAR).get(), scatter, zero);
      for (int32_t set = GAVEL_INSTRUCTION_SET_AVX2; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
        for (const int32_t threads : {1, 3}) {
          const TestContext context(threads, set);
          if (context.get() == nullptr) continue;
          check_bits("scatter", run_scatter(context.get(), scatter, zero).data(), expected.data(),
                     static_cast<int64_t>(zero.size()), static_cast<uint64_t>(width));
        }
      }
    }
  }
}

}  // namespace

int main() {
  const TestContext context(2);
  check_exact(context.get());
  check_transpose(context.get());
  check_bits_everywhere();
  return finish();
}
