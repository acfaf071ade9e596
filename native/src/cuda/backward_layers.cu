// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cuda/backward_layers.h"

#include "cuda/lane.h"

namespace gavel::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kNormTeam = 4;

// A block takes kThreads columns of a row.
dim3 by_columns(int64_t rows, int64_t width) {
  return dim3(static_cast<unsigned>(rows), static_cast<unsigned>(divide_up(width, int64_t{kThreads})));
}
__device__ __forceinline__ int64_t my_column() {
  return int64_t{blockIdx.y} * kThreads + threadIdx.x;
}

__device__ __forceinline__ float slope_at(const Activation &activation, int64_t column) {
  const Slope &slope = activation.slope;
  return slope.values == nullptr ? slope.shared : load_element(activation.dtype, slope.values, column * slope.step);
}

__device__ __forceinline__ float rounded_to(int32_t dtype, float value) {
  return dtype == GAVEL_F32 ? value : dtype == GAVEL_F16 ? rounded<GAVEL_F16>(value) : rounded<GAVEL_BF16>(value);
}

__global__ void __launch_bounds__(kThreads)
    activation_kernel(const Activation activation, bool rounds, const FloatMatrix a, int64_t width, const FloatMatrix out) {
  const int64_t r = blockIdx.x, c = my_column();
  if (c >= width) return;
  const float value = lane::activate(activation.kind, a.data[r * a.stride + c], slope_at(activation, c));
  out.data[r * out.stride + c] = rounds ? rounded_to(activation.dtype, value) : value;
}

__global__ void __launch_bounds__(kThreads)
    activation_gradient_kernel(const Activation activation, const Source items, const FloatMatrix a, int64_t width,
                               const FloatMatrix d) {
  const int64_t r = blockIdx.x, c = my_column();
  if (c >= width) return;
  float *target = d.data + r * d.stride + c;
  const bool invalid = look_up_item(items, r, false).state == ItemState::INVALID;
  *target =
      invalid ? 0.0f : lane::activate_gradient(activation.kind, a.data[r * a.stride + c], slope_at(activation, c), *target);
}

__global__ void __launch_bounds__(kThreads)
    logit_gradient_kernel(const LogitGradients logits, int64_t outputs, const FloatMatrix out) {
  const int64_t r = blockIdx.x, k = my_column();
  if (k >= outputs) return;
  out.data[r * out.stride + k] = logit_gradient(logits, r, k, look_up_item(logits.source, r, k == 0).state);
}

template <int32_t kType>
__global__ void __launch_bounds__(kThreads) output_gradient_kernel(const LogitGradients logits, int32_t outputs, int64_t width,
                                                                   const void *weight, const FloatMatrix out) {
  const int64_t r = blockIdx.x, c = my_column();
  if (c >= width) return;
  const ItemState state = look_up_item(logits.source, r, c == 0).state;
  float sum = 0;
  if (state != ItemState::INVALID) {
    for (int32_t k = 0; k < outputs; ++k) {
      sum = fmaf(logit_gradient(logits, r, k, state), load_element<kType>(weight, k * width + c), sum);
    }
  }
  out.data[r * out.stride + c] = sum;
}

