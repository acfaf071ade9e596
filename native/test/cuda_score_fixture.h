// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_score_fixture.h: heads and batches of api_fixture.h, scored by the CUDA sources in the emulator, and checked against float64.
#ifndef GAVEL_TEST_CUDA_SCORE_FIXTURE_H
#define GAVEL_TEST_CUDA_SCORE_FIXTURE_H

#include <memory>
#include <string>
#include <vector>

#include "cuda/score.h"
#include "cuda_device_array.h"
#include "cuda_emulator/emulator.h"
#include "score_reference.h"

namespace gavel::test {

// A view of memory as the library's entry points make it from a checked descriptor.
inline Tensor view(void *data, int32_t dtype, std::initializer_list<int64_t> shape, int64_t row_stride = -1) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.rank = static_cast<int32_t>(shape.size());
  int64_t stride = 1;
  for (int i = tensor.rank - 1; i >= 0; --i) {
    tensor.shape[i] = shape.begin()[i];
    tensor.stride[i] = stride;
    stride *= tensor.shape[i];
  }
  if (row_stride >= 0) tensor.stride[0] = row_stride;
  tensor.data = static_cast<char *>(data);
  tensor.extent_bytes = stride * dtype_size(dtype);
  return tensor;
}

// A call, but for what is scored.
struct CudaRun {
  int32_t pooling = GAVEL_POOLING_INDEX;
  int32_t combine = GAVEL_COMBINE_NONE;
  int32_t readout = GAVEL_READOUT_IDENTITY;
  bool everything = false;  // every optional output
  int64_t row_gap = 0;      // elements between the rows of the hidden states
  int64_t offset = 0;       // elements before the first one
  int64_t output_gap = 0;   // floats between the rows of every output
  cuda::ScoreKernels kernels;
  const LossPlan *loss = nullptr;
};

struct CudaScores : Scores {
  cuda::Fault fault = {};
};

constexpr float kMean = 0.25f, kDeviation = -1.5f;  // of the AFFINE readout

// A device with a stream, for the life of a test.
class CudaDevice {
 public:
  CudaDevice() : context_(0, GAVEL_MODE_INVARIANT, nullptr), active_(context_), stream_(context_) {}
  cuda::Context &context() { return context_; }
  cuda::Stream &stream() { return stream_; }

 private:
  cuda::Context context_;
  cuda::ActiveDevice active_;
  cuda::Stream stream_;
};

class CudaHead {
 public:
  CudaHead(CudaDevice &device, const TestHead &head) : device_(device) {
    const HeadSpec spec = check_head_spec(&head.spec());
    std::vector<Tensor> parameters;
    for (int32_t i = 0; i < spec.parameter_count; ++i) {
      const Parameter &parameter = spec.parameters[i];
      void *data = const_cast<uint8_t *>(head.bytes(i).data());
      parameters.push_back(parameter.rank == 2 ? view(data, spec.fields.dtype, {parameter.shape[0], parameter.shape[1]})
                                               : view(data, spec.fields.dtype, {parameter.shape[0]}));
    }
    head_ = cuda::create_head(device.context(), spec, parameters.data());
  }
  cuda::Head &get() const { return *head_; }
  const gavel_head_spec &spec() const { return head_->spec.fields; }

