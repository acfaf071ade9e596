// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuBLASLt as an optional library: layouts, plans that are kept, refusals that name what to do, nothing leaked. Arguments: three
// shared libraries, the fake as version 13.1, as version 11, and without its functions.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "common/error.h"
#include "cuda/blaslt.h"
#include "fake_cublaslt.h"
#include "gavel/gavel.h"

using namespace gavel;
using namespace gavel::test;
using gavel::cuda::BlasLt;
using gavel::cuda::BlasLtProduct;

namespace {

// A small whole number as bf16: sums are exact in any order.
uint16_t bf16(int value) {
  const float wide = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &wide, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

int value_of(int64_t seed) {
  return static_cast<int>((seed * 2654435761u >> 7) % 15) - 7;
}

struct Problem {
  explicit Problem(const BlasLtProduct &of)
      : product(of), a(of.m * of.a_stride), b(of.n * of.b_stride), c(of.m * of.c_stride, -1.0f), workspace(1) {
    for (size_t i = 0; i < a.size(); ++i) a[i] = bf16(value_of(static_cast<int64_t>(i)));
    for (size_t i = 0; i < b.size(); ++i) b[i] = bf16(value_of(static_cast<int64_t>(i) + 1000003));
  }
  void run(BlasLt &blas) {
    blas.multiply(product, a.data(), b.data(), c.data(), workspace.data(), reinterpret_cast<void *>(uintptr_t{0x5eed}));
  }
  void check_exact() {
    for (int64_t i = 0; i < product.m; ++i) {
      for (int64_t j = 0; j < product.c_stride; ++j) {
        float expected = -1.0f;
        if (j < product.n) {
          int sum = 0;
          for (int64_t k = 0; k < product.k; ++k)
            sum += value_of(i * product.a_stride + k) * value_of(j * product.b_stride + k + 1000003);
          expected = static_cast<float>(sum);
        }
        CHECK(c[i * product.c_stride + j] == expected, "c[%lld][%lld] is %g, expected %g", static_cast<long long>(i),
              static_cast<long long>(j), c[i * product.c_stride + j], expected);
      }
    }
  }
  BlasLtProduct product;
  std::vector<uint16_t> a, b;
  std::vector<float> c;
  std::vector<char> workspace;
};

BlasLtProduct product_of(int64_t m, int64_t n, int64_t k, int64_t padding) {
  return {GAVEL_BF16, m, n, k, k + padding, k + 2 * padding, n + padding};
}

template <typename Body>
void check_refused(const char *what, int32_t status, const char *text, Body &&body) {
  try {
    body();
    CHECK(false, "%s was not refused", what);
  } catch (const Failure &failure) {
    check_equal(what, failure.status(), status);
    CHECK(std::strstr(failure.what(), text) != nullptr, "%s: the message is \"%s\", without \"%s\"", what, failure.what(),
          text);
  }
}

void products() {
  BlasLt blas(fake_cublaslt::kApi);
  check_equal("version", blas.version(), 130100);
  const int64_t shapes[][4] = {{1, 8, 16, 0}, {5, 24, 40, 8}, {33, 7, 64, 4}, {2, 1, 1, 0}};
  for (const auto &shape : shapes) {
    Problem problem(product_of(shape[0], shape[1], shape[2], shape[3]));
    problem.run(blas);
    problem.check_exact();
  }
  CHECK(fake_cublaslt::last_stream == reinterpret_cast<void *>(uintptr_t{0x5eed}), "the stream did not reach the library");
}

void plans_are_kept() {
  BlasLt blas(fake_cublaslt::kApi);
  fake_cublaslt::heuristic_calls = 0;
  Problem first(product_of(3, 8, 16, 0)), second(product_of(4, 8, 16, 0));
  first.run(blas);
  first.run(blas);
  second.run(blas);
  first.run(blas);
  check_equal("heuristic calls for two shapes", fake_cublaslt::heuristic_calls, 2);
}

void refusals() {
  const char *functions[] = {"cublasLtCreate",
                             "cublasLtMatmulDescCreate",
                             "cublasLtMatmulDescSetAttribute",
                             "cublasLtMatrixLayoutCreate",
                             "cublasLtMatmulPreferenceCreate",
                             "cublasLtMatmulPreferenceSetAttribute",
                             "cublasLtMatmulAlgoGetHeuristic",
                             "cublasLtMatmul"};
  for (const char *function : functions) {
    fake_cublaslt::failing = function;
    check_refused(function, GAVEL_INTERNAL, function, [] {
      BlasLt blas(fake_cublaslt::kApi);
      Problem problem(product_of(2, 8, 16, 0));
      problem.run(blas);
    });
    fake_cublaslt::failing = "";
    check_equal(std::string("left alive after ") + function, fake_cublaslt::live, 0);
  }
  fake_cublaslt::heuristics_found = 0;
  check_refused("no kernel", GAVEL_UNSUPPORTED, "mode INVARIANT", [] {
    BlasLt blas(fake_cublaslt::kApi);
    Problem problem(product_of(2, 8, 16, 0));
    problem.run(blas);
  });
  fake_cublaslt::heuristics_found = 1;
  fake_cublaslt::heuristic_workspace = size_t{33} << 20;
  check_refused("a kernel that wants more scratch", GAVEL_UNSUPPORTED, "no kernel", [] {
    BlasLt blas(fake_cublaslt::kApi);
    Problem problem(product_of(2, 8, 16, 0));
    problem.run(blas);
  });
  fake_cublaslt::heuristic_workspace = 0;
  for (const size_t version : {size_t{110000}, size_t{140000}, size_t{0}}) {
    fake_cublaslt::version = version;
    check_refused("version", GAVEL_UNSUPPORTED, "12 and 13", [] { BlasLt blas(fake_cublaslt::kApi); });
  }
  fake_cublaslt::version = 130100;
}

void alignment() {
  const BlasLtProduct even = product_of(2, 8, 16, 0);
  alignas(16) char memory[64];
  CHECK(BlasLt::accepts(even, memory, memory, memory), "aligned rows are refused");
  CHECK(!BlasLt::accepts(even, memory + 2, memory, memory), "a start at 2 bytes is accepted");
  CHECK(!BlasLt::accepts(product_of(2, 8, 12, 0), memory, memory, memory), "rows of 24 bytes are accepted");
  CHECK(!BlasLt::accepts(product_of(2, 9, 16, 0), memory, memory, memory), "results of 36 bytes a row are accepted");
}

void libraries(const char *good, const char *old, const char *incomplete) {
  {
    BlasLt blas(good);
    check_equal("version of the opened library", blas.version(), 130100);
    Problem problem(product_of(3, 8, 24, 8));
    problem.run(blas);
    problem.check_exact();
  }
  check_refused("an old library", GAVEL_UNSUPPORTED, "110000", [&] { BlasLt blas(old); });
  check_refused("an incomplete library", GAVEL_UNSUPPORTED, "no function cublasLtCreate", [&] { BlasLt blas(incomplete); });
  check_refused("no library", GAVEL_UNSUPPORTED, "cannot be opened", [] { BlasLt blas("/nowhere/libcublasLt.so.13"); });
}

}  // namespace

int main(int count, char **arguments) {
  if (count != 4) {
    std::fprintf(stderr, "usage: cuda_blaslt GOOD OLD INCOMPLETE (shared libraries)\n");
    return 2;
  }
  products();
  plans_are_kept();
  refusals();
  alignment();
  libraries(arguments[1], arguments[2], arguments[3]);
  check_equal("handles and descriptors left alive", fake_cublaslt::live, 0);
  return finish();
}
