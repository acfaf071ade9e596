// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Parameters read back, and what the score kernels do at the edges: invalid items, NaN and infinite rows, indices out of range, no items, no tokens, repeated calls,
// captured graphs, a loss in the same call.
#include "cuda_score_fixture.h"

using namespace gavel::test;

namespace {

using gavel::cuda::LinearKernel;
using gavel::cuda::ProductKernel;

constexpr uint64_t kSeed = 20261123;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr uint32_t kCanonicalNan = 0x7fc00000u;

// Heads of both kinds with one, two and five outputs, and every way to run them.
struct Way {
  std::string name;
  gavel_head_spec spec;
  gavel::cuda::ScoreKernels kernels;
};

std::vector<Way> ways() {
  std::vector<Way> all;
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    const auto linear = with_norm(linear_spec(dtype, 64, 2), GAVEL_NORM_LAYER);
    for (const LinearKernel kernel : {LinearKernel::TEAM_4, LinearKernel::STREAM}) {
      all.push_back(
          {std::string(name_of(dtype)) + " linear " + std::to_string(static_cast<int>(kernel)), linear, {kernel, {}}});
    }
    const auto single = with_norm(linear_spec(dtype, 64, 1), GAVEL_NORM_RMS);
    for (const LinearKernel kernel : {LinearKernel::WARP, LinearKernel::TEAM_8}) {
      if (!gavel::cuda::linear_exists(kernel, dtype, dtype, true)) continue;
      all.push_back(
          {std::string(name_of(dtype)) + " linear " + std::to_string(static_cast<int>(kernel)), single, {kernel, {}}});
    }
    const auto mlp = with_norm(mlp_spec(dtype, 64, {40, 33}, 2, GAVEL_ACTIVATION_SILU), GAVEL_NORM_RMS);
    for (int32_t k = 0; k <= static_cast<int32_t>(ProductKernel::TILED); ++k) {
      const ProductKernel kernel = static_cast<ProductKernel>(k);
      if (!gavel::cuda::product_possible(kernel, dtype, 64, {132, 200 * 1024})) continue;
      all.push_back({std::string(name_of(dtype)) + " mlp " + std::to_string(k), mlp, {{}, kernel}});
    }
    const auto wide = with_norm(mlp_spec(dtype, 64, {40}, 5, GAVEL_ACTIVATION_TANH), GAVEL_NORM_NONE);
    all.push_back({std::string(name_of(dtype)) + " mlp, 5 outputs", wide, {}});
  }
  return all;
}

CudaRun run_of(const Way &way, int32_t pooling, int32_t combine = GAVEL_COMBINE_NONE) {
  CudaRun run;
  run.pooling = pooling;
  run.combine = combine;
  run.kernels = way.kernels;
  run.everything = true;
  // Means come as f32 rows, which the kernels that keep 16-bit rows do not take.
  if (pooling == GAVEL_POOLING_SPAN_MEAN && way.kernels.linear && way.spec.dtype != GAVEL_F32)
    run.kernels.linear = LinearKernel::STREAM;
  return run;
}

// The outputs of item r, whatever their number.
template <typename Each>
void each_value(const std::vector<float> &values, size_t r, size_t items, Each each) {
  const size_t width = values.size() / items;
  for (size_t k = 0; k < width; ++k) each(values[r * width + k]);
}

