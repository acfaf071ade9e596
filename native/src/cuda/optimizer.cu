// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// AdamW. The first kernel of a step reads the gradients: its last block finds that all are finite, counts the step and computes its
// constants, or reports the first one that is not and leaves `apply` at 0. The second kernel takes the step: 4 bytes read (gradient), 12 read
// and 12 written (moments, master) and the head's copy written for every parameter, 16 bytes at a time.
//
// Both walk all parameters as one list of chunks; a block finds its chunk's parameter in a table that is a kernel argument.
#include "cuda/optimizer.h"

#include <algorithm>

#include "common/error.h"
#include "cuda/launch.h"
#include "cuda/output.h"
#include "cuda/packed.h"
#include "cuda/report_fault.h"
#include "cuda/rows.h"
#include "cuda/stream.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 256;
// Elements of a block: 4 turns of 8 for each thread.
constexpr int64_t kChunkElements = int64_t{kThreads} * kChunk * 4;
// Where OptimizerProgress::bad has the parameter. Elements stay below: no parameter of gavel.h has more than 2^40.
constexpr int kParameterBit = 40;

struct Entry {
  const float *gradient;
  int64_t gradient_stride;  // between rows
  int64_t width;            // elements of a row of the gradient
  int64_t elements;
  float *master;         // the moments follow, Table::kind_stride floats apart
  void *value;           // of the head
  int64_t packed_depth;  // 0: value is contiguous
  int32_t first_chunk;
  int16_t parameter;
  bool matrix;
  bool whole_vectors;  // any eight elements from a multiple of 8 on lie together in the gradient, at a multiple of 16 bytes
};

struct Table {
  Entry entries[kMostParameters];
  int32_t count;
  int32_t chunks;
  int64_t kind_stride;
};

__device__ __forceinline__ const Entry &find_entry(const Table &table, int32_t chunk) {
  int32_t at = 0;
  while (at + 1 < table.count && table.entries[at + 1].first_chunk <= chunk) ++at;
  return table.entries[at];
}

// 64-bit division is a long sequence; no matrix of a real head needs it.
__device__ __forceinline__ int64_t row_of(const Entry &entry, int64_t element) {
  if (entry.elements <= 0xffffffffll) {
    return static_cast<uint32_t>(element) / static_cast<uint32_t>(entry.width);
  }
  return element / entry.width;
}

__device__ __forceinline__ float gradient_at(const Entry &entry, int64_t element) {
  if (entry.gradient_stride == entry.width) return entry.gradient[element];
  const int64_t row = row_of(entry, element);
  return entry.gradient[row * entry.gradient_stride + element - row * entry.width];
}

// Read and written once: neither need stay in a cache.
__device__ __forceinline__ void load_8(const float *from, float out[kChunk]) {
  const uint4 *words = reinterpret_cast<const uint4 *>(from);
  widen_raw<GAVEL_F32>({{__ldcs(words), __ldcs(words + 1)}}, out);
}
__device__ __forceinline__ void store_8(float *to, const float in[kChunk]) {
  store_raw<GAVEL_F32>(to, narrow_raw<GAVEL_F32>(in));
}

__device__ __forceinline__ void load_gradient_8(const Entry &entry, int64_t element, float out[kChunk]) {
  int64_t at = element;
  if (entry.gradient_stride != entry.width) {
    const int64_t row = row_of(entry, element);
    at = row * entry.gradient_stride + element - row * entry.width;
  }
  load_8(entry.gradient + at, out);
}

// Calls eight(element) where eight elements can be handled together, else one(element) for each.
template <typename Eight, typename One>
__device__ __forceinline__ void walk_chunk(const Entry &entry, int32_t chunk, Eight eight, One one) {
  const int64_t begin = (chunk - entry.first_chunk) * kChunkElements;
  const int64_t end = min(entry.elements, begin + kChunkElements);
  for (int64_t element = begin + int64_t{threadIdx.x} * kChunk; element < end; element += int64_t{kThreads} * kChunk) {
    if (entry.whole_vectors && element + kChunk <= end) {
      eight(element);
    } else {
      for (int64_t k = element; k < min(end, element + kChunk); ++k) one(k);
    }
  }
}

__device__ __forceinline__ bool finite_bits(float value) {
  return (__float_as_uint(value) & 0x7f800000u) != 0x7f800000u;
}

