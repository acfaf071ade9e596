// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The transpose of pooling on the device: the bits of the CPU backend (which training_scatter.cpp compares with float64), rows that many
// items share, every alignment, indices out of range.
#include "cuda/scatter.h"

#include "cuda_score_fixture.h"

namespace cuda = gavel::cuda;
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
  std::vector<float> dvectors, before;

  int64_t items() const { return static_cast<int64_t>(last.size()); }
  int64_t vector_width() const { return kind.combine == GAVEL_COMBINE_CONCAT ? 2 * width : width; }
  bool spans() const { return kind.pooling != GAVEL_POOLING_INDEX; }
};

// Few tokens: rows are shared.
ScatterCase random_scatter(uint64_t seed, Kind kind, int64_t tokens, int64_t width, int64_t items) {
  Random random(seed);
  ScatterCase scatter{kind, tokens, width, {}, {}, {}, {}};
  for (int64_t r = 0; r < items; ++r) {
    const bool invalid = random.integer(0, 7) == 0;
    const int64_t first = random.integer(0, tokens - 1);
    scatter.first.push_back(invalid && random.integer(0, 1) == 1 ? -1 : first);
    scatter.last.push_back(invalid ? (scatter.spans() ? first - 1 : -1)
                                   : random.integer(first, std::min(tokens - 1, first + 9)));
  }
  for (int64_t k = 0; k < items * scatter.vector_width(); ++k) scatter.dvectors.push_back(random.normal());
  for (int64_t k = 0; k < tokens * width; ++k) scatter.before.push_back(random.normal());
  return scatter;
}

std::vector<float> on_cpu(gavel_context *context, const ScatterCase &scatter) {
  std::vector<float> dhidden = scatter.before;
  auto args = sized<gavel_scatter_args>();
  args.pooling = scatter.kind.pooling, args.combine = scatter.kind.combine;
  if (scatter.spans()) args.first = describe(const_cast<int64_t *>(scatter.first.data()), GAVEL_I64, {scatter.items()});
  args.last = describe(const_cast<int64_t *>(scatter.last.data()), GAVEL_I64, {scatter.items()});
  args.dvectors = describe(const_cast<float *>(scatter.dvectors.data()), GAVEL_F32, {scatter.items(), scatter.vector_width()});
  args.dhidden = describe(dhidden.data(), GAVEL_F32, {scatter.tokens, scatter.width});
  auto error = sized<gavel_error>();
  expect_status("gavel_scatter", gavel_scatter(context, &args, &error), GAVEL_OK, error);
  return dhidden;
}

struct Result {
  std::vector<float> dhidden;
  cuda::Fault fault;
};

// gap: floats between rows, and `offset` of them in front of the first.
Result on_device(CudaDevice &device, const ScatterCase &scatter, int64_t gap = 0, int64_t offset = 0) {
  const auto spread = [&](const std::vector<float> &values, int64_t rows, int64_t width) {
    auto array = std::make_unique<DeviceArray<float>>(static_cast<size_t>(offset + rows * (width + gap)));
    for (int64_t row = 0; row < rows; ++row) {
      std::copy_n(values.begin() + row * width, width, array->data() + offset + row * (width + gap));
    }
    return array;
  };
  const auto dvectors = spread(scatter.dvectors, scatter.items(), scatter.vector_width());
  const auto dhidden = spread(scatter.before, scatter.tokens, scatter.width);
  const DeviceArray<int64_t> first(scatter.first), last(scatter.last);
  cuda::ScatterCall call = {};
  call.pooling = scatter.kind.pooling, call.combine = scatter.kind.combine;
  if (scatter.spans()) call.first = view(first.data(), GAVEL_I64, {scatter.items()});
  call.last = view(last.data(), GAVEL_I64, {scatter.items()});
  call.dvectors =
      view(dvectors->data() + offset, GAVEL_F32, {scatter.items(), scatter.vector_width()}, scatter.vector_width() + gap);
  call.dhidden = view(dhidden->data() + offset, GAVEL_F32, {scatter.tokens, scatter.width}, scatter.width + gap);
  cuda::enqueue_scatter(call, device.stream());
  Result result{{}, *device.stream().fault};
  *device.stream().fault = {};
  for (int64_t row = 0; row < scatter.tokens; ++row) {
    const float *values = dhidden->data() + offset + row * (scatter.width + gap);
    result.dhidden.insert(result.dhidden.end(), values, values + scatter.width);
    for (int64_t k = scatter.width; k < scatter.width + gap; ++k) {
      check_equal("between the rows", std::bit_cast<uint32_t>(values[k]), 0xffffffffu);
    }
  }
  return result;
}

