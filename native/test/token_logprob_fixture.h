// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// token_logprob_fixture.h: calls of gavel_token_logprob as vectors, a vocabulary with its values, and the formulas in float64.
#ifndef GAVEL_TEST_TOKEN_LOGPROB_FIXTURE_H
#define GAVEL_TEST_TOKEN_LOGPROB_FIXTURE_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "api_fixture.h"
#include "loss_problem.h"

namespace gavel::test {

// A vocabulary with its values, exact in its dtype.
class TestVocabulary {
 public:
  TestVocabulary(gavel_context *context, int32_t dtype, int64_t tokens, int64_t width, std::vector<float> values)
      : dtype_(dtype), tokens_(tokens), width_(width), values_(std::move(values)) {
    Bytes bytes = encode(dtype, values_);
    const gavel_tensor weight = describe(bytes.data(), dtype, {tokens, width});
    auto error = sized<gavel_error>();
    expect_status("gavel_vocabulary_create", gavel_vocabulary_create(context, &weight, &vocabulary_, &error), GAVEL_OK, error);
  }
  ~TestVocabulary() { gavel_vocabulary_destroy(vocabulary_); }
  TestVocabulary(const TestVocabulary &) = delete;
  TestVocabulary &operator=(const TestVocabulary &) = delete;

  gavel_vocabulary *get() const { return vocabulary_; }
  int32_t dtype() const { return dtype_; }
  int64_t tokens() const { return tokens_; }
  int64_t width() const { return width_; }
  const std::vector<float> &values() const { return values_; }

