// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/blaslt.h"

#include <dlfcn.h>

#include <cinttypes>
#include <cstdio>
#include <utility>

#include "common/error.h"
#include "gavel/gavel.h"

namespace gavel::cuda {

namespace {

// Values of cublasLt.h, the same in versions 12 and 13.
constexpr int kReal32F = 0;
constexpr int kReal16F = 2;
constexpr int kReal16BF = 14;
constexpr int kCompute32F = 68;
constexpr int kCompute32FFastTF32 = 77;
constexpr int32_t kTransposed = 1;
constexpr int kTransposeA = 3;
constexpr int kTransposeB = 4;
constexpr int kPreferWorkspaceBytes = 1;
constexpr int kPreferReductionScheme = 3;
constexpr int kPreferAlignments[] = {5, 6, 7, 8};  // of a, b, c and d, in bytes; 256 where nothing is said
constexpr uint32_t kAlignment = 16;
// Sums split over blocks and put together in no fixed order are not wanted: the same call then gives the same bits.
constexpr uint32_t kNoSplitReduction = 0;

void check(int status, const char *function) {
  if (status == 0) return;
  Failure failure(GAVEL_INTERNAL, status);
  snprintf(failure.buffer(), GAVEL_MESSAGE_CAPACITY,
           "cuBLASLt: %s failed with status %d; use mode INVARIANT, which does without it", function, status);
  throw failure;
}

template <typename Function>
void resolve(void *library, const char *path, const char *name, Function *&function) {
  function = reinterpret_cast<Function *>(dlsym(library, name));
  if (function == nullptr) {
    fail(GAVEL_UNSUPPORTED, "cuBLASLt library %s has no function %s; name a library of major version 12 or 13", path, name);
  }
}

// A descriptor that is destroyed with its scope.
struct Descriptor {
  using Destroy = int (*)(void *);
  explicit Descriptor(Destroy how) : destroy(how) {}
  ~Descriptor() {
    if (made != nullptr) destroy(made);
  }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  void *made = nullptr;
  Destroy destroy;
};

}  // namespace

// cuBLASLt is column-major: read so, a row-major matrix is its transpose, and c^T [n, m] = b^T a^T. So b is its left side.
struct BlasLt::Plan {
  Plan(const BlasLtApi &api, const BlasLtProduct &of)
      : product(of),
        operation(api.cublasLtMatmulDescDestroy),
        left(api.cublasLtMatrixLayoutDestroy),
        right(api.cublasLtMatrixLayoutDestroy),
        result(api.cublasLtMatrixLayoutDestroy) {}

  BlasLtProduct product;
  Descriptor operation;
  Descriptor left;
  Descriptor right;
  Descriptor result;
  BlasLtHeuristic best{};
};

BlasLt::BlasLt(const char *path) {
  library_ = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) {
    const char *reason = dlerror();
    fail(GAVEL_UNSUPPORTED, "cuBLASLt library %s cannot be opened: %s; name one that can, or use mode INVARIANT", path,
         reason != nullptr ? reason : "no reason given");
  }
  try {
#define GAVEL_RESOLVE(name) resolve(library_, path, #name, api_.name)
    GAVEL_RESOLVE(cublasLtGetVersion);
    GAVEL_RESOLVE(cublasLtCreate);
    GAVEL_RESOLVE(cublasLtDestroy);
    GAVEL_RESOLVE(cublasLtMatmulDescCreate);
    GAVEL_RESOLVE(cublasLtMatmulDescDestroy);
    GAVEL_RESOLVE(cublasLtMatmulDescSetAttribute);
    GAVEL_RESOLVE(cublasLtMatrixLayoutCreate);
    GAVEL_RESOLVE(cublasLtMatrixLayoutDestroy);
    GAVEL_RESOLVE(cublasLtMatmulPreferenceCreate);
    GAVEL_RESOLVE(cublasLtMatmulPreferenceDestroy);
    GAVEL_RESOLVE(cublasLtMatmulPreferenceSetAttribute);
    GAVEL_RESOLVE(cublasLtMatmulAlgoGetHeuristic);
    GAVEL_RESOLVE(cublasLtMatmul);
#undef GAVEL_RESOLVE
    start();
  } catch (...) {
    dlclose(library_);
    throw;
  }
}

BlasLt::BlasLt(const BlasLtApi &api) : api_(api) {
  start();
}

void BlasLt::start() {
  version_ = static_cast<int64_t>(api_.cublasLtGetVersion());
  // 12.x counts 120000 and up.
  const int64_t major = version_ / 10000;
  if (major != 12 && major != 13) {
    fail(GAVEL_UNSUPPORTED,
         "the cuBLASLt library has version %" PRId64
         "; this library knows major versions 12 and 13: name one of these, or use mode INVARIANT, which does without it",
         version_);
  }
  check(api_.cublasLtCreate(&handle_), "cublasLtCreate");
}

