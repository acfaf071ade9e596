// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Every entry point on memory that ends (or begins) at a page nobody may touch, inputs read-only: one byte too far is a crash.
// Widths of 33 and 37 leave the tail of every vector loop to run.
#include <algorithm>
#include <deque>

#include "api_fixture.h"
#include "guard.h"

using namespace gavel::test;

namespace {

// Guarded buffers of one call; at the end nothing around them may have changed.
class Memory {
 public:
  explicit Memory(Edge edge) : edge_(edge) {}

  gavel_tensor input(int32_t dtype, std::initializer_list<int64_t> shape, const Bytes &bytes, int64_t row_stride = -1) {
    gavel_tensor tensor = output(dtype, shape, row_stride);
    std::copy(bytes.begin(), bytes.end(), static_cast<uint8_t *>(tensor.data));
    buffers_.back().freeze();
    return tensor;
  }
  template <typename Element>
  gavel_tensor input(int32_t dtype, std::initializer_list<int64_t> shape, const std::vector<Element> &values) {
    Bytes bytes(values.size() * sizeof(Element));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return input(dtype, shape, bytes);
  }
  gavel_tensor output(int32_t dtype, std::initializer_list<int64_t> shape, int64_t row_stride = -1) {
    gavel_tensor tensor = describe(nullptr, dtype, shape, row_stride);
    buffers_.emplace_back(tensor.byte_length, edge_);
    tensor.data = buffers_.back().as<void>();
    return tensor;
  }
  void check(const char *what) {
    for (const Guarded &buffer : buffers_) CHECK(buffer.untouched(), "%s wrote outside of a buffer", what);
  }

