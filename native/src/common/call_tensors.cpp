// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "common/call_tensors.h"

#include "common/error.h"

namespace gavel {

Tensor CallTensors::take(const gavel_tensor &tensor, const TensorName &name, Dtypes dtypes, Shape shape, bool written) {
  const Tensor view = check_tensor(tensor, name, memory_, dtypes, shape, written);
  if (view.extent_bytes == 0) return view;
  if (count_ == kCapacity) fail(GAVEL_INTERNAL, "a call has more than %d tensors", kCapacity);
  const uintptr_t begin = reinterpret_cast<uintptr_t>(view.data);
  ranges_[count_++] = {begin, begin + static_cast<uintptr_t>(view.extent_bytes), name.base, name.meaning, name.index, written};
  return view;
}

void CallTensors::require_absent(const gavel_tensor &tensor, const TensorName &name, const char *why) {
  if (!is_absent(tensor, name)) refuse_tensor(tensor, name, "it must be absent %s", why);
}

void CallTensors::check_overlaps() const {
  for (int32_t i = 0; i < count_; ++i) {
    const Range &a = ranges_[i];
    if (!a.written) continue;
    for (int32_t j = 0; j < count_; ++j) {
      const Range &b = ranges_[j];
      if (a.begin >= b.end || b.begin >= a.end || i == j) continue;
      char a_text[kNameText];
      char b_text[kNameText];
      fail(GAVEL_INVALID_ARGUMENT, "output %s overlaps %s %s: give every output memory of its own",
           name_text(TensorName(a.base, a.index, a.meaning), a_text), b.written ? "output" : "input",
           name_text(TensorName(b.base, b.index, b.meaning), b_text));
    }
  }
}

}  // namespace gavel
