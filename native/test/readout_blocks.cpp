// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Readouts of up to sixteen items side by side have, on every instruction set, the bits of common/read_out.h for each item alone: scores,
// objectives, gate weights and gradients, with equal, infinite and missing logits among them. Nothing behind the rows is written.
#include <cmath>
#include <iterator>

#include "check.h"
#include "cpu/kernels.h"
#include "cpu/workspace.h"
#include "readout_rows.h"
#include "rows.h"

using namespace gavel;
using namespace gavel::test;

namespace {

constexpr uint64_t kSeed = 31337;
constexpr float kBehind = -77.5f;  // what no row may reach
constexpr int64_t kGuard = 16;

// [items, columns] and a guard.
struct Rows {
  Rows(int64_t items, int64_t columns)
      : items(items), columns(columns), values(static_cast<size_t>(items * columns + kGuard), kBehind) {}
  float *data() { return values.data(); }
  std::vector<float> of(int64_t item) const {
    const auto begin = values.begin() + item * columns;
    return {begin, begin + columns};
  }
  void check_guard(const char *what, uint64_t seed) const {
    for (int64_t k = 0; k < kGuard; ++k) {
      check_equal(std::string(what) + ": behind the rows of seed " + std::to_string(seed),
                  values[static_cast<size_t>(items * columns + k)], kBehind);
    }
  }
  int64_t items, columns;
  std::vector<float> values;
};

// Numbers as logits are, some of them equal, huge, infinite or NaN.
Rows random_rows(Random &random, int64_t items, int64_t columns) {
  Rows rows(items, columns);
  const double spread = std::exp(random.uniform(-3, 3.5));
  const bool odd = random.integer(0, 2) == 0;
  for (int64_t k = 0; k < items * columns; ++k) {
    float &value = rows.values[static_cast<size_t>(k)];
    value = static_cast<float>(random.normal() * spread);
    if (random.integer(0, 3) == 0) value = std::round(value);
    if (!odd || random.integer(0, 9) != 0) continue;
    value = kSpecial[random.integer(0, static_cast<int64_t>(std::size(kSpecial)) - 1)];
  }
  return rows;
}

void check_row(const char *what, const std::vector<float> &actual, const std::vector<float> &expected, uint64_t seed) {
  for (size_t k = 0; k < expected.size(); ++k) {
    // The payload of a NaN is not defined before scores are written.
    const bool same = std::isnan(expected[k]) ? std::isnan(actual[k]) : same_bits(actual[k], expected[k]);
    CHECK(same, "%s %zu of seed %" PRIu64 ": %a, alone %a", what, k, seed, static_cast<double>(actual[k]),
          static_cast<double>(expected[k]));
  }
}

void check_block(const Kernels &kernels, uint64_t seed) {
  Random random(seed);
  const ReadoutConfig config = any_readout(random);
  const ItemRow item(config);
  const ReadoutRow &row = item.row();
  const int64_t items = random.integer(1, kReadoutItems);
  Rows z = random_rows(random, items, row.logits), g = random_rows(random, items, row.gate_outputs);
  Rows d = random_rows(random, items, row.scores);
  Rows scores(items, row.scores), objectives(items, row.objective_count), weights(items, row.gate_weights);
  Rows dlogits(items, row.logits), dgate(items, row.gate_outputs), dscale(items, 1);
  WorkspaceCache cache;
  Workspace workspace(cache);
  const ReadoutBlock block{&row, items, z.data(), row.gate_outputs == 0 ? nullptr : g.data(),
                           workspace.take<float>(readout_block_scratch(row))};
  const bool all = random.integer(0, 1) == 1;
  kernels.read_out(&block, scores.data(), all && row.mixes() ? objectives.data() : nullptr,
                   all && row.gate_weights > 0 ? weights.data() : nullptr);
  kernels.read_out_gradient(&block, d.data(), dlogits.data(), row.gate_outputs == 0 ? nullptr : dgate.data());
  if (row.gate_scale != 0) kernels.gate_scale_gradient(&block, d.data(), dscale.data());
  for (int64_t i = 0; i < items; ++i) {
    const ItemOutputs expected = item.outputs(z.of(i), g.of(i));
    check_row("score", scores.of(i), expected.scores, seed);
    if (all) check_row("objective", objectives.of(i), expected.objectives, seed);
    if (all) check_row("gate weight", weights.of(i), expected.gate_weights, seed);
    const ItemGradient gradient = item.gradient(z.of(i), g.of(i), d.of(i));
    check_row("dlogit", dlogits.of(i), gradient.logits, seed);
    check_row("dgate", dgate.of(i), gradient.gate, seed);
    if (row.gate_scale != 0) check_row("dscale", dscale.of(i), {gradient.scale}, seed);
  }
  for (const Rows *rows : {&scores, &objectives, &weights, &dlogits, &dgate, &dscale}) rows->check_guard("block", seed);
}

}  // namespace

int main() {
  const FlushDenormals flush;
  for (const Table &table : row_tables()) {
    std::printf("%s\n", table.name.c_str());
    for (uint64_t seed = kSeed; seed < kSeed + 3000; ++seed) check_block(*table.kernels, seed);
  }
  return finish();
}
