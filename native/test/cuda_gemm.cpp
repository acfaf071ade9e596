// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The packed product on its own (cuda/gemm.h): exact sums of small integers, every output of the epilogue, and
// the same bits from every kernel, for every item of any batch, in any schedule; f32 in the order of cuda/gemm.h, as near to float64 as the CPU's.
#include "cuda/packed.h"
#include "cuda_score_fixture.h"
#include "summation.h"

using namespace gavel::test;

namespace {

using namespace gavel::cuda;

constexpr uint64_t kSeed = 20261124;
constexpr ProductKernel kKernels[] = {ProductKernel::COLUMNS_8, ProductKernel::COLUMNS_16, ProductKernel::COLUMNS_32,
                                      ProductKernel::COLUMNS_64, ProductKernel::TILED};
constexpr DeviceLimits kH200 = {132, 227 * 1024};

// A matrix as packed.h says, from its values by the formula alone.
std::vector<uint8_t> pack(int32_t dtype, const std::vector<float> &values, int64_t rows, int64_t columns, int64_t unit) {
  const int64_t size = size_of(dtype);
  std::vector<uint8_t> packed_matrix(static_cast<size_t>(packed_elements(rows, unit, columns) * size));
  const Bytes bytes = encode(dtype, values);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      std::memcpy(&packed_matrix[static_cast<size_t>(packed_offset(r, c, columns) * size)],
                  &bytes[static_cast<size_t>((r * columns + c) * size)], static_cast<size_t>(size));
    }
  }
  return packed_matrix;
}

struct Problem {
  int32_t dtype;
  int64_t items, neurons, depth;
  int32_t outputs;  // 0: no output layer
  int32_t activation = GAVEL_ACTIVATION_SILU;
  std::vector<float> x, w, bias, output;

  Problem(int32_t type, int64_t r, int64_t i, int64_t k, int32_t o, int64_t integers = 0)
      : dtype(type), items(r), neurons(i), depth(k), outputs(o) {
    Random random(kSeed + static_cast<uint64_t>(r + i + k));
    const auto fill = [&](std::vector<float> &values, int64_t n, double deviation) {
      values = random_values(random, dtype, n, deviation);
      for (float &value : values) {
        if (integers > 0) value = static_cast<float>(random.integer(-integers, integers));
      }
    };
    fill(x, r * k, 1);
    fill(w, i * k, 1 / std::sqrt(static_cast<double>(k)));
    fill(bias, i, 0.25);
    fill(output, o * i, 1 / std::sqrt(static_cast<double>(i)));
  }
};

struct Result {
  std::vector<float> a, u, scores;
  std::vector<uint8_t> next;
};

Result run(const Problem &p, ProductKernel kernel, Stream &stream) {
  const int64_t unit = product_unit(kernel);
  const DeviceArray<uint8_t> w(pack(p.dtype, p.w, p.neurons, p.depth, kTileNeurons)),
      x(pack(p.dtype, p.x, p.items, p.depth, unit)), bias(encode(p.dtype, p.bias)), output(encode(p.dtype, p.output)),
      next(static_cast<size_t>(packed_elements(p.items, unit, p.neurons) * size_of(p.dtype)));
  const DeviceArray<float> a(static_cast<size_t>(p.items * (p.neurons + 1))), u(static_cast<size_t>(p.items * p.neurons)),
      scores(static_cast<size_t>(p.items * p.outputs)),
      partials(static_cast<size_t>(product_tiles(p.neurons) * p.outputs * p.items));
  Product product = {};
  product.weight = w.data();
  product.vectors = x.data();
  product.neurons = p.neurons;
  product.depth = p.depth;
  product.items = p.items;
  product.dtype = p.dtype;
  Epilogue &e = product.epilogue;
  e.dtype = p.dtype;
  e.activation = p.activation;
  e.bias = bias.data();
  e.preactivations = a.data();
  e.preactivation_stride = p.neurons + 1;
  e.activated = u.data();
  e.activated_stride = p.neurons;
  e.next = next.data();
  uint32_t *counters = stream.counters(16 + product_groups(kernel, p.items));
  if (p.outputs > 0) {
    e.output_weight = output.data();
    e.partials = partials.data();
    e.tickets = counters + 16;
    e.output = {};
    e.output.items = p.items;
    e.output.outputs = p.outputs;
    e.output.dtype = p.dtype;
    e.output.scale = 1;
    e.output.scores = scores.data();
    e.output.score_stride = p.outputs;
    e.output.counters = reinterpret_cast<Counters *>(counters);
  }
  enqueue_product(product, kernel, false, stream.native);
  for (int64_t i = 0; i < product_groups(kernel, p.items); ++i) check_equal("ticket", counters[16 + i], 0);
  Result result;
  for (int64_t r = 0; r < p.items; ++r) {
    for (int64_t i = 0; i < p.neurons; ++i) result.a.push_back(a.data()[r * (p.neurons + 1) + i]);
    check_equal("between rows", std::bit_cast<uint32_t>(a.data()[r * (p.neurons + 1) + p.neurons]), 0xffffffffu);
  }
  result.u = u.values();
  result.scores = scores.values();
  // Of the packed output the rows of items; every column up to a whole step is written.
  for (int64_t r = 0; r < p.items; ++r) {
    for (int64_t i = 0; i < padded(p.neurons, kBlockColumns); ++i) {
      const int64_t at = packed_offset(r, i, p.neurons) * size_of(p.dtype);
      result.next.insert(result.next.end(), next.data() + at, next.data() + at + size_of(p.dtype));
    }
  }
  return result;
}