  // Scores the items of `batch`; what kernels report as a fault is returned and cleared.
  CudaScores score(const Batch &batch, const CudaRun &run) const {
    const int64_t element = size_of(batch.dtype), stride = batch.width + run.row_gap;
    const int64_t items = static_cast<int64_t>(batch.last.size());
    // From the offset on as long as the last row, so that what lies behind is out of bounds.
    const int64_t elements = batch.tokens == 0 ? 0 : (batch.tokens - 1) * stride + batch.width;
    const DeviceArray<uint8_t> hidden(static_cast<size_t>((run.offset + elements) * element));
    uint8_t *rows = hidden.data() + run.offset * element;
    for (int64_t t = 0; t < batch.tokens; ++t) {
      std::memcpy(rows + t * stride * element, batch.bytes.data() + t * batch.width * element,
                  static_cast<size_t>(batch.width * element));
    }
    const DeviceArray<int64_t> first(batch.first), last(batch.last), counts(2);
    const auto width = [&](int64_t columns) { return columns + run.output_gap; };
    const int64_t outputs = spec().output_width, inputs = spec().input_width, hiddens = preactivation_width(spec());
    const auto floats = [&](int64_t columns, bool wanted) {
      return std::make_unique<DeviceArray<float>>(wanted ? static_cast<size_t>(items * width(columns)) : 0);
    };
    const bool mlp = run.everything && spec().kind == GAVEL_HEAD_MLP;
    const auto scores = floats(outputs, true), logits = floats(outputs, run.everything),
               vectors = floats(inputs, run.everything), preactivations = floats(hiddens, mlp);
    const auto output = [&](const DeviceArray<float> &array, int64_t columns) {
      return view(array.data(), GAVEL_F32, {items, columns}, width(columns));
    };
    cuda::ScoreCall call = {*head_, run.pooling, run.combine, {}, {}, {}, 0, 0, 0, {}, {}, {}, {}, {}, nullptr};
    call.hidden = view(rows, batch.dtype, {batch.tokens, batch.width}, stride);
    if (run.pooling != GAVEL_POOLING_INDEX) call.first = view(first.data(), GAVEL_I64, {items});
    call.last = view(last.data(), GAVEL_I64, {items});
    call.readout = run.readout;
    if (run.readout == GAVEL_READOUT_AFFINE) call.readout_mean = kMean, call.readout_deviation = kDeviation;
    call.scores = output(*scores, outputs);
    if (run.everything) call.logits = output(*logits, outputs), call.vectors = output(*vectors, inputs);
    if (mlp) call.preactivations = output(*preactivations, hiddens);
    call.counts = view(counts.data(), GAVEL_I64, {2});
    call.loss = run.loss;
    call.context = &device_.context();
    cuda::enqueue_score(call, device_.stream(), run.kernels);

    CudaScores out;
    const auto read = [&](const DeviceArray<float> &array, int64_t columns, std::vector<float> &target) {
      if (array.size() == 0) return;
      for (int64_t r = 0; r < items; ++r) {
        for (int64_t k = 0; k < width(columns); ++k) {
          const float value = array.data()[r * width(columns) + k];
          if (k < columns) {
            target.push_back(value);
          } else {
            check_equal("between the rows", std::bit_cast<uint32_t>(value), 0xffffffffu);
          }
        }
      }
    };
    read(*scores, outputs, out.scores);
    read(*logits, outputs, out.logits);
    read(*vectors, inputs, out.vectors);
    read(*preactivations, hiddens, out.preactivations);
    std::copy_n(counts.data(), 2, out.counts);
    out.fault = *device_.stream().fault;
    *device_.stream().fault = {};
    return out;
  }

 private:
  CudaDevice &device_;
  std::unique_ptr<cuda::Head> head_;
};

// Values of a quantity over all items, with their bounds.
struct Bounded {
  std::vector<double> values, bounds;

  void add(const std::vector<Approximate> &list) {
    for (const Approximate &item : list) {
      values.push_back(item.value);
      bounds.push_back(item.error > 0 ? kDeviations * item.error + 1e-30 : 0);
    }
  }
  // The largest error in units of its bound.
  double check(const std::string &name, const std::vector<float> &actual, double useful, uint64_t seed) const {
    if (values.empty()) return 0;
    check_equal(name + ": count", static_cast<int64_t>(actual.size()), static_cast<int64_t>(values.size()));
    if (actual.size() != values.size()) return INFINITY;
    const double n = static_cast<double>(values.size());
    double mean = 0, square = 0, largest = 0;
    for (const double value : values) mean += value / n;
    for (const double value : values) square += (value - mean) * (value - mean) / n;
    for (const double bound : bounds) largest = std::fmax(largest, bound);
    // A bound that would let a wrong result pass proves nothing.
    CHECK(largest < useful * std::sqrt(square), "%s: bound %g, deviation %g", name.c_str(), largest, std::sqrt(square));
    return check_bound(name, actual.data(), values.data(), bounds.data(), static_cast<int64_t>(values.size()), seed);
  }
};

