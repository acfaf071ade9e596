// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Every row kernel of every table gives the bits of the scalar table, at every length, alignment and kind of data, and touches
// nothing outside its rows: inputs and outputs end at an inaccessible page, or start at one, or lie three elements off it.
#include <algorithm>
#include <cstring>
#include <memory>

#include "check.h"
#include "guard.h"
#include "rows.h"

namespace gavel::test {
namespace {

constexpr int kInputs = 3, kOutputs = 3;

// What a kernel works on: rows of n floats to read, n 16-bit elements to read, n floats to change, n 16-bit elements to write.
struct Memory {
  const float *in[kInputs];
  const uint16_t *half;
  float *out[kOutputs];
  uint16_t *half_out;
  int64_t n;
};

struct Operation {
  std::string name;
  void (*run)(const Kernels &, const Memory &, int32_t option);
  int32_t option;
};

constexpr AdamwStep kStep = {0.999f, 0.9f, 0.1f, 0.999f, 0.001f, 1e-3f, 31.6f, 1e-8f};
constexpr float kEpsilon = 1e-5f;

std::vector<Operation> operations() {
  std::vector<Operation> all = {
      {"sum", [](const Kernels &k, const Memory &m, int32_t) { m.out[0][0] = k.sum(m.in[0], m.n); }, 0},
      {"add", [](const Kernels &k, const Memory &m, int32_t) { k.add(m.out[0], m.in[0], m.n); }, 0},
      {"subtract", [](const Kernels &k, const Memory &m, int32_t) { k.subtract(m.out[0], m.in[0], m.n); }, 0},
      {"divide", [](const Kernels &k, const Memory &m, int32_t) { k.divide(m.out[0], 0.7f, m.n); }, 0},
      {"multiply_add", [](const Kernels &k, const Memory &m, int32_t) { k.multiply_add(m.out[0], 1.3f, m.in[0], m.n); }, 0},
      {"sigmoid", [](const Kernels &k, const Memory &m, int32_t) { k.sigmoid(m.in[0], m.out[0], m.n); }, 0},
      {"adamw", [](const Kernels &k, const Memory &m, int32_t) { k.adamw(&kStep, m.out[0], m.out[1], m.out[2], m.in[0], m.n); },
       0}};
  for (int32_t dtype : {GAVEL_F32, GAVEL_F16, GAVEL_BF16}) {
    const std::string name = dtype == GAVEL_F32 ? " f32" : dtype == GAVEL_F16 ? " f16" : " bf16";
    all.push_back({"widen" + name,
                   [](const Kernels &k, const Memory &m, int32_t type) {
                     k.widen(type, type == GAVEL_F32 ? static_cast<const void *>(m.in[0]) : m.half, m.out[0], m.n);
                   },
                   dtype});
    all.push_back({"narrow" + name,
                   [](const Kernels &k, const Memory &m, int32_t type) {
                     k.narrow(type, m.in[0], type == GAVEL_F32 ? static_cast<void *>(m.out[0]) : m.half_out, m.n);
                   },
                   dtype});
    all.push_back({"dot" + name,
                   [](const Kernels &k, const Memory &m, int32_t type) {
                     m.out[0][0] = k.dot(m.in[0], type, type == GAVEL_F32 ? static_cast<const void *>(m.in[1]) : m.half, m.n);
                   },
                   dtype});
  }
  for (int32_t norm : {GAVEL_NORM_RMS, GAVEL_NORM_LAYER}) {
    const std::string name = norm == GAVEL_NORM_RMS ? " rms" : " layer";
    all.push_back(
        {"norm" + name,
         [](const Kernels &k, const Memory &m, int32_t kind) { k.norm(kind, m.out[0], m.n, m.in[0], nullptr, kEpsilon); },
         norm});
    all.push_back(
        {"norm with bias" + name,
         [](const Kernels &k, const Memory &m, int32_t kind) { k.norm(kind, m.out[0], m.n, m.in[0], m.in[1], kEpsilon); },
         norm});
    all.push_back({"norm_gradient" + name,
                   [](const Kernels &k, const Memory &m, int32_t kind) {
                     k.norm_gradient(kind, m.in[0], m.in[1], kEpsilon, m.in[2], m.n, m.out[0], m.out[1], m.out[2]);
                   },
                   norm});
    all.push_back({"norm_gradient of x alone" + name,
                   [](const Kernels &k, const Memory &m, int32_t kind) {
                     k.norm_gradient(kind, m.in[0], m.in[1], kEpsilon, m.in[2], m.n, m.out[0], nullptr, nullptr);
                   },
                   norm});
  }
  for (int32_t activation = GAVEL_ACTIVATION_IDENTITY; activation <= GAVEL_ACTIVATION_SILU; ++activation) {
    const std::string name = std::string(" ") + std::to_string(activation);
    all.push_back({"activate" + name,
                   [](const Kernels &k, const Memory &m, int32_t kind) {
                     static const float slope = 0.01f;
                     k.activate(kind, kind == GAVEL_ACTIVATION_PRELU ? m.in[0] : &slope, m.out[0], m.n);
                   },
                   activation});
    all.push_back({"activate_gradient" + name,
                   [](const Kernels &k, const Memory &m, int32_t kind) {
                     static const float slope = 0.01f;
                     k.activate_gradient(kind, kind == GAVEL_ACTIVATION_PRELU ? m.in[1] : &slope, m.in[0], m.out[0], m.n);
                   },
                   activation});
  }
  return all;
}

// The starting contents of a Memory.
struct Contents {
  std::vector<float> in[kInputs], out[kOutputs];
  std::vector<uint16_t> half;
  int64_t n;
};

Contents contents(uint64_t seed, int64_t n, Data data) {
  Random random(seed);
  Contents c;
  c.n = n;
  for (auto &in : c.in) in = row(random, n, data);
  for (auto &out : c.out) out = row(random, n, data);
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t any = random.next();
    c.half.push_back(static_cast<uint16_t>(data == Data::NORMAL ? 0x3c00 ^ (any & 0x83ff) : any));
  }
  return c;
}

// Results of one run. A sum is out[0][0], so an output has at least one element.
struct Results {
  std::vector<float> out[kOutputs];
  std::vector<uint16_t> half;
};

// Where the rows lie: at `offset` elements behind an inaccessible page, or right before one.
struct Place {
  const char *name;
  Edge edge;
  int64_t offset;
};
constexpr Place kPlaces[] = {
    {"before a guard page", Edge::AFTER, 0}, {"after a guard page", Edge::BEFORE, 0}, {"misaligned", Edge::BEFORE, 3}};

template <typename T>
struct Row {
  Row(const Place &place, const std::vector<T> &values, int64_t at_least)
      : n(static_cast<int64_t>(values.size())),
        memory((std::max(n, at_least) + place.offset) * static_cast<int64_t>(sizeof(T)), place.edge),
        data(memory.as<T>() + place.offset),
        offset(place.offset) {
    if (n > 0) std::memcpy(data, values.data(), values.size() * sizeof(T));
  }
  bool untouched() const {
    const unsigned char *before = reinterpret_cast<const unsigned char *>(data - offset);
    for (size_t i = 0; i < static_cast<size_t>(offset) * sizeof(T); ++i) {
      if (before[i] != 0xff) return false;
    }
    return memory.untouched();
  }
  std::vector<T> values(int64_t at_least) const { return {data, data + std::max(n, at_least)}; }