 private:
  int32_t dtype_;
  int64_t tokens_, width_;
  std::vector<float> values_;
  gavel_vocabulary *vocabulary_ = nullptr;
};

// What a call reads. Vectors that are empty are absent, and a source is chosen by which one is there; `rows` says so where T is 0.
struct LogprobCase {
  int64_t rows = 0;
  const TestVocabulary *vocabulary = nullptr;
  int32_t dtype = GAVEL_F32;  // of hidden or logits
  std::vector<float> hidden;
  std::vector<float> logits;
  int64_t tokens = 0;  // V of logits
  std::vector<float> policy;
  std::vector<int64_t> targets;
  std::vector<uint8_t> mask;
  std::vector<float> reference;
  bool spans = false;
  std::vector<int64_t> first, last;
  int32_t reduce = 0, readout = 0;
  float beta = 0;
  Bytes bytes;  // of hidden or logits, made by logprob_args
};

struct LogprobOutputs {
  std::vector<float> logprobs, scores, dlogprobs;
  int64_t counts[2] = {-1, -1};
};

inline std::vector<float> unset(int64_t n) {
  return std::vector<float>(static_cast<size_t>(n), std::numeric_limits<float>::quiet_NaN());
}

inline gavel_token_logprob_args logprob_args(LogprobCase &from, LogprobOutputs &out) {
  auto args = sized<gavel_token_logprob_args>();
  args.reduce = from.reduce;
  args.readout = from.readout;
  args.beta = from.beta;
  if (from.vocabulary != nullptr) {
    from.bytes = encode(from.dtype, from.hidden);
    args.hidden = describe(from.bytes.data(), from.dtype, {from.rows, from.vocabulary->width()});
  } else if (from.tokens > 0) {
    from.bytes = encode(from.dtype, from.logits);
    args.logits = describe(from.bytes.data(), from.dtype, {from.rows, from.tokens});
  } else {
    args.policy_logprobs = describe_vector(from.policy, GAVEL_F32);
  }
  if (args.policy_logprobs.dtype == GAVEL_NONE) args.targets = describe_vector(from.targets, GAVEL_I64);
  if (!from.mask.empty()) args.mask = describe_vector(from.mask, GAVEL_U8);
  if (!from.reference.empty()) args.reference_logprobs = describe_vector(from.reference, GAVEL_F32);
  out.logprobs = unset(from.rows);
  args.logprobs = describe_vector(out.logprobs, GAVEL_F32);
  if (from.spans) {
    const auto items = static_cast<int64_t>(from.last.size());
    args.first = describe_vector(from.first, GAVEL_I64);
    args.last = describe_vector(from.last, GAVEL_I64);
    out.scores = unset(items);
    args.scores = describe_vector(out.scores, GAVEL_F32);
    args.counts = describe(out.counts, GAVEL_I64, {2});
  }
  return args;
}

inline gavel_vocabulary *vocabulary_of(const LogprobCase &from) {
  return from.vocabulary == nullptr ? nullptr : from.vocabulary->get();
}

inline LogprobOutputs run_logprob(gavel_context *context, LogprobCase &from, Where where = Where::current()) {
  LogprobOutputs out;
  const gavel_token_logprob_args args = logprob_args(from, out);
  auto error = sized<gavel_error>();
  expect_status("gavel_token_logprob", gavel_token_logprob(context, vocabulary_of(from), &args, nullptr, &error), GAVEL_OK,
                error, where);
  return out;
}

inline gavel_token_logprob_backward_args logprob_backward_args(const LogprobCase &from, const std::vector<float> &dscore,
                                                               LogprobOutputs &out) {
  auto args = sized<gavel_token_logprob_backward_args>();
  args.reduce = from.reduce;
  args.readout = from.readout;
  args.beta = from.beta;
  if (!from.mask.empty()) args.mask = describe_vector(from.mask, GAVEL_U8);
  args.first = describe_vector(from.first, GAVEL_I64);
  args.last = describe_vector(from.last, GAVEL_I64);
  if (from.reduce == GAVEL_LOGPROB_MIN || from.reduce == GAVEL_LOGPROB_MEAN_PROB) {
    args.logprobs = describe_vector(out.logprobs, GAVEL_F32);
  }
  if (from.reduce == GAVEL_LOGPROB_MIN && !from.reference.empty()) {
    args.reference_logprobs = describe_vector(from.reference, GAVEL_F32);
  }
  args.dscore = describe_vector(dscore, GAVEL_F32);
  out.dlogprobs = unset(from.rows);
  args.dlogprobs = describe_vector(out.dlogprobs, GAVEL_F32);
  return args;
}

// ---- float64 ----

struct BoundedLogprob {
  double value;
  double bound;
};

// Half a unit in the last place of 1.
constexpr double kHalfUlp = 0x1p-24;

// log p of `target` under logits that are off by at most `error` each, and how far a result may be from it.
inline BoundedLogprob logprob_reference(const std::vector<double> &logits, const std::vector<double> &error, size_t target) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double z : logits) sum += std::exp(z - most);
  // Relative error of the sum of exponentials. Of each term: its logit's error, the rounding of z - shift (twice, for chunk and row), the
  // exponentials (1 ULP each), the products. Of the sums: 16 steps of a lane and 6 of the fold, then halves of the chunks.
  double relative = 0;
  for (size_t v = 0; v < logits.size(); ++v) {
    const double z = logits[v] - most;
    relative += std::exp(z) / sum * (error[v] + kHalfUlp * (2 * std::fabs(z) + 5));
  }
  relative += kHalfUlp * (22 + std::ceil(std::log2(static_cast<double>(logits.size()) / 1024 + 1)));
  const double difference = logits[target] - most, log_sum = std::log(sum), value = difference - log_sum;
  return {value, error[target] + relative + kHalfUlp * (std::fabs(difference) + 2 * log_sum + std::fabs(value)) + 1e-38};
}

// Logits of a row of hidden states, with what either order of gemm.h may lose.
inline void logits_reference(const TestVocabulary &vocabulary, const float *hidden, std::vector<double> &logits,
                             std::vector<double> &error) {
  const auto width = static_cast<size_t>(vocabulary.width());
  logits.clear(), error.clear();
  for (size_t v = 0; v < static_cast<size_t>(vocabulary.tokens()); ++v) {
    double sum = 0, magnitude = 0;
    for (size_t k = 0; k < width; ++k) {
      const double term = static_cast<double>(hidden[k]) * static_cast<double>(vocabulary.values()[v * width + k]);
      sum += term, magnitude += std::fabs(term);
    }
    logits.push_back(sum);
    error.push_back(kHalfUlp * (18 + std::ceil(static_cast<double>(width) / 32)) * magnitude);
  }
}

}  // namespace gavel::test

#endif
