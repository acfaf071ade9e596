// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/score_linear.h"

#include <algorithm>
#include <cstring>

#include "cpu/head_input.h"
#include "cpu/work.h"

namespace gavel {

int64_t LinearLogits::block_rows(const LogitProblem &problem) {
  // Enough items for all threads, and about 4 MiB of logits.
  return std::clamp<int64_t>((int64_t{1} << 20) / problem.head.spec.fields.output_width, 1, 16384);
}

LinearLogits::LinearLogits(const LogitProblem &problem, int64_t block) : problem_(problem) {
  // The vector, a row of hidden states, the vector in the head's dtype.
  const int64_t width = problem.pooling.vector_width;
  scratch_floats_ = 3 * round_up(width, kCacheLine / int64_t{sizeof(float)});
  const int64_t parts = std::min<int64_t>(problem.pool.threads(), block * problem.head.spec.fields.output_width);
  scratch_ = problem.workspace.take<float>(parts * scratch_floats_);
}

// The vector the head reads, f32: the row of hidden states itself where nothing is to be done to it.
const float *LinearLogits::vector_of(int64_t item, bool keep, float *scratch) const {
  const LogitProblem &problem = problem_;
  const Pooling &pooling = problem.pooling;
  const int64_t width = pooling.vector_width;
  const bool as_it_is = pools_by_index(pooling) && problem.head.spec.fields.norm == GAVEL_NORM_NONE;
  if (as_it_is && problem.hidden.dtype == GAVEL_F32 && pooling.rows[item].valid() && !problem.vectors.present()) {
    return problem.hidden.row<const float>(pooling.rows[item].last);
  }
  float *hidden_row = scratch + scratch_floats_ / 3;
  void *rounded = scratch + 2 * (scratch_floats_ / 3);
  pool_item(problem.kernels, pooling, problem.hidden, item, hidden_row, scratch);
  if (problem.vectors.present() && keep) {
    std::memcpy(problem.vectors.row<float>(item), scratch, static_cast<size_t>(width) * sizeof(float));
  }
  if (!as_it_is) finish_vector(problem.kernels, problem.head, scratch, rounded);
  return scratch;
}

void LinearLogits::score_items(int64_t begin, int64_t end, int64_t output_begin, int64_t output_end, float *scratch,
                               float *logits) const {
  const CpuHead &head = problem_.head;
  const int32_t dtype = head.spec.fields.dtype;
  const int64_t width = head.spec.fields.input_width;
  const char *weights = head.values[head.spec.output_weight].as();
  for (int64_t item = begin; item < end; ++item, logits += head.spec.fields.output_width) {
    const float *vector = vector_of(item, output_begin == 0, scratch);
    for (int64_t k = output_begin; k < output_end; ++k) {
      const float sum = problem_.kernels.dot(vector, dtype, weights + k * width * dtype_size(dtype), width);
      logits[k] = finish_logit(head, k, sum);
    }
  }
}

void LinearLogits::run(int64_t begin, int64_t rows, float *logits) {
  const gavel_head_spec &spec = problem_.head.spec.fields;
  const double dots =
      static_cast<double>(rows) * static_cast<double>(spec.output_width) * static_cast<double>(spec.input_width);
  const double work = pooling_nanoseconds(problem_.pooling, begin, rows) + dots / 8;
  ThreadPool &pool = problem_.pool;
  if (rows >= pool.threads() || rows >= spec.output_width) {
    const int32_t parts = pool.parts_for(work, rows);
    pool.run(parts, [&](int32_t part) {
      const int64_t from = rows * part / parts;
      const int64_t to = rows * (part + 1) / parts;
      score_items(begin + from, begin + to, 0, spec.output_width, scratch_ + part * scratch_floats_,
                  logits + from * spec.output_width);
    });
  } else {
    // Few items, many outputs: each part makes the vectors for itself and takes a range of the outputs.
    const int32_t parts = pool.parts_for(work, spec.output_width);
    pool.run(parts, [&](int32_t part) {
      score_items(begin, begin + rows, spec.output_width * part / parts, spec.output_width * (part + 1) / parts,
                  scratch_ + part * scratch_floats_, logits);
    });
  }
}

}  // namespace gavel
