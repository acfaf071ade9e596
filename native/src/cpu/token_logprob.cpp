// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/token_logprob.h"

#include <algorithm>
#include <cfloat>
#include <cstring>

#include "common/numeric.h"
#include "common/pairwise_sum.h"
#include "cpu/gemm.h"
#include "cpu/work.h"

namespace gavel {

namespace {

// Logits of up to kRowBlock rows, chunk by chunk, reduced to ChunkSums and the logits of the targets.
class RowBlock {
 public:
  explicit RowBlock(const TokenLogprobProblem &problem)
      : problem_(problem), chunks_(vocabulary_chunks(problem.tokens)), rows_(std::min(kRowBlock, problem.count)) {
    Workspace &workspace = problem.workspace;
    const int64_t threads = problem.pool.threads();
    sums_ = workspace.take<ChunkSum>(rows_ * chunks_);
    target_logits_ = workspace.take<float>(rows_);
    scratch_floats_ = rows_ * (kPanelColumns + kVocabularyChunk);
    if (problem.vocabulary != nullptr) {
      packed_ =
          workspace.take<char>(problem.kernels.packed_rows_bytes(problem.vocabulary->dtype, rows_, problem.vocabulary->width));
    } else {
      scratch_floats_ = kVocabularyChunk;
    }
    scratch_ = workspace.take<float>(threads * scratch_floats_);
  }

  int64_t capacity() const { return rows_; }

  // Wanted rows begin .. begin + rows - 1.
  void run(int64_t begin, int64_t rows) {
    if (problem_.vocabulary != nullptr) {
      multiply(begin, rows);
    } else {
      read(begin, rows);
    }
    for (int64_t r = 0; r < rows; ++r) problem_.logprobs[problem_.rows[begin + r]] = finish(r);
  }

 private:
  int64_t chunk_tokens(int64_t chunk) const { return std::min(kVocabularyChunk, problem_.tokens - chunk * kVocabularyChunk); }

  void reduce(int64_t item, int64_t r, int64_t chunk, const float *logits) {
    const int64_t n = chunk_tokens(chunk);
    const float shift = std::max(problem_.kernels.largest(logits, n), -FLT_MAX);
    sums_[r * chunks_ + chunk] = {shift, problem_.kernels.exponential_sum(logits, shift, n)};
    const int64_t target = problem_.targets[item] - chunk * kVocabularyChunk;
    if (target >= 0 && target < n) target_logits_[r] = logits[target];
  }

  // Products of a part's panels, put side by side until a chunk is whole.
  struct Part {
    RowBlock *self;
    int64_t begin;
    float *chunk;  // [rows, kVocabularyChunk]
  };

  static void finish_panel(void *state, int64_t, int64_t rows, int64_t panel, float *c) {
    const Part &part = *static_cast<const Part *>(state);
    const int64_t column = panel * kPanelColumns % kVocabularyChunk;
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(part.chunk + r * kVocabularyChunk + column, c + r * kPanelColumns, kPanelColumns * sizeof(float));
    }
    const int64_t chunk = panel * kPanelColumns / kVocabularyChunk;
    const bool whole = column + kPanelColumns >= part.self->chunk_tokens(chunk);
    for (int64_t r = 0; whole && r < rows; ++r) {
      part.self->reduce(part.begin + r, r, chunk, part.chunk + r * kVocabularyChunk);
    }
  }

  void multiply(int64_t begin, int64_t rows) {
    const CpuVocabulary &vocabulary = *problem_.vocabulary;
    const Kernels &kernels = problem_.kernels;
    for (int64_t r = 0; r < rows; ++r) {
      kernels.pack_row(vocabulary.dtype, problem_.states.dtype, problem_.states.at(problem_.rows[begin + r]), 1,
                       vocabulary.width, packed_, r, rows);
    }
    kernels.pack_tail(vocabulary.dtype, vocabulary.width, packed_, rows);
    const double work = product_nanoseconds(kernels, rows, vocabulary.tokens, vocabulary.width, dtype_size(vocabulary.dtype));
    const int32_t parts = problem_.pool.parts_for(work, chunks_);
    constexpr int64_t kChunkPanels = kVocabularyChunk / kPanelColumns;
    const int64_t panels = panel_count(vocabulary.tokens);
    problem_.pool.run(parts, [&](int32_t part) {
      float *products = scratch_ + part * scratch_floats_;
      Part state = {this, begin, products + rows_ * kPanelColumns};
      const int64_t from = chunks_ * part / parts * kChunkPanels;
      const int64_t to = std::min(panels, chunks_ * (part + 1) / parts * kChunkPanels);
      multiply_panels(kernels, vocabulary.dtype, packed_, 0, rows, vocabulary.panels.as(), vocabulary.width, from, to, products,
                      {finish_panel, &state});
    });
  }

  void read(int64_t begin, int64_t rows) {
    const Tensor &logits = problem_.states;
    const int64_t units = rows * chunks_;
    // A largest and an exponential of each logit: about 1 ns.
    const int32_t parts = problem_.pool.parts_for(static_cast<double>(rows) * static_cast<double>(problem_.tokens), units);
    problem_.pool.run(parts, [&](int32_t part) {
      float *wide = scratch_ + part * scratch_floats_;
      for (int64_t unit = units * part / parts; unit < units * (part + 1) / parts; ++unit) {
        const int64_t r = unit / chunks_;
        const int64_t chunk = unit % chunks_;
        const char *from = logits.at(problem_.rows[begin + r]) + chunk * kVocabularyChunk * dtype_size(logits.dtype);
        const float *values = reinterpret_cast<const float *>(from);
        if (logits.dtype != GAVEL_F32) {
          problem_.kernels.widen(logits.dtype, from, wide, chunk_tokens(chunk));
          values = wide;
        }
        reduce(begin + r, r, chunk, values);
      }
    });
  }

  float finish(int64_t r) const {
    const ChunkSum *sums = sums_ + r * chunks_;
    float largest = -FLT_MAX;
    for (int64_t chunk = 0; chunk < chunks_; ++chunk) largest = std::max(largest, sums[chunk].shift);
    PairwiseSum sum;
    for (int64_t chunk = 0; chunk < chunks_; ++chunk) sum.add(sums[chunk].sum * exponential(sums[chunk].shift - largest));
    return (target_logits_[r] - largest) - natural_log(sum.total());
  }

  const TokenLogprobProblem &problem_;
  const int64_t chunks_;
  const int64_t rows_;      // worked on together
  int64_t scratch_floats_;  // of one part
  ChunkSum *sums_;          // [rows, chunks]
  float *target_logits_;    // [rows]
  char *packed_ = nullptr;  // the rows as the products read them
  float *scratch_;          // [threads, scratch_floats_]: products of a panel, then a chunk of logits
};

}  // namespace

void run_token_logprobs(const TokenLogprobProblem &problem) {
  if (problem.count == 0) return;
  RowBlock block(problem);
  // Blocks of about the same size: a small last one would read the whole vocabulary again for a few rows.
  const int64_t blocks = (problem.count + block.capacity() - 1) / block.capacity();
  const int64_t rows = (problem.count + blocks - 1) / blocks;
  for (int64_t begin = 0; begin < problem.count; begin += rows) block.run(begin, std::min(rows, problem.count - begin));
}

}  // namespace gavel
