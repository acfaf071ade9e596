// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// api_fixture.h: contexts, heads and batches for tests that go through the C interface.
#ifndef GAVEL_TEST_API_FIXTURE_H
#define GAVEL_TEST_API_FIXTURE_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "gavel/gavel.h"
#include "random.h"

namespace gavel::test {

using Bytes = std::vector<uint8_t>;

inline int64_t size_of(int32_t dtype) {
  return dtype == GAVEL_F32 || dtype == GAVEL_I32 ? 4 : dtype == GAVEL_I64 ? 8 : dtype == GAVEL_U8 ? 1 : 2;
}
inline const char *name_of(int32_t dtype) {
  return dtype == GAVEL_F32 ? "f32" : dtype == GAVEL_F16 ? "f16" : "bf16";
}

// x rounded to nearest even in a float type, by arithmetic in double instead of the library's bit operations. Denormals of the type are kept.
inline double round_to(int32_t dtype, double x) {
  if (x == 0 || !std::isfinite(x)) return x;
  const int digits = dtype == GAVEL_F32 ? 24 : dtype == GAVEL_F16 ? 11 : 8;
  const int lowest = dtype == GAVEL_F16 ? -13 : -125;
  int exponent;
  std::frexp(x, &exponent);
  const double quantum = std::ldexp(1, std::max(exponent, lowest) - digits);
  const double rounded = std::nearbyint(x / quantum) * quantum;
  const double largest = dtype == GAVEL_F16 ? 65504 : std::ldexp(2 - std::ldexp(1, 1 - digits), 127);
  return std::fabs(rounded) > largest ? std::copysign(std::numeric_limits<double>::infinity(), x) : rounded;
}

// Values that are exact in the dtype, as its bytes.
inline Bytes encode(int32_t dtype, const std::vector<float> &values) {
  Bytes bytes(values.size() * static_cast<size_t>(size_of(dtype)));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == GAVEL_F32) {
      std::memcpy(&bytes[4 * i], &values[i], 4);
      continue;
    }
    uint32_t bits;
    std::memcpy(&bits, &values[i], 4);
    uint16_t half = static_cast<uint16_t>(bits >> 16);
    if (dtype == GAVEL_F16) {
      const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
      const double magnitude = std::fabs(static_cast<double>(values[i]));
      if (std::isnan(magnitude)) {
        half = 0x7e00;
      } else if (std::isinf(magnitude)) {
        half = 0x7c00;
      } else if (magnitude < 0x1p-14) {
        half = static_cast<uint16_t>(magnitude * 0x1p24);
      } else {
        int exponent;
        const double fraction = std::frexp(magnitude, &exponent);
        half = static_cast<uint16_t>((exponent + 14) << 10 | (static_cast<int>(fraction * 2048) & 0x3ff));
      }
      half |= sign;
    }
    std::memcpy(&bytes[2 * i], &half, 2);
  }
  return bytes;
}

inline std::vector<float> random_values(Random &random, int32_t dtype, int64_t n, double deviation = 1) {
  std::vector<float> values(static_cast<size_t>(n));
  for (float &value : values) value = static_cast<float>(round_to(dtype, deviation * static_cast<double>(random.normal())));
  return values;
}

// A contiguous tensor; row_stride (elements) may spread the rows of a matrix.
inline gavel_tensor describe(void *data, int32_t dtype, std::initializer_list<int64_t> shape, int64_t row_stride = -1) {
  gavel_tensor tensor = {};
  tensor.struct_size = sizeof tensor;
  tensor.dtype = dtype;
  tensor.device_type = GAVEL_CPU;
  tensor.rank = static_cast<int32_t>(shape.size());
  int64_t stride = 1;
  for (int i = tensor.rank - 1; i >= 0; --i) {
    tensor.shape[i] = shape.begin()[i];
    tensor.stride[i] = stride;
    stride *= tensor.shape[i];
  }
  if (row_stride >= 0) tensor.stride[0] = row_stride;
  bool empty = false;
  for (const int64_t length : shape) empty = empty || length == 0;
  int64_t last = empty ? 0 : 1;
  for (int i = 0; i < tensor.rank && !empty; ++i) last += (tensor.shape[i] - 1) * tensor.stride[i];
  tensor.data = data;
  tensor.byte_length = last * size_of(dtype);
  return tensor;
}