// Parameters come back as they were given, packed or not.
void test_heads(CudaDevice &device, const TestContext &context) {
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    auto spec = with_norm(mlp_spec(dtype, 41, {33, 70}, 3, GAVEL_ACTIVATION_PRELU), GAVEL_NORM_LAYER);
    const TestHead head(context.get(), spec, kSeed);
    const CudaHead on_device(device, head);
    for (int32_t i = 0; i < static_cast<int32_t>(head.names().size()); ++i) {
      const gavel::Parameter &parameter = on_device.get().spec.parameters[i];
      // Rows with a gap of one element, which must stay as it is.
      const int64_t rows = parameter.rank == 2 ? parameter.shape[0] : 1, columns = parameter.elements / rows,
                    size = size_of(dtype);
      Bytes host(static_cast<size_t>(rows * (columns + 1) * size), 0xab);
      const gavel::Tensor target =
          parameter.rank == 2 ? view(host.data(), dtype, {rows, columns}, columns + 1) : view(host.data(), dtype, {columns});
      gavel::cuda::read_head(on_device.get(), i, target);
      const Bytes &expected = head.bytes(i);
      for (int64_t r = 0; r < rows; ++r) {
        const uint8_t *row = &host[static_cast<size_t>(r * (columns + 1) * size)];
        CHECK(std::memcmp(row, &expected[static_cast<size_t>(r * columns * size)], static_cast<size_t>(columns * size)) == 0,
              "%s row %d comes back changed", head.names()[static_cast<size_t>(i)].c_str(), static_cast<int>(r));
        CHECK(row[columns * size] == 0xab, "%s: behind row %d", head.names()[static_cast<size_t>(i)].c_str(),
              static_cast<int>(r));
      }
    }
  }
}

void test_invalid(CudaDevice &device, const TestContext &context, const Way &way) {
  Random random(kSeed);
  const TestHead head(context.get(), way.spec, kSeed);
  const CudaHead on_device(device, head);
  for (const int32_t pooling : {GAVEL_POOLING_INDEX, GAVEL_POOLING_FIRST_LAST, GAVEL_POOLING_SPAN_MEAN}) {
    for (const int32_t readout : {GAVEL_READOUT_IDENTITY, GAVEL_READOUT_SIGMOID}) {
      CudaRun run = run_of(way, pooling, pooling == GAVEL_POOLING_FIRST_LAST ? GAVEL_COMBINE_ADD : GAVEL_COMBINE_NONE);
      run.readout = readout;
      Batch batch(random, way.spec.dtype, 10, 64);
      batch.first = {0, -1, 3, 5, 2};
      batch.last = {1, 4, -1, 4, 9};
      const bool spans = pooling != GAVEL_POOLING_INDEX;
      const bool valid[] = {true, !spans, false, !spans, true};
      const Batch good = part_of(batch, 4, 1);
      const CudaScores alone = on_device.score(good, run), out = on_device.score(batch, run);
      check_equal(way.name + ": invalid", out.counts[0], spans ? 3 : 1);
      check_equal(way.name + ": NaN", out.counts[1], 0);
      check_equal(way.name + ": fault", out.fault.kind, gavel::cuda::kNoFault);
      for (size_t r = 0; r < 5; ++r) {
        const auto at_edge = [&](float value) {
          CHECK(valid[r] ? std::isfinite(value) : value == -kInfinity, "%s: item %zu has %g", way.name.c_str(), r,
                static_cast<double>(value));
        };
        each_value(out.scores, r, 5, at_edge);
        each_value(out.logits, r, 5, at_edge);
        if (valid[r]) continue;
        const auto zero = [&](float value) { CHECK(value == 0, "%s: item %zu is not 0", way.name.c_str(), r); };
        each_value(out.vectors, r, 5, zero);
        each_value(out.preactivations, r, 5, zero);
      }
      check_same(way.name + ": beside invalid items", alone.scores, out.scores.data() + 4 * way.spec.output_width, kSeed);
      // The counters were left clean.
      const CudaScores again = on_device.score(batch, run);
      check_equal(way.name + ": invalid again", again.counts[0], out.counts[0]);
    }
  }
}