std::string name(const Problem &p, ProductKernel kernel) {
  return std::string(name_of(p.dtype)) + " " + std::to_string(p.items) + " x " + std::to_string(p.neurons) + " x " +
         std::to_string(p.depth) + ", kernel " + std::to_string(static_cast<int>(kernel));
}

void check_result(const std::string &what, const Result &actual, const Result &expected, int64_t begin, const Problem &p) {
  check_same(what + ": a", actual.a, expected.a.data() + begin * p.neurons, kSeed);
  check_same(what + ": u", actual.u, expected.u.data() + begin * p.neurons, kSeed);
  check_same(what + ": scores", actual.scores, expected.scores.data() + begin * p.outputs, kSeed);
  const int64_t row = padded(p.neurons, kBlockColumns) * size_of(p.dtype);
  CHECK(std::equal(actual.next.begin(), actual.next.end(), expected.next.begin() + begin * row), "%s: packed", what.c_str());
}

// Of item r and neuron i.
auto hidden_step(const Problem &p, int64_t r, int64_t i) {
  return
      [x = p.x.data() + r * p.depth, w = p.w.data() + i * p.depth](int64_t k, float sum) { return std::fmaf(x[k], w[k], sum); };
}

// a within its bound of float64 and, of f32, in the order that gemm.h states, u and the packed u from a, and scores from u in the order that gemm.h states.
void check_numbers(const Problem &p, const Result &result, const std::string &what, bool exact) {
  std::vector<double> a, bounds;
  for (int64_t r = 0; r < p.items; ++r) {
    std::vector<Approximate> x(static_cast<size_t>(p.depth));
    for (size_t k = 0; k < x.size(); ++k) x[k].value = static_cast<double>(p.x[static_cast<size_t>(r * p.depth) + k]);
    for (int64_t i = 0; i < p.neurons; ++i) {
      const Approximate sum = product(x, p.w.data() + i * p.depth, p.bias.data() + i);
      a.push_back(sum.value);
      bounds.push_back(exact ? 0 : kDeviations * sum.error);
    }
  }
  check_bound(what + ": a", result.a.data(), a.data(), bounds.data(), static_cast<int64_t>(a.size()), kSeed);
  const int64_t width = padded(p.neurons, kBlockColumns);
  std::vector<float> plain_u, scores, ordered;
  for (int64_t r = 0; r < p.items; ++r) {
    for (int64_t i = 0; i < width; ++i) {
      if (p.dtype == GAVEL_F32 && i < p.neurons) {
        ordered.push_back(cuda_f32_order(p.depth, hidden_step(p, r, i)) + p.bias[static_cast<size_t>(i)]);
      }
      plain_u.push_back(i < p.neurons ? static_cast<float>(round_to(
                                            p.dtype, static_cast<double>(result.u[static_cast<size_t>(r * p.neurons + i)])))
                                      : 0);
    }
    for (int64_t k = 0; k < p.outputs; ++k) {
      scores.push_back(cuda_output_order(p.neurons, [u = result.u.data() + r * p.neurons, w = p.output.data() + k * p.neurons](
                                                        int64_t i, float sum) { return std::fmaf(u[i], w[i], sum); }));
    }
  }
  CHECK(encode(p.dtype, plain_u) == result.next, "%s: the packed output is not u, rounded and filled up with zeros",
        what.c_str());
  check_same(what + ": scores", result.scores, scores.data(), kSeed);
  if (p.dtype == GAVEL_F32) check_same(what + ": a in its order", result.a, ordered.data(), kSeed);
}

