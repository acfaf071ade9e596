// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// fake_cublaslt.h: the functions of cuBLASLt that blaslt.cu calls, column-major and strict about what they are given, computed on the host.
// Only bf16, only op(A) = A^T: what the product is written with.
#ifndef GAVEL_TEST_FAKE_CUBLASLT_H
#define GAVEL_TEST_FAKE_CUBLASLT_H

#include <cstddef>
#include <cstdint>
#include <cstring>

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

struct Operation {
  int transpose_a = 0;
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

inline float widen(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline int heuristic(void *, void *, void *, void *, void *, void *, void *preference, int wanted, BlasLtHeuristic *results,
                     int *found) {
  ++heuristic_calls;
  const Preference &set = *static_cast<Preference *>(preference);
  if (wanted != 1 || set.reduction != 0 || set.workspace != uint64_t{32} << 20) return kFailure;
  *found = heuristics_found;
  results[0] = {};
  results[0].algorithm.data[3] = 77;
  results[0].workspace_bytes = heuristic_workspace;
  return answer("cublasLtMatmulAlgoGetHeuristic");
}

inline int matmul(void *, void *operation, const void *alpha, const void *a, void *a_layout, const void *b, void *b_layout,
                  const void *beta, const void *c, void *c_layout, void *d, void *d_layout, const BlasLtAlgorithm *algorithm,
                  void *workspace, size_t workspace_bytes, void *stream) {
  const Layout &left = *static_cast<Layout *>(a_layout);
  const Layout &right = *static_cast<Layout *>(b_layout);
  const Layout &out = *static_cast<Layout *>(d_layout);
  last_stream = stream;
  if (static_cast<Operation *>(operation)->transpose_a != 1 || algorithm->data[3] != 77 || workspace == nullptr ||
      workspace_bytes != size_t{32} << 20 || c != d || c_layout != d_layout) {
    return kFailure;
  }
  if (*static_cast<const float *>(alpha) != 1.0f || *static_cast<const float *>(beta) != 0.0f) return kFailure;
  if (left.type != 14 || right.type != 14 || out.type != 0) return kFailure;
  if (left.rows != right.rows || out.rows != left.columns || out.columns != right.columns) return kFailure;
  for (uint64_t column = 0; column < out.columns; ++column) {
    for (uint64_t row = 0; row < out.rows; ++row) {
      float sum = 0;
      for (uint64_t k = 0; k < left.rows; ++k) {
        sum += widen(static_cast<const uint16_t *>(a)[static_cast<int64_t>(row) * left.stride + static_cast<int64_t>(k)]) *
               widen(static_cast<const uint16_t *>(b)[static_cast<int64_t>(column) * right.stride + static_cast<int64_t>(k)]);
      }
      static_cast<float *>(d)[static_cast<int64_t>(column) * out.stride + static_cast<int64_t>(row)] = sum;
    }
  }
  return answer("cublasLtMatmul");
}

inline const BlasLtApi kApi = {
    .cublasLtGetVersion = [] { return version; },
    .cublasLtCreate = [](void **handle) { return make<Operation>("cublasLtCreate", handle); },
    .cublasLtDestroy = destroy<Operation>,
    .cublasLtMatmulDescCreate =
        [](void **made, int compute, int scale) {
          return compute == 68 && scale == 0 ? make<Operation>("cublasLtMatmulDescCreate", made) : kFailure;
        },
    .cublasLtMatmulDescDestroy = destroy<Operation>,
    .cublasLtMatmulDescSetAttribute =
        [](void *operation, int attribute, const void *value, size_t bytes) {
          if (attribute != 3 || bytes != sizeof(int32_t)) return kFailure;
          std::memcpy(&static_cast<Operation *>(operation)->transpose_a, value, bytes);
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