template <typename Struct>
Struct sized() {
  Struct value = {};
  value.struct_size = sizeof value;
  return value;
}

// Status must be `expected`; the text of an unexpected error is printed.
inline bool expect_status(const char *what, int32_t status, int32_t expected, const gavel_error &error,
                          Where where = Where::current()) {
  if (!failed(status == expected, where)) return true;
  std::fprintf(stderr, "%s: status %s, expected %s: %s\n", what, gavel_status_name(status), gavel_status_name(expected),
               error.message);
  return false;
}

// Destroyed with the scope; stops the test where it cannot be made.
class TestContext {
 public:
  explicit TestContext(int32_t threads = 1, int32_t instruction_set = GAVEL_INSTRUCTION_SET_BEST) {
    auto options = sized<gavel_context_options>();
    options.device_type = GAVEL_CPU;
    options.threads = threads;
    options.instruction_set = instruction_set;
    auto error = sized<gavel_error>();
    const int32_t status = gavel_context_create(&options, &context_, &error);
    if (status == GAVEL_OK || status == GAVEL_UNSUPPORTED) return;
    std::fprintf(stderr, "no context: %s\n", error.message);
    std::abort();
  }
  ~TestContext() { gavel_context_destroy(context_); }
  TestContext(const TestContext &) = delete;
  TestContext &operator=(const TestContext &) = delete;
  // Null where this machine lacks the instruction set.
  gavel_context *get() const { return context_; }

 private:
  gavel_context *context_ = nullptr;
};

inline gavel_head_spec linear_spec(int32_t dtype, int64_t width, int64_t outputs) {
  auto spec = sized<gavel_head_spec>();
  spec.kind = GAVEL_HEAD_LINEAR;
  spec.dtype = dtype;
  spec.output_scale = 1;
  spec.input_width = width;
  spec.output_width = outputs;
  return spec;
}

inline gavel_head_spec mlp_spec(int32_t dtype, int64_t width, std::initializer_list<int64_t> hidden, int64_t outputs,
                                int32_t activation) {
  auto spec = linear_spec(dtype, width, outputs);
  spec.kind = GAVEL_HEAD_MLP;
  spec.activation = activation;
  if (activation == GAVEL_ACTIVATION_LEAKY_RELU) spec.negative_slope = 0.01f;
  for (const int64_t layer : hidden) spec.hidden_width[spec.hidden_layers++] = layer;
  return spec;
}

// A head with random parameters, which it keeps for references.
class TestHead {
 public:
  // With integers, parameters are whole numbers up to that size.
  TestHead(gavel_context *context, const gavel_head_spec &spec, uint64_t seed, int64_t integers = 0) : spec_(spec) {
    Random random(seed);
    auto error = sized<gavel_error>();
    const int32_t count = gavel_head_parameter_count(&spec, &error);
    std::vector<gavel_tensor> tensors;
    for (int32_t i = 0; i < count; ++i) {
      auto info = sized<gavel_parameter_info>();
      gavel_head_parameter_info(&spec, i, &info, &error);
      const bool matrix = info.rank == 2;
      // Logits of about 1, and norm weights and slopes away from 0.
      const double deviation = matrix ? 1 / std::sqrt(static_cast<double>(info.shape[1])) : 0.25;
      std::vector<float> values =
          random_values(random, spec.dtype, matrix ? info.shape[0] * info.shape[1] : info.shape[0], deviation);
      const std::string name = info.name;
      if (name == "norm.weight") {
        for (float &value : values) value = static_cast<float>(round_to(spec.dtype, 1.0 + static_cast<double>(value)));
      }
      for (float &value : values) {
        if (integers > 0) value = static_cast<float>(random.integer(-integers, integers));
      }
      names_.push_back(name);
      bytes_.push_back(encode(spec.dtype, values));
      values_.push_back(std::move(values));
      tensors.push_back(matrix ? describe(bytes_.back().data(), spec.dtype, {info.shape[0], info.shape[1]})
                               : describe(bytes_.back().data(), spec.dtype, {info.shape[0]}));
    }
    expect_status("gavel_head_create", gavel_head_create(context, &spec, tensors.data(), count, &head_, &error), GAVEL_OK,
                  error);
  }
  ~TestHead() { gavel_head_destroy(head_); }
  TestHead(const TestHead &) = delete;
  TestHead &operator=(const TestHead &) = delete;

