// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Head specs, the list of their parameters, creating and reading heads.
#include <cstring>

#include "api/handles.h"
#include "api_fixture.h"

using namespace gavel::test;

namespace {

std::string list_of(const gavel_head_spec &spec) {
  auto error = sized<gavel_error>();
  const int32_t count = gavel_head_parameter_count(&spec, &error);
  if (count < 0) return error.message;
  std::string text;
  for (int32_t i = 0; i < count; ++i) {
    auto info = sized<gavel_parameter_info>();
    expect_status("info", gavel_head_parameter_info(&spec, i, &info, &error), GAVEL_OK, error);
    if (i > 0) text += ' ';
    text += info.name;
    text += '[' + std::to_string(info.shape[0]);
    if (info.rank == 2) text += ',' + std::to_string(info.shape[1]);
    text += ']';
  }
  auto info = sized<gavel_parameter_info>();
  expect_status("beyond the last", gavel_head_parameter_info(&spec, count, &info, &error), GAVEL_INVALID_ARGUMENT, error);
  expect_status("before the first", gavel_head_parameter_info(&spec, -1, &info, &error), GAVEL_INVALID_ARGUMENT, error);
  return text;
}

void check_list(const gavel_head_spec &spec, const std::string &expected, Where where = Where::current()) {
  const std::string actual = list_of(spec);
  if (failed(actual == expected, where)) std::fprintf(stderr, "\"%s\", expected \"%s\"\n", actual.c_str(), expected.c_str());
}

void test_lists() {
  check_list(linear_spec(GAVEL_F32, 8, 2), "output.weight[2,8]");
  auto spec = linear_spec(GAVEL_BF16, 8, 1);
  spec.flags = GAVEL_HEAD_OUTPUT_BIAS;
  spec.norm = GAVEL_NORM_RMS;
  spec.norm_epsilon = 1e-6f;
  check_list(spec, "norm.weight[8] output.weight[1,8] output.bias[1]");
  spec = mlp_spec(GAVEL_F16, 8, {5, 3}, 1, GAVEL_ACTIVATION_PRELU);
  spec.norm = GAVEL_NORM_LAYER;
  spec.norm_epsilon = 1e-5f;
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS | GAVEL_HEAD_NORM_BIAS;
  check_list(spec,
             "norm.weight[8] norm.bias[8] hidden.0.weight[5,8] hidden.0.bias[5] hidden.0.slope[1] hidden.1.weight[3,5] "
             "hidden.1.bias[3] hidden.1.slope[1] output.weight[1,3] output.bias[1]");
  spec.flags = GAVEL_HEAD_SLOPE_PER_CHANNEL;
  check_list(spec,
             "norm.weight[8] hidden.0.weight[5,8] hidden.0.slope[5] hidden.1.weight[3,5] hidden.1.slope[3] output.weight[1,3]");
  spec = mlp_spec(GAVEL_F32, 4, {4, 4, 4, 4, 4, 4, 4, 4}, 1, GAVEL_ACTIVATION_PRELU);
  spec.norm = GAVEL_NORM_LAYER;
  spec.norm_epsilon = 1;
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS | GAVEL_HEAD_NORM_BIAS;
  auto error = sized<gavel_error>();
  check_equal("the most there can be", gavel_head_parameter_count(&spec, &error), 28);
}

void refuse(void (*change)(gavel_head_spec &), const char *text, Where where = Where::current()) {
  auto spec = mlp_spec(GAVEL_BF16, 8, {4}, 1, GAVEL_ACTIVATION_SILU);
  change(spec);
  auto error = sized<gavel_error>();
  expect_status(text, gavel_head_parameter_count(&spec, &error), GAVEL_INVALID_ARGUMENT, error, where);
  if (failed(std::strstr(error.message, text) != nullptr, where))
    std::fprintf(stderr, "\"%s\" lacks \"%s\"\n", error.message, text);
}

void test_refused_specs() {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  static const float kNan = nan, kInfinity = std::numeric_limits<float>::infinity();
  refuse([](auto &s) { s.kind = 5; }, "spec.kind is 5");
  refuse([](auto &s) { s.dtype = GAVEL_I32; }, "spec.dtype is 4");
  refuse([](auto &s) { s.dtype = -1; }, "spec.dtype is -1");
  refuse([](auto &s) { s.activation = 9; }, "spec.activation is 9");
  refuse([](auto &s) { s.norm = 3; }, "spec.norm is 3");
  refuse([](auto &s) { s.flags = 16; }, "unknown bits 0x10");
  refuse([](auto &s) { s.flags = GAVEL_HEAD_NORM_BIAS; }, "GAVEL_HEAD_NORM_BIAS");
  refuse([](auto &s) { s.flags = GAVEL_HEAD_SLOPE_PER_CHANNEL; }, "GAVEL_HEAD_SLOPE_PER_CHANNEL");
  refuse([](auto &s) { s.norm_epsilon = 1e-6f; }, "spec.norm_epsilon");
  refuse([](auto &s) { s.norm = GAVEL_NORM_RMS; }, "spec.norm_epsilon is 0");
  refuse([](auto &s) { s.norm = GAVEL_NORM_RMS, s.norm_epsilon = -1; }, "spec.norm_epsilon is -1");
  refuse([](auto &s) { s.norm = GAVEL_NORM_RMS, s.norm_epsilon = 1e-40f; }, "spec.norm_epsilon");
  refuse([](auto &s) { s.norm = GAVEL_NORM_RMS, s.norm_epsilon = kNan; }, "spec.norm_epsilon is nan");
  refuse([](auto &s) { s.output_scale = 0; }, "spec.output_scale is 0");
  refuse([](auto &s) { s.output_scale = kInfinity; }, "spec.output_scale is inf");
  refuse([](auto &s) { s.output_scale = kNan; }, "spec.output_scale is nan");
  refuse([](auto &s) { s.output_scale = 1e-40f; }, "spec.output_scale");
  refuse([](auto &s) { s.negative_slope = 0.1f; }, "spec.negative_slope");
  refuse([](auto &s) { s.negative_slope = kNan; }, "spec.negative_slope is nan");
  refuse([](auto &s) { s.activation = GAVEL_ACTIVATION_LEAKY_RELU, s.negative_slope = kInfinity; },
         "spec.negative_slope is inf");
  refuse([](auto &s) { s.hidden_layers = 0; }, "spec.hidden_layers is 0");
  refuse([](auto &s) { s.hidden_layers = 9; }, "spec.hidden_layers is 9");
  refuse([](auto &s) { s.hidden_layers = 2; }, "spec.hidden_width[1] is 0");
  refuse([](auto &s) { s.hidden_width[7] = 1; }, "spec.hidden_width[7] is 1");
  refuse([](auto &s) { s.hidden_width[0] = (1 << 20) + 1; }, "spec.hidden_width[0] is 1048577");
  refuse([](auto &s) { s.input_width = 0; }, "spec.input_width is 0");
  refuse([](auto &s) { s.input_width = INT64_MAX; }, "spec.input_width is 9223372036854775807");
  refuse([](auto &s) { s.output_width = 65537; }, "spec.output_width is 65537");
  refuse([](auto &s) { s.kind = GAVEL_HEAD_LINEAR; }, "spec.activation is 8");
  refuse([](auto &s) { s.kind = GAVEL_HEAD_LINEAR, s.activation = 0; }, "spec.hidden_layers is 1");
  refuse([](auto &s) { s.kind = GAVEL_HEAD_LINEAR, s.activation = 0, s.flags = GAVEL_HEAD_HIDDEN_BIAS; },
         "GAVEL_HEAD_HIDDEN_BIAS");
  refuse([](auto &s) { s.struct_size = 1; }, "spec.struct_size is 1");
}

// What was given is what is read, bit by bit, NaN and denormals included; through strides on both sides.
void test_read_back(int32_t dtype) {
  const TestContext context;
  auto spec = mlp_spec(dtype, 37, {5, 40}, 3, GAVEL_ACTIVATION_PRELU);
  spec.norm = GAVEL_NORM_LAYER;
  spec.norm_epsilon = 1e-5f;
  spec.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_OUTPUT_BIAS | GAVEL_HEAD_NORM_BIAS;
  Random random(1);
  auto error = sized<gavel_error>();
  const int32_t count = gavel_head_parameter_count(&spec, &error);
  constexpr int64_t kGap = 3;  // elements between the rows given
  std::vector<Bytes> given;
  std::vector<gavel_tensor> tensors;
  std::vector<gavel_parameter_info> infos;
  for (int32_t i = 0; i < count; ++i) {
    infos.push_back(sized<gavel_parameter_info>());
    gavel_head_parameter_info(&spec, i, &infos.back(), &error);
    const auto &info = infos.back();
    const int64_t width = info.rank == 2 ? info.shape[1] : info.shape[0];
    const int64_t rows = info.rank == 2 ? info.shape[0] : 1;
    given.emplace_back(static_cast<size_t>(rows * (width + kGap) * size_of(dtype)));
    for (uint8_t &byte : given.back()) byte = static_cast<uint8_t>(random.next());
    tensors.push_back(info.rank == 2 ? describe(given.back().data(), dtype, {rows, width}, width + kGap)
                                     : describe(given.back().data(), dtype, {width}));
  }
  gavel_head *head = nullptr;
  expect_status("create", gavel_head_create(context.get(), &spec, tensors.data(), count, &head, &error), GAVEL_OK, error);
  for (int32_t i = 0; i < count; ++i) {
    const auto &info = infos[static_cast<size_t>(i)];
    const Bytes &theirs = given[static_cast<size_t>(i)];
    const int64_t width = (info.rank == 2 ? info.shape[1] : info.shape[0]) * size_of(dtype);
    const int64_t rows = info.rank == 2 ? info.shape[0] : 1;
    Bytes ours(static_cast<size_t>(rows * width));
    gavel_tensor target = info.rank == 2 ? describe(ours.data(), dtype, {info.shape[0], info.shape[1]})
                                         : describe(ours.data(), dtype, {info.shape[0]});
    expect_status("read", gavel_head_read(head, i, &target, &error), GAVEL_OK, error);
    for (int64_t row = 0; row < rows; ++row) {
      CHECK(std::memcmp(&ours[static_cast<size_t>(row * width)],
                        &theirs[static_cast<size_t>(row * (width + kGap * size_of(dtype)))], static_cast<size_t>(width)) == 0,
            "%s of a %s head, row %d", info.name, name_of(dtype), static_cast<int>(row));
    }
    target.shape[0] += 1;
    expect_status("wrong shape", gavel_head_read(head, i, &target, &error), GAVEL_INVALID_ARGUMENT, error);
    CHECK(std::strstr(error.message, info.name) != nullptr, "\"%s\" lacks %s", error.message, info.name);
  }
  gavel_tensor none = {};
  expect_status("absent", gavel_head_read(head, 0, &none, &error), GAVEL_INVALID_ARGUMENT, error);
  expect_status("no tensor", gavel_head_read(head, 0, nullptr, &error), GAVEL_INVALID_ARGUMENT, error);
  expect_status("index", gavel_head_read(head, count, &none, &error), GAVEL_INVALID_ARGUMENT, error);
  gavel_head_destroy(head);
}

void test_refused_parameters() {
  const TestContext context;
  const auto spec = mlp_spec(GAVEL_BF16, 8, {4}, 1, GAVEL_ACTIVATION_SILU);
  Bytes weight(4 * 8 * 2), output(4 * 2);
  const gavel_tensor good[2] = {describe(weight.data(), GAVEL_BF16, {4, 8}), describe(output.data(), GAVEL_BF16, {1, 4})};
  auto error = sized<gavel_error>();
  gavel_head *head = reinterpret_cast<gavel_head *>(1);
  const auto create = [&](const gavel_tensor *tensors, int32_t count) {
    return gavel_head_create(context.get(), &spec, tensors, count, &head, &error);
  };
  expect_status("too few", create(good, 1), GAVEL_INVALID_ARGUMENT, error);
  CHECK(std::strstr(error.message, "parameter_count is 1; this spec has 2") != nullptr, "%s", error.message);
  CHECK(head == nullptr, "no head on failure");
  expect_status("none", create(nullptr, 2), GAVEL_INVALID_ARGUMENT, error);
  gavel_tensor wrong[2] = {good[0], good[1]};
  wrong[1].dtype = GAVEL_F16;
  expect_status("dtype", create(wrong, 2), GAVEL_INVALID_ARGUMENT, error);
  CHECK(std::strstr(error.message, "parameters[1] (output.weight) is f16[1,4]: the dtype must be bf16") != nullptr, "%s",
        error.message);
  wrong[1] = good[1];
  wrong[0].byte_length -= 1;
  expect_status("one byte short", create(wrong, 2), GAVEL_INVALID_ARGUMENT, error);
  CHECK(std::strstr(error.message, "needs 64 bytes, but byte_length is 63") != nullptr, "%s", error.message);
  expect_status("no target", gavel_head_create(context.get(), &spec, good, 2, nullptr, &error), GAVEL_INVALID_ARGUMENT, error);
  expect_status("good", create(good, 2), GAVEL_OK, error);
  // A head is no context, nor the other way round.
  auto info = sized<gavel_context_info>();
  expect_status("a head as context", gavel_context_describe(reinterpret_cast<gavel_context *>(head), &info, &error),
                GAVEL_INVALID_ARGUMENT, error);
  expect_status("a context as head", gavel_head_read(reinterpret_cast<gavel_head *>(context.get()), 0, good, &error),
                GAVEL_INVALID_ARGUMENT, error);
  gavel_head_destroy(head);
  gavel_head_destroy(nullptr);
}

// A head keeps its context alive.
void test_order_of_destruction() {
  auto *context = new TestContext(2);
  const TestHead head(context->get(), linear_spec(GAVEL_F32, 16, 1), 1);
  check_equal("references to the context", context->get()->references, 2);
  delete context;
  std::vector<float> weight(16);
  const gavel_tensor target = describe(weight.data(), GAVEL_F32, {1, 16});
  auto error = sized<gavel_error>();
  expect_status("read after the context", gavel_head_read(head.get(), 0, &target, &error), GAVEL_OK, error);
  check_bits("weight", weight.data(), head.values("output.weight")->data(), 16, 1);
}

}  // namespace

int main() {
  test_lists();
  test_refused_specs();
  for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) test_read_back(dtype);
  test_refused_parameters();
  test_order_of_destruction();
  return finish();
}
