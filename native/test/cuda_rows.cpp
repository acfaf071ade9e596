// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// What the kernels on the device are made of: activations with the bits of the CPU, loads of any dtype and alignment, the order of sums,
// and the vectors that backward asks for.
#include "cpu/kernels.h"
#include "cuda/lane.h"
#include "cuda/launch.h"
#include "cuda/packed.h"
#include "cuda/row_order.h"
#include "cuda/vectors.h"
#include "cuda_score_fixture.h"
#include "rows.h"
#include "summation.h"

using namespace gavel::test;
using namespace gavel::cuda;

namespace {

constexpr uint64_t kSeed = 20261125;

__global__ void activation_kernel(int32_t activation, const float *x, float slope, const float *d, float *u, float *gradient,
                                  int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  u[i] = lane::activate(activation, x[i], slope);
  gradient[i] = lane::activate_gradient(activation, x[i], slope, d[i]);
}

__global__ void sigmoid_kernel(const float *x, float *u, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) u[i] = lane::logistic(x[i]);
}

// The functions are one source, so this shows that the wrapper of a lane means what the CPU's wrappers mean.
void test_activations() {
  Random random(kSeed);
  std::vector<float> x = row(random, 4000, Data::SPECIAL), d = row(random, 4000, Data::SPECIAL);
  const std::vector<float> any = row(random, 4000, Data::BITS);
  x.insert(x.end(), any.begin(), any.end());
  d.insert(d.end(), any.rbegin(), any.rend());
  const int64_t n = static_cast<int64_t>(x.size());
  const DeviceArray<float> inputs(x), gradients_in(d), u(x.size()), gradients(x.size());
  const dim3 grid(static_cast<unsigned>((n + 255) / 256));
  const gavel::Kernels &cpu = gavel::kScalarKernels;
  // Where the caller's FlushDenormals is needed, beside the kernel table's own arithmetic.
  const auto compare = [&](const std::string &what, const std::vector<float> &actual, const std::vector<float> &expected) {
    for (size_t i = 0; i < expected.size(); ++i) {
      CHECK(same_bits(actual[i], expected[i]), "%s of %a (and %a) is %a, not %a", what.c_str(), static_cast<double>(x[i]),
            static_cast<double>(d[i]), static_cast<double>(actual[i]), static_cast<double>(expected[i]));
    }
  };
  for (int32_t activation = GAVEL_ACTIVATION_IDENTITY; activation <= GAVEL_ACTIVATION_SILU; ++activation) {
    const float slope = -0.3f;
    const std::vector<float> slopes(x.size(), slope);
    launch(activation_kernel, grid, 256, 0, nullptr, activation, inputs.data(), slope, gradients_in.data(), u.data(),
           gradients.data(), n);
    std::vector<float> expected = x, expected_gradients = d;
    {
      const gavel::FlushDenormals flush;
      cpu.activate(activation, slopes.data(), expected.data(), n);
      cpu.activate_gradient(activation, slopes.data(), x.data(), expected_gradients.data(), n);
    }
    const std::string name = "activation " + std::to_string(activation);
    compare(name, u.values(), expected);
    compare("gradient of " + name, gradients.values(), expected_gradients);
  }
  launch(sigmoid_kernel, grid, 256, 0, nullptr, inputs.data(), u.data(), n);
  std::vector<float> expected = x;
  {
    const gavel::FlushDenormals flush;
    cpu.sigmoid(x.data(), expected.data(), n);
  }
  compare("sigmoid", u.values(), expected);
}

template <int32_t kType, bool kAligned>
__global__ void chunk_kernel(const void *from, int64_t width, float *wide, void *narrowed) {
  const int64_t k = int64_t{threadIdx.x} * kChunk;
  float values[kChunk];
  const Raw<kType> raw = load_raw<kType, kAligned>(from, k, width);
  widen_raw<kType>(raw, values);
  for (int i = 0; i < kChunk; ++i) wide[k + i] = values[i];
  store_raw<kType>(static_cast<char *>(narrowed) + k * kElementBytes<kType>, narrow_raw<kType>(values));
}

// Every 16-bit pattern by eights, at every offset and with every length of the last chunk: behind the end are zeros, and nothing is read.
template <int32_t kType>
void test_chunks() {
  Random random(kSeed);
  for (const int64_t offset : {0, 1, 3, 8}) {
    for (int64_t width = 1; width <= 24; ++width) {
      const size_t size = static_cast<size_t>(size_of(kType));
      std::vector<float> values = random_values(random, kType, width);
      values[0] = 0x1p-20f;  // a denormal of f16
      if (width > 2) values[2] = -kInfinity;
      const Bytes bytes = encode(kType, values);
      const DeviceArray<uint8_t> from((static_cast<size_t>(offset + width)) * size);
      std::memcpy(from.data() + static_cast<size_t>(offset) * size, bytes.data(), bytes.size());
      const void *row = from.data() + static_cast<size_t>(offset) * size;
      const DeviceArray<float> wide(24);
      const DeviceArray<uint8_t> back(24 * size);
      const bool aligned = offset % 8 == 0 && width % kChunk == 0;
      launch(aligned ? chunk_kernel<kType, true> : chunk_kernel<kType, false>, dim3(1), 3, 0, nullptr, row, width, wide.data(),
             back.data());
      Bytes expected = bytes;
      expected.resize(24 * size);
      values.resize(24);
      check_same(std::string(name_of(kType)) + " widened", wide.values(), values.data(), kSeed);
      CHECK(back.values() == expected, "%s of %d elements, narrowed again", name_of(kType), static_cast<int>(width));
    }
  }
}

