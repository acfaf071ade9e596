// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuBLASLt as an optional library: layouts, plans that are kept, refusals that name what to do, nothing leaked.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "api_fixture.h"
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

float value_of(int64_t seed) {
  return static_cast<float>(static_cast<int>((seed * 2654435761u >> 7) % 15) - 7);
}

struct Problem {
  explicit Problem(const BlasLtProduct &of)
      : product(of),
        a((of.a_transposed ? of.k : of.m) * of.a_stride),
        b((of.b_transposed ? of.n : of.k) * of.b_stride),
        c(of.m * of.c_stride, -1.0f),
        workspace(1) {
    for (size_t i = 0; i < a.size(); ++i) a[i] = value_of(static_cast<int64_t>(i));
    for (size_t i = 0; i < b.size(); ++i) b[i] = value_of(static_cast<int64_t>(i) + 1000003);
  }
  void run(BlasLt &blas) {
    const Bytes left = encode(product.dtype, a), right = encode(product.dtype, b);
    blas.multiply(product, left.data(), right.data(), c.data(), workspace.data(), reinterpret_cast<void *>(uintptr_t{0x5eed}));
  }
  void check_exact() {
    for (int64_t i = 0; i < product.m; ++i) {
      for (int64_t j = 0; j < product.c_stride; ++j) {
        float expected = -1.0f;
        if (j < product.n) {
          expected = product.adds ? -1.0f : 0.0f;
          for (int64_t k = 0; k < product.k; ++k) {
            expected += a[product.a_transposed ? k * product.a_stride + i : i * product.a_stride + k] *
                        b[product.b_transposed ? j * product.b_stride + k : k * product.b_stride + j];
          }
        }
        CHECK(c[i * product.c_stride + j] == expected, "c[%lld][%lld] is %g, expected %g", static_cast<long long>(i),
              static_cast<long long>(j), c[i * product.c_stride + j], expected);
      }
    }
  }
  BlasLtProduct product;
  std::vector<float> a, b;  // whole numbers: sums are exact in any order
  std::vector<float> c;
  std::vector<char> workspace;
};

BlasLtProduct product_of(int64_t m, int64_t n, int64_t k, int64_t padding) {
  return {GAVEL_BF16, false, true, false, m, n, k, k + padding, k + 2 * padding, n + padding};
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
  const int64_t shapes[][4] = {{1, 8, 16, 0}, {5, 24, 40, 8}, {33, 8, 64, 4}, {2, 4, 4, 0}};
  for (const auto &shape : shapes) {
    for (const int32_t dtype : {GAVEL_BF16, GAVEL_F16, GAVEL_F32}) {
      for (int how = 0; how < 8; ++how) {
        BlasLtProduct product = product_of(shape[0], shape[1], shape[2], shape[3]);
        product.dtype = dtype;
        product.a_transposed = how % 2 == 1, product.b_transposed = how / 2 % 2 == 1, product.adds = how / 4 == 1;
        if (product.a_transposed) product.a_stride = product.m + shape[3];
        if (!product.b_transposed) product.b_stride = product.n + 2 * shape[3];
        Problem problem(product);
        problem.run(blas);
        problem.check_exact();
      }
    }
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
  // More shapes than are kept: the first is asked for again, and nothing piles up.
  for (int64_t m = 5; m < 5 + 64; ++m) Problem(product_of(m, 8, 16, 0)).run(blas);
  check_equal("heuristic calls for 66 shapes", fake_cublaslt::heuristic_calls, 66);
  check_equal("alive with 64 plans", fake_cublaslt::live, 1 + 64 * 4);
  first.run(blas);
  check_equal("heuristic calls with the first again", fake_cublaslt::heuristic_calls, 67);
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
  check_refused("an old library", GAVEL_UNSUPPORTED, "110000; this library knows major versions 12 and 13: name one",
                [&] { BlasLt blas(old); });
  check_refused("an incomplete library", GAVEL_UNSUPPORTED, "no function cublasLtCreate", [&] { BlasLt blas(incomplete); });
  check_refused("no library", GAVEL_UNSUPPORTED, "cannot be opened", [] { BlasLt blas("/nowhere/libcublasLt.so.13"); });
}

}  // namespace

int main() {
  products();
  plans_are_kept();
  refusals();
  alignment();
  libraries(GAVEL_FAKE_CUBLASLT "good.so", GAVEL_FAKE_CUBLASLT "old.so", GAVEL_FAKE_CUBLASLT "incomplete.so");
  check_equal("handles and descriptors left alive", fake_cublaslt::live, 0);
  return finish();
}