__global__ void __launch_bounds__(kThreads)
    check_kernel(const __grid_constant__ Table table, OptimizerProgress *progress, const gavel_optimizer_options options,
                 float learning_rate, uint32_t *counter, Fault *fault) {
  const auto chunk = static_cast<int32_t>(blockIdx.x);
  if (chunk < table.chunks) {
    const Entry &entry = find_entry(table, chunk);
    int64_t bad = -1;
    walk_chunk(
        entry, chunk,
        [&](int64_t element) {
          float gradient[kChunk];
          load_gradient_8(entry, element, gradient);
          for (int i = kChunk - 1; i >= 0; --i) {
            if (!finite_bits(gradient[i]) && (bad < 0 || element + i < bad)) bad = element + i;
          }
        },
        [&](int64_t element) {
          if (!finite_bits(gradient_at(entry, element)) && bad < 0) bad = element;
        });
    if (bad >= 0) {
      atomicMax(&progress->bad,
                ~(static_cast<unsigned long long>(entry.parameter) << kParameterBit | static_cast<unsigned long long>(bad)));
    }
  }
  if (!last_to_finish(counter, gridDim.x) || threadIdx.x != 0) return;
  const unsigned long long found = atomicExch(&progress->bad, 0ull);
  const int64_t steps = progress->step_count;
  const bool apply = found == 0 && steps < kMostSteps;
  progress->apply = apply;
  if (found != 0) {
    const auto parameter = static_cast<int32_t>(~found >> kParameterBit);
    const auto element = static_cast<int64_t>(~found & ((1ull << kParameterBit) - 1));
    float value = 0;
    for (int32_t i = 0; i < table.count; ++i) {
      if (table.entries[i].parameter == parameter) value = gradient_at(table.entries[i], element);
    }
    report_fault(fault, kFaultGradient, element, __float_as_uint(value), parameter);
  } else if (!apply) {
    report_fault(fault, kFaultStepCount, 0, steps, kMostSteps);
  }
  if (!apply) return;
  progress->step_count = steps + 1;
  const auto constants = [&](float weight_decay) {
    return adamw_step(options.beta1, options.beta2, options.epsilon, steps + 1, static_cast<double>(learning_rate),
                      static_cast<double>(weight_decay));
  };
  progress->matrix = constants(options.matrix_weight_decay);
  progress->vector = constants(options.vector_weight_decay);
}

// One element, formulas in cpu/kernels.h.
__device__ __forceinline__ void step_element(const AdamwStep &step, float gradient, float &master, float &first,
                                             float &second) {
  first = fmaf(step.one_minus_beta1, gradient - first, first);
  second = fmaf(step.one_minus_beta2 * gradient, gradient, step.beta2 * second);
  const float divisor = fmaf(sqrtf(second), step.inverse_sqrt_correction2, step.epsilon);
  master = master * step.decay - step.step_size * first / divisor;
}

template <int32_t kType>
__device__ __forceinline__ int64_t value_offset(const Entry &entry, int64_t element) {
  if (entry.packed_depth == 0) return element;
  const int64_t row = row_of(entry, element);
  return packed_offset(row, element - row * entry.width, entry.packed_depth);
}

template <int32_t kType>
__device__ __forceinline__ void set_value(const Entry &entry, int64_t element, float master) {
  const int64_t at = value_offset<kType>(entry, element);
  if constexpr (kType == GAVEL_F32) {
    static_cast<float *>(entry.value)[at] = master;
  } else {
    static_cast<uint16_t *>(entry.value)[at] = narrow<kType>(master);
  }
}

template <int32_t kType>
__device__ __forceinline__ void set_value_8(const Entry &entry, int64_t element, const float master[kChunk]) {
  char *to = static_cast<char *>(entry.value) + value_offset<kType>(entry, element) * kElementBytes<kType>;
  store_raw<kType>(to, narrow_raw<kType>(master));
}