template <int kTeam>
__global__ void sum_kernel(const float *x, int64_t n, float *sums) {
  GAVEL_SHARED(float[kTeam * kWarp], parts);
  const Seat seat = {static_cast<int>(threadIdx.x) / kWarp, static_cast<int>(threadIdx.x) % kWarp};
  Accumulators<kTeam> total;
  for (int64_t outer = 0; held_element<kTeam>(Seat{0, 0}, outer, 0) < n; ++outer) {
    for (int a = 0; a < kAccumulators / kTeam; ++a) {
      const int64_t k = held_element<kTeam>(seat, outer, a);
      for (int64_t i = k; i < std::min(k + kChunk, n); ++i) total.sums[a] += x[i];
    }
  }
  sums[threadIdx.x] = team_sum<kTeam>(total, seat, parts);
}

// The sentence at the top of row_order.h, as a program.
float sum_in_order(const std::vector<float> &x) {
  float sums[8][32] = {};
  for (size_t k = 0; k < x.size(); ++k) sums[k / 256 % 8][k / 8 % 32] += x[k];
  for (int half = 4; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      for (int l = 0; l < 32; ++l) sums[i][l] += sums[i + half][l];
    }
  }
  for (int half = 16; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) sums[0][l] += sums[0][l + half];
  }
  return sums[0][0];
}

template <int kTeam>
void check_sum(const std::vector<float> &x) {
  const DeviceArray<float> in(x), sums(kTeam * kWarp);
  launch(sum_kernel<kTeam>, dim3(1), kTeam * kWarp, 0, nullptr, in.data(), static_cast<int64_t>(x.size()), sums.data());
  const std::vector<float> expected(kTeam * kWarp, sum_in_order(x));
  check_same(std::to_string(kTeam) + " warps, " + std::to_string(x.size()) + " elements", sums.values(), expected.data(),
             kSeed);
}

void test_sums() {
  Random random(kSeed + 1);
  for (const int64_t n : {0, 1, 7, 8, 9, 255, 256, 257, 1000, 2048, 2049, 5000}) {
    const std::vector<float> x = row(random, n);
    check_sum<1>(x);
    check_sum<2>(x);
    check_sum<4>(x);
    check_sum<8>(x);
  }
}

// All that enqueue_vectors writes, of one another and of the CPU.
void test_vectors(CudaDevice &device, const TestContext &context, int32_t dtype, int64_t width, int32_t pooling, int32_t norm) {
  Random random(kSeed + 2);
  const TestHead head(context.get(), with_norm(mlp_spec(dtype, width, {32}, 1, GAVEL_ACTIVATION_RELU), norm), kSeed);
  const CudaHead on_device(device, head);
  Batch batch = make_batch(random, dtype, 12, width, 11);
  batch.last[3] = -1;
  batch.last[7] = 12;
  const DeviceArray<uint8_t> hidden(batch.bytes.size()), states(11);
  std::copy(batch.bytes.begin(), batch.bytes.end(), hidden.data());
  const DeviceArray<int64_t> first(batch.first), last(batch.last);
  const size_t count = static_cast<size_t>(11 * width);
  const DeviceArray<float> pooled(count), rounded_vectors(count);
  const int64_t size = size_of(dtype);
  const DeviceArray<uint8_t> packed_vectors(static_cast<size_t>(packed_elements(11, 16, width) * size));
  VectorsCall call = {on_device.get(), pooling, GAVEL_COMBINE_NONE, {}, {}, {}, {}};
  call.hidden = view(hidden.data(), dtype, {12, width});
  if (pooling != GAVEL_POOLING_INDEX) call.first = view(first.data(), GAVEL_I64, {11});
  call.last = view(last.data(), GAVEL_I64, {11});
  call.pooled = view(pooled.data(), GAVEL_F32, {11, width});
  call.rounded = rounded_vectors.data();
  call.packed = packed_vectors.data();
  call.packed_unit = 16;
  call.states = states.data();
  const DeviceArray<uint8_t> workspace(static_cast<size_t>(vectors_workspace(call)));
  enqueue_vectors(call, workspace.data(), device.stream());
  const std::string name =
      std::string(name_of(dtype)) + ", width " + std::to_string(width) + ", pooling " + std::to_string(pooling);
  check_equal(name + ": fault", device.stream().fault->item, 7);
  *device.stream().fault = {};
  std::vector<float> values;
  Bytes packed_rows;
  for (int64_t r = 0; r < 16; ++r) {
    if (r < 11) check_equal(name + ": state", states.data()[r], r == 3 ? 0 : r == 7 ? 2 : 1);
    for (int64_t k = 0; k < padded(width, kBlockColumns); ++k) {
      const bool real = r < 11 && k < width;
      const float value = real ? rounded_vectors.data()[r * width + k] : 0.0f;
      values.push_back(r == 7 && real ? 0.0f : value);
      if (r == 7 && real)
        CHECK(std::isnan(value), "%s: the item with a fault has %g", name.c_str(), static_cast<double>(value));
      const uint8_t *at = packed_vectors.data() + packed_offset(r, k, width) * size;
      for (int64_t b = 0; b < size; ++b) packed_rows.push_back(r == 7 && real ? uint8_t{0} : at[b]);
    }
  }
  CHECK(encode(dtype, values) == packed_rows, "%s: packed and rounded vectors differ", name.c_str());
  for (int64_t r = 0; r < 11; ++r) {
    if (r == 3 || r == 7) continue;
    const int64_t begin =
        pooling == GAVEL_POOLING_INDEX ? batch.last[static_cast<size_t>(r)] : batch.first[static_cast<size_t>(r)];
    std::vector<Approximate> x = gavel::test::pooled(batch, pooling, 0, begin, batch.last[static_cast<size_t>(r)]);
    if (norm != GAVEL_NORM_NONE) {
      const std::vector<float> *bias = head.values("norm.bias");
      x = normed(head.spec(), x, head.values("norm.weight")->data(), bias ? bias->data() : nullptr);
    }
    Bounded bounded;
    for (Approximate &v : x) v = rounded(dtype, v);
    bounded.add(x);
    check_bound(name + ": rounded vectors", rounded_vectors.data() + r * width, bounded.values.data(), bounded.bounds.data(),
                width, kSeed);
  }
}

