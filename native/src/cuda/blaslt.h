// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// blaslt.h: plain matrix products on cuBLASLt, where the machine has it and the context's mode is FAST.
//
// The library is opened by path at run time and called through a table of function pointers, so nothing here needs its headers, a
// machine without it is a normal one, and tests fill the table with functions of their own. Its kernel depends on the whole shape, so
// its bits depend on the batch: mode INVARIANT never comes here.
#ifndef GAVEL_CUDA_BLASLT_H
#define GAVEL_CUDA_BLASLT_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace gavel::cuda {

// cublasLtMatmulAlgo_t and cublasLtMatmulHeuristicResult_t as versions 12 and 13 lay them out.
struct BlasLtAlgorithm {
  uint64_t data[8];
};
struct BlasLtHeuristic {
  BlasLtAlgorithm algorithm;
  size_t workspace_bytes;
  int32_t status;
  float waves;
  int32_t reserved[4];
};
static_assert(sizeof(BlasLtAlgorithm) == 64 && sizeof(BlasLtHeuristic) == 96);

// The functions of cublasLt.h that are used, by their names there. Handles and descriptors are opaque.
struct BlasLtApi {
  size_t (*cublasLtGetVersion)();
  int (*cublasLtCreate)(void **handle);
  int (*cublasLtDestroy)(void *handle);
  int (*cublasLtMatmulDescCreate)(void **operation, int compute_type, int scale_type);
  int (*cublasLtMatmulDescDestroy)(void *operation);
  int (*cublasLtMatmulDescSetAttribute)(void *operation, int attribute, const void *value, size_t bytes);
  int (*cublasLtMatrixLayoutCreate)(void **layout, int type, uint64_t rows, uint64_t columns, int64_t leading_dimension);
  int (*cublasLtMatrixLayoutDestroy)(void *layout);
  int (*cublasLtMatmulPreferenceCreate)(void **preference);
  int (*cublasLtMatmulPreferenceDestroy)(void *preference);
  int (*cublasLtMatmulPreferenceSetAttribute)(void *preference, int attribute, const void *value, size_t bytes);
  int (*cublasLtMatmulAlgoGetHeuristic)(void *handle, void *operation, void *a, void *b, void *c, void *d, void *preference,
                                        int wanted, BlasLtHeuristic *results, int *found);
  int (*cublasLtMatmul)(void *handle, void *operation, const void *alpha, const void *a, void *a_layout, const void *b,
                        void *b_layout, const void *beta, const void *c, void *c_layout, void *d, void *d_layout,
                        const BlasLtAlgorithm *algorithm, void *workspace, size_t workspace_bytes, void *stream);
};

// c [m, n] = a [m, k] b [k, n], all row-major with rows this many elements apart; a and b of the dtype, c and the sums f32.
struct BlasLtProduct {
  int32_t dtype;      // GAVEL_F16, GAVEL_BF16, or GAVEL_F32, whose elements are rounded to TF32, to 11 bits
  bool a_transposed;  // a lies in memory as [k, m]
  bool b_transposed;  // b lies in memory as [n, k]
  bool adds;          // to what c holds
  int64_t m;
  int64_t n;
  int64_t k;
  int64_t a_stride;
  int64_t b_stride;
  int64_t c_stride;
  bool operator==(const BlasLtProduct &) const = default;
};

// An open library with its handle. Safe from many threads. What a product needs is asked of the library once per shape and kept, for the
// latest kMostPlans shapes; that allocates on the host only, so a product may be captured into a graph.
class BlasLt {
 public:
  // Scratch every product is given: what NVIDIA recommends for Hopper, and enough for the kernels of older chips.
  static constexpr int64_t kWorkspaceBytes = int64_t{32} << 20;
  static constexpr size_t kMostPlans = 64;

  // Opens the library; throws Failure (GAVEL_UNSUPPORTED) where it cannot be opened, lacks a function or has another major version.
  explicit BlasLt(const char *path);
  // Uses these functions.
  explicit BlasLt(const BlasLtApi &api);
  ~BlasLt();
  BlasLt(const BlasLt &) = delete;
  BlasLt &operator=(const BlasLt &) = delete;

  // As the library counts: 10000 major + 100 minor + patch.
  int64_t version() const { return version_; }
  // Whether such a product can go to the library: it wants every row to start at 16 bytes.
  static bool accepts(const BlasLtProduct &product, const void *a, const void *b, const void *c);
  // Enqueues the product on the stream (a cudaStream_t). workspace: kWorkspaceBytes on the device. Throws Failure.
  void multiply(const BlasLtProduct &product, const void *a, const void *b, float *c, void *workspace, void *stream);

 private:
  struct Plan;
  void start();
  std::shared_ptr<const Plan> plan_for(const BlasLtProduct &product);
  std::shared_ptr<const Plan> make_plan(const BlasLtProduct &product);

  void *library_ = nullptr;
  BlasLtApi api_{};
  int64_t version_ = 0;
  void *handle_ = nullptr;
  std::mutex mutex_;
  std::vector<std::shared_ptr<const Plan>> plans_;
  size_t next_place_ = 0;  // where a plan goes once there are kMostPlans: the oldest one's
};

}  // namespace gavel::cuda

#endif