 private:
  Edge edge_;
  std::deque<Guarded> buffers_;
};

constexpr int64_t kTokens = 7, kItems = 5;

struct Model {
  gavel_head_spec spec;
  int32_t pooling;
  int32_t combine;
};

void run(const TestContext &context, const Model &model, Edge edge) {
  const gavel_head_spec &spec = model.spec;
  const int32_t dtype = spec.dtype;
  const bool mlp = spec.kind == GAVEL_HEAD_MLP, spans = model.pooling != GAVEL_POOLING_INDEX;
  const int64_t width = model.combine == GAVEL_COMBINE_CONCAT ? spec.input_width / 2 : spec.input_width;
  Random random(3);
  auto error = sized<gavel_error>();

  // Head.
  Memory parameters(edge);
  std::vector<gavel_tensor> tensors, gradients;
  const int32_t count = gavel_head_parameter_count(&spec, &error);
  for (int32_t i = 0; i < count; ++i) {
    auto info = sized<gavel_parameter_info>();
    gavel_head_parameter_info(&spec, i, &info, &error);
    const int64_t out = info.shape[0], in = info.rank == 2 ? info.shape[1] : 1;
    const Bytes bytes = encode(dtype, random_values(random, dtype, out * in, 0.2));
    tensors.push_back(info.rank == 2 ? parameters.input(dtype, {out, in}, bytes) : parameters.input(dtype, {out}, bytes));
    gradients.push_back(info.rank == 2 ? parameters.output(GAVEL_F32, {out, in}) : parameters.output(GAVEL_F32, {out}));
  }
  gavel_head *head = nullptr;
  expect_status("create", gavel_head_create(context.get(), &spec, tensors.data(), count, &head, &error), GAVEL_OK, error);
  for (int32_t i = 0; i < count; ++i) {
    const gavel_tensor &given = tensors[static_cast<size_t>(i)];
    const gavel_tensor target = given.rank == 2 ? parameters.output(dtype, {given.shape[0], given.shape[1]})
                                                : parameters.output(dtype, {given.shape[0]});
    expect_status("read", gavel_head_read(head, i, &target, &error), GAVEL_OK, error);
    CHECK(std::memcmp(target.data, given.data, static_cast<size_t>(given.byte_length)) == 0, "parameter %d", i);
  }
  parameters.check("gavel_head_create or gavel_head_read");

  // Score, with a loss. Rows 3 elements apart end with the last element, not with the gap.
  Memory memory(edge);
  auto args = sized<gavel_score_args>();
  args.pooling = model.pooling;
  args.combine = model.combine;
  const int64_t stride = width + 3;
  Bytes hidden(static_cast<size_t>(((kTokens - 1) * stride + width) * size_of(dtype)), 0xff);
  for (int64_t row = 0; row < kTokens; ++row) {
    const Bytes bytes = encode(dtype, random_values(random, dtype, width));
    std::copy(bytes.begin(), bytes.end(), hidden.begin() + row * stride * size_of(dtype));
  }
  args.hidden = memory.input(dtype, {kTokens, width}, hidden, stride);
  if (spans) args.first = memory.input(GAVEL_I64, {kItems}, std::vector<int64_t>{0, 6, 2, -1, 3});
  args.last = memory.input(GAVEL_I64, {kItems}, std::vector<int64_t>{0, 6, 4, -1, 6});
  args.readout = GAVEL_READOUT_SIGMOID;
  args.scores = memory.output(GAVEL_F32, {kItems, spec.output_width}, spec.output_width + 2);
  args.logits = memory.output(GAVEL_F32, {kItems, spec.output_width});
  args.vectors = memory.output(GAVEL_F32, {kItems, spec.input_width}, spec.input_width + 1);
  if (mlp) args.preactivations = memory.output(GAVEL_F32, {kItems, preactivation_width(spec)}, preactivation_width(spec) + 5);
  args.counts = memory.output(GAVEL_I64, {2});

  auto loss = sized<gavel_loss_args>();
  loss.kind = GAVEL_LOSS_CROSS_ENTROPY;
  loss.reduction = GAVEL_REDUCTION_MEAN_VALID;
  loss.weight = loss.temperature = 1;
  loss.mask = memory.input(GAVEL_U8, {kItems}, Bytes{1, 1, 1, 1, 1});
  loss.offsets = memory.input(GAVEL_I64, {3}, std::vector<int64_t>{0, 2, 5});
  loss.target_index = memory.input(GAVEL_I64, {2}, std::vector<int64_t>{0, 2});
  loss.item_loss = memory.output(GAVEL_F32, {2});
  loss.loss = memory.output(GAVEL_F32, {1});
  loss.dscore = memory.output(GAVEL_F32, {kItems});
  loss.counts = memory.output(GAVEL_I64, {2});
  const bool single = spec.output_width == 1;
  int64_t bytes = -1;
  expect_status("score workspace", gavel_score_workspace(context.get(), head, &args, single ? &loss : nullptr, &bytes, &error),
                GAVEL_OK, error);
  check_equal("scratch on the CPU", bytes, 0);
  memory.check("gavel_score_workspace");
  expect_status("score", gavel_score(context.get(), head, &args, single ? &loss : nullptr, &error), GAVEL_OK, error);
  for (int64_t r = 0; r < kItems; ++r) {
    const float score = static_cast<float *>(args.scores.data)[r * args.scores.stride[0]];
    CHECK(r == 3 ? std::isinf(score) : score > 0 && score < 1, "score %d is %g", static_cast<int>(r),
          static_cast<double>(score));
  }
  memory.check("gavel_score");

  // Backward and scatter.
  auto backward = sized<gavel_backward_args>();
  backward.pooling = model.pooling;
  backward.combine = model.combine;
  backward.readout = args.readout;
  backward.hidden = args.hidden;
  backward.first = args.first;
  backward.last = args.last;
  backward.scores = args.scores;
  backward.preactivations = args.preactivations;
  std::vector<float> dscore(static_cast<size_t>(kItems * spec.output_width), 0.5f);
  backward.dscore = memory.input(GAVEL_F32, {kItems, spec.output_width}, dscore);
  backward.dvectors = memory.output(GAVEL_F32, {kItems, spec.input_width});
  bytes = -1;
  expect_status("backward workspace",
                gavel_backward_workspace(context.get(), head, &backward, gradients.data(), count, &bytes, &error), GAVEL_OK,
                error);
  check_equal("scratch on the CPU", bytes, 0);
  parameters.check("gavel_backward_workspace");
  expect_status("backward", gavel_backward(context.get(), head, &backward, gradients.data(), count, &error), GAVEL_OK, error);
  auto scatter = sized<gavel_scatter_args>();
  scatter.pooling = model.pooling;
  scatter.combine = model.combine;
  scatter.first = args.first;
  scatter.last = args.last;
  scatter.dvectors = backward.dvectors;
  scatter.dhidden = memory.output(GAVEL_F32, {kTokens, width}, width + 1);
  expect_status("scatter", gavel_scatter(context.get(), &scatter, &error), GAVEL_OK, error);
  memory.check("gavel_backward or gavel_scatter");
  parameters.check("gavel_backward");

  // Optimizer.
  auto options = sized<gavel_optimizer_options>();
  options.learning_rate = 0.01f;
  options.beta1 = 0.9f;
  options.beta2 = 0.999f;
  options.epsilon = 1e-8f;
  gavel_optimizer *optimizer = nullptr;
  expect_status("optimizer", gavel_optimizer_create(head, &options, &optimizer, &error), GAVEL_OK, error);
  expect_status("step", gavel_optimizer_step(optimizer, gradients.data(), count, 0.01f, nullptr, &error), GAVEL_OK, error);
  for (int32_t i = 0; i < count; ++i) {
    const gavel_tensor &like = gradients[static_cast<size_t>(i)];
    for (int32_t state = GAVEL_OPTIMIZER_MASTER; state <= GAVEL_OPTIMIZER_SECOND_MOMENT; ++state) {
      const gavel_tensor values =
          like.rank == 2 ? memory.output(GAVEL_F32, {like.shape[0], like.shape[1]}) : memory.output(GAVEL_F32, {like.shape[0]});
      expect_status("state", gavel_optimizer_read(optimizer, state, i, &values, &error), GAVEL_OK, error);
      expect_status("state", gavel_optimizer_write(optimizer, state, i, &values, &error), GAVEL_OK, error);
    }
  }
  memory.check("gavel_optimizer_read");
  gavel_optimizer_destroy(optimizer);
  gavel_head_destroy(head);
}

void run_loss(const TestContext &context, Edge edge) {
  Memory memory(edge);
  auto args = sized<gavel_loss_args>();
  args.kind = GAVEL_LOSS_BRADLEY_TERRY;
  args.reduction = GAVEL_REDUCTION_WEIGHTED_MEAN;
  args.weight = args.beta = 1;
  args.scores = memory.input(GAVEL_F32, {5}, std::vector<float>{1, 2, -1, 0, 3});
  args.mask = memory.input(GAVEL_U8, {5}, Bytes{1, 1, 1, 0, 1});
  args.pairs = memory.input(GAVEL_I64, {3, 2}, std::vector<int64_t>{1, 0, 4, 2, 2, 3});
  args.tie_mask = memory.input(GAVEL_U8, {3}, Bytes{0, 1, 0});
  const std::vector<float> half(3, 0.5f);
  for (gavel_tensor *values : {&args.weight_values, &args.beta_values, &args.margin_values, &args.label_smoothing_values,
                               &args.center_values, &args.tie_values}) {
    *values = memory.input(GAVEL_F32, {3}, half);
  }
  args.item_loss = memory.output(GAVEL_F32, {3});
  args.loss = memory.output(GAVEL_F32, {1});
  args.dscore = memory.output(GAVEL_F32, {5});
  args.counts = memory.output(GAVEL_I64, {2});
  auto error = sized<gavel_error>();
  int64_t bytes = -1;
  expect_status("loss workspace", gavel_loss_workspace(context.get(), &args, &bytes, &error), GAVEL_OK, error);
  check_equal("scratch on the CPU", bytes, 0);
  expect_status("loss", gavel_loss(context.get(), &args, &error), GAVEL_OK, error);
  memory.check("gavel_loss");
}

// Streams, buffers and copies belong to CUDA: on the CPU nothing of what they are given is touched.
void refuse_cuda(const TestContext &context, Edge edge) {
  Memory memory(edge);
  const gavel_tensor source = memory.input(GAVEL_F32, {5}, std::vector<float>{1, 2, 3, 4, 5});
  const gavel_tensor target = memory.output(GAVEL_F32, {5});
  auto error = sized<gavel_error>();
  gavel_stream *stream = nullptr;
  gavel_buffer *buffer = nullptr;
  expect_status("stream", gavel_stream_create(context.get(), &stream, &error), GAVEL_UNSUPPORTED, error);
  expect_status("wrap", gavel_stream_wrap(context.get(), source.data, &stream, &error), GAVEL_UNSUPPORTED, error);
  expect_status("buffer", gavel_buffer_create(context.get(), GAVEL_CUDA_HOST, 64, nullptr, &buffer, &error), GAVEL_UNSUPPORTED,
                error);
  expect_status("copy", gavel_copy(context.get(), &source, &target, nullptr, &error), GAVEL_UNSUPPORTED, error);
  CHECK(stream == nullptr && buffer == nullptr, "nothing was handed out");
  memory.check("calls of CUDA");
}

}  // namespace