// All valid items of a run with everything, against float64. Returns the largest error in units of its bound.
inline double check_reference(const std::string &name, const TestHead &head, const Batch &batch, const CudaRun &run,
                              const CudaScores &out, uint64_t seed) {
  const gavel_head_spec &spec = head.spec();
  const size_t width = static_cast<size_t>(preactivation_width(spec));
  Bounded vectors, preactivations, logits;
  std::vector<double> scores, bounds;
  for (size_t r = 0; r < batch.last.size(); ++r) {
    const int64_t last = batch.last[r], first = run.pooling == GAVEL_POOLING_INDEX ? last : batch.first[r];
    vectors.add(pooled(batch, run.pooling, run.combine, first, last));
    const Reference item = reference(head, batch, run.pooling, run.combine, first, last, out.preactivations.data() + r * width);
    preactivations.add(item.preactivations);
    logits.add(item.logits);
  }
  const bool computed = spec.norm != GAVEL_NORM_NONE || run.pooling != GAVEL_POOLING_INDEX || spec.hidden_layers > 1;
  // One bf16 input on the other side of a rounding moves a sum of 64 terms by up to 2 percent of its deviation.
  const double useful = computed && spec.dtype == GAVEL_BF16 ? 0.05 : 0.01;
  double worst = vectors.check(name + " vectors", out.vectors, useful, seed);
  worst = std::fmax(worst, preactivations.check(name + " pre-activations", out.preactivations, useful, seed));
  worst = std::fmax(worst, logits.check(name + " logits", out.logits, useful, seed));
  // Scores from the library's own logits, whose errors are checked already.
  for (const float value : out.logits) {
    const double logit = static_cast<double>(value);
    if (run.readout == GAVEL_READOUT_IDENTITY) scores.push_back(logit), bounds.push_back(0);
    if (run.readout == GAVEL_READOUT_AFFINE)
      scores.push_back((logit - 0.25) / -1.5), bounds.push_back(3 * kUnit * (std::fabs(logit) + 0.25));
    if (run.readout == GAVEL_READOUT_SIGMOID)
      scores.push_back(1 / (1 + std::exp(-logit))), bounds.push_back(4 * kUnit * scores.back());
  }
  check_bound(name + " scores", out.scores.data(), scores.data(), bounds.data(), static_cast<int64_t>(scores.size()), seed);
  check_equal(name + ": fault", out.fault.kind, cuda::kNoFault);
  return worst;
}

// Batch of `items` items over `tokens` tokens; with whole, small integers.
inline Batch make_batch(Random &random, int32_t dtype, int64_t tokens, int64_t width, int64_t items, int64_t integers = 0) {
  Batch batch(random, dtype, tokens, width);
  if (integers > 0) {
    for (float &value : batch.values) value = static_cast<float>(random.integer(-integers, integers));
    batch.reencode();
  }
  for (int64_t r = 0; r < items; ++r) {
    batch.first.push_back(random.integer(0, tokens - 1));
    batch.last.push_back(random.integer(batch.first.back(), std::min(tokens - 1, batch.first.back() + 12)));
  }
  return batch;
}

// The same hidden states with items begin .. begin + count - 1 only.
inline Batch part_of(const Batch &batch, int64_t begin, int64_t count) {
  Batch part = batch;
  part.first.assign(batch.first.begin() + begin, batch.first.begin() + begin + count);
  part.last.assign(batch.last.begin() + begin, batch.last.begin() + begin + count);
  return part;
}

inline void check_same(const std::string &what, const std::vector<float> &actual, const float *expected, uint64_t seed,
                       Where where = Where::current()) {
  check_bits(what, actual.data(), expected, static_cast<int64_t>(actual.size()), seed, where);
}

// Every number of items at every kind of place, each item with the bits it has in `whole`, a run of all items without everything.
inline void check_places(const std::string &name, const CudaHead &head, const Batch &batch, const CudaRun &run,
                         const CudaScores &whole, std::initializer_list<int64_t> counts, uint64_t seed) {
  const int64_t items = static_cast<int64_t>(batch.last.size()), outputs = head.spec().output_width;
  for (const int64_t count : counts) {
    for (const int64_t begin : {int64_t{0}, (items - count) / 2, items - count}) {
      const CudaScores part = head.score(part_of(batch, begin, count), run);
      check_same(name + ": " + std::to_string(count) + " items from " + std::to_string(begin), part.scores,
                 whole.scores.data() + begin * outputs, seed);
      if (count == items) break;
    }
  }
}

inline gavel_head_spec with_norm(gavel_head_spec spec, int32_t norm) {
  spec.norm = norm;
  spec.norm_epsilon = norm == GAVEL_NORM_NONE ? 0 : 1e-5f;
  spec.flags |= GAVEL_HEAD_OUTPUT_BIAS;
  if (norm == GAVEL_NORM_LAYER) spec.flags |= GAVEL_HEAD_NORM_BIAS;
  if (spec.kind == GAVEL_HEAD_MLP) spec.flags |= GAVEL_HEAD_HIDDEN_BIAS;
  return spec;
}

}  // namespace gavel::test

#endif
