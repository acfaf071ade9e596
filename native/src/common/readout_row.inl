// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_row.inl: from the logits of one item, and of its gate, to its scores, and back, in each lane: which of the row functions
// (readout_class_prob.inl and its like) run, in which order. Over the wrapper of one_lane.h or one of cpu/vector.h, after row_walk.inl.
// IDENTITY, AFFINE and SIGMOID, of one logit each, are the backends'.

// In this order: each uses the ones before it.
// clang-format off
#include "common/softmax_row.inl"
#include "common/readout_class_prob.inl"
#include "common/readout_expectation.inl"
#include "common/readout_quantile_mean.inl"
#include "common/readout_gated_sum.inl"
// clang-format on

// Where the parts of an item's scratch begin.
struct ReadoutScratch {
  GAVEL_HOST_DEVICE ReadoutScratch(const ReadoutRow &row, Vector *scratch)
      : objectives(scratch),
        dobjectives(scratch + row.objective_count),
        transformed(dobjectives + row.objective_count),
        softmax(transformed + row.objective_count),
        dtransformed(softmax + row.objective_count),
        group(dtransformed + row.objective_count) {}
  Vector *objectives;
  Vector *dobjectives;
  Vector *transformed;
  Vector *softmax;
  Vector *dtransformed;
  Vector *group;  // [width]
};

// What the mixing readouts are given of one item.
struct MixRow {
  const Vector *objectives;
  const Vector *gate;
  const ReadoutScratch &scratch;
};

// ---- groups of logits ----

template <typename Walk>
GAVEL_ROW_FUNCTION Vector reduce_group(const ReadoutRow &row, int32_t kind, const Vector *z, Vector *e) {
  if (kind == GAVEL_READOUT_CLASS_PROB) return class_probability<Walk>(z, row.width, row.class_index, e);
  if (kind == GAVEL_READOUT_EXPECTATION) return expectation<Walk>(row.statistic, z, row.levels, row.width, e);
  return quantile_mean<Walk>(z, row.width);
}

template <typename Walk>
GAVEL_ROW_FUNCTION void reduce_groups(const ReadoutRow &row, int32_t kind, const Vector *logits, Vector *e, Vector *out) {
  for (int64_t g = 0; g < row.logits / row.width; ++g)
    Walk::put(out + g, reduce_group<Walk>(row, kind, logits + g * row.width, e));
  Walk::sync();
}

// Without logits where the gradient does not read them.
template <typename Walk>
GAVEL_ROW_FUNCTION void reduce_groups_gradient(const ReadoutRow &row, int32_t kind, const Vector *logits, const Vector *d,
                                               Vector *e, Vector *dlogits) {
  for (int64_t g = 0; g < row.logits / row.width; ++g) {
    const Vector *z = logits == nullptr ? nullptr : logits + g * row.width;
    Vector *dz = dlogits + g * row.width;
    if (kind == GAVEL_READOUT_CLASS_PROB) {
      class_probability_gradient<Walk>(z, row.width, row.class_index, d[g], e, dz);
    } else if (kind == GAVEL_READOUT_EXPECTATION) {
      expectation_gradient<Walk>(row.statistic, z, row.levels, row.width, d[g], e, dz);
    } else {
      quantile_mean_gradient<Walk>(row.width, d[g], dz);
    }
  }
}

// ---- objectives ----

template <typename Walk>
GAVEL_ROW_FUNCTION const Vector *objectives_of_item(const ReadoutRow &row, const Vector *logits,
                                                    const ReadoutScratch &scratch) {
  if (row.objective_kind == GAVEL_READOUT_IDENTITY) return logits;
  if (logits != nullptr) reduce_groups<Walk>(row, row.objective_kind, logits, scratch.group, scratch.objectives);
  return scratch.objectives;
}

// The objectives after the transform.
template <typename Walk>
GAVEL_ROW_FUNCTION const Vector *transformed_objectives(const ReadoutRow &row, const MixRow &mix) {
  if (row.transform == nullptr) return mix.objectives;
  transform_objectives<Walk>(mix.objectives, row.transform, row.transform_stride, row.objective_count, mix.scratch.transformed);
  return mix.scratch.transformed;
}

// sum over k of weight_k q_k, before gate_scale; gate_weights may be null.
template <typename Walk>
GAVEL_ROW_FUNCTION Vector unscaled_gated_sum(const ReadoutRow &row, const MixRow &mix, Vector *gate_weights) {
  const int64_t n = row.objective_count;
  const Vector *q = transformed_objectives<Walk>(row, mix);
  if (row.gate_form == GAVEL_GATE_SOFTMAX) {
    return softmax_gate<Walk>(mix.gate, q, n, row.gate_temperature, row.gate_scale, mix.scratch.softmax, gate_weights);
  }
  if (gate_weights != nullptr) Walk::each(n, [&](int64_t k) { gate_weights[k] = multiply(set(row.gate_scale), mix.gate[k]); });
  return sum_of_products<Walk>(
      n, [&](int64_t k) { return mix.gate[k]; }, q);
}