// Means of long spans have the bits of their definition, from rows that are aligned and rows that are not.
void test_means(CudaDevice &device, int32_t dtype, int64_t width) {
  Random random(kSeed + 3);
  constexpr int64_t kRows = 4500;
  Batch batch(random, dtype, kRows, width);
  for (const int64_t rows : {1, 2, 8, 9, 15, 16, 17, 24, 33, 255, 256, 257, 300, 4095, 4096, 4097, 4353, 4500}) {
    batch.first.push_back(kRows - rows);
    batch.last.push_back(kRows - 1);
  }
  const auto items = static_cast<int64_t>(batch.last.size());
  const TestContext context;
  const TestHead head(context.get(), linear_spec(dtype, width, 1), kSeed);
  const CudaHead on_device(device, head);
  const DeviceArray<uint8_t> hidden(batch.bytes.size());
  std::copy(batch.bytes.begin(), batch.bytes.end(), hidden.data());
  const DeviceArray<int64_t> first(batch.first), last(batch.last);
  const DeviceArray<float> pooled(static_cast<size_t>(items * width));
  VectorsCall call = {on_device.get(), GAVEL_POOLING_SPAN_MEAN, GAVEL_COMBINE_NONE, {}, {}, {}, {}};
  call.hidden = view(hidden.data(), dtype, {kRows, width});
  call.first = view(first.data(), GAVEL_I64, {items});
  call.last = view(last.data(), GAVEL_I64, {items});
  call.pooled = view(pooled.data(), GAVEL_F32, {items, width});
  const float *means = nullptr;
  int64_t stride = 0;
  enqueue_means(call, nullptr, device.stream(), &means, &stride);
  check_equal("where means are", means - pooled.data(), 0);
  for (int64_t r = 0; r < items; ++r) {
    const int64_t begin = batch.first[static_cast<size_t>(r)], rows = kRows - begin;
    for (int64_t k = 0; k < width; ++k) {
      const auto value = [&](int64_t row) { return batch.values[static_cast<size_t>(row * width + k)]; };
      const float expected = span_sum(begin, rows, value) / static_cast<float>(rows);
      check_bits(std::string(name_of(dtype)) + " mean of " + std::to_string(rows) + " rows", means + r * stride + k, &expected,
                 1, kSeed);
    }
  }
}

}  // namespace

int main() {
  CudaDevice device;
  const TestContext context;
  test_activations();
  test_chunks<GAVEL_F32>();
  test_chunks<GAVEL_F16>();
  test_chunks<GAVEL_BF16>();
  test_sums();
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    test_means(device, dtype, 16);
    test_means(device, dtype, 11);
  }
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    for (const int32_t pooling : {GAVEL_POOLING_INDEX, GAVEL_POOLING_SPAN_MEAN}) {
      test_vectors(device, context, dtype, 264, pooling, GAVEL_NORM_RMS);
      test_vectors(device, context, dtype, 101, pooling, GAVEL_NORM_LAYER);
      test_vectors(device, context, dtype, 40, pooling, GAVEL_NORM_NONE);
      // Wider than a team keeps in registers.
      test_vectors(device, context, dtype, 4104, pooling, GAVEL_NORM_LAYER);
    }
  }
  return finish();
}
