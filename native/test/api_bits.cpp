// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The promise of the library: the bits of a score depend on its own row, the head and the dtype alone. Every row is scored by one table in
// one call; then every table, number of rows, position in the call, number of threads and order gives the same bits.
#include <algorithm>
#include <memory>
#include <numeric>
#include <thread>

#include "api/handles.h"
#include "api_fixture.h"

using namespace gavel::test;

namespace {

constexpr uint64_t kSeed = 99;
const int64_t kRows = kSanitized ? 257 : 1024;
const int64_t kRounds = kSanitized ? 3 : 20;
constexpr int64_t kCounts[] = {1, 2, 7, 16, 17, 63, 64, 65, 257, 1024};

// Contexts of 1 to 4 threads for every table there is; parts are split however small they are.
struct Contexts {
  struct One {
    int32_t set;
    int32_t threads;
    std::unique_ptr<TestContext> context;
  };
  std::vector<One> all;

  Contexts() {
    for (int32_t set = GAVEL_INSTRUCTION_SET_SCALAR; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
      for (int32_t threads = 1; threads <= 4; threads += kSanitized ? 3 : 1) {
        auto context = std::make_unique<TestContext>(threads, set);
        if (context->get() == nullptr) continue;
        context->get()->cpu->pool.set_part_nanoseconds(1);
        all.push_back({set, threads, std::move(context)});
      }
      if (all.empty() || all.back().set != set) std::fprintf(stderr, "not here: instruction set %d\n", set);
    }
  }
};

// Checks nothing, so that many threads may call it: the counters of check.h belong to one.
std::vector<float> score_unchecked(gavel_context *context, const TestHead &head, Batch &batch, std::vector<int64_t> items,
                                   int32_t pooling, int32_t &status, gavel_error &error) {
  batch.first = items;
  // Spans of 1 to 3 rows, by row.
  for (int64_t &first : batch.first) first = std::max<int64_t>(0, first - first % 3);
  batch.last = std::move(items);
  Scores out;
  gavel_score_args args = score_args(head.spec(), batch, pooling, GAVEL_COMBINE_NONE, false, out);
  status = gavel_score(context, head.get(), &args, nullptr, &error);
  return out.scores;
}

std::vector<float> score(gavel_context *context, const TestHead &head, Batch &batch, std::vector<int64_t> items,
                         int32_t pooling) {
  int32_t status;
  auto error = sized<gavel_error>();
  std::vector<float> scores = score_unchecked(context, head, batch, std::move(items), pooling, status, error);
  expect_status("gavel_score", status, GAVEL_OK, error);
  return scores;
}

std::vector<int64_t> counting(int64_t begin, int64_t n) {
  std::vector<int64_t> items(static_cast<size_t>(n));
  std::iota(items.begin(), items.end(), begin);
  return items;
}

void compare(const std::string &what, const std::vector<float> &scores, const std::vector<int64_t> &items,
             const std::vector<float> &expected, int64_t outputs) {
  std::vector<float> wanted;
  for (const int64_t item : items) {
    for (int64_t k = 0; k < outputs; ++k) wanted.push_back(expected[static_cast<size_t>(item * outputs + k)]);
  }
  check_bits(what, scores.data(), wanted.data(), static_cast<int64_t>(wanted.size()), kSeed);
}

void test_head(const Contexts &contexts, const std::string &name, const gavel_head_spec &spec, int32_t pooling) {
  Random random(kSeed);
  const TestHead head(contexts.all[0].context->get(), spec, kSeed);
  Batch batch(random, spec.dtype, kRows, spec.input_width);
  // By the last table, because it is the fastest; the scalar table, which is the definition, then scores a part of the rows.
  const std::vector<float> expected = score(contexts.all.back().context->get(), head, batch, counting(0, kRows), pooling);
  for (const float value : expected) {
    CHECK(std::isfinite(value), "%s: %g", name.c_str(), static_cast<double>(value));
  }
  CHECK(expected[0] != expected[1] && expected[1] != expected[2], "%s: scores of different rows", name.c_str());

  for (const Contexts::One &one : contexts.all) {
    gavel_context *context = one.context->get();
    const std::string where = name + ", set " + std::to_string(one.set) + ", " + std::to_string(one.threads) + " threads";
    for (const int64_t count : kCounts) {
      if (count > kRows) continue;
      // Large calls with the fewest and the most threads; the scalar table, which is slow, has one of each kind.
      if (count > 65 && one.threads != 4 && (one.threads != 1 || one.set == GAVEL_INSTRUCTION_SET_SCALAR)) continue;
      if (one.set == GAVEL_INSTRUCTION_SET_SCALAR && (count > 257 || (count > 17 && count < 65 && one.threads != 4))) continue;
      const std::vector<int64_t> items = counting(random.integer(0, kRows - count), count);
      compare(where + ", " + std::to_string(count) + " rows", score(context, head, batch, items, pooling), items, expected,
              spec.output_width);
    }
    // Any order, repeated and missing rows: every row meets other neighbours at another place.
    std::vector<int64_t> items(kSanitized || one.set == GAVEL_INSTRUCTION_SET_SCALAR ? 40 : 500);
    for (int64_t &item : items) item = random.integer(0, kRows - 1);
    compare(where + ", shuffled", score(context, head, batch, items, pooling), items, expected, spec.output_width);
  }
}

// Rows at odd addresses (f32 at multiples of 4), far apart, between bytes that are NaN.
void test_alignment(const Contexts &contexts, const gavel_head_spec &spec) {
  Random random(kSeed);
  const TestHead head(contexts.all[0].context->get(), spec, kSeed);
  Batch batch(random, spec.dtype, 20, spec.input_width);
  const std::vector<float> expected = score(contexts.all[0].context->get(), head, batch, counting(0, 20), GAVEL_POOLING_INDEX);
  const int64_t size = size_of(spec.dtype);
  for (const Contexts::One &one : contexts.all) {
    for (int64_t shift = 0; shift < 4; ++shift) {
      const int64_t stride = spec.input_width + 1 + shift;
      Bytes spread(static_cast<size_t>((20 * stride + 64) * size), 0xff);
      uint8_t *begin = spread.data() + shift * size;
      for (int64_t row = 0; row < 20; ++row) {
        std::copy_n(batch.bytes.data() + row * spec.input_width * size, spec.input_width * size, begin + row * stride * size);
      }
      Scores out;
      batch.last = counting(0, 20);
      gavel_score_args args = score_args(spec, batch, GAVEL_POOLING_INDEX, 0, false, out);
      args.hidden = describe(begin, spec.dtype, {20, spec.input_width}, stride);
      std::vector<float> scattered(20 * 3, -1);
      args.scores = describe(scattered.data(), GAVEL_F32, {20, 1}, 3);
      auto error = sized<gavel_error>();
      expect_status("spread", gavel_score(one.context->get(), head.get(), &args, nullptr, &error), GAVEL_OK, error);
      for (size_t row = 0; row < 20; ++row) {
        CHECK(same_bits(scattered[3 * row], expected[row]), "set %d, shift %d, row %zu", one.set, static_cast<int>(shift), row);
        CHECK(scattered[3 * row + 1] == -1 && scattered[3 * row + 2] == -1, "between the scores of row %zu", row);
      }
    }
  }
}

// Sums and products below 2^-126: every thread of every table takes them as 0, else some scores would differ and all would be slow.
void test_denormals(const Contexts &contexts) {
  auto spec = mlp_spec(GAVEL_F32, 200, {600}, 1, GAVEL_ACTIVATION_RELU);
  spec.output_scale = 1e30f;
  Random random(kSeed);
  const TestHead head(contexts.all[0].context->get(), spec, kSeed);
  Batch batch(random, GAVEL_F32, 20, 200, 1e-36);
  const std::vector<float> expected = score(contexts.all[0].context->get(), head, batch, counting(0, 20), GAVEL_POOLING_INDEX);
  CHECK(expected[0] != 0 && expected[0] != expected[1], "%g", static_cast<double>(expected[0]));
  for (const Contexts::One &one : contexts.all) {
    for (int64_t round = 0; round < kRounds; ++round) {
      compare("denormals, set " + std::to_string(one.set) + ", " + std::to_string(one.threads) + " threads",
              score(one.context->get(), head, batch, counting(0, 20), GAVEL_POOLING_INDEX), counting(0, 20), expected, 1);
    }
  }
}

// Four callers share contexts and a head.
void test_callers(const Contexts &contexts, const gavel_head_spec &spec) {
  Random random(kSeed);
  const TestHead head(contexts.all[0].context->get(), spec, kSeed);
  Batch batch(random, spec.dtype, 300, spec.input_width);
  const std::vector<float> expected = score(contexts.all[0].context->get(), head, batch, counting(0, 300), GAVEL_POOLING_INDEX);
  for (const Contexts::One &one : contexts.all) {
    if (one.set == GAVEL_INSTRUCTION_SET_SCALAR || one.threads < 3) continue;
    std::vector<std::vector<float>> found(4);
    std::vector<int64_t> refused(4);
    std::vector<std::thread> callers;
    for (size_t caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&, caller] {
        Batch own = batch;
        const int64_t count = static_cast<int64_t>(1 + 40 * caller);
        for (int64_t round = 0; round < kRounds; ++round) {
          int32_t status;
          auto error = sized<gavel_error>();
          const std::vector<float> scores =
              score_unchecked(one.context->get(), head, own, counting(round * 5, count), GAVEL_POOLING_INDEX, status, error);
          refused[caller] += status != GAVEL_OK;
          found[caller].insert(found[caller].end(), scores.begin(), scores.end());
        }
      });
    }
    for (std::thread &caller : callers) caller.join();
    for (const int64_t calls : refused) check_equal("refused calls", calls, 0);
    for (size_t caller = 0; caller < 4; ++caller) {
      std::vector<int64_t> items;
      for (int64_t round = 0; round < kRounds; ++round) {
        for (const int64_t item : counting(round * 5, static_cast<int64_t>(1 + 40 * caller))) items.push_back(item);
      }
      compare("caller " + std::to_string(caller) + " of 4, set " + std::to_string(one.set), found[caller], items, expected, 1);
    }
  }
}

}  // namespace