template <typename Walk>
GAVEL_ROW_FUNCTION Vector mix_objectives(const ReadoutRow &row, const MixRow &mix, Vector *gate_weights) {
  if (row.kind == GAVEL_READOUT_WEIGHTED_SUM) {
    return sum_of_products<Walk>(
        row.objective_count, [&](int64_t k) { return set(row.weights[k]); }, mix.objectives);
  }
  if (row.two_streams()) return two_stream_gate<Walk>(mix.gate[0], mix.objectives[0], mix.objectives[1], gate_weights);
  return multiply(set(row.gate_scale), unscaled_gated_sum<Walk>(row, mix, gate_weights));
}

template <typename Walk>
GAVEL_ROW_FUNCTION void mix_gradient(const ReadoutRow &row, const MixRow &mix, Vector d, Vector *dobjectives, Vector *dgate) {
  const int64_t n = row.objective_count;
  if (row.kind == GAVEL_READOUT_WEIGHTED_SUM) {
    Walk::each(n, [&](int64_t k) { dobjectives[k] = multiply(d, set(row.weights[k])); });
    return;
  }
  if (row.two_streams()) {
    const TwoStreamGradient gradient = two_stream_gate_gradient(mix.gate[0], mix.objectives[0], mix.objectives[1], d);
    Walk::put(dobjectives, gradient.dforward);
    Walk::put(dobjectives + 1, gradient.dreverse);
    Walk::put(dgate, gradient.dgate);
    Walk::sync();
    return;
  }
  const Vector *q = transformed_objectives<Walk>(row, mix);
  Vector *dq = row.transform != nullptr ? mix.scratch.dtransformed : dobjectives;
  if (row.gate_form == GAVEL_GATE_SOFTMAX) {
    softmax_gate_gradient<Walk>(mix.gate, q, n, row.gate_temperature, row.gate_scale, d, mix.scratch.softmax, dq, dgate);
  } else {
    const Vector factor = multiply(d, set(row.gate_scale));
    Walk::each(n, [&](int64_t k) {
      dq[k] = multiply(factor, mix.gate[k]);
      dgate[k] = multiply(factor, q[k]);
    });
  }
  if (row.transform != nullptr) transform_gradient<Walk>(dq, row.transform, row.transform_stride, n, dobjectives);
}

// ---- one item ----

// scores [S]; objectives [O] and gate_weights may be null.
template <typename Walk>
GAVEL_ROW_FUNCTION void read_out_row(const ReadoutRow &row, const Vector *logits, const Vector *gate, Vector *scratch,
                                     Vector *scores, Vector *objectives, Vector *gate_weights) {
  const ReadoutScratch parts(row, scratch);
  if (!row.mixes()) return reduce_groups<Walk>(row, row.kind, logits, parts.group, scores);
  const Vector *r = objectives_of_item<Walk>(row, logits, parts);
  if (objectives != nullptr) Walk::each(row.objective_count, [&](int64_t k) { objectives[k] = r[k]; });
  Walk::put(scores, mix_objectives<Walk>(row, {r, gate, parts}, gate_weights));
  Walk::sync();
}

// From dscore [S]: dlogits [logits] and dgate [gate_outputs].
template <typename Walk>
GAVEL_ROW_FUNCTION void read_out_row_gradient(const ReadoutRow &row, const Vector *logits, const Vector *gate,
                                              const Vector *dscore, Vector *scratch, Vector *dlogits, Vector *dgate) {
  const ReadoutScratch parts(row, scratch);
  if (!row.mixes()) return reduce_groups_gradient<Walk>(row, row.kind, logits, dscore, parts.group, dlogits);
  const Vector *r = objectives_of_item<Walk>(row, logits, parts);
  const bool of_logits = row.objective_kind == GAVEL_READOUT_IDENTITY;
  mix_gradient<Walk>(row, {r, gate, parts}, dscore[0], of_logits ? dlogits : parts.dobjectives, dgate);
  if (!of_logits) {
    reduce_groups_gradient<Walk>(row, row.objective_kind, logits, parts.dobjectives, parts.group, dlogits);
  }
}

// d gate_scale of one item.
template <typename Walk>
GAVEL_ROW_FUNCTION Vector gate_scale_gradient_row(const ReadoutRow &row, const Vector *logits, const Vector *gate,
                                                  Vector dscore, Vector *scratch) {
  const ReadoutScratch parts(row, scratch);
  return multiply(dscore, unscaled_gated_sum<Walk>(row, {objectives_of_item<Walk>(row, logits, parts), gate, parts}, nullptr));
}
