// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// token_rows.h: log-probabilities of the rows that are wanted.
//
// Rows go by in blocks and the vocabulary in slabs of chunks: a product writes the logits of a block in a slab, one launch reduces each chunk
// of each row to a ChunkSum, and behind the last slab one more makes log-probabilities. So a matrix [T, V] of logits is never there, only a
// slab that stays in the L2 cache.
#ifndef GAVEL_CUDA_TOKEN_ROWS_H
#define GAVEL_CUDA_TOKEN_ROWS_H

#include <cstdint>

#include "common/tensor.h"

namespace gavel::cuda {

struct Stream;
struct Vocabulary;

// What is known of a row, as bytes.
enum class RowState : uint8_t { UNWANTED, WANTED, FAULT };

struct TokenRows {
  const Vocabulary *vocabulary;  // null: states are logits
  Tensor states;                 // hidden states [T, H], or logits [T, V]
  int64_t tokens;                // V
  Tensor targets;                // i64 [T]
  const uint8_t *wanted;         // [T] RowState
  float *logprobs;               // [T]: written where a row is wanted
};

int64_t token_rows_workspace(const TokenRows &rows);
// workspace: token_rows_workspace bytes, aligned to 256.
void enqueue_token_rows(const TokenRows &rows, void *workspace, Stream &stream);

}  // namespace gavel::cuda

#endif
