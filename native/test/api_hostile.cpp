// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Random wrong calls, from a seed: every one must be answered with a status, and touch nothing but the memory it was shown, which lies
// between pages nobody may touch. Descriptors lie about everything but how much memory there is (hostile.h).
#include <cstddef>
#include <deque>
#include <memory>

#include "guard.h"
#include "hostile.h"

using namespace gavel::test;

namespace {

constexpr uint64_t kSeed = 4711;
constexpr int64_t kTokens = 9, kItems = 6;

// Calls by answer: a test that only ever sees refusals, or none, tests nothing.
struct Answers {
  int64_t accepted = 0;
  int64_t refused = 0;

  void add(int32_t status) { (status == GAVEL_OK ? accepted : refused) += 1; }
  void check(const char *what) const {
    std::fprintf(stderr, "%s: %" PRId64 " accepted, %" PRId64 " refused\n", what, accepted, refused);
    CHECK(accepted > (accepted + refused) / 50 && refused > (accepted + refused) / 4, "%s", what);
  }
};

// A head and guarded memory for calls on it, which are put right again before each.
class Target {
 public:
  Target(gavel_context *context, const gavel_head_spec &spec, int32_t pooling, int32_t combine, Edge edge)
      : head_(context, spec, kSeed), edge_(edge) {
    args_ = sized<gavel_score_args>();
    args_.pooling = pooling;
    args_.combine = combine;
    const int64_t width = combine == GAVEL_COMBINE_CONCAT ? spec.input_width / 2 : spec.input_width;
    args_.hidden = memory(spec.dtype, {kTokens, width});
    Random random(kSeed);
    const Bytes values = encode(spec.dtype, random_values(random, spec.dtype, kTokens * width));
    std::memcpy(args_.hidden.data, values.data(), values.size());
    if (pooling != GAVEL_POOLING_INDEX) args_.first = memory(GAVEL_I64, {kItems});
    args_.last = memory(GAVEL_I64, {kItems});
    args_.scores = memory(GAVEL_F32, {kItems, spec.output_width});
    args_.logits = memory(GAVEL_F32, {kItems, spec.output_width});
    args_.vectors = memory(GAVEL_F32, {kItems, spec.input_width});
    if (spec.kind == GAVEL_HEAD_MLP) args_.preactivations = memory(GAVEL_F32, {kItems, preactivation_width(spec)});
    args_.counts = memory(GAVEL_I64, {2});
  }

  gavel_head *head() const { return head_.get(); }

  gavel_score_args args(Random &random) {
    fill(random, args_.first);
    fill(random, args_.last);
    return args_;
  }

  bool untouched() const {
    for (const Guarded &buffer : buffers_) {
      if (!buffer.untouched()) return false;
    }
    return true;
  }

 private:
  gavel_tensor memory(int32_t dtype, std::initializer_list<int64_t> shape) {
    gavel_tensor tensor = describe(nullptr, dtype, shape);
    buffers_.emplace_back(tensor.byte_length, edge_);
    tensor.data = buffers_.back().as<void>();
    return tensor;
  }
  void fill(Random &random, const gavel_tensor &list) {
    if (list.dtype == GAVEL_NONE) return;
    const bool all_good = random.integer(0, 2) > 0;
    for (int64_t item = 0; item < kItems; ++item) {
      const bool good = all_good || random.integer(0, 9) > 0;
      const int64_t bad = random.integer(0, 3) ? hostile_number(random, kTokens) : kTokens;
      static_cast<int64_t *>(list.data)[item] = good ? random.integer(-1, kTokens - 1) : bad;
    }
  }

