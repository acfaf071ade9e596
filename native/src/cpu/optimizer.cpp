// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/optimizer.h"

#include <algorithm>
#include <cstring>

#include "common/error.h"
#include "common/numeric.h"
#include "cpu/pack_weight.h"
#include "cpu/row_sums.h"

namespace gavel {

namespace {

// Elements one thread takes at least, a whole number of cache lines of any dtype.
constexpr int64_t kElementUnit = 4096;

AlignedBytes zeroed(int64_t elements) {
  AlignedBytes floats(elements * int64_t{sizeof(float)});
  std::memset(floats.as(), 0, static_cast<size_t>(floats.bytes()));
  return floats;
}

}  // namespace

CpuOptimizer::CpuOptimizer(CpuHead &trained, const gavel_optimizer_options &checked_options)
    : head(trained), options(checked_options) {
  for (int32_t i = 0; i < head.spec.parameter_count; ++i) {
    const int64_t elements = head.spec.parameters[i].elements;
    master[i] = AlignedBytes(elements * int64_t{sizeof(float)});
    read_parameter(head, i, master[i].as<float>());
    first_moment[i] = zeroed(elements);
    second_moment[i] = zeroed(elements);
  }
}

namespace {

// Part of one parameter as a flat range of its elements, cut where the gradient's rows end: body(first element, gradient, count).
template <typename Body>
void for_each_run(const Tensor &gradient, const Slice &slice, Body &&body) {
  const int64_t width = gradient.rank == 2 ? gradient.shape[1] : gradient.shape[0];
  for (int64_t element = slice.begin; element < slice.end;) {
    const int64_t row = element / width;
    const int64_t column = element - row * width;
    const int64_t count = std::min(width - column, slice.end - element);
    const float *start = gradient.rank == 2 ? gradient.row<const float>(row) : gradient.as<const float>();
    body(element, start + column, count);
    element += count;
  }
}

bool all_finite(const float *values, int64_t count) {
  // Exponent bits all set: infinite or NaN. Without a branch, so that the compiler can take several at once.
  uint32_t found = 0;
  for (int64_t k = 0; k < count; ++k) found |= (bits_of(values[k]) & 0x7f800000u) == 0x7f800000u;
  return found == 0;
}

void refuse_first_nonfinite(const CpuHead &head, const Tensor *gradients) {
  for (int32_t i = 0; i < head.spec.parameter_count; ++i) {
    const Parameter &parameter = head.spec.parameters[i];
    if (!gradients[i].present()) continue;
    for_each_run(gradients[i], Slice(parameter.elements, 1, 0, 1), [&](int64_t element, const float *values, int64_t count) {
      for (int64_t k = 0; k < count; ++k) {
        GAVEL_CHECK(is_finite(values[k]), "gradients[%d] (%s): element %lld of %lld is %g; no step was taken", i,
                    parameter.name, static_cast<long long>(element + k), static_cast<long long>(parameter.elements),
                    static_cast<double>(values[k]));
      }
    });
  }
}

void check_gradients(CpuHead &head, const Tensor *gradients) {
  std::atomic<bool> finite{true};
  ThreadPool &pool = head.context.pool;
  for (int32_t i = 0; i < head.spec.parameter_count; ++i) {
    if (!gradients[i].present()) continue;
    const int64_t elements = head.spec.parameters[i].elements;
    const int32_t parts = pool.parts_for(0.2 * static_cast<double>(elements), (elements + kElementUnit - 1) / kElementUnit);
    pool.run(parts, [&](int32_t part) {
      for_each_run(gradients[i], Slice(elements, kElementUnit, part, parts), [&](int64_t, const float *values, int64_t count) {
        if (!all_finite(values, count)) finite.store(false, std::memory_order_relaxed);
      });
    });
  }
  if (!finite.load(std::memory_order_relaxed)) refuse_first_nonfinite(head, gradients);
}

// One parameter's step.
struct ParameterStep {
  CpuOptimizer &optimizer;
  const int32_t index;
  const Tensor &gradient;
  const AdamwStep constants;

  CpuHead &head() const { return optimizer.head; }
  const Kernels &kernels() const { return head().context.kernels; }

