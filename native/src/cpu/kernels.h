// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// kernels.h: the table of CPU kernels, one instance per instruction set, and the one definition of their arithmetic.
//
// Every entry gives the same bits in every table; the scalar table is the definition. What makes that possible:
//  - Callers enter through FlushDenormals (below): denormals are read and written as zero, because the AMX unit does so always.
//  - Multiply-and-add is always fused (fmaf); the compiler may not fuse or reorder anything else (-ffp-contract=off).
//  - Sums over a row ("dot order"): 64 accumulators start at +0, element k goes to accumulator k % 64 in rising k by fma, then the
//    upper half is added to the lower half until one is left (acc[i] += acc[i + 32], then 16, 8, 4, 2, 1).
//  - Matrix products ("tile order" of 16-bit dtypes, "f32 order"): see gemm.h.
//  - 16-bit results are rounded to nearest even; widening is exact (f16 denormals become normal f32 numbers and are kept).
//  - A NaN result keeps being NaN; its payload is not defined until scores are written (score.cpp makes it 0x7fc00000).
// Instruction-set files are compiled with their own -m flags: they may contain no inline function, template instance or static
// object that another file could link to (everything in them lives in one namespace per file), or the linker might keep the copy
// with the wrong instructions.
#ifndef GAVEL_CPU_KERNELS_H
#define GAVEL_CPU_KERNELS_H

#include <cstdint>

#include "common/adamw.h"
#include "cpu/loss_blocks.h"
#include "cpu/readout_block.h"

namespace gavel {

struct Kernels {
  int32_t instruction_set;  // GAVEL_INSTRUCTION_SET_*

  // ---- rows: n >= 0 contiguous elements, any alignment, nothing outside is touched; in and out must not overlap ----
  // dtype: GAVEL_F32, GAVEL_F16, GAVEL_BF16.
  void (*widen)(int32_t dtype, const void *in, float *out, int64_t n);
  void (*narrow)(int32_t dtype, const float *in, void *out, int64_t n);
  // sum of x[k] * w[k] in dot order; w has the given dtype.
  float (*dot)(const float *x, int32_t dtype, const void *w, int64_t n);
  // out[r * out_step + o] = sum of rows[r][k] * w[o][k] in dot order, for count rows and the rows o of w [outputs, n]; all of the given dtype.
  // ahead[r]: the row that is asked of memory while rows[r] is read.
  void (*dots)(int32_t dtype, const void *const *rows, const void *const *ahead, int64_t count, const void *w, int64_t outputs,
               int64_t n, float *out, int64_t out_step);
  // sum of x[k] in dot order.
  float (*sum)(const float *x, int64_t n);
  // The largest x[k] that is not NaN, -inf where there is none.
  float (*largest)(const float *x, int64_t n);
  // sum of e^(x[k] - shift) in dot order.
  float (*exponential_sum)(const float *x, float shift, int64_t n);
  void (*add)(float *y, const float *x, int64_t n);                    // y += x
  void (*subtract)(float *y, const float *x, int64_t n);               // y -= x
  void (*divide)(float *y, float divisor, int64_t n);                  // y /= divisor
  void (*multiply_add)(float *y, float a, const float *x, int64_t n);  // y = fma(a, x, y)
  // In place. norm: GAVEL_NORM_RMS or GAVEL_NORM_LAYER. weight, bias: f32 [n]; bias may be null.
  //   RMS:   r = 1 / sqrt(dot(x, x) / n + epsilon);            y = (x * r) * weight
  //   LAYER: c = x - sum(x) / n; r as above over c;            y = (c * r) * weight, then + bias (fma)
  void (*norm)(int32_t norm, float *row, int64_t n, const float *weight, const float *bias, float epsilon);
  // Gradient of norm: x is the row before the norm, dy the gradient after it. dx is written; dweight, dbias (may be null) are added to.
  void (*norm_gradient)(int32_t norm, const float *x, const float *weight, float epsilon, const float *dy, int64_t n, float *dx,
                        float *dweight, float *dbias);

  // ---- activations, in place or elementwise over n values; slope is read per element for PRELU ([n]) and as slope[0] for LEAKY_RELU ----
  void (*activate)(int32_t activation, const float *slope, float *a, int64_t n);
  // d[i] *= activation'(a[i]).
  void (*activate_gradient)(int32_t activation, const float *slope, const float *a, float *d, int64_t n);
  // out[i] = sigmoid(in[i]).
  void (*sigmoid)(const float *in, float *out, int64_t n);

  // ---- AdamW over n elements: p, m, v updated in place from g, arithmetic as torch.optim.AdamW ----
  //   p *= decay; m = fma(one_minus_beta1, g - m, m); v = fma(one_minus_beta2 * g, g, beta2 * v);
  //   p -= step_size * m / (sqrt(v) * inverse_sqrt_correction2 + epsilon)
  void (*adamw)(const AdamwStep *step, float *p, float *m, float *v, const float *g, int64_t n);

