// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readouts.inl: readouts of sixteen items side by side, over the wrapper of vector.h. Included by each instruction-set file inside its
// namespace, after readout_row.inl, which has the formulas: a lane does what one_lane.h does with the item alone.

// to[c]: number c of each item, 0 where there is no item. rows: [items, columns]. to: readout_block_vectors(columns).
GAVEL_INLINE void deal_rows(const float *rows, int64_t items, int64_t columns, Vector *to) {
  // One behind the other, without a transposition, which is most of what a single item takes.
  if (items == 1 || columns == 1) {
    for (int64_t c = 0; c < columns; ++c) to[c] = load_partial(rows + c, items);
    return;
  }
  for (int64_t c = 0; c < columns; c += 16) {
    const int64_t width = columns - c < 16 ? columns - c : 16;
    Vector part[16];
    for (int64_t r = 0; r < 16; ++r) part[r] = r < items ? load_partial(rows + r * columns + c, width) : zero();
    transpose(part, sizeof(Vector), to + c, sizeof(Vector));
  }
}

// The way back.
GAVEL_INLINE void collect_rows(const Vector *from, int64_t items, int64_t columns, float *rows) {
  if (items == 1 || columns == 1) {
    for (int64_t c = 0; c < columns; ++c) store_partial(rows + c, from[c], items);
    return;
  }
  for (int64_t c = 0; c < columns; c += 16) {
    const int64_t width = columns - c < 16 ? columns - c : 16;
    Vector part[16];
    transpose(from + c, sizeof(Vector), part, sizeof(Vector));
    for (int64_t r = 0; r < items; ++r) store_partial(rows + r * columns + c, part[r], width);
  }
}

// The scratch of a block, taken one array after the other.
class BlockVectors {
 public:
  GAVEL_INLINE explicit BlockVectors(const ReadoutBlock *block)
      : items_(block->items), next_(reinterpret_cast<Vector *>(block->scratch)) {}
  GAVEL_INLINE Vector *take(int64_t numbers) {
    Vector *taken = next_;
    next_ += readout_block_vectors(numbers);
    return taken;
  }
  // Null for null.
  GAVEL_INLINE const Vector *read(const float *rows, int64_t columns) {
    if (rows == nullptr) return nullptr;
    Vector *vectors = take(columns);
    deal_rows(rows, items_, columns, vectors);
    return vectors;
  }
  GAVEL_INLINE Vector *rest() const { return next_; }

 private:
  int64_t items_;
  Vector *next_;
};

void read_out_block(const ReadoutBlock *block, float *scores, float *objectives, float *gate_weights) {
  const ReadoutRow &row = *block->row;
  BlockVectors vectors(block);
  const Vector *logits = vectors.read(block->logits, row.logits), *gate = vectors.read(block->gate, row.gate_outputs);
  Vector *of_scores = vectors.take(row.scores);
  Vector *of_objectives = objectives == nullptr ? nullptr : vectors.take(row.objective_count);
  Vector *of_weights = gate_weights == nullptr ? nullptr : vectors.take(row.gate_weights);
  read_out_row<SerialWalk>(row, logits, gate, vectors.rest(), of_scores, of_objectives, of_weights);
  collect_rows(of_scores, block->items, row.scores, scores);
  if (objectives != nullptr) collect_rows(of_objectives, block->items, row.objective_count, objectives);
  if (gate_weights != nullptr) collect_rows(of_weights, block->items, row.gate_weights, gate_weights);
}

void read_out_gradient_block(const ReadoutBlock *block, const float *dscore, float *dlogits, float *dgate) {
  const ReadoutRow &row = *block->row;
  BlockVectors vectors(block);
  const Vector *logits = vectors.read(block->logits, row.logits), *gate = vectors.read(block->gate, row.gate_outputs);
  const Vector *of_scores = vectors.read(dscore, row.scores);
  Vector *of_logits = vectors.take(row.logits), *of_gate = vectors.take(row.gate_outputs);
  read_out_row_gradient<SerialWalk>(row, logits, gate, of_scores, vectors.rest(), of_logits, of_gate);
  collect_rows(of_logits, block->items, row.logits, dlogits);
  if (dgate != nullptr) collect_rows(of_gate, block->items, row.gate_outputs, dgate);
}

void gate_scale_gradient_block(const ReadoutBlock *block, const float *dscore, float *dscale) {
  const ReadoutRow &row = *block->row;
  BlockVectors vectors(block);
  const Vector *logits = vectors.read(block->logits, row.logits), *gate = vectors.read(block->gate, row.gate_outputs);
  const Vector of_score = load_partial(dscore, block->items);
  store_partial(dscale, gate_scale_gradient_row<SerialWalk>(row, logits, gate, of_score, vectors.rest()), block->items);
}