int main() {
  const Contexts contexts;
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    const std::string type = name_of(dtype);
    for (const int64_t width : {384, 1000, 1024, 4096}) {
      if (kSanitized && width > 384) continue;
      const std::string name = type + " " + std::to_string(width);
      test_head(contexts, name + " linear", linear_spec(dtype, width, 3), GAVEL_POOLING_INDEX);
      // 5 panels, the last one not full: two groups.
      auto spec = mlp_spec(dtype, width, {150}, 1, GAVEL_ACTIVATION_SILU);
      spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS;
      test_head(contexts, name + " mlp", spec, GAVEL_POOLING_INDEX);
    }
    auto normed = mlp_spec(dtype, 384, {300, 70}, 2, GAVEL_ACTIVATION_GELU);
    normed.norm = GAVEL_NORM_LAYER;
    normed.norm_epsilon = 1e-5f;
    normed.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_NORM_BIAS;
    test_head(contexts, type + " norm, two layers, spans", normed, GAVEL_POOLING_SPAN_MEAN);
    auto rms = linear_spec(dtype, 1000, 1);
    rms.norm = GAVEL_NORM_RMS;
    rms.norm_epsilon = 1e-6f;
    test_head(contexts, type + " rms, linear, spans", rms, GAVEL_POOLING_SPAN_MEAN);
    test_alignment(contexts, linear_spec(dtype, 100, 1));
    test_alignment(contexts, mlp_spec(dtype, 100, {40}, 1, GAVEL_ACTIVATION_RELU));
    test_callers(contexts, mlp_spec(dtype, 384, {300}, 1, GAVEL_ACTIVATION_TANH));
  }
  test_denormals(contexts);
  return finish();
}