BlasLt::~BlasLt() {
  plans_.clear();
  if (handle_ != nullptr) api_.cublasLtDestroy(handle_);
  if (library_ != nullptr) dlclose(library_);
}

bool BlasLt::accepts(const BlasLtProduct &product, const void *a, const void *b, const void *c) {
  const auto aligned = [](const void *start, int64_t row_bytes) {
    return reinterpret_cast<uintptr_t>(start) % kAlignment == 0 && row_bytes % kAlignment == 0;
  };
  const int64_t element = product.dtype == GAVEL_F32 ? 4 : 2;
  return aligned(a, product.a_stride * element) && aligned(b, product.b_stride * element) && aligned(c, product.c_stride * 4);
}

std::shared_ptr<const BlasLt::Plan> BlasLt::plan_for(const BlasLtProduct &product) {
  const std::lock_guard lock(mutex_);
  for (const auto &plan : plans_) {
    if (plan->product == product) return plan;
  }
  auto plan = make_plan(product);
  if (plans_.size() < kMostPlans) {
    plans_.push_back(plan);
  } else {
    plans_[next_place_] = plan;
    next_place_ = (next_place_ + 1) % kMostPlans;
  }
  return plan;
}

std::shared_ptr<const BlasLt::Plan> BlasLt::make_plan(const BlasLtProduct &product) {
  const int type = product.dtype == GAVEL_F32 ? kReal32F : product.dtype == GAVEL_BF16 ? kReal16BF : kReal16F;
  auto plan = std::make_shared<Plan>(api_, product);
  const int compute = product.dtype == GAVEL_F32 ? kCompute32FFastTF32 : kCompute32F;
  check(api_.cublasLtMatmulDescCreate(&plan->operation.made, compute, kReal32F), "cublasLtMatmulDescCreate");
  const auto transpose = [&](int attribute) {
    check(api_.cublasLtMatmulDescSetAttribute(plan->operation.made, attribute, &kTransposed, sizeof kTransposed),
          "cublasLtMatmulDescSetAttribute");
  };
  if (product.b_transposed) transpose(kTransposeA);
  if (product.a_transposed) transpose(kTransposeB);
  const auto layout = [&](Descriptor &made, int of, int64_t rows, int64_t columns, int64_t stride) {
    check(api_.cublasLtMatrixLayoutCreate(&made.made, of, static_cast<uint64_t>(rows), static_cast<uint64_t>(columns), stride),
          "cublasLtMatrixLayoutCreate");
  };
  // A side that is not transposed lies as [n, k] and [k, m].
  layout(plan->left, type, product.b_transposed ? product.k : product.n, product.b_transposed ? product.n : product.k,
         product.b_stride);
  layout(plan->right, type, product.a_transposed ? product.m : product.k, product.a_transposed ? product.k : product.m,
         product.a_stride);
  layout(plan->result, kReal32F, product.n, product.m, product.c_stride);
  Descriptor preference(api_.cublasLtMatmulPreferenceDestroy);
  check(api_.cublasLtMatmulPreferenceCreate(&preference.made), "cublasLtMatmulPreferenceCreate");
  const auto prefer = [&](int attribute, const void *value, size_t bytes) {
    check(api_.cublasLtMatmulPreferenceSetAttribute(preference.made, attribute, value, bytes),
          "cublasLtMatmulPreferenceSetAttribute");
  };
  const uint64_t workspace = static_cast<uint64_t>(kWorkspaceBytes);
  prefer(kPreferWorkspaceBytes, &workspace, sizeof workspace);
  prefer(kPreferReductionScheme, &kNoSplitReduction, sizeof kNoSplitReduction);
  for (const int alignment : kPreferAlignments) prefer(alignment, &kAlignment, sizeof kAlignment);
  int found = 0;
  check(api_.cublasLtMatmulAlgoGetHeuristic(handle_, plan->operation.made, plan->left.made, plan->right.made, plan->result.made,
                                            plan->result.made, preference.made, 1, &plan->best, &found),
        "cublasLtMatmulAlgoGetHeuristic");
  if (found < 1 || plan->best.workspace_bytes > workspace) {
    fail(GAVEL_UNSUPPORTED,
         "cuBLASLt has no kernel for a product of [%" PRId64 ", %" PRId64 "] and [%" PRId64 ", %" PRId64
         "]; use mode INVARIANT, which does without it",
         product.m, product.k, product.k, product.n);
  }
  return plan;
}

void BlasLt::multiply(const BlasLtProduct &product, const void *a, const void *b, float *c, void *workspace, void *stream) {
  const std::shared_ptr<const Plan> plan = plan_for(product);
  const float one = 1.0f;
  const float kept = product.adds ? 1.0f : 0.0f;
  check(api_.cublasLtMatmul(handle_, plan->operation.made, &one, b, plan->left.made, a, plan->right.made, &kept, c,
                            plan->result.made, c, plan->result.made, &plan->best.algorithm, workspace,
                            static_cast<size_t>(kWorkspaceBytes), stream),
        "cublasLtMatmul");
}

}  // namespace gavel::cuda