// One value of one row becomes NaN or infinite: the items that need the row show it, the others keep their bits.
void test_bad_rows(CudaDevice &device, const TestContext &context, const Way &way) {
  Random random(kSeed + 1);
  const TestHead head(context.get(), way.spec, kSeed);
  const CudaHead on_device(device, head);
  Batch batch(random, way.spec.dtype, 8, 64);
  batch.first = {0, 2, 3, 5};
  batch.last = {1, 2, 4, 7};
  const size_t outputs = static_cast<size_t>(way.spec.output_width);
  for (const int32_t pooling : {GAVEL_POOLING_INDEX, GAVEL_POOLING_SPAN_MEAN}) {
    const CudaRun run = run_of(way, pooling);
    const CudaScores clean = on_device.score(batch, run);
    for (const int64_t row : {1, 3, 6}) {
      for (const float bad : {std::bit_cast<float>(0xffd12345u), kInfinity}) {
        Batch changed = batch;
        changed.values[static_cast<size_t>(row * 64 + random.integer(0, 63))] = bad;
        changed.reencode();
        const CudaScores out = on_device.score(changed, run);
        int64_t nans = 0;
        for (size_t item = 0; item < 4; ++item) {
          const bool spans = pooling == GAVEL_POOLING_SPAN_MEAN && row >= batch.first[item] && row <= batch.last[item];
          const bool needs = row == batch.last[item] || spans;
          bool nan = false;
          for (size_t k = outputs * item; k < outputs * (item + 1); ++k) {
            nan |= std::isnan(out.scores[k]);
            if (!needs) check_bits(way.name + ": does not need the row", &out.scores[k], &clean.scores[k], 1, kSeed);
            if (needs && std::isnan(bad)) {
              check_equal(way.name + ": bits of a NaN score", std::bit_cast<uint32_t>(out.scores[k]), kCanonicalNan);
              check_equal(way.name + ": bits of a NaN logit", std::bit_cast<uint32_t>(out.logits[k]), kCanonicalNan);
            }
          }
          nans += nan;
        }
        check_equal(way.name + ": items with NaN", out.counts[1], nans);
      }
    }
  }
}

// An index out of range is a fault: that item is NaN, nothing outside is read (the emulator stops at such a read), the others keep their
// bits.
void test_faults(CudaDevice &device, const TestContext &context, const Way &way) {
  Random random(kSeed + 2);
  const TestHead head(context.get(), way.spec, kSeed);
  const CudaHead on_device(device, head);
  Batch batch(random, way.spec.dtype, 6, 64);
  batch.first = {0, 1, 2};
  batch.last = {1, 3, 5};
  const size_t outputs = static_cast<size_t>(way.spec.output_width);
  for (const int32_t pooling : {GAVEL_POOLING_INDEX, GAVEL_POOLING_SPAN_MEAN}) {
    const CudaRun run = run_of(way, pooling);
    const CudaScores clean = on_device.score(batch, run);
    for (const int64_t bad : {int64_t{6}, int64_t{-2}, INT64_MAX, INT64_MIN}) {
      for (const bool at_first : {false, true}) {
        if (at_first && pooling == GAVEL_POOLING_INDEX) continue;
        Batch changed = batch;
        (at_first ? changed.first : changed.last)[1] = bad;
        const CudaScores out = on_device.score(changed, run);
        check_equal(way.name + ": fault", out.fault.kind,
                    at_first ? gavel::cuda::kFaultFirstIndex : gavel::cuda::kFaultLastIndex);
        check_equal(way.name + ": item", out.fault.item, 1);
        check_equal(way.name + ": value", out.fault.value, bad);
        check_equal(way.name + ": limit", out.fault.limit, 6);
        check_equal(way.name + ": NaN items", out.counts[1], 1);
        for (size_t k = 0; k < 3 * outputs; ++k) {
          if (k / outputs == 1) {
            check_equal(way.name + ": score of the item", std::bit_cast<uint32_t>(out.scores[k]), kCanonicalNan);
          } else {
            check_bits(way.name + ": another item", &out.scores[k], &clean.scores[k], 1, kSeed);
          }
        }
      }
    }
  }
}

void test_nothing(CudaDevice &device, const TestContext &context, const Way &way) {
  Random random(kSeed);
  const TestHead head(context.get(), way.spec, kSeed);
  const CudaHead on_device(device, head);
  CudaRun run = run_of(way, GAVEL_POOLING_INDEX);
  Batch batch(random, way.spec.dtype, 5, 64);
  const int64_t launches = gavel::emulator::launches();
  const CudaScores none = on_device.score(batch, run);
  check_equal(way.name + ": launches for no items", gavel::emulator::launches() - launches, 0);
  check_equal(way.name + ": invalid of none", none.counts[0], 0);
  check_equal(way.name + ": NaN of none", none.counts[1], 0);
  Batch no_tokens(random, way.spec.dtype, 0, 64);
  no_tokens.last = {-1, 0};
  const CudaScores out = on_device.score(no_tokens, run);
  check_equal(way.name + ": row 0 of no tokens", out.fault.kind, gavel::cuda::kFaultLastIndex);
  check_equal(way.name + ": invalid", out.counts[0], 1);
}

