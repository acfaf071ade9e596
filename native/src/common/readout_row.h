// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// readout_row.h: from the logits of one item, and of its gate, to its scores, and back, for host and device: which of the row functions
// (readout_class_prob.h and its like) run, in which order. IDENTITY, AFFINE and SIGMOID, of one logit each, are the backends'.
#ifndef GAVEL_COMMON_READOUT_ROW_H
#define GAVEL_COMMON_READOUT_ROW_H

#include "common/readout_class_prob.h"
#include "common/readout_expectation.h"
#include "common/readout_gated_sum.h"
#include "common/readout_quantile_mean.h"

namespace gavel {

// A checked readout in plain numbers and pointers (readout.h): on a device, to its memory.
struct ReadoutRow {
  int32_t kind;             // GAVEL_READOUT_*
  int32_t objective_kind;   // WEIGHTED_SUM, GATED_SUM: what makes the objectives of the logits; IDENTITY: they are the logits
  int64_t logits;           // K, or 2 with TWO_STREAM
  int64_t scores;           // S
  int64_t objective_count;  // O; TWO_STREAM: 2, its two logits; 0 without objectives
  int64_t gate_outputs;     // 0 without a gate
  int64_t gate_weights;     // columns of args.gate_weights
  float mean;
  float deviation;
  int64_t width;
  int64_t class_index;
  int32_t statistic;
  int32_t gate_form;
  float gate_temperature;
  float gate_scale;
  const float *levels;
  const float *weights;
  const float *transform;  // [O, O] or null
  int64_t transform_stride;