template <int32_t kType>
__global__ void __launch_bounds__(kThreads)
    step_kernel(const __grid_constant__ Table table, const OptimizerProgress *progress) {
  if (progress->apply == 0) return;
  const auto chunk = static_cast<int32_t>(blockIdx.x);
  const Entry &entry = find_entry(table, chunk);
  const AdamwStep step = entry.matrix ? progress->matrix : progress->vector;
  float *const masters = entry.master;
  float *const firsts = masters + table.kind_stride;
  float *const seconds = firsts + table.kind_stride;
  walk_chunk(
      entry, chunk,
      [&](int64_t element) {
        float gradient[kChunk], master[kChunk], first[kChunk], second[kChunk];
        load_gradient_8(entry, element, gradient);
        load_8(masters + element, master);
        load_8(firsts + element, first);
        load_8(seconds + element, second);
        for (int i = 0; i < kChunk; ++i) step_element(step, gradient[i], master[i], first[i], second[i]);
        store_8(masters + element, master);
        store_8(firsts + element, first);
        store_8(seconds + element, second);
        set_value_8<kType>(entry, element, master);
      },
      [&](int64_t element) {
        float master = masters[element], first = firsts[element], second = seconds[element];
        step_element(step, gradient_at(entry, element), master, first, second);
        masters[element] = master, firsts[element] = first, seconds[element] = second;
        set_value<kType>(entry, element, master);
      });
}

// Masters from the head's parameters (kWiden), or the other way.
template <int32_t kType, bool kWiden>
__global__ void __launch_bounds__(kThreads) copy_kernel(const __grid_constant__ Table table) {
  const auto chunk = static_cast<int32_t>(blockIdx.x);
  const Entry &entry = find_entry(table, chunk);
  const auto one = [&](int64_t element) {
    if constexpr (kWiden) {
      entry.master[element] = load_element<kType>(entry.value, value_offset<kType>(entry, element));
    } else {
      set_value<kType>(entry, element, entry.master[element]);
    }
  };
  walk_chunk(
      entry, chunk,
      [&](int64_t element) {
        for (int i = 0; i < kChunk; ++i) one(element + i);
      },
      one);
}

bool is_aligned(const void *data) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0;
}

// What step_kernel needs of the parameters that are `wanted`; gradients may be null.
template <typename Wanted>
Table make_table(const Optimizer &optimizer, const Tensor *gradients, Wanted wanted) {
  const Head &head = optimizer.head;
  Table table = {};
  table.kind_stride = optimizer.kind_stride;
  int64_t chunks = 0;
  for (int32_t i = 0; i < head.spec.parameter_count; ++i) {
    if (!wanted(i)) continue;
    const Parameter &parameter = head.spec.parameters[i];
    Entry &entry = table.entries[table.count++];
    entry.matrix = parameter.rank == 2;
    entry.elements = parameter.elements;
    entry.width = entry.matrix ? parameter.shape[1] : parameter.elements;
    entry.gradient_stride = entry.width;
    if (gradients != nullptr) {
      entry.gradient = gradients[i].as<const float>();
      if (entry.matrix && parameter.shape[0] > 1) entry.gradient_stride = gradients[i].stride[0];
    }
    entry.master = optimizer.state(GAVEL_OPTIMIZER_MASTER, i);
    entry.value = head.parameter(i);
    entry.packed_depth = head.packed_layer(i) < 0 ? 0 : parameter.shape[1];
    const bool flat = entry.packed_depth == 0 && entry.gradient_stride == entry.width;
    entry.whole_vectors = is_aligned(entry.gradient) && (flat || (entry.width % kChunk == 0 && entry.gradient_stride % 4 == 0));
    entry.parameter = static_cast<int16_t>(i);
    entry.first_chunk = static_cast<int32_t>(chunks);
    chunks += divide_up(entry.elements, kChunkElements);
    GAVEL_CHECK(chunks < int64_t{1} << 31, "a head of this size is too large for one step on CUDA");
  }
  table.chunks = static_cast<int32_t>(chunks);
  return table;
}

template <bool kWiden, typename Wanted>
void run_copy(const Optimizer &optimizer, Wanted wanted) {
  const Table table = make_table(optimizer, nullptr, wanted);
  with_type(optimizer.head.spec.fields.dtype, [&](auto type) {
    launch(copy_kernel<decltype(type)::value, kWiden>, dim3(static_cast<unsigned>(table.chunks)), kThreads, 0, nullptr, table);
  });
  check(cudaDeviceSynchronize(), "copying the parameters of the optimizer");
}

