// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// head.h: what is behind gavel_head: the parameters as given, and the forms of them the kernels read.
#ifndef GAVEL_CPU_HEAD_H
#define GAVEL_CPU_HEAD_H

#include <atomic>
#include <cstdint>

#include "cpu/context.h"
#include "cpu/handle.h"
#include "cpu/head_spec.h"
#include "cpu/memory.h"

namespace gavel {

// Forms of one hidden layer made from its parameters. Vectors are f32 and padded with zeros to a multiple of kPanelColumns.
struct HiddenLayerForms {
  AlignedBytes panels;  // panel_count(width) panels of panel_bytes(dtype, depth), see gemm.h
  AlignedBytes bias;    // empty where the head has none
  AlignedBytes slope;   // one value per column for PRELU, [1] for LEAKY_RELU, else empty
};

}  // namespace gavel

struct gavel_head final : gavel::Handle {
  // Keeps a reference to the context. Parameters are not set yet: gavel_head_create sets every one before it hands the head out.
  gavel_head(gavel_context &parent, const gavel::HeadSpec &spec);
  ~gavel_head();

  gavel_context &context;
  const gavel::HeadSpec spec;
  // Parameter i: contiguous, in the head's dtype.
  gavel::AlignedBytes values[gavel::kMostParameters];

  gavel::HiddenLayerForms hidden[GAVEL_MAX_HIDDEN_LAYERS];
  gavel::AlignedBytes norm_weight;  // f32 [D]; empty without a norm
  gavel::AlignedBytes norm_bias;    // f32 [D]; empty where the head has none
  // MLP: f32 [panel_count(output_depth)][K][kPanelColumns], padded with zeros: what panel_dot reads. LINEAR: empty (values are read).
  gavel::AlignedBytes output_panels;
  gavel::AlignedBytes output_bias;  // f32 [K]; empty where the head has none

  // Calls reading the parameters now; below 0 while one writes them.
  std::atomic<int32_t> users{0};
};

namespace gavel {

inline gavel_head &checked(gavel_head *head) {
  return checked_handle(head, kHeadMagic, "head");
}
void release(gavel_head *head);

// Remakes the forms that depend on parameter `index` after values[index] has changed. The caller flushes denormals.
void refresh_parameter(gavel_head &head, int32_t index);

// Parameter `index` widened to f32 (64-byte aligned target of `elements` floats), and set from f32, rounded to nearest even. Setting
// refreshes the forms. The caller flushes denormals and holds a HeadReader or HeadWriter.
void read_parameter(const gavel_head &head, int32_t index, float *values);
void write_parameter(gavel_head &head, int32_t index, const float *values);

// Many readers or one writer. Both throw Failure (GAVEL_BUSY) instead of waiting: a caller that trains and scores at once must decide
// itself which of the two parameters it wants.
class HeadReader {
 public:
  explicit HeadReader(gavel_head &head);
  ~HeadReader() { head_.users.fetch_sub(1, std::memory_order_release); }
  HeadReader(const HeadReader &) = delete;
  HeadReader &operator=(const HeadReader &) = delete;

 private:
  gavel_head &head_;
};

class HeadWriter {
 public:
  explicit HeadWriter(gavel_head &head);
  ~HeadWriter();
  HeadWriter(const HeadWriter &) = delete;
  HeadWriter &operator=(const HeadWriter &) = delete;

 private:
  gavel_head &head_;
};

}  // namespace gavel

#endif