void check_same_rows(const std::string &what, const Result &actual, const std::vector<float> &expected, uint64_t seed) {
  check_equal(what + ": fault", actual.fault.kind, cuda::kNoFault);
  check_bits(what, actual.dhidden.data(), expected.data(), static_cast<int64_t>(expected.size()), seed);
}

void check_random(gavel_context *context, CudaDevice &device) {
  uint64_t seed = 1;
  for (const Kind kind : kKinds) {
    for (const int64_t width : {1, 4, 6, 1032}) {
      const int64_t items = width == 1032 ? 9 : 40;
      const ScatterCase scatter = random_scatter(++seed, kind, 12, width, items);
      const std::string what = "pooling " + std::to_string(kind.pooling) + " width " + std::to_string(width);
      const std::vector<float> expected = on_cpu(context, scatter);
      check_same_rows(what, on_device(device, scatter), expected, seed);
      check_same_rows(what + " with gaps", on_device(device, scatter, 4), expected, seed);
      check_same_rows(what + " unaligned", on_device(device, scatter, 3, 1), expected, seed);
    }
    // More uses than a block has threads, many of one row.
    const ScatterCase many = random_scatter(++seed, kind, 5, 3, 600);
    const std::vector<float> expected = on_cpu(context, many);
    for (uint64_t schedule = 1; schedule <= (kSanitized ? 2 : 8); ++schedule) {
      gavel::emulator::set_seed(schedule);
      check_same_rows("schedule " + std::to_string(schedule), on_device(device, many), expected, seed);
    }
    const ScatterCase none = random_scatter(++seed, kind, 4, 3, 0);
    check_same_rows("no items", on_device(device, none), none.before, seed);
  }
}

// The item that is wrong is left out, and named.
void check_faults(gavel_context *context, CudaDevice &device) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  for (const Kind kind : kKinds) {
    const ScatterCase good = random_scatter(77, kind, 12, 8, 6);
    for (const int64_t index : {int64_t{-2}, int64_t{12}, kHuge, -kHuge - 1}) {
      for (const bool at_last : {true, false}) {
        ScatterCase bad = good, without = good;
        if (!bad.spans() && !at_last) continue;
        bad.first[3] = bad.last[3] = 5;
        (at_last ? bad.last : bad.first)[3] = index;
        without.first[3] = without.last[3] = -1;
        const Result result = on_device(device, bad);
        check_equal("kind", result.fault.kind, at_last ? cuda::kFaultLastIndex : cuda::kFaultFirstIndex);
        check_equal("item", result.fault.item, 3);
        check_equal("value", result.fault.value, index);
        check_equal("limit", result.fault.limit, 12);
        const std::vector<float> expected = on_cpu(context, without);
        check_bits("the other items", result.dhidden.data(), expected.data(), static_cast<int64_t>(expected.size()), 77);
      }
    }
    // Without a row every index is wrong.
    ScatterCase empty = good;
    empty.tokens = 0;
    empty.before.clear();
    empty.first.assign(6, 0), empty.last.assign(6, 0);
    check_equal("no rows", on_device(device, empty).fault.limit, 0);
  }
}

}  // namespace

int main() {
  const TestContext context(1);
  CudaDevice device;
  check_random(context.get(), device);
  check_faults(context.get(), device);
  return finish();
}