  // ---- losses over blocks of items, see loss_blocks.h; no fused steps, as common/numeric.h ----
  void (*pair_block)(const PairBlock *block);    // BRADLEY_TERRY
  void (*group_block)(const GroupBlock *block);  // CROSS_ENTROPY
  // CROSS_ENTROPY of a large group: e^gap of each entry, 0 for the leader; then losses and gradients, 0 added to both.
  void (*entry_powers)(const EntryBlock *block, float *powers);
  void (*entry_block)(const EntryBlock *block, float *loss, float *dscore);
  void (*element_block)(int32_t loss, const ElementBlock *block);  // GAVEL_LOSS_MSE, _BCE or _PINBALL
  void (*ranking_block)(const RankingBlock *block);                // PAIRWISE_RANKING
  // Losses of the pairs, and their gradients times beta by the one entry's score: those of the others are their negatives.
  void (*ranking_row)(const RankingRow *row, float *loss, float *dscore);
  void (*places_block)(const PlacesBlock *block);                               // PLACKETT_LUCE
  void (*steps_block)(const StepsBlock *block);                                 // STEP_RANKING
  void (*levels_block)(const LevelsBlock *block);                               // ORDINAL
  void (*split_pairs)(const float *x, float *even, float *odd, int64_t n);      // even[k] = x[2 k], odd[k] = x[2 k + 1]
  void (*add_pairs)(float *y, const float *even, const float *odd, int64_t n);  // y[2 k] += even[k], y[2 k + 1] += odd[k]
  // How many of x[k] are no NaN, n <= kLossBlock; -1 where one is below `least` or above `most`, which have 0 between them. Denormals
  // count as 0.
  int64_t (*count_numbers)(const float *x, int64_t n, float least, float most);
  // Whether pair k is (pairs[0] + k step, pairs[1] + k step) for all n >= 1; never where a number is negative or passes 2^31.
  bool (*rising_pairs)(const int64_t *pairs, int64_t n, int64_t step);
  // Sum of x[k] in the order of common/pairwise_sum.h, n <= kLossBlock.
  float (*pairwise_sum)(const float *x, int64_t n);

  // ---- readouts that are not of one logit each, over blocks of items; no fused steps, as common/numeric.h ----
  // scores [items, S]; objectives [items, O] and gate_weights may be null.
  void (*read_out)(const ReadoutBlock *block, float *scores, float *objectives, float *gate_weights);
  // From dscore [items, S]: dlogits [items, K], and dgate [items, gate outputs], which may be null.
  void (*read_out_gradient)(const ReadoutBlock *block, const float *dscore, float *dlogits, float *dgate);
  // From dscore [items]: dscale [items].
  void (*gate_scale_gradient)(const ReadoutBlock *block, const float *dscore, float *dscale);

  // ---- matrix products, see gemm.h ----
  // 16 rows of 16 words of 32 bits, rows in_step bytes apart, any alignment; column c goes to out + c * out_step.
  void (*transpose)(const void *in, int64_t in_step, void *out, int64_t out_step);
  // Bytes of `rows` packed rows of `depth` elements for products with panels of `dtype`.
  int64_t (*packed_rows_bytes)(int32_t dtype, int64_t rows, int64_t depth);
  // Packs one row (source_dtype elements at `source`, element_stride apart) as row r of `rows`; rounds to `dtype` where it is 16 bits
  // wide and the source is wider. Call for every r in [0, rows) before multiply; the tail of the block is filled by pack_tail.
  void (*pack_row)(int32_t dtype, int32_t source_dtype, const void *source, int64_t element_stride, int64_t depth, void *packed,
                   int64_t r, int64_t rows);
  void (*pack_tail)(int32_t dtype, int64_t depth, void *packed, int64_t rows);
  // c[r][0..31] (row stride 32 floats, 64-byte aligned) = packed row r times one panel of 32 columns, for all rows (any number >= 1).
  // next: the panel that will be read after this one, which is fetched ahead meanwhile, or null.
  void (*multiply)(int32_t dtype, const void *packed, int64_t rows, const void *panel, const void *next, int64_t depth,
                   float *c);
  // u[r][0..31] dotted with w[0..31]: out[r] = fold of v, v[l] = fma(u[l + 16], w[l + 16], u[l] * w[l]) for l < 16, halves added as in dot.
  void (*panel_dot)(const float *u, int64_t rows, const float *w, float *out, int64_t out_stride);
  // The instructions of `multiply` over registers, for a processor's peak; returns the operations that were done.
  int64_t (*register_products)(int32_t dtype, int64_t rounds);
};

// Table of one instruction set, or null where this machine lacks it (why, for people, in *reason when given).
const Kernels *kernels_for(int32_t instruction_set, const char **reason);
// Best instruction set of this machine.
int32_t best_instruction_set();

// One per instruction-set file; call only through kernels_for.
extern const Kernels kScalarKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx512Bf16Kernels;  // the one for GAVEL_INSTRUCTION_SET_AVX512 where bf16_products_in_order()
extern const Kernels kAmxKernels;

// Whether this processor's VDPBF16PS adds as gemm.h wants it. Call only where there is AVX512-BF16, with denormals flushed.
bool bf16_products_in_order();

// Sets flush-to-zero and denormals-are-zero for a scope and masks all floating-point exceptions, then restores the caller's state:
// the JVM's own arithmetic must not see it.
// What is to run inside goes through the kernel table: the compiler may move plain arithmetic on local values across the scope's ends.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals &) = delete;
  FlushDenormals &operator=(const FlushDenormals &) = delete;

 private:
  uint32_t saved_;
};

}  // namespace gavel

#endif
