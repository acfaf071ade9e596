// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/scatter.h"

#include "cpu/row_sums.h"

namespace gavel {

namespace {

constexpr int64_t kColumnUnit = 64;

void scatter_item(const Kernels &kernels, const Pooling &pooling, const ItemRows &rows, const float *dvector,
                  const Tensor &dhidden, const Slice &columns) {
  const auto target = [&](int64_t t) { return dhidden.row<float>(t) + columns.begin; };
  const float *dy = dvector + columns.begin;
  if (pooling.pooling == GAVEL_POOLING_INDEX) return kernels.add(target(rows.last), dy, columns.size());
  if (pooling.pooling == GAVEL_POOLING_SPAN_MEAN) {
    const float share = 1.0f / static_cast<float>(rows.last - rows.first + 1);
    for (int64_t t = rows.first; t <= rows.last; ++t) kernels.multiply_add(target(t), share, dy, columns.size());
    return;
  }
  if (pooling.combine == GAVEL_COMBINE_SUB) {
    kernels.subtract(target(rows.first), dy, columns.size());
  } else {
    kernels.add(target(rows.first), dy, columns.size());
  }
  const int64_t second = pooling.combine == GAVEL_COMBINE_CONCAT ? pooling.hidden_width : 0;
  kernels.add(target(rows.last), dy + second, columns.size());
}

}  // namespace

void run_scatter(CpuContext &context, const Pooling &pooling, const Tensor &dvectors, const Tensor &dhidden) {
  int64_t touched = 0;
  for (int64_t item = 0; item < pooling.items; ++item) {
    const ItemRows &rows = pooling.rows[item];
    if (rows.valid()) touched += pooling.pooling == GAVEL_POOLING_SPAN_MEAN ? rows.last - rows.first + 1 : 2;
  }
  const double work = 0.3 * static_cast<double>(touched) * static_cast<double>(pooling.hidden_width);
  const int32_t parts = context.pool.parts_for(work, (pooling.hidden_width + kColumnUnit - 1) / kColumnUnit);
  context.pool.run(parts, [&](int32_t part) {
    const Slice columns(pooling.hidden_width, kColumnUnit, part, parts);
    for (int64_t item = 0; item < pooling.items; ++item) {
      const ItemRows &rows = pooling.rows[item];
      if (rows.valid()) scatter_item(context.kernels, pooling, rows, dvectors.row<const float>(item), dhidden, columns);
    }
  });
}

}  // namespace gavel
