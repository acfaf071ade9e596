// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// fake_cublaslt.h: the functions of cuBLASLt that blaslt.cpp calls, column-major and strict about what they are given, computed on the host.
// What TF32 rounds stays as it is: tests with small whole numbers see no difference.
#ifndef GAVEL_TEST_FAKE_CUBLASLT_H
#define GAVEL_TEST_FAKE_CUBLASLT_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "cuda/blaslt.h"

namespace fake_cublaslt {

using gavel::cuda::BlasLtAlgorithm;
using gavel::cuda::BlasLtApi;
using gavel::cuda::BlasLtHeuristic;

// What a test sets, and what it looks at.
inline size_t version = 130100;
inline int heuristics_found = 1;
inline size_t heuristic_workspace = 0;
inline const char *failing = "";  // the function that answers kFailure
inline int live = 0;              // handles and descriptors not yet destroyed
inline int heuristic_calls = 0;
inline void *last_stream = nullptr;
constexpr int kFailure = 13;

// One product as it was asked for: d [rows, columns] (+)= op(a) op(b), column-major.
struct Asked {
  uint64_t rows, columns, depth;
  int64_t a_stride, b_stride, d_stride;
  int32_t transpose_a, transpose_b;
  int32_t type;  // of a and b
  bool adds;
};
inline std::vector<Asked> asked;
// Where set, does the work in the order of a stream, or puts it into the graph that the stream is captured into.
inline void (*on_stream)(void *stream, const std::function<void()> &work) = nullptr;

// For a test that opened the fake as a library: its symbol fake_cublaslt_control returns this.
struct Control {
  std::vector<Asked> *asked;
  int *live;
  void (**on_stream)(void *stream, const std::function<void()> &work);
};

struct Operation {
  int compute = 0;
  int32_t transpose_a = 0;
  int32_t transpose_b = 0;
};
struct Layout {
  uint64_t rows;
  uint64_t columns;
  int64_t stride;
  int type;
};
struct Preference {
  uint64_t workspace = 0;
  uint32_t reduction = 7;
  uint32_t alignment[4] = {256, 256, 256, 256};
};

inline int answer(const char *function) {
  return std::strcmp(failing, function) == 0 ? kFailure : 0;
}

template <typename Type, typename... Fields>
int make(const char *function, void **made, Fields... fields) {
  if (answer(function) != 0) return kFailure;
  *made = new Type{fields...};
  ++live;
  return 0;
}
template <typename Type>
int destroy(void *made) {
  delete static_cast<Type *>(made);
  --live;
  return 0;
}

// Element of a matrix of CUDA_R_32F (0), CUDA_R_16F (2) or CUDA_R_16BF (14).
inline float element(const void *data, int type, int64_t index) {
  if (type == 0) return static_cast<const float *>(data)[index];
  const uint16_t half = static_cast<const uint16_t *>(data)[index];
  uint32_t bits = static_cast<uint32_t>(half) << 16;
  if (type == 2) {
    const float sign = (half & 0x8000) != 0 ? -1.0f : 1.0f;
    if ((half & 0x7c00) == 0) return sign * static_cast<float>(half & 0x3ff) * 0x1p-24f;
    const uint32_t exponent = (half & 0x7c00) == 0x7c00 ? 255 : (static_cast<uint32_t>(half) >> 10 & 31) + 112;
    bits = static_cast<uint32_t>(half & 0x8000) << 16 | exponent << 23 | static_cast<uint32_t>(half & 0x3ff) << 13;
  }
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline int heuristic(void *, void *, void *, void *, void *, void *, void *preference, int wanted, BlasLtHeuristic *results,
                     int *found) {
  ++heuristic_calls;
  const Preference &set = *static_cast<Preference *>(preference);
  if (wanted != 1 || set.reduction != 0 || set.workspace != uint64_t{32} << 20) return kFailure;
  for (const uint32_t alignment : set.alignment) {
    if (alignment != 16) return kFailure;
  }
  *found = heuristics_found;
  results[0] = {};
  results[0].algorithm.data[3] = 77;
  results[0].workspace_bytes = heuristic_workspace;
  return answer("cublasLtMatmulAlgoGetHeuristic");
}

inline bool aligned(const void *data) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0;
}

inline int matmul(void *, void *operation, const void *alpha, const void *a, void *a_layout, const void *b, void *b_layout,
                  const void *beta, const void *c, void *c_layout, void *d, void *d_layout, const BlasLtAlgorithm *algorithm,
                  void *workspace, size_t workspace_bytes, void *stream) {
  const Operation &op = *static_cast<Operation *>(operation);
  const Layout left = *static_cast<Layout *>(a_layout), right = *static_cast<Layout *>(b_layout);
  const Layout out = *static_cast<Layout *>(d_layout);
  last_stream = stream;
  if (algorithm->data[3] != 77 || workspace == nullptr || workspace_bytes != size_t{32} << 20 || c != d ||
      c_layout != d_layout) {
    return kFailure;
  }
  const float kept = *static_cast<const float *>(beta);
  if (*static_cast<const float *>(alpha) != 1.0f || (kept != 0.0f && kept != 1.0f)) return kFailure;
  if (left.type != right.type || out.type != 0 || op.compute != (left.type == 0 ? 77 : 68)) return kFailure;
  if (!aligned(a) || !aligned(b) || !aligned(d)) return kFailure;
  const bool ta = op.transpose_a == 1, tb = op.transpose_b == 1;
  const uint64_t depth = ta ? left.rows : left.columns;
  if ((tb ? right.columns : right.rows) != depth || (ta ? left.columns : left.rows) != out.rows ||
      (tb ? right.rows : right.columns) != out.columns) {
    return kFailure;
  }
  for (const Layout &layout : {left, right, out}) {
    if (layout.stride < static_cast<int64_t>(layout.rows)) return kFailure;
  }
  asked.push_back({out.rows, out.columns, depth, left.stride, right.stride, out.stride, op.transpose_a, op.transpose_b,
                   left.type, kept != 0});
  const auto work = [=] {
    for (uint64_t column = 0; column < out.columns; ++column) {
      for (uint64_t row = 0; row < out.rows; ++row) {
        float *target = static_cast<float *>(d) + static_cast<int64_t>(column) * out.stride + static_cast<int64_t>(row);
        float sum = 0;
        for (uint64_t k = 0; k < depth; ++k) {
          const auto at = [k](uint64_t line, bool transposed, const Layout &layout) {
            return transposed ? static_cast<int64_t>(line) * layout.stride + static_cast<int64_t>(k)
                              : static_cast<int64_t>(k) * layout.stride + static_cast<int64_t>(line);
          };
          // b's columns are lines: the other way round.
          sum += element(a, left.type, at(row, ta, left)) * element(b, right.type, at(column, !tb, right));
        }
        *target = kept == 0 ? sum : *target + sum;
      }
    }
  };
  if (on_stream != nullptr) {
    on_stream(stream, work);
  } else {
    work();
  }
  return answer("cublasLtMatmul");
}

inline const BlasLtApi kApi = {
    .cublasLtGetVersion = [] { return version; },
    .cublasLtCreate = [](void **handle) { return make<Operation>("cublasLtCreate", handle); },
    .cublasLtDestroy = destroy<Operation>,
    .cublasLtMatmulDescCreate =
        [](void **made, int compute, int scale) {
          return scale == 0 ? make<Operation>("cublasLtMatmulDescCreate", made, compute) : kFailure;
        },
    .cublasLtMatmulDescDestroy = destroy<Operation>,
    .cublasLtMatmulDescSetAttribute =
        [](void *operation, int attribute, const void *value, size_t bytes) {
          if ((attribute != 3 && attribute != 4) || bytes != sizeof(int32_t)) return kFailure;
          Operation &op = *static_cast<Operation *>(operation);
          std::memcpy(attribute == 3 ? &op.transpose_a : &op.transpose_b, value, bytes);
          return answer("cublasLtMatmulDescSetAttribute");
        },
    .cublasLtMatrixLayoutCreate =
        [](void **made, int type, uint64_t rows, uint64_t columns, int64_t stride) {
          return make<Layout>("cublasLtMatrixLayoutCreate", made, rows, columns, stride, type);
        },
    .cublasLtMatrixLayoutDestroy = destroy<Layout>,
    .cublasLtMatmulPreferenceCreate = [](void **made) { return make<Preference>("cublasLtMatmulPreferenceCreate", made); },
    .cublasLtMatmulPreferenceDestroy = destroy<Preference>,
    .cublasLtMatmulPreferenceSetAttribute =
        [](void *preference, int attribute, const void *value, size_t bytes) {
          Preference &set = *static_cast<Preference *>(preference);
          if (attribute == 1 && bytes == sizeof set.workspace) {
            std::memcpy(&set.workspace, value, bytes);
          } else if (attribute == 3 && bytes == sizeof set.reduction) {
            std::memcpy(&set.reduction, value, bytes);
          } else if (attribute >= 5 && attribute <= 8 && bytes == sizeof(uint32_t)) {
            std::memcpy(&set.alignment[attribute - 5], value, bytes);
          } else {
            return kFailure;
          }
          return answer("cublasLtMatmulPreferenceSetAttribute");
        },
    .cublasLtMatmulAlgoGetHeuristic = heuristic,
    .cublasLtMatmul = matmul,
};

}  // namespace fake_cublaslt

#endif