// tanh of an infinite sum is 1: the score stays finite, whatever fills up the last tile.
void test_infinity_and_tiles(CudaDevice &device) {
  auto spec = mlp_spec(GAVEL_F32, 1, {33}, 1, GAVEL_ACTIVATION_TANH);
  std::vector<float> weight(33, 1.0f), output(33, 1.0f);
  const gavel::Tensor parameters[] = {view(weight.data(), GAVEL_F32, {33, 1}), view(output.data(), GAVEL_F32, {1, 33})};
  const auto head = gavel::cuda::create_head(device.context(), gavel::check_head_spec(&spec), parameters);
  const DeviceArray<float> hidden(std::vector<float>{kInfinity}), scores(1);
  const DeviceArray<int64_t> last(std::vector<int64_t>{0});
  gavel::cuda::ScoreCall call = {*head, GAVEL_POOLING_INDEX, 0, {}, {}, {}, 0, 0, 0, {}, {}, {}, {}, {}, nullptr};
  call.hidden = view(hidden.data(), GAVEL_F32, {1, 1});
  call.last = view(last.data(), GAVEL_I64, {1});
  call.scores = view(scores.data(), GAVEL_F32, {1, 1});
  gavel::cuda::enqueue_score(call, device.stream());
  // Products with what fills up a step are inf * 0 only where the vector is filled up, and there both sides are 0.
  CHECK(scores.data()[0] == 33, "score %g", static_cast<double>(scores.data()[0]));
}

