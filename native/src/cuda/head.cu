// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/head.h"

#include "cuda/launch.h"
#include "cuda/packed.h"
#include "cuda/rows.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = 8192;

// packed <- matrix [rows, columns] of elements of 2 or 4 bytes, or the other way; filled up rows and columns become zeros.
template <typename Element, bool kUnpack>
__global__ void __launch_bounds__(kThreads)
    pack_kernel(Element *matrix, Element *packed_matrix, int64_t rows, int64_t columns) {
  const int64_t width = step_count(columns) * kBlockColumns;
  const int64_t count = padded(rows, kTileNeurons) * width;
  for (int64_t n = blockIdx.x * int64_t{kThreads} + threadIdx.x; n < count; n += int64_t{gridDim.x} * int64_t{kThreads}) {
    const int64_t row = n / width, column = n % width;
    const bool real = row < rows && column < columns;
    Element *at = packed_matrix + packed_offset(row, column, columns);
    if constexpr (kUnpack) {
      if (real) matrix[row * columns + column] = *at;
    } else {
      *at = real ? matrix[row * columns + column] : Element{};
    }
  }
}

template <bool kUnpack>
void run_pack(int32_t dtype, void *matrix, int64_t rows, int64_t columns, void *packed_matrix) {
  const int64_t blocks = divide_up(packed_elements(rows, kTileNeurons, columns), int64_t{kThreads});
  const dim3 grid(static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks));
  if (dtype == GAVEL_F32) {
    launch(pack_kernel<uint32_t, kUnpack>, grid, kThreads, 0, nullptr, static_cast<uint32_t *>(matrix),
           static_cast<uint32_t *>(packed_matrix), rows, columns);
  } else {
    launch(pack_kernel<uint16_t, kUnpack>, grid, kThreads, 0, nullptr, static_cast<uint16_t *>(matrix),
           static_cast<uint16_t *>(packed_matrix), rows, columns);
  }
}

template <bool kUnpack>
void run_pack(const Head &head, int32_t index, void *matrix) {
  const Parameter &parameter = head.spec.parameters[index];
  run_pack<kUnpack>(head.spec.fields.dtype, matrix, parameter.shape[0], parameter.shape[1], head.parameter(index));
}

// Between contiguous device memory and a host tensor, whose rows may be spread.
void copy_parameter(const Parameter &parameter, const Tensor &host, void *device, bool to_host) {
  const int64_t rows = host.rank == 2 ? parameter.shape[0] : 1;
  const size_t width = static_cast<size_t>(parameter.elements / rows * dtype_size(host.dtype));
  const size_t pitch = rows > 1 ? static_cast<size_t>(host.stride[0] * dtype_size(host.dtype)) : width;
  for (int64_t row = 0; row < rows; ++row) {
    // One copy where rows follow one another.
    const int64_t count = pitch == width ? rows : 1;
    char *there = host.data + static_cast<size_t>(row) * pitch;
    char *here = static_cast<char *>(device) + static_cast<size_t>(row) * width;
    const size_t bytes = width * static_cast<size_t>(count);
    if (to_host) {
      check(cudaMemcpy(there, here, bytes, cudaMemcpyDeviceToHost), "reading a parameter of the head");
    } else {
      check(cudaMemcpy(here, there, bytes, cudaMemcpyHostToDevice), "copying a parameter of the head");
    }
    row += count - 1;
  }
}

}  // namespace

void pack_weight(int32_t dtype, void *matrix, int64_t rows, int64_t columns, void *packed) {
  run_pack<false>(dtype, matrix, rows, columns, packed);
}

Head::Head(Context &parent, const HeadSpec &checked) : context(parent), spec(checked) {
  int64_t bytes = 0;
  for (int32_t i = 0; i < spec.parameter_count; ++i) {
    offsets[i] = bytes;
    const int64_t size = multiply_sizes(stored_elements(i), dtype_size(spec.fields.dtype), "parameter of the head");
    bytes = add_sizes(bytes, padded(size, int64_t{256}), "parameters of the head");
  }
  memory = DeviceBytes(parent, bytes, "the parameters of the head");
}

int32_t Head::packed_layer(int32_t index) const {
  for (int32_t l = 0; l < spec.fields.hidden_layers; ++l) {
    if (spec.hidden[l].weight == index) return l;
  }
  return -1;
}

int64_t Head::stored_elements(int32_t index) const {
  const Parameter &parameter = spec.parameters[index];
  return packed_layer(index) < 0 ? parameter.elements : packed_elements(parameter.shape[0], kTileNeurons, parameter.shape[1]);
}

std::unique_ptr<Head> create_head(Context &context, const HeadSpec &spec, const Tensor *host_parameters) {
  auto head = std::make_unique<Head>(context, spec);
  for (int32_t i = 0; i < spec.parameter_count; ++i) {
    const Parameter &parameter = spec.parameters[i];
    if (head->packed_layer(i) < 0) {
      copy_parameter(parameter, host_parameters[i], head->parameter(i), false);
      continue;
    }
    const DeviceBytes staged(context, parameter.elements * dtype_size(spec.fields.dtype), "a weight of the head, to be packed");
    copy_parameter(parameter, host_parameters[i], staged.data(), false);
    run_pack<false>(*head, i, staged.data());
    check(cudaStreamSynchronize(nullptr), "packing a weight of the head");
  }
  // Copies from pageable memory may still be on their way to the device when cudaMemcpy returns.
  check(cudaDeviceSynchronize(), "copying the parameters of the head");
  return head;
}

void read_head(Head &head, int32_t index, const Tensor &host_target) {
  const Parameter &parameter = head.spec.parameters[index];
  check(cudaDeviceSynchronize(), "waiting for the work that may write the head");
  if (head.packed_layer(index) < 0) {
    copy_parameter(parameter, host_target, head.parameter(index), true);
    return;
  }
  const DeviceBytes staged(head.context, parameter.elements * dtype_size(head.spec.fields.dtype),
                           "a weight of the head, unpacked");
  run_pack<true>(head, index, staged.data());
  check(cudaStreamSynchronize(nullptr), "unpacking a weight of the head");
  copy_parameter(parameter, host_target, staged.data(), true);
}

}  // namespace gavel::cuda