  TestHead head_;
  Edge edge_;
  std::deque<Guarded> buffers_;
  gavel_score_args args_;
};

#define AT(field) offsetof(gavel_score_args, field)

void spoil(Random &random, gavel_score_args &args) {
  Spoiler<gavel_score_args> spoiler(args);
  spoiler.words({AT(pooling), AT(combine), AT(readout), AT(reserved), AT(reserved2)})
      .floats({AT(readout_mean), AT(readout_deviation)})
      .tensors(AT(hidden), AT(stream))
      .spoil(random);
  if (random.integer(0, 9) > 0) return;
  // One tensor lies on another's memory.
  gavel_tensor *tensors[] = {&args.hidden, &args.first,   &args.last,           &args.scores,
                             &args.logits, &args.vectors, &args.preactivations, &args.counts};
  const gavel_tensor &from = *tensors[random.integer(0, 7)];
  gavel_tensor &to = *tensors[random.integer(0, 7)];
  to.data = from.data;
  to.byte_length = from.byte_length;
}

void test_score(int64_t calls) {
  const TestContext context(2);
  std::deque<Target> targets;
  for (const Edge edge : kEdges) {
    for (const int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
      auto normed = mlp_spec(dtype, 18, {33, 5}, 2, GAVEL_ACTIVATION_PRELU);
      normed.norm = GAVEL_NORM_LAYER;
      normed.norm_epsilon = 1e-5f;
      normed.flags = GAVEL_HEAD_HIDDEN_BIAS | GAVEL_HEAD_NORM_BIAS;
      targets.emplace_back(context.get(), linear_spec(dtype, 17, 1), GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, edge);
      targets.emplace_back(context.get(), linear_spec(dtype, 20, 3), GAVEL_POOLING_SPAN_MEAN, GAVEL_COMBINE_NONE, edge);
      targets.emplace_back(context.get(), mlp_spec(dtype, 17, {33}, 1, GAVEL_ACTIVATION_SILU), GAVEL_POOLING_INDEX,
                           GAVEL_COMBINE_NONE, edge);
      targets.emplace_back(context.get(), normed, GAVEL_POOLING_FIRST_LAST, GAVEL_COMBINE_CONCAT, edge);
    }
  }
  Random random(kSeed);
  Answers answers;
  for (int64_t call = 0; call < calls; ++call) {
    Target &target = targets[static_cast<size_t>(random.integer(0, static_cast<int64_t>(targets.size()) - 1))];
    gavel_score_args args = target.args(random);
    if (random.integer(0, 7) > 0) spoil(random, args);
    auto error = sized<gavel_error>();
    const int32_t status = gavel_score(context.get(), target.head(), &args, nullptr, &error);
    expect_answered("gavel_score", status, error, static_cast<uint64_t>(call));
    answers.add(status);
    if (call % 64 == 0) CHECK(target.untouched(), "call %d wrote outside of its buffers", static_cast<int>(call));
  }
  for (const Target &target : targets) CHECK(target.untouched(), "a call wrote outside of its buffers");
  answers.check("gavel_score");
}

#undef AT
#define AT(field) offsetof(gavel_head_spec, field)

gavel_head_spec random_spec(Random &random) {
  const auto dtype = static_cast<int32_t>(random.integer(GAVEL_F32, GAVEL_BF16));
  auto spec = random.integer(0, 1) ? linear_spec(dtype, random.integer(1, 40), random.integer(1, 3))
                                   : mlp_spec(dtype, random.integer(1, 40), {random.integer(1, 70)}, 1,
                                              static_cast<int32_t>(random.integer(0, GAVEL_ACTIVATION_SILU)));
  if (random.integer(0, 1)) spec.norm = GAVEL_NORM_RMS, spec.norm_epsilon = 1e-6f;
  if (random.integer(0, 1)) spec.flags |= GAVEL_HEAD_OUTPUT_BIAS;
  return spec;
}

void spoil(Random &random, gavel_head_spec &spec) {
  for (int64_t count = random.integer(1, 2); count > 0; --count) {
    constexpr size_t kWords[] = {AT(kind), AT(dtype), AT(activation), AT(norm), AT(flags), AT(hidden_layers), AT(struct_size)};
    constexpr size_t kFloats[] = {AT(norm_epsilon), AT(output_scale), AT(negative_slope)};
    char *bytes = reinterpret_cast<char *>(&spec);
    const int64_t kind = random.integer(0, 2);
    if (kind == 0) {
      const auto word = static_cast<int32_t>(hostile_number(random, random.integer(0, 9)));
      std::memcpy(bytes + kWords[random.integer(0, 6)], &word, sizeof word);
    } else if (kind == 1) {
      const float number = hostile_float(random, spec.output_scale);
      std::memcpy(bytes + kFloats[random.integer(0, 2)], &number, sizeof number);
    } else {
      const int64_t width = hostile_number(random, spec.input_width);
      std::memcpy(bytes + AT(input_width) + 8 * static_cast<size_t>(random.integer(0, 9)), &width, sizeof width);
    }
  }
}

void test_head(int64_t calls) {
  const TestContext context;
  Random random(kSeed + 1);
  Answers answers, reads;
  for (int64_t call = 0; call < calls; ++call) {
    gavel_head_spec spec = random_spec(random);
    auto error = sized<gavel_error>();
    int32_t count = gavel_head_parameter_count(&spec, &error);
    CHECK(count > 0, "%s", error.message);
    // As many as a spec may come to ask for; exactly as long as they say.
    std::vector<gavel_tensor> tensors(28);
    std::vector<Bytes> values;
    for (int32_t i = 0; i < count; ++i) {
      auto info = sized<gavel_parameter_info>();
      gavel_head_parameter_info(&spec, i, &info, &error);
      const int64_t in = info.rank == 2 ? info.shape[1] : 1;
      values.emplace_back(static_cast<size_t>(info.shape[0] * in * size_of(spec.dtype)), uint8_t{0x3c});
      tensors[static_cast<size_t>(i)] = info.rank == 2 ? describe(values.back().data(), spec.dtype, {info.shape[0], in})
                                                       : describe(values.back().data(), spec.dtype, {info.shape[0]});
    }
    const gavel_tensor first = tensors[0];
    const int64_t what = random.integer(0, 9);
    if (what < 4) spoil_tensor(random, tensors[static_cast<size_t>(random.integer(0, count - 1))]);
    if (what >= 4 && what < 8) spoil(random, spec);
    if (what == 8) count = static_cast<int32_t>(hostile_number(random, count));
    gavel_head *head = nullptr;
    const int32_t status = gavel_head_create(context.get(), &spec, tensors.data(), count, &head, &error);
    expect_answered("gavel_head_create", status, error, static_cast<uint64_t>(call));
    CHECK((status == GAVEL_OK) == (head != nullptr), "a head exactly on success");
    answers.add(status);
    const int32_t again = gavel_head_parameter_count(&spec, &error);
    CHECK(again > 0 || again == GAVEL_INVALID_ARGUMENT, "parameter_count is %d", again);
    auto info = sized<gavel_parameter_info>();
    expect_answered("gavel_head_parameter_info", gavel_head_parameter_info(&spec, count, &info, &error), error,
                    static_cast<uint64_t>(call));
    if (head == nullptr) continue;
    gavel_tensor target = first;
    if (random.integer(0, 3) > 0) spoil_tensor(random, target);
    const auto index = static_cast<int32_t>(random.integer(0, 3) ? 0 : hostile_number(random, count));
    const int32_t read = gavel_head_read(head, index, &target, &error);
    expect_answered("gavel_head_read", read, error, static_cast<uint64_t>(call));
    reads.add(read);
    gavel_head_destroy(head);
  }
  answers.check("gavel_head_create");
  reads.check("gavel_head_read");
}

void test_context(int64_t calls) {
  Random random(kSeed + 2);
  Answers answers;
  for (int64_t call = 0; call < calls; ++call) {
    auto options = sized<gavel_context_options>();
    options.device_type = GAVEL_CPU;
    options.threads = 1;
    if (random.integer(0, 7) > 0) {
      auto word = static_cast<int32_t>(hostile_number(random, random.integer(0, 4)));
      std::memcpy(reinterpret_cast<char *>(&options) + 4 * random.integer(0, 5), &word, sizeof word);
    }
    gavel_context *context = nullptr;
    auto error = sized<gavel_error>();
    const int32_t status = gavel_context_create(&options, &context, &error);
    // A device type of CUDA may be drawn, too; what is behind it is of no interest here.
    if (status != GAVEL_UNSUPPORTED && status != GAVEL_DEVICE_UNAVAILABLE) {
      expect_answered("gavel_context_create", status, error, static_cast<uint64_t>(call));
    }
    answers.add(status);
    if (context == nullptr) continue;
    auto info = sized<gavel_context_info>();
    if (random.integer(0, 1)) info.struct_size = static_cast<uint32_t>(hostile_number(random, 7));
    expect_answered("gavel_context_describe", gavel_context_describe(context, &info, &error), error,
                    static_cast<uint64_t>(call));
    gavel_context_destroy(context);
  }
  answers.check("gavel_context_create");
}

}  // namespace

int main() {
  test_score(150000);
  test_head(40000);
  test_context(5000);
  return finish();
}
