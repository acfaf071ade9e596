// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// guarded_tensors.h: the memory of a call's tensors moved between inaccessible pages (guard.h).
#ifndef GAVEL_TEST_GUARDED_TENSORS_H
#define GAVEL_TEST_GUARDED_TENSORS_H

#include <memory>
#include <vector>

#include "api_fixture.h"
#include "guard.h"

namespace gavel::test {

// Replaces the memory of tensors by guarded memory; inputs become unwritable.
class GuardedTensors {
 public:
  void add(gavel_tensor &tensor, bool is_input, Edge edge) {
    if (tensor.dtype == GAVEL_NONE) return;
    buffers_.push_back(std::make_unique<Guarded>(tensor.byte_length, edge));
    Guarded &buffer = *buffers_.back();
    if (tensor.byte_length > 0) std::memcpy(buffer.as<char>(), tensor.data, static_cast<size_t>(tensor.byte_length));
    if (is_input) buffer.freeze();
    tensor.data = buffer.as<char>();
  }
  bool untouched() const {
    for (const auto &buffer : buffers_) {
      if (!buffer->untouched()) return false;
    }
    return true;
  }

 private:
  std::vector<std::unique_ptr<Guarded>> buffers_;
};

}  // namespace gavel::test

#endif
