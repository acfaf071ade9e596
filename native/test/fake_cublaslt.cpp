// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// fake_cublaslt.cpp: the fake as a shared library, to be opened by path. FAKE_VERSION is what it answers; with FAKE_INCOMPLETE it has
// nothing but its version.
#include "fake_cublaslt.h"

#pragma GCC visibility push(default)
extern "C" {

size_t cublasLtGetVersion() {
  return FAKE_VERSION;
}

#ifndef FAKE_INCOMPLETE
const fake_cublaslt::Control *fake_cublaslt_control() {
  static const fake_cublaslt::Control control = {&fake_cublaslt::asked, &fake_cublaslt::live, &fake_cublaslt::on_stream};
  return &control;
}
int cublasLtCreate(void **handle) {
  return fake_cublaslt::kApi.cublasLtCreate(handle);
}
int cublasLtDestroy(void *handle) {
  return fake_cublaslt::kApi.cublasLtDestroy(handle);
}
int cublasLtMatmulDescCreate(void **made, int compute, int scale) {
  return fake_cublaslt::kApi.cublasLtMatmulDescCreate(made, compute, scale);
}
int cublasLtMatmulDescDestroy(void *made) {
  return fake_cublaslt::kApi.cublasLtMatmulDescDestroy(made);
}
int cublasLtMatmulDescSetAttribute(void *operation, int attribute, const void *value, size_t bytes) {
  return fake_cublaslt::kApi.cublasLtMatmulDescSetAttribute(operation, attribute, value, bytes);
}
int cublasLtMatrixLayoutCreate(void **made, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  return fake_cublaslt::kApi.cublasLtMatrixLayoutCreate(made, type, rows, columns, stride);
}
int cublasLtMatrixLayoutDestroy(void *made) {
  return fake_cublaslt::kApi.cublasLtMatrixLayoutDestroy(made);
}
int cublasLtMatmulPreferenceCreate(void **made) {
  return fake_cublaslt::kApi.cublasLtMatmulPreferenceCreate(made);
}
int cublasLtMatmulPreferenceDestroy(void *made) {
  return fake_cublaslt::kApi.cublasLtMatmulPreferenceDestroy(made);
}
int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value, size_t bytes) {
  return fake_cublaslt::kApi.cublasLtMatmulPreferenceSetAttribute(preference, attribute, value, bytes);
}
int cublasLtMatmulAlgoGetHeuristic(void *handle, void *operation, void *a, void *b, void *c, void *d, void *preference,
                                   int wanted, fake_cublaslt::BlasLtHeuristic *results, int *found) {
  return fake_cublaslt::kApi.cublasLtMatmulAlgoGetHeuristic(handle, operation, a, b, c, d, preference, wanted, results, found);
}
int cublasLtMatmul(void *handle, void *operation, const void *alpha, const void *a, void *a_layout, const void *b,
                   void *b_layout, const void *beta, const void *c, void *c_layout, void *d, void *d_layout,
                   const fake_cublaslt::BlasLtAlgorithm *algorithm, void *workspace, size_t workspace_bytes, void *stream) {
  return fake_cublaslt::kApi.cublasLtMatmul(handle, operation, alpha, a, a_layout, b, b_layout, beta, c, c_layout, d, d_layout,
                                            algorithm, workspace, workspace_bytes, stream);
}
#endif
}
#pragma GCC visibility pop