int main() {
  for (int32_t set = GAVEL_INSTRUCTION_SET_SCALAR; set <= GAVEL_INSTRUCTION_SET_AMX; ++set) {
    const TestContext context(2, set);
    if (context.get() == nullptr) {
      std::fprintf(stderr, "not here: instruction set %d\n", set);
      continue;
    }
    for (const Edge edge : kEdges) {
      for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
        auto linear = linear_spec(dtype, 37, 1);
        linear.flags = GAVEL_HEAD_OUTPUT_BIAS;
        auto wide = linear_spec(dtype, 66, 3);
        wide.norm = GAVEL_NORM_RMS;
        wide.norm_epsilon = 1e-5f;
        const auto mlp = mlp_spec(dtype, 37, {33}, 1, GAVEL_ACTIVATION_SILU);
        auto deep = mlp_spec(dtype, 33, {37, 65}, 2, GAVEL_ACTIVATION_PRELU);
        deep.norm = GAVEL_NORM_LAYER;
        deep.norm_epsilon = 1e-5f;
        deep.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS | GAVEL_HEAD_NORM_BIAS | GAVEL_HEAD_SLOPE_PER_CHANNEL;
        run(context, {linear, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE}, edge);
        run(context, {wide, GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_CONCAT}, edge);
        run(context, {linear, GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_SUB}, edge);
        run(context, {mlp, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE}, edge);
        run(context, {mlp, GAVEL_POOLING_SPAN_MEAN, GAVEL_COMBINE_NONE}, edge);
        run(context, {deep, GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_ADD}, edge);
      }
      run_loss(context, edge);
      refuse_cuda(context, edge);
    }
  }
  return finish();
}