  GAVEL_HOST_DEVICE bool two_streams() const { return gate_form == GAVEL_GATE_TWO_STREAM; }
  GAVEL_HOST_DEVICE bool mixes() const { return objective_count > 0; }
};

// Floats of scratch that the functions below need.
GAVEL_HOST_DEVICE int64_t readout_scratch(const ReadoutRow &row) {
  return 5 * row.objective_count + row.width;
}

// Where the parts of an item's scratch begin.
struct ReadoutScratch {
  GAVEL_HOST_DEVICE ReadoutScratch(const ReadoutRow &row, float *scratch)
      : objectives(scratch),
        dobjectives(scratch + row.objective_count),
        transformed(dobjectives + row.objective_count),
        softmax(transformed + row.objective_count),
        dtransformed(softmax + row.objective_count),
        group(dtransformed + row.objective_count) {}
  float *objectives;
  float *dobjectives;
  float *transformed;
  float *softmax;
  float *dtransformed;
  float *group;  // [width]
};

// What the mixing readouts are given of one item.
struct MixRow {
  const float *objectives;
  const float *gate;
  const ReadoutScratch &scratch;
};

// ---- groups of logits ----

template <typename Walk>
GAVEL_ROW_FUNCTION float reduce_group(const ReadoutRow &row, int32_t kind, const float *z, float *e) {
  if (kind == GAVEL_READOUT_CLASS_PROB) return class_probability<Walk>(z, row.width, row.class_index, e);
  if (kind == GAVEL_READOUT_EXPECTATION) return expectation<Walk>(row.statistic, z, row.levels, row.width, e);
  return quantile_mean<Walk>(z, row.width);
}

template <typename Walk>
GAVEL_ROW_FUNCTION void reduce_groups(const ReadoutRow &row, int32_t kind, const float *logits, float *e, float *out) {
  for (int64_t g = 0; g < row.logits / row.width; ++g)
    Walk::put(out + g, reduce_group<Walk>(row, kind, logits + g * row.width, e));
  Walk::sync();
}

// Without logits where the gradient does not read them.
template <typename Walk>
GAVEL_ROW_FUNCTION void reduce_groups_gradient(const ReadoutRow &row, int32_t kind, const float *logits, const float *d,
                                               float *e, float *dlogits) {
  for (int64_t g = 0; g < row.logits / row.width; ++g) {
    const float *z = logits == nullptr ? nullptr : logits + g * row.width;
    float *dz = dlogits + g * row.width;
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
GAVEL_ROW_FUNCTION const float *objectives_of_item(const ReadoutRow &row, const float *logits, const ReadoutScratch &scratch) {
  if (row.objective_kind == GAVEL_READOUT_IDENTITY) return logits;
  if (logits != nullptr) reduce_groups<Walk>(row, row.objective_kind, logits, scratch.group, scratch.objectives);
  return scratch.objectives;
}

// The objectives after the transform.
template <typename Walk>
GAVEL_ROW_FUNCTION const float *transformed_objectives(const ReadoutRow &row, const MixRow &mix) {
  if (row.transform == nullptr) return mix.objectives;
  transform_objectives<Walk>(mix.objectives, row.transform, row.transform_stride, row.objective_count, mix.scratch.transformed);
  return mix.scratch.transformed;
}

// sum over k of weight_k q_k, before gate_scale; gate_weights may be null.
template <typename Walk>
GAVEL_ROW_FUNCTION float unscaled_gated_sum(const ReadoutRow &row, const MixRow &mix, float *gate_weights) {
  const int64_t n = row.objective_count;
  const float *q = transformed_objectives<Walk>(row, mix);
  if (row.gate_form == GAVEL_GATE_SOFTMAX) {
    return softmax_gate<Walk>(mix.gate, q, n, row.gate_temperature, row.gate_scale, mix.scratch.softmax, gate_weights);
  }
  if (gate_weights != nullptr) Walk::each(n, [&](int64_t k) { gate_weights[k] = row.gate_scale * mix.gate[k]; });
  return sum_of_products<Walk>(mix.gate, q, n);
}

template <typename Walk>
GAVEL_ROW_FUNCTION float mix_objectives(const ReadoutRow &row, const MixRow &mix, float *gate_weights) {
  if (row.kind == GAVEL_READOUT_WEIGHTED_SUM) return sum_of_products<Walk>(row.weights, mix.objectives, row.objective_count);
  if (row.two_streams()) return two_stream_gate<Walk>(mix.gate[0], mix.objectives[0], mix.objectives[1], gate_weights);
  return row.gate_scale * unscaled_gated_sum<Walk>(row, mix, gate_weights);
}

template <typename Walk>
GAVEL_ROW_FUNCTION void mix_gradient(const ReadoutRow &row, const MixRow &mix, float d, float *dobjectives, float *dgate) {
  const int64_t n = row.objective_count;
  if (row.kind == GAVEL_READOUT_WEIGHTED_SUM) {
    Walk::each(n, [&](int64_t k) { dobjectives[k] = d * row.weights[k]; });
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
  const float *q = transformed_objectives<Walk>(row, mix);
  float *dq = row.transform != nullptr ? mix.scratch.dtransformed : dobjectives;
  if (row.gate_form == GAVEL_GATE_SOFTMAX) {
    softmax_gate_gradient<Walk>(mix.gate, q, n, row.gate_temperature, row.gate_scale, d, mix.scratch.softmax, dq, dgate);
  } else {
    const float factor = d * row.gate_scale;
    Walk::each(n, [&](int64_t k) {
      dq[k] = factor * mix.gate[k];
      dgate[k] = factor * q[k];
    });
  }
  if (row.transform != nullptr) transform_gradient<Walk>(dq, row.transform, row.transform_stride, n, dobjectives);
}

// ---- one item ----

// scores [S]; objectives [O] and gate_weights may be null.
template <typename Walk>
GAVEL_ROW_FUNCTION void read_out_row(const ReadoutRow &row, const float *logits, const float *gate, float *scratch,
                                     float *scores, float *objectives, float *gate_weights) {
  const ReadoutScratch parts(row, scratch);
  if (!row.mixes()) return reduce_groups<Walk>(row, row.kind, logits, parts.group, scores);
  const float *r = objectives_of_item<Walk>(row, logits, parts);
  if (objectives != nullptr) Walk::each(row.objective_count, [&](int64_t k) { objectives[k] = r[k]; });
  Walk::put(scores, mix_objectives<Walk>(row, {r, gate, parts}, gate_weights));
  Walk::sync();
}

// From dscore [S]: dlogits [logits] and dgate [gate_outputs].
template <typename Walk>
GAVEL_ROW_FUNCTION void read_out_row_gradient(const ReadoutRow &row, const float *logits, const float *gate,
                                              const float *dscore, float *scratch, float *dlogits, float *dgate) {
  const ReadoutScratch parts(row, scratch);
  if (!row.mixes()) return reduce_groups_gradient<Walk>(row, row.kind, logits, dscore, parts.group, dlogits);
  const float *r = objectives_of_item<Walk>(row, logits, parts);
  const bool of_logits = row.objective_kind == GAVEL_READOUT_IDENTITY;
  mix_gradient<Walk>(row, {r, gate, parts}, dscore[0], of_logits ? dlogits : parts.dobjectives, dgate);
  if (!of_logits) {
    reduce_groups_gradient<Walk>(row, row.objective_kind, logits, parts.dobjectives, parts.group, dlogits);
  }
}

// d gate_scale of one item.
template <typename Walk>
GAVEL_ROW_FUNCTION float gate_scale_gradient_row(const ReadoutRow &row, const float *logits, const float *gate, float dscore,
                                                 float *scratch) {
  const ReadoutScratch parts(row, scratch);
  return dscore * unscaled_gated_sum<Walk>(row, {objectives_of_item<Walk>(row, logits, parts), gate, parts}, nullptr);
}

}  // namespace gavel

#endif