// A captured call allocates nothing, and every replay scores what then lies in its tensors.
void test_capture(CudaDevice &device, const TestContext &context, const Way &way) {
  Random random(kSeed + 3);
  const TestHead head(context.get(), way.spec, kSeed);
  const CudaHead on_device(device, head);
  const int64_t outputs = way.spec.output_width;
  const Batch one = make_batch(random, way.spec.dtype, 7, 64, 6), other = make_batch(random, way.spec.dtype, 7, 64, 6);
  const DeviceArray<uint8_t> hidden(one.bytes.size());
  const DeviceArray<int64_t> last(one.last), counts(2);
  const DeviceArray<float> scores(static_cast<size_t>(6 * outputs));
  gavel::cuda::ScoreCall call = {on_device.get(), GAVEL_POOLING_INDEX, 0, {}, {}, {}, 0, 0, 0, {}, {}, {}, {}, {}, nullptr};
  call.hidden = view(hidden.data(), way.spec.dtype, {7, 64});
  call.last = view(last.data(), GAVEL_I64, {6});
  call.scores = view(scores.data(), GAVEL_F32, {6, outputs});
  call.counts = view(counts.data(), GAVEL_I64, {2});
  gavel::cuda::Stream stream(device.context());
  stream.reserve(gavel::cuda::score_workspace(call, way.kernels));
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t instance = nullptr;
  check_equal("begin", cudaStreamBeginCapture(stream.native, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  gavel::cuda::enqueue_score(call, stream, way.kernels);
  check_equal("end", cudaStreamEndCapture(stream.native, &graph), cudaSuccess);
  check_equal("instantiate", cudaGraphInstantiate(&instance, graph), cudaSuccess);
  CudaRun run = run_of(way, GAVEL_POOLING_INDEX);
  for (const Batch *batch : {&one, &other, &one}) {
    Batch now = *batch;
    now.last = one.last;
    std::copy(now.bytes.begin(), now.bytes.end(), hidden.data());
    check_equal("launch", cudaGraphLaunch(instance, stream.native), cudaSuccess);
    check_same(way.name + ": replayed", scores.values(), on_device.score(now, run).scores.data(), kSeed);
    check_equal(way.name + ": counted", counts.data()[1], 0);
  }
  cudaGraphExecDestroy(instance);
  cudaGraphDestroy(graph);
}

// The loss of the call is the CPU's loss of its scores, with invalid items masked.
void test_loss(CudaDevice &device, const TestContext &context, const gavel_head_spec &spec,
               const gavel::cuda::ScoreKernels &kernels, int64_t expected_launches) {
  Random random(kSeed + 4);
  const TestHead head(context.get(), spec, kSeed);
  const CudaHead on_device(device, head);
  Batch batch(random, spec.dtype, 8, spec.input_width);
  batch.last = {0, 1, 2, -1, 4, 5};
  std::vector<int64_t> pairs = {0, 1, 2, 3, 4, 5};
  struct Outputs {
    std::vector<float> dscore = std::vector<float>(6, -1), item = std::vector<float>(3, -1), loss = {-1};
    std::vector<int64_t> counts = {-1, -1};
  };
  const auto arguments = [&](Outputs &out) {
    auto args = sized<gavel_loss_args>();
    args.kind = GAVEL_LOSS_BRADLEY_TERRY;
    args.reduction = GAVEL_REDUCTION_MEAN_VALID;
    args.weight = args.beta = 1;
    args.pairs = describe(pairs.data(), GAVEL_I64, {3, 2});
    args.dscore = describe(out.dscore.data(), GAVEL_F32, {6});
    args.item_loss = describe(out.item.data(), GAVEL_F32, {3});
    args.loss = describe(out.loss.data(), GAVEL_F32, {1});
    args.counts = describe(out.counts.data(), GAVEL_I64, {2});
    return args;
  };
  Outputs here, there;
  gavel::CallTensors tensors{gavel::Memory{}};
  const gavel::LossPlan plan = gavel::check_loss(arguments(here), 6, tensors);
  CudaRun run;
  run.loss = &plan;
  run.kernels = kernels;
  const int64_t launches = gavel::emulator::launches();
  const CudaScores out = on_device.score(batch, run);
  check_equal("launches", gavel::emulator::launches() - launches, expected_launches);

  gavel_loss_args alone = arguments(there);
  std::vector<float> scores = out.scores;
  std::vector<uint8_t> mask = {1, 1, 1, 0, 1, 1};
  scores[3] = 0;  // -inf, masked here
  alone.scores = describe(scores.data(), GAVEL_F32, {6});
  alone.mask = describe(mask.data(), GAVEL_U8, {6});
  auto error = sized<gavel_error>();
  expect_status("the loss alone", gavel_loss(context.get(), &alone, &error), GAVEL_OK, error);
  check_same("loss", here.loss, there.loss.data(), kSeed);
  check_same("dscore", here.dscore, there.dscore.data(), kSeed);
  check_same("item loss", here.item, there.item.data(), kSeed);
  check_equal("valid items", here.counts[0], 2);
  check_equal("fault", out.fault.kind, gavel::cuda::kNoFault);
}

}  // namespace

int main() {
  CudaDevice device;
  const TestContext context;
  for (const Way &way : ways()) {
    test_invalid(device, context, way);
    test_bad_rows(device, context, way);
    test_faults(device, context, way);
    test_nothing(device, context, way);
    test_capture(device, context, way);
  }
  test_heads(device, context);
  test_infinity_and_tiles(device);
  for (const int32_t dtype : {GAVEL_F32, GAVEL_BF16}) {
    test_loss(device, context, linear_spec(dtype, 48, 1), {}, 1);
    test_loss(device, context, linear_spec(dtype, 48, 1), {LinearKernel::STREAM, {}}, 2);
    test_loss(device, context, mlp_spec(dtype, 48, {40}, 1, GAVEL_ACTIVATION_SILU), {}, 1);
    test_loss(device, context, mlp_spec(dtype, 48, {40, 33}, 1, GAVEL_ACTIVATION_SILU), {}, 2);
  }
  return finish();
}