  int64_t n;
  Guarded memory;
  T *data;
  int64_t offset;
};

Results run(const Kernels &kernels, const Operation &operation, const Contents &contents, const Place &place,
            const std::string &what) {
  std::unique_ptr<Row<float>> in[kInputs], out[kOutputs];
  Row<uint16_t> half(place, contents.half, 0), half_out(place, std::vector<uint16_t>(contents.half.size(), 0x1234), 0);
  Memory memory;
  for (int i = 0; i < kInputs; ++i) {
    in[i] = std::make_unique<Row<float>>(place, contents.in[i], 0);
    in[i]->memory.freeze();
    memory.in[i] = in[i]->data;
  }
  for (int i = 0; i < kOutputs; ++i) {
    out[i] = std::make_unique<Row<float>>(place, contents.out[i], 1);
    memory.out[i] = out[i]->data;
  }
  half.memory.freeze();
  memory.half = half.data;
  memory.half_out = half_out.data;
  memory.n = contents.n;
  {
    FlushDenormals flush;
    operation.run(kernels, memory, operation.option);
  }
  Results results;
  bool untouched = half_out.untouched();
  for (int i = 0; i < kOutputs; ++i) {
    untouched = untouched && out[i]->untouched();
    results.out[i] = out[i]->values(1);
  }
  results.half = half_out.values(0);
  CHECK(untouched, "%s wrote outside its rows", what.c_str());
  return results;
}

void compare(const std::string &what, const Results &actual, const Results &expected, uint64_t seed) {
  for (int i = 0; i < kOutputs; ++i) {
    const int64_t n = static_cast<int64_t>(expected.out[i].size());
    check_bits(what + " out " + std::to_string(i), actual.out[i].data(), expected.out[i].data(), n, seed);
  }
  // 16-bit results agree in NaN payloads, too: every table cuts them off in the same place.
  CHECK(actual.half == expected.half, "%s: 16-bit results differ, seed %llu", what.c_str(),
        static_cast<unsigned long long>(seed));
}

}  // namespace
}  // namespace gavel::test

int main() {
  using namespace gavel::test;
  const std::vector<Table> tables = row_tables();
  const std::vector<Operation> all = operations();
  uint64_t seed = 100;
  for (const Operation &operation : all) {
    for (int64_t n : kLengths) {
      // Three kinds of data in three places: each length meets all of both.
      for (int kind = 0; kind < 3; ++kind) {
        const Contents start = contents(++seed, n, static_cast<Data>(kind));
        const Place &place = kPlaces[(kind + n) % 3];
        Results expected;
        for (const Table &table : tables) {
          const std::string what = table.name + " " + operation.name + ", n = " + std::to_string(n) + ", " + place.name;
          const Results actual = run(*table.kernels, operation, start, place, what);
          if (&table == &tables.front()) {
            expected = actual;
          } else {
            compare(what, actual, expected, seed);
          }
        }
      }
    }
  }
  return finish();
}