// A team of warps a row. Formulas and fused steps as cpu/norm.inl, sums in row order.
template <int32_t kType, Rows kRows>
__global__ void __launch_bounds__(kNormTeam *kWarp)
    norm_gradient_kernel(const __grid_constant__ Norm norm, const __grid_constant__ Source pooled, const FloatMatrix dy,
                         const FloatMatrix dx, NormScale *scales) {
  GAVEL_SHARED(float[2 * kNormTeam * kWarp], parts);
  GAVEL_SHARED(float[2 * kNormTeam * kWarp], more_parts);
  const int64_t r = blockIdx.x, width = pooled.vector_width;
  const int thread = static_cast<int>(threadIdx.x);
  const Seat seat = {thread / kWarp, thread % kWarp};
  const Item item = look_up_item(pooled, r, false);
  if (item.state != ItemState::VALID) {
    const float fill = item.state == ItemState::FAULT ? __uint_as_float(0x7fc00000u) : 0.0f;
    for (int64_t k = thread; k < width && dx.data != nullptr; k += kNormTeam * kWarp) dx.data[r * dx.stride + k] = fill;
    if (thread == 0) scales[r] = {fill, 1};
    return;
  }
  const StreamedVector<GAVEL_F32, kNormTeam, kRows> vector(pooled, item, seat);
  const NormScale scale = find_scale<kNormTeam>(norm, vector, width, seat, parts);
  if (thread == 0) scales[r] = scale;
  if (dx.data == nullptr) return;
  const float *gradient = dy.data + r * dy.stride;
  const float count = static_cast<float>(width);
  const auto load_weight = [&](int64_t k, float *weight) { load_parameter_8<kType>(norm.weight, k, width, weight); };
  float mean_g = 0;
  if (norm.kind == GAVEL_NORM_LAYER) {
    Accumulators<kNormTeam> total;
    vector.each([&](int a, int64_t k, const float *, int n) {
      float weight[kChunk];
      load_weight(k, weight);
      GAVEL_UNROLL
      for (int i = 0; i < kChunk; ++i) {
        if (i < n) total.sums[a] = fmaf(gradient[k + i], weight[i], total.sums[a]);
      }
    });
    mean_g = team_sum<kNormTeam>(total, seat, more_parts) / count;
  }
  Accumulators<kNormTeam> products;
  vector.each([&](int a, int64_t k, const float *y, int n) {
    float weight[kChunk];
    load_weight(k, weight);
    GAVEL_UNROLL
    for (int i = 0; i < kChunk; ++i) {
      if (i >= n) break;
      const float g = gradient[k + i] * weight[i];
      products.sums[a] = fmaf(g, (y[i] - scale.mean) * scale.scale, products.sums[a]);
    }
  });
  const float minus_mean_gh = -(team_sum<kNormTeam>(products, seat, more_parts + kNormTeam * kWarp) / count);
  vector.each([&](int, int64_t k, const float *y, int n) {
    float weight[kChunk];
    load_weight(k, weight);
    GAVEL_UNROLL
    for (int i = 0; i < kChunk; ++i) {
      if (i >= n) break;
      const float h = (y[i] - scale.mean) * scale.scale;
      const float g = gradient[k + i] * weight[i] - mean_g;
      dx.data[r * dx.stride + k + i] = fmaf(h, minus_mean_gh, g) * scale.scale;
    }
  });
}

__global__ void __launch_bounds__(kWarp) column_sum_kernel(const float *values, int64_t count, float *target, bool overwrite) {
  const int lane = static_cast<int>(threadIdx.x);
  float sum = 0;
  for (int64_t k = lane; k < count; k += kWarp) sum += values[k];
  sum = sum_lanes(sum);
  if (lane == 0) put_gradient(target, sum, overwrite);
}

}  // namespace

void enqueue_activation(const Activation &activation, bool rounds, const FloatMatrix &a, int64_t rows, int64_t width,
                        const FloatMatrix &out, cudaStream_t stream) {
  if (rows == 0) return;
  launch(activation_kernel, by_columns(rows, width), kThreads, 0, stream, activation, rounds, a, width, out);
}

void enqueue_activation_gradient(const Activation &activation, const Source &items, const FloatMatrix &a, int64_t rows,
                                 int64_t width, const FloatMatrix &d, cudaStream_t stream) {
  if (rows == 0) return;
  launch(activation_gradient_kernel, by_columns(rows, width), kThreads, 0, stream, activation, items, a, width, d);
}

void enqueue_logit_gradients(const LogitGradients &logits, int64_t rows, int64_t outputs, const FloatMatrix &out,
                             cudaStream_t stream) {
  if (rows == 0) return;
  launch(logit_gradient_kernel, by_columns(rows, outputs), kThreads, 0, stream, logits, outputs, out);
}

void enqueue_output_gradient(const LogitGradients &logits, int64_t rows, int64_t outputs, int64_t width, int32_t dtype,
                             const void *weight, const FloatMatrix &out, cudaStream_t stream) {
  if (rows == 0) return;
  with_type(dtype, [&](auto type) {
    launch(output_gradient_kernel<decltype(type)::value>, by_columns(rows, width), kThreads, 0, stream, logits,
           static_cast<int32_t>(outputs), width, weight, out);
  });
}

void enqueue_norm_gradient(const Norm &norm, int32_t dtype, const Source &pooled, const FloatMatrix &dy, int64_t rows,
                           const FloatMatrix &dx, NormScale *scales, cudaStream_t stream) {
  if (rows == 0) return;
  const dim3 grid(static_cast<unsigned>(rows));
  with_type(dtype, [&](auto type) {
    constexpr int32_t kType = decltype(type)::value;
    launch(pooled.aligned ? norm_gradient_kernel<kType, Rows::ALIGNED> : norm_gradient_kernel<kType, Rows::UNALIGNED>, grid,
           kNormTeam * kWarp, 0, stream, norm, pooled, dy, dx, scales);
  });
}

void enqueue_column_sum(const float *values, int64_t count, float *target, bool overwrite, cudaStream_t stream) {
  launch(column_sum_kernel, dim3(1), kWarp, 0, stream, values, count, target, overwrite);
}

}  // namespace gavel::cuda
