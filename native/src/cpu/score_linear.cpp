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
  // The vector, the vector in the head's dtype, scratch of the pooling.
  vector_floats_ = round_up(problem.pooling.vector_width, kCacheLine / int64_t{sizeof(float)});
  scratch_floats_ = 2 * vector_floats_ + pooling_scratch(problem.pooling);
  const int64_t parts = std::min<int64_t>(problem.pool.threads(), block * problem.head.spec.fields.output_width);
  scratch_ = problem.workspace.take<float>(parts * scratch_floats_);
}

// An f32 head takes 16-bit rows, too: those are widened first.
bool LinearLogits::takes_rows_as_they_are() const {
  const gavel_head_spec &fields = problem_.head.spec.fields;
  return pools_by_index(problem_.pooling) && fields.norm == GAVEL_NORM_NONE && problem_.hidden.dtype == fields.dtype &&
         !problem_.vectors.present();
}

// The vector the head reads, f32.
const float *LinearLogits::vector_of(int64_t item, bool keep, float *scratch) const {
  const LogitProblem &problem = problem_;
  const Pooling &pooling = problem.pooling;
  const int64_t width = pooling.vector_width;
  const bool as_it_is = pools_by_index(pooling) && problem.head.spec.fields.norm == GAVEL_NORM_NONE;
  void *rounded = scratch + vector_floats_;
  pool_item(problem.kernels, pooling, problem.hidden, item, scratch + 2 * vector_floats_, scratch);
  if (problem.vectors.present() && keep) {
    std::memcpy(problem.vectors.row<float>(item), scratch, static_cast<size_t>(width) * sizeof(float));
  }
  if (!as_it_is) finish_vector(problem.kernels, problem.head, scratch, rounded);
  return scratch;
}

// Items begin .. end - 1 whose rows are the vectors, eight at a time, or four that several outputs read again: rows of 4 KiB all lie in the same
// places of the nearest cache, which has eight for each. Rows of memory are asked for some KiB before they are read: the processor's own
// prefetching ends at every page.
void LinearLogits::score_rows(int64_t begin, int64_t end, int64_t output_begin, int64_t output_end, float *logits) const {
  constexpr int64_t kRows = 8, kAheadBytes = 8192;
  const CpuHead &head = problem_.head;
  const int32_t dtype = head.spec.fields.dtype;
  const int64_t width = head.spec.fields.input_width, outputs = head.spec.fields.output_width;
  const int64_t row_bytes = width * dtype_size(dtype);
  const int64_t distance = std::max<int64_t>(1, kAheadBytes / row_bytes);
  const char *weights = head.values[head.spec.output_weight].as();
  const ItemRows *items = problem_.pooling.rows;
  // Of an invalid item, whose logits nobody reads, any row; where there is none, all are invalid.
  const auto row_of = [&](int64_t item) { return problem_.hidden.at(std::max<int64_t>(items[item].last, 0)); };
  if (problem_.pooling.tokens == 0) return static_cast<void>(std::fill_n(logits, (end - begin) * outputs, 0.0f));
  const int64_t step = output_end - output_begin > 1 ? kRows / 2 : kRows;
  for (int64_t item = begin; item < end; item += step) {
    const int64_t count = std::min(step, end - item);
    const void *rows[kRows], *ahead[kRows];
    for (int64_t r = 0; r < count; ++r) {
      rows[r] = row_of(item + r);
      ahead[r] = row_of(std::min(item + r + distance, end - 1));
    }
    float *first = logits + (item - begin) * outputs;
    problem_.kernels.dots(dtype, rows, ahead, count, weights + output_begin * row_bytes, output_end - output_begin, width,
                          first + output_begin, outputs);
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t k = output_begin; k < output_end; ++k)
        first[r * outputs + k] = finish_logit(head, k, first[r * outputs + k]);
    }
  }
}

void LinearLogits::score_items(int64_t begin, int64_t end, int64_t output_begin, int64_t output_end, float *scratch,
                               float *logits) const {
  if (takes_rows_as_they_are()) return score_rows(begin, end, output_begin, output_end, logits);
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
  const double work =
      pooling_nanoseconds(problem_.pooling, begin, rows) + dots_nanoseconds(rows, spec.output_width, spec.input_width);
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