  void update(int64_t at, const float *from, int64_t count) const {
    kernels().adamw(&constants, optimizer.master[index].as<float>() + at, optimizer.first_moment[index].as<float>() + at,
                    optimizer.second_moment[index].as<float>() + at, from, count);
  }
  // The head's own copy of elements [at, at + count).
  void put_value(int64_t at, int64_t count) const {
    const int32_t dtype = head().spec.fields.dtype;
    kernels().narrow(dtype, optimizer.master[index].as<float>() + at, head().values[index].as() + at * dtype_size(dtype),
                     count);
  }
  void run_slice(const Slice &slice) const {
    for_each_run(gradient, slice, [&](int64_t at, const float *from, int64_t count) { update(at, from, count); });
    put_value(slice.begin, slice.size());
  }

  // The weight of a hidden layer, one panel of 32 rows after the other, each packed again while what it is made of is near.
  void run_panel(const MatrixView &weight, int64_t panel, char *packed) const {
    // 32 rows of this many elements and their states are half a MiB.
    constexpr int64_t kPieceDepth = 1024;
    const int64_t first = panel * kPanelColumns, last = std::min(first + kPanelColumns, weight.rows);
    const bool in_parts = packs_in_parts(weight, panel);
    for (int64_t begin = 0; begin < weight.depth; begin += kPieceDepth) {
      const int64_t count = std::min(kPieceDepth, weight.depth - begin);
      for (int64_t row = first; row < last; ++row) {
        update(row * weight.depth + begin, gradient.row<const float>(row) + begin, count);
        put_value(row * weight.depth + begin, count);
      }
      if (in_parts) pack_part(kernels(), weight, panel, begin, begin + count, packed);
    }
    if (!in_parts) pack_weight(kernels(), weight, panel, packed);
  }
};

// Roughly, on one thread.
constexpr double kNanosecondsPerElement = 1.5;

// The hidden layer whose weight this is, or -1.
int32_t layer_of_weight(const HeadSpec &spec, int32_t index) {
  for (int32_t l = 0; l < spec.fields.hidden_layers; ++l) {
    if (spec.hidden[l].weight == index) return l;
  }
  return -1;
}

void step_parameter(const ParameterStep &step) {
  CpuHead &head = step.head();
  ThreadPool &pool = head.context.pool;
  const int64_t elements = head.spec.parameters[step.index].elements;
  const double work = kNanosecondsPerElement * static_cast<double>(elements);
  const int32_t l = layer_of_weight(head.spec, step.index);
  if (l < 0) {
    const int32_t parts = pool.parts_for(work, (elements + kElementUnit - 1) / kElementUnit);
    pool.run(parts, [&](int32_t part) { step.run_slice(Slice(elements, kElementUnit, part, parts)); });
    refresh_parameter(head, step.index);
    return;
  }
  const MatrixView weight = hidden_weight(head, l);
  const int64_t panels = panel_count(weight.rows), bytes = panel_bytes(weight.dtype, weight.depth);
  const int32_t parts = pool.parts_for(work, panels);
  pool.run(parts, [&](int32_t part) {
    const Slice slice(panels, 1, part, parts);
    for (int64_t panel = slice.begin; panel < slice.end; ++panel) {
      step.run_panel(weight, panel, head.hidden[l].panels.as() + panel * bytes);
    }
  });
}

}  // namespace

void run_step(CpuOptimizer &optimizer, const Tensor *gradients, float learning_rate) {
  CpuHead &head = optimizer.head;
  const int64_t step = optimizer.step_count.load(std::memory_order_relaxed) + 1;
  GAVEL_CHECK(step <= kMostSteps, "the step count is %lld; no step can follow", static_cast<long long>(step - 1));
  check_gradients(head, gradients);

  const gavel_optimizer_options &options = optimizer.options;
  for (int32_t i = 0; i < head.spec.parameter_count; ++i) {
    if (!gradients[i].present()) continue;
    const float weight_decay = head.spec.parameters[i].rank == 2 ? options.matrix_weight_decay : options.vector_weight_decay;
    step_parameter({optimizer, i, gradients[i],
                    adamw_step(options.beta1, options.beta2, options.epsilon, step, learning_rate, weight_decay)});
  }
  optimizer.step_count.store(step, std::memory_order_relaxed);
}

AlignedBytes &state_of(CpuOptimizer &optimizer, int32_t state, int32_t index) {
  if (state == GAVEL_OPTIMIZER_MASTER) return optimizer.master[index];
  return state == GAVEL_OPTIMIZER_FIRST_MOMENT ? optimizer.first_moment[index] : optimizer.second_moment[index];
}

}  // namespace gavel
