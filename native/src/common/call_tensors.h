// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// call_tensors.h: the tensors of one call. Each is checked where it is taken, against the memory the call may use; at the end
// check_overlaps() refuses outputs that share bytes with anything else of the call.
//
//   CallTensors tensors(context.memory());
//   const Tensor scores = tensors.input(args.scores, "args.scores", only(GAVEL_F32), {kAny});
//   const Tensor dscore = tensors.optional_output(args.dscore, "args.dscore", only(GAVEL_F32), {scores.shape[0]});
//   tensors.check_overlaps();
#ifndef GAVEL_COMMON_CALL_TENSORS_H
#define GAVEL_COMMON_CALL_TENSORS_H

#include <cstdint>

#include "common/tensor.h"

namespace gavel {

// Every method throws Failure as check_tensor does.
class CallTensors {
 public:
  explicit CallTensors(const Memory &memory) : memory_(memory) {}

  Tensor input(const gavel_tensor &tensor, const TensorName &name, Dtypes dtypes, Shape shape) {
    return take(tensor, name, dtypes, shape, false);
  }
  Tensor output(const gavel_tensor &tensor, const TensorName &name, Dtypes dtypes, Shape shape) {
    return take(tensor, name, dtypes, shape, true);
  }
  // The same, or an absent Tensor.
  Tensor optional_input(const gavel_tensor &tensor, const TensorName &name, Dtypes dtypes, Shape shape) {
    return is_absent(tensor, name) ? Tensor{} : take(tensor, name, dtypes, shape, false);
  }
  Tensor optional_output(const gavel_tensor &tensor, const TensorName &name, Dtypes dtypes, Shape shape) {
    return is_absent(tensor, name) ? Tensor{} : take(tensor, name, dtypes, shape, true);
  }
  // Refuses a tensor that has no use in this call; `why` completes "scores must be absent ".
  static void require_absent(const gavel_tensor &tensor, const TensorName &name, const char *why);

  // Throws Failure where an output shares a byte with an input or another output. Compared are the ranges from the first to the last byte
  // of each walk, gaps of a stride included.
  void check_overlaps() const;

 private:
  struct Range {
    uintptr_t begin;
    uintptr_t end;
    const char *base;
    const char *meaning;
    int32_t index;
    bool written;
  };
  Tensor take(const gavel_tensor &tensor, const TensorName &name, Dtypes dtypes, Shape shape, bool written);

  const Memory memory_;
  // The largest call is gavel_backward with every parameter of a head and of its gate.
  static constexpr int32_t kCapacity = 96;
  Range ranges_[kCapacity];  // not initialised: clearing 4 KiB for the usual three tensors would cost more than the check
  int32_t count_ = 0;
};

}  // namespace gavel

#endif
