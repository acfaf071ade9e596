// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_walk.cpp: the bits of an element depend on its row and its column alone: not on how many rows are packed together,
// where among them its own lies, or how panels are split; and the epilogue gets every block once, in order, and may change
// it.
#include <algorithm>

#include "check.h"
#include "gemm_case.h"

namespace gavel::test {
namespace {

constexpr int64_t kColumns = 150, kDepth = 130;
constexpr int64_t kWidth = 160;  // of five panels

struct Call {
  int64_t row, rows, panel;
  bool operator==(const Call &) const = default;
};
struct Record {
  std::vector<Call> calls;
  std::vector<float> c;  // [rows][kWidth]
};
void record(void *state, int64_t row, int64_t rows, int64_t panel, float *c) {
  auto *to = static_cast<Record *>(state);
  to->calls.push_back({row, rows, panel});
  for (int64_t r = 0; r < rows; ++r) {
    std::copy_n(c + r * kPanelColumns, kPanelColumns, &to->c[static_cast<size_t>((row + r) * kWidth + panel * kPanelColumns)]);
  }
  // Spoilt: what was in c before must not matter to the next panel.
  std::fill_n(c, rows * kPanelColumns, NAN);
}

void check_table(const Table &table, int32_t dtype) {
  const Kernels &kernels = *table.kernels;
  const uint64_t seed = 3;
  Random random(seed);
  constexpr int64_t kRows = 150;
  const auto draw = [&] { return random.normal(); };
  const Matrix a = filled(dtype, kRows, kDepth, draw), b = filled(dtype, kColumns, kDepth, draw);
  const AlignedBytes panels = panels_of(b, dtype);
  const std::string name = table.name + " " + dtype_text(dtype);

  // Each row alone.
  std::vector<float> alone;
  for (int64_t r = 0; r < kRows; ++r) {
    Matrix row(dtype, 1, kDepth);
    std::memcpy(row.bytes.data(), a.row(r), row.bytes.size());
    const std::vector<float> c = product(kernels, row, 1, panels, kColumns);
    alone.insert(alone.end(), c.begin(), c.end());
  }

  // Batches of any size, any rows in any place, panels in one, two or five pieces.
  for (const int64_t rows : {2, 5, 8, 16, 31, 32, 33, 47, 64, 128, 150}) {
    if (kSanitized && rows > 47) continue;
    std::vector<int64_t> which;
    for (int64_t r = 0; r < rows; ++r) which.push_back(random.integer(0, kRows - 1));
    AlignedBytes packed(kernels.packed_rows_bytes(dtype, rows, kDepth)), c(rows * kPanelColumns * 4);
    for (int64_t r = 0; r < rows; ++r) {
      kernels.pack_row(dtype, dtype, a.row(which[static_cast<size_t>(r)]), 1, kDepth, packed.as(), r, rows);
    }
    kernels.pack_tail(dtype, kDepth, packed.as(), rows);
    std::vector<float> expected;
    for (const int64_t r : which)
      expected.insert(expected.end(), &alone[static_cast<size_t>(r * kWidth)],
                      &alone[static_cast<size_t>(r * kWidth)] + kWidth);

    const std::vector<std::vector<int64_t>> splits = {{0, 5}, {0, 2, 5}, {0, 1, 2, 3, 4, 5}};
    for (const std::vector<int64_t> &split : splits) {
      constexpr int64_t kFirst = 7;  // where the block of rows lies among all rows, which only the epilogue hears of
      Record seen = {{}, std::vector<float>(static_cast<size_t>((kFirst + rows) * kWidth), NAN)};
      std::vector<Call> wanted;
      for (size_t piece = split.size() - 1; piece > 0; --piece) {
        multiply_panels(kernels, dtype, packed.as(), kFirst, rows, panels.as(), kDepth, split[piece - 1], split[piece],
                        c.as<float>(), {record, &seen});
        for (int64_t p = split[piece - 1]; p < split[piece]; ++p) wanted.push_back({kFirst, rows, p});
      }
      CHECK(seen.calls == wanted, "%s rows %d: epilogue calls", name.c_str(), static_cast<int>(rows));
      check_bits(name + " rows " + std::to_string(rows) + " in " + std::to_string(split.size() - 1) + " pieces",
                 &seen.c[kFirst * kWidth], expected.data(), rows * kWidth, seed);
    }
  }
  // No panel, no call.
  Record none;
  AlignedBytes packed(kernels.packed_rows_bytes(dtype, 1, kDepth));
  multiply_panels(kernels, dtype, packed.as(), 0, 1, panels.as(), kDepth, 3, 3, nullptr, {record, &none});
  CHECK(none.calls.empty(), "%s: an empty range of panels", name.c_str());
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  const gavel::FlushDenormals flush;
  for (const Table &table : tables()) {
    for (const int32_t dtype : kDtypes) check_table(table, dtype);
  }
  return finish();
}