  gavel_head *get() const { return head_; }
  const gavel_head_spec &spec() const { return spec_; }
  const std::vector<std::string> &names() const { return names_; }
  // Values of a parameter, exact in the head's dtype; null where the spec lacks it.
  const std::vector<float> *values(const std::string &name) const {
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) return &values_[i];
    }
    return nullptr;
  }
  const Bytes &bytes(int32_t index) const { return bytes_[static_cast<size_t>(index)]; }

 private:
  gavel_head_spec spec_;
  gavel_head *head_ = nullptr;
  std::vector<std::string> names_;
  std::vector<std::vector<float>> values_;
  std::vector<Bytes> bytes_;
};

// Hidden states of tokens, and items over them.
struct Batch {
  int32_t dtype;
  int64_t tokens;
  int64_t width;
  std::vector<float> values;
  Bytes bytes;
  std::vector<int64_t> first;
  std::vector<int64_t> last;

  Batch(Random &random, int32_t batch_dtype, int64_t token_count, int64_t hidden_width, double deviation = 1)
      : dtype(batch_dtype),
        tokens(token_count),
        width(hidden_width),
        values(random_values(random, batch_dtype, token_count * hidden_width, deviation)),
        bytes(encode(batch_dtype, values)) {}
  void reencode() { bytes = encode(dtype, values); }
};

struct Scores {
  std::vector<float> scores, logits, vectors, preactivations;
  int64_t counts[2] = {-1, -1};
};

inline int64_t preactivation_width(const gavel_head_spec &spec) {
  int64_t width = 0;
  for (int l = 0; l < spec.hidden_layers; ++l) width += spec.hidden_width[l];
  return width;
}

// Arguments of a call that reads `batch` and writes scores and counts to `out`; with everything, every optional output.
inline gavel_score_args score_args(const gavel_head_spec &spec, const Batch &batch, int32_t pooling, int32_t combine,
                                   bool everything, Scores &out) {
  auto args = sized<gavel_score_args>();
  const int64_t items = static_cast<int64_t>(batch.last.size());
  const auto floats = [items](std::vector<float> &values, int64_t width) {
    values.assign(static_cast<size_t>(items * width), std::numeric_limits<float>::quiet_NaN());
    return describe(values.data(), GAVEL_F32, {items, width});
  };
  args.pooling = pooling;
  args.combine = combine;
  args.hidden = describe(const_cast<uint8_t *>(batch.bytes.data()), batch.dtype, {batch.tokens, batch.width});
  if (pooling != GAVEL_POOLING_INDEX) args.first = describe(const_cast<int64_t *>(batch.first.data()), GAVEL_I64, {items});
  args.last = describe(const_cast<int64_t *>(batch.last.data()), GAVEL_I64, {items});
  args.scores = floats(out.scores, spec.output_width);
  if (everything) {
    args.logits = floats(out.logits, spec.output_width);
    args.vectors = floats(out.vectors, spec.input_width);
    if (spec.kind == GAVEL_HEAD_MLP) args.preactivations = floats(out.preactivations, preactivation_width(spec));
  }
  args.counts = describe(out.counts, GAVEL_I64, {2});
  return args;
}

}  // namespace gavel::test

#endif
