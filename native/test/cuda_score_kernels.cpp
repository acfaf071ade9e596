// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Every score kernel once, small, for ThreadSanitizer (and once more by fibres): equal bits from the kernels that stand for each other.
#include "cuda_score_fixture.h"

using namespace gavel::test;
using gavel::cuda::LinearKernel;
using gavel::cuda::ProductKernel;

namespace {

constexpr uint64_t kSeed = 20261126;

// A head made without the C interface, of which these tests link nothing.
class RawHead {
 public:
  RawHead(CudaDevice &device, const gavel_head_spec &fields) : device_(device) {
    const gavel::HeadSpec spec = gavel::check_head_spec(&fields);
    Random random(kSeed);
    std::vector<Bytes> bytes;
    std::vector<gavel::Tensor> parameters;
    for (int32_t i = 0; i < spec.parameter_count; ++i) {
      const gavel::Parameter &parameter = spec.parameters[i];
      bytes.push_back(encode(fields.dtype, random_values(random, fields.dtype, parameter.elements, 0.2)));
      parameters.push_back(parameter.rank == 2
                               ? view(bytes.back().data(), fields.dtype, {parameter.shape[0], parameter.shape[1]})
                               : view(bytes.back().data(), fields.dtype, {parameter.shape[0]}));
    }
    head_ = gavel::cuda::create_head(device.context(), spec, parameters.data());
  }

  std::vector<float> score(int32_t pooling, const gavel::cuda::ScoreKernels &kernels, int64_t items) const {
    const gavel_head_spec &spec = head_->spec.fields;
    Random random(kSeed + 1);
    const Batch batch = make_batch(random, spec.dtype, 6, spec.input_width, items);
    const DeviceArray<uint8_t> hidden(batch.bytes.size());
    std::copy(batch.bytes.begin(), batch.bytes.end(), hidden.data());
    const DeviceArray<int64_t> first(batch.first), last(batch.last), counts(2);
    const DeviceArray<float> scores(static_cast<size_t>(items * spec.output_width));
    gavel::cuda::ScoreCall call = {*head_, pooling, 0, {}, {}, {}, 0, 0, 0, {}, {}, {}, {}, {}, nullptr};
    call.hidden = view(hidden.data(), spec.dtype, {6, spec.input_width});
    if (pooling != GAVEL_POOLING_INDEX) call.first = view(first.data(), GAVEL_I64, {items});
    call.last = view(last.data(), GAVEL_I64, {items});
    call.scores = view(scores.data(), GAVEL_F32, {items, spec.output_width});
    call.counts = view(counts.data(), GAVEL_I64, {2});
    gavel::cuda::enqueue_score(call, device_.stream(), kernels);
    device_.stream().synchronize();
    check_equal("NaN items", counts.data()[1], 0);
    return scores.values();
  }

 private:
  CudaDevice &device_;
  std::unique_ptr<gavel::cuda::Head> head_;
};

void compare(const std::string &what, const std::vector<float> &actual, const std::vector<float> &expected) {
  check_equal(what, static_cast<int64_t>(actual.size()), static_cast<int64_t>(expected.size()));
  check_same(what, actual, expected.data(), kSeed);
}

}  // namespace

int main() {
  CudaDevice device;
  // Another order of a sum shows in one item out of ten or so.
  const int64_t items = gavel::emulator::engine() == gavel::emulator::EngineKind::THREADS ? 3 : 16;
  for (const int32_t dtype : {GAVEL_F32, GAVEL_BF16}) {
    // Wide enough that every warp of a team has a part of the sum, narrow enough for one warp alone.
    const RawHead linear(device, with_norm(linear_spec(dtype, 1016, 1), GAVEL_NORM_LAYER));
    const std::vector<float> scores = linear.score(GAVEL_POOLING_INDEX, {LinearKernel::WARP, {}}, items);
    for (const LinearKernel kernel : {LinearKernel::TEAM_4, LinearKernel::TEAM_8, LinearKernel::STREAM}) {
      if (!gavel::cuda::linear_exists(kernel, dtype, dtype, true)) continue;
      compare("linear " + std::to_string(static_cast<int>(kernel)), linear.score(GAVEL_POOLING_INDEX, {kernel, {}}, items),
              scores);
    }
    linear.score(GAVEL_POOLING_SPAN_MEAN, {}, 2);
    const RawHead mlp(device, with_norm(mlp_spec(dtype, 72, {40, 33}, 1, GAVEL_ACTIVATION_SILU), GAVEL_NORM_RMS));
    const std::vector<float> fused = mlp.score(GAVEL_POOLING_INDEX, {{}, ProductKernel::FUSED}, 3);
    compare("mlp", mlp.score(GAVEL_POOLING_INDEX, {{}, ProductKernel::COLUMNS_16}, 3), fused);
    if (dtype != GAVEL_F32) compare("mlp", mlp.score(GAVEL_POOLING_INDEX, {{}, ProductKernel::TILED}, 3), fused);
    const RawHead wide(device, with_norm(mlp_spec(dtype, 40, {33}, 5, GAVEL_ACTIVATION_TANH), GAVEL_NORM_NONE));
    wide.score(GAVEL_POOLING_INDEX, {}, 2);
    // Rows with few, many and again few steps of W under way (fused_stages), the last slice shorter than the others. A lane reads what it has
    // copied itself: nothing for ThreadSanitizer, which would take a minute.
    if (gavel::emulator::engine() == gavel::emulator::EngineKind::THREADS) continue;
    for (const int64_t width : {1032, 2728, 5352}) {
      const RawHead deep(device, with_norm(mlp_spec(dtype, width, {33}, 1, GAVEL_ACTIVATION_SILU), GAVEL_NORM_RMS));
      compare("mlp of " + std::to_string(width), deep.score(GAVEL_POOLING_INDEX, {{}, ProductKernel::FUSED}, 3),
              deep.score(GAVEL_POOLING_INDEX, {{}, ProductKernel::COLUMNS_8}, 3));
    }
  }
  const gavel::cuda::DeviceLimits limits = gavel::cuda::product_limits(132, 227 * 1024);
  check_equal("1024 columns", gavel::cuda::fused_stages(GAVEL_BF16, 1024, limits), 4);
  check_equal("2728 columns", gavel::cuda::fused_stages(GAVEL_BF16, 2728, limits), 8);
  check_equal("4096 columns", gavel::cuda::fused_stages(GAVEL_BF16, 4096, limits), 8);
  check_equal("5352 columns", gavel::cuda::fused_stages(GAVEL_BF16, 5352, limits), 4);
  // A100: 163 KiB.
  check_equal("4096 columns", gavel::cuda::fused_stages(GAVEL_BF16, 4096, gavel::cuda::product_limits(108, 163 * 1024)), 4);
  return finish();
}