// Root mean squares of the errors: no more than 1.05 times those of the order the CPU has, by which heads there are as near as LibTorch's.
void test_errors(CudaDevice &device) {
  for (const int64_t depth : {96, 256, 1024}) {
    Problem problem(GAVEL_F32, 64, 128, depth, 0);
    std::fill(problem.bias.begin(), problem.bias.end(), 0.0f);
    const Result result = run(problem, ProductKernel::COLUMNS_16, device.stream());
    double cuda_errors = 0, cpu_errors = 0;
    for (int64_t r = 0; r < problem.items; ++r) {
      for (int64_t i = 0; i < problem.neurons; ++i) {
        double exact = 0;
        for (int64_t k = 0; k < depth; ++k) {
          exact += static_cast<double>(problem.x[static_cast<size_t>(r * depth + k)]) *
                   static_cast<double>(problem.w[static_cast<size_t>(i * depth + k)]);
        }
        const double found = static_cast<double>(result.a[static_cast<size_t>(r * problem.neurons + i)]) - exact;
        const double cpu = static_cast<double>(f32_order(depth, hidden_step(problem, r, i))) - exact;
        cuda_errors += found * found;
        cpu_errors += cpu * cpu;
      }
    }
    const double ratio = std::sqrt(cuda_errors / cpu_errors);
    CHECK(ratio <= 1.05, "depth %lld: errors %.3f times those of the CPU's order", static_cast<long long>(depth), ratio);
  }
}

void test_choice() {
  const auto choose = [](int64_t items, int64_t neurons, int32_t dtype = GAVEL_BF16, DeviceLimits limits = kH200) {
    return choose_product(items, neurons, 4096, dtype, limits);
  };
  CHECK(choose(8, 4096) == ProductKernel::COLUMNS_8, "8 items");
  CHECK(choose(9, 4096) == ProductKernel::COLUMNS_16, "9 items");
  CHECK(choose(64, 4096) == ProductKernel::COLUMNS_64, "64 items");
  CHECK(choose(65, 4096) == ProductKernel::COLUMNS_64, "65 items: 32 tiles would leave most of the device idle");
  CHECK(choose(1024, 4096) == ProductKernel::TILED, "1024 items");
  CHECK(choose(1024, 4096, GAVEL_F32) == ProductKernel::COLUMNS_16, "1024 items in f32");
  // Devices of compute capability 8.6 and 8.9 give a block 99 KiB.
  CHECK(choose(64, 4096, GAVEL_BF16, {80, 95 * 1024}) == ProductKernel::COLUMNS_8, "64 items with little shared memory");
  CHECK(product_possible(ProductKernel::FUSED, GAVEL_BF16, 4096, kH200), "4096 bf16 elements fit");
  CHECK(!product_possible(ProductKernel::FUSED, GAVEL_BF16, 1 << 20, kH200), "2^20 do not");
  CHECK(!product_possible(ProductKernel::TILED, GAVEL_F32, 64, kH200), "no tiles in f32");
}

void test_kernel(CudaDevice &device, int32_t dtype, ProductKernel kernel) {
  const Problem problems[] = {{dtype, 5, 33, 1, 1},   {dtype, 9, 64, 31, 2},    {dtype, 17, 150, 264, 1},
                              {dtype, 70, 40, 96, 4}, {dtype, 130, 129, 33, 0}, {dtype, 3, 32, 1032, 3},
                              {dtype, 2, 300, 40, 1}};
  Problem integers(dtype, 66, 160, 300, 2, 3);
  integers.activation = GAVEL_ACTIVATION_RELU;
  check_numbers(integers, run(integers, kernel, device.stream()), name(integers, kernel), true);
  for (const Problem &problem : problems) {
    const Result result = run(problem, kernel, device.stream());
    check_numbers(problem, result, name(problem, kernel), false);
    check_result(name(problem, kernel), result, run(problem, ProductKernel::COLUMNS_8, device.stream()), 0, problem);
  }
  // A part of the items, and any schedule.
  const Problem &all = problems[3];
  const Result expected = run(all, ProductKernel::COLUMNS_8, device.stream());
  Problem part = all;
  for (uint64_t schedule = 1; schedule <= 8; ++schedule) {
    const int64_t begin = static_cast<int64_t>(7 * schedule);
    part.items = schedule % 2 == 0 ? 1 : 9;
    part.x.assign(all.x.begin() + begin * all.depth, all.x.begin() + (begin + part.items) * all.depth);
    gavel::emulator::set_seed(schedule);
    check_result(name(part, kernel) + ", schedule " + std::to_string(schedule), run(part, kernel, device.stream()), expected,
                 begin, part);
  }
}

}  // namespace

int main() {
  CudaDevice device;
  test_choice();
  if (gavel::emulator::engine() == gavel::emulator::EngineKind::FIBRES) test_errors(device);
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    for (const ProductKernel kernel : kKernels) {
      if (!product_possible(kernel, dtype, 32, kH200)) continue;
      if (gavel::emulator::engine() == gavel::emulator::EngineKind::FIBRES) {
        test_kernel(device, dtype, kernel);
      } else {
        // A thread of the operating system for each of the 256: two blocks of the same group, several steps, the last block's sums.
        const Problem small(dtype, 5, 129, 330, 2);
        check_numbers(small, run(small, kernel, device.stream()), name(small, kernel), false);
      }
    }
  }
  return finish();
}