// Between the optimizer's contiguous rows and a host tensor's.
void copy_state(const Parameter &parameter, const Tensor &host, float *device, bool to_host) {
  const int64_t rows = parameter.rank == 2 ? parameter.shape[0] : 1;
  const int64_t width = parameter.elements / rows;
  const int64_t stride = rows > 1 ? host.stride[0] : width;
  const int64_t together = stride == width ? rows : 1;
  for (int64_t row = 0; row < rows; row += together) {
    float *there = host.as<float>() + row * stride;
    float *here = device + row * width;
    const auto bytes = static_cast<size_t>(together * width) * sizeof(float);
    if (to_host) {
      check(cudaMemcpy(there, here, bytes, cudaMemcpyDeviceToHost), "reading a state of the optimizer");
    } else {
      check(cudaMemcpy(here, there, bytes, cudaMemcpyHostToDevice), "writing a state of the optimizer");
    }
  }
  check(cudaDeviceSynchronize(), "copying a state of the optimizer");
}

}  // namespace

Optimizer::Optimizer(Head &trained, const gavel_optimizer_options &checked_options) : head(trained), options(checked_options) {
  kind_stride = 0;
  for (int32_t i = 0; i < head.spec.parameter_count; ++i) {
    offsets[i] = kind_stride;
    kind_stride = add_sizes(kind_stride, padded(head.spec.parameters[i].elements, 64), "masters of the optimizer");
  }
  const int64_t bytes = multiply_sizes(3 * int64_t{sizeof(float)}, kind_stride, "states of the optimizer");
  states = DeviceBytes(head.context, bytes, "the states of the optimizer");
  progress = DeviceBytes(head.context, sizeof(OptimizerProgress), "the progress of the optimizer");
  check(cudaMemset(states.data(), 0, static_cast<size_t>(bytes)), "clearing the states of the optimizer");
  check(cudaMemset(progress.data(), 0, sizeof(OptimizerProgress)), "clearing the progress of the optimizer");
  check(cudaDeviceSynchronize(), "waiting for the work that may write the head");
  run_copy<true>(*this, [](int32_t) { return true; });
}

float *Optimizer::state(int32_t which, int32_t index) const {
  return states.as<float>() + (which - GAVEL_OPTIMIZER_MASTER) * kind_stride + offsets[index];
}

void enqueue_step(Optimizer &optimizer, const Tensor *gradients, float learning_rate, Stream &stream) {
  const Table table = make_table(optimizer, gradients, [&](int32_t i) { return gradients[i].present(); });
  auto *progress = optimizer.progress.as<OptimizerProgress>();
  const dim3 grid(static_cast<unsigned>(table.chunks));
  launch(check_kernel, dim3(std::max(1u, grid.x)), kThreads, 0, stream.native, table, progress, optimizer.options,
         learning_rate, stream.counters(1), stream.fault);
  if (table.chunks == 0) return;
  with_type(optimizer.head.spec.fields.dtype,
            [&](auto type) { launch(step_kernel<decltype(type)::value>, grid, kThreads, 0, stream.native, table, progress); });
}

void read_state(Optimizer &optimizer, int32_t which, int32_t index, const Tensor &host_target) {
  check(cudaDeviceSynchronize(), "waiting for the work that may write the optimizer");
  copy_state(optimizer.head.spec.parameters[index], host_target, optimizer.state(which, index), true);
}

void write_state(Optimizer &optimizer, int32_t which, int32_t index, const Tensor &host_source) {
  check(cudaDeviceSynchronize(), "waiting for the work that may use the optimizer");
  copy_state(optimizer.head.spec.parameters[index], host_source, optimizer.state(which, index), false);
  if (which == GAVEL_OPTIMIZER_MASTER) {
    run_copy<false>(optimizer, [&](int32_t i) { return i == index; });
  }
}

int64_t step_count(Optimizer &optimizer) {
  int64_t steps = 0;
  check(cudaDeviceSynchronize(), "waiting for the steps of the optimizer");
  check(cudaMemcpy(&steps, &optimizer.progress.as<OptimizerProgress>()->step_count, sizeof steps, cudaMemcpyDeviceToHost),
        "reading the step count");
  return steps;
}

void set_step_count(Optimizer &optimizer, int64_t steps) {
  check(cudaDeviceSynchronize(), "waiting for the steps of the optimizer");
  check(cudaMemcpy(&optimizer.progress.as<OptimizerProgress>()->step_count, &steps, sizeof steps, cudaMemcpyHostToDevice),
        "writing the step count");
  check(cudaDeviceSynchronize(), "writing the step count");
}

}  // namespace gavel::cuda
