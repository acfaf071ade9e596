// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// calls.cu: what Gavel's calls take on this GPU, from C, so that no interpreter is in the times and no PyTorch is needed:
//   calls [SECONDS]        no further case is begun after so many; default 60
// Prints one JSON object a line, each as soon as its case was measured, with the names torch_head.py has for the same cases. Microseconds:
//   warm        back-to-back calls between two events, divided by their number
//   cold        one call between two events behind a flush of the L2 cache that lets the host run ahead: GPU time alone
//   graph       replays of the captured call, as warm; kernels: the kernels in it
//   enqueue     the call alone on the host's clock, the GPU idle
//   end_to_end  the call and the wait for it, on the host's clock
// Medians over rounds in which the three GPU times take turns; the first round is not counted. Gradients are too many for calls of their
// own: a training step is three calls, as a trainer makes them.
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "gavel/gavel.h"

namespace {

constexpr int kRounds = 9;
constexpr size_t kFlushBytes = size_t{256} << 20;

__device__ uint32_t mixed(uint32_t x) {
  x ^= x >> 16, x *= 0x7feb352du, x ^= x >> 15, x *= 0x846ca68bu;
  return x ^ x >> 16;
}

// bf16 between -1 and 1.
__global__ void fill_bf16(uint16_t *values, size_t count, uint32_t seed) {
  for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < count; i += size_t{gridDim.x} * blockDim.x) {
    const float value = static_cast<float>(mixed(static_cast<uint32_t>(i) ^ seed) >> 8) * 0x1p-23f - 1;
    values[i] = static_cast<uint16_t>(__float_as_uint(value) >> 16);
  }
}

__global__ void fill_f32(float *values, size_t count, uint32_t seed) {
  for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < count; i += size_t{gridDim.x} * blockDim.x) {
    values[i] = static_cast<float>(mixed(static_cast<uint32_t>(i) ^ seed) >> 8) * 0x1p-23f - 1;
  }
}

// Lines that were read need not be written back when others take their place, as those of a fill would.
__global__ void flush(const uint4 *from, unsigned *to, size_t count) {
  unsigned sum = 0;
  for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < count; i += size_t{gridDim.x} * blockDim.x)
    sum += from[i].x;
  if (sum == 0x9e3779b9u) *to = sum;
}

void check(cudaError_t status, const char *what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}

template <typename Struct>
Struct sized() {
  Struct made{};
  made.struct_size = sizeof made;
  return made;
}

template <typename... Arguments, typename... Given>
void call(const char *what, int32_t (*function)(Arguments...), Given... given) {
  auto error = sized<gavel_error>();
  if (function(given..., &error) != GAVEL_OK) throw std::runtime_error(std::string(what) + ": " + error.message);
}

double now() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

// Device memory of a case.
class Memory {
 public:
  ~Memory() {
    for (void *block : blocks_) cudaFree(block);
  }
  void *allocate(size_t bytes) {
    void *block = nullptr;
    check(cudaMalloc(&block, bytes), "cudaMalloc");
    blocks_.push_back(block);
    check(cudaMemset(block, 0, bytes), "cudaMemset");
    return block;
  }
  gavel_tensor tensor(int32_t dtype, int64_t rows, int64_t columns = 0) {
    auto made = sized<gavel_tensor>();
    const int64_t count = rows * std::max<int64_t>(1, columns);
    made.dtype = dtype, made.device_type = GAVEL_CUDA, made.rank = columns == 0 ? 1 : 2;
    made.shape[0] = rows, made.shape[1] = columns;
    made.stride[0] = std::max<int64_t>(1, columns), made.stride[1] = columns == 0 ? 0 : 1;
    made.byte_length = count * (dtype == GAVEL_BF16 ? 2 : dtype == GAVEL_I64 ? 8 : 4);
    made.data = allocate(static_cast<size_t>(made.byte_length));
    return made;
  }
  gavel_tensor random(int32_t dtype, int64_t rows, int64_t columns, uint32_t seed) {
    const gavel_tensor made = tensor(dtype, rows, columns);
    const size_t count = static_cast<size_t>(rows * std::max<int64_t>(1, columns));
    if (dtype == GAVEL_BF16) {
      fill_bf16<<<1024, 256>>>(static_cast<uint16_t *>(made.data), count, seed);
    } else {
      fill_f32<<<1024, 256>>>(static_cast<float *>(made.data), count, seed);
    }
    check(cudaDeviceSynchronize(), "fill");
    return made;
  }
  gavel_tensor list(const std::vector<int64_t> &values, int64_t columns = 0) {
    const gavel_tensor made = tensor(GAVEL_I64, static_cast<int64_t>(values.size()) / std::max<int64_t>(1, columns), columns);
    check(cudaMemcpy(made.data, values.data(), 8 * values.size(), cudaMemcpyHostToDevice), "cudaMemcpy");
    return made;
  }

 private:
  std::vector<void *> blocks_;
};

class Bench {
 public:
  explicit Bench(double seconds) : until_(now() + 1e6 * seconds) {
    auto options = sized<gavel_context_options>();
    options.device_type = GAVEL_CUDA, options.threads = 1;
    call("context", gavel_context_create, &options, &context_);
    check(cudaStreamCreateWithFlags(&native_, cudaStreamNonBlocking), "stream");
    check(cudaEventCreate(&begin_), "event");
    check(cudaEventCreate(&end_), "event");
    check(cudaMalloc(&flushed_, kFlushBytes), "cudaMalloc");
    check(cudaMemset(flushed_, 1, kFlushBytes), "cudaMemset");
    call("stream", gavel_stream_wrap, context_, static_cast<void *>(native_), &stream_);
  }

  gavel_context *context() const { return context_; }
  gavel_stream *stream() const { return stream_; }
  bool failed() const { return failed_; }

  // A case: `make` gives what is called, `bytes` and `operations` are what it must move and compute at least.
  void run(const std::string &name, double bytes, double operations,
           const std::function<std::function<void()>(Memory &, std::vector<gavel_tensor> &)> &make) {
    if (now() > until_) {
      std::printf("{\"case\": \"%s\", \"failed\": \"not begun: out of time\"}\n", name.c_str());
      std::fflush(stdout);
      return;
    }
    try {
      Memory memory;
      std::vector<gavel_tensor> outputs;
      const std::function<void()> side = make(memory, outputs);
      measure(name, bytes, operations, side, outputs);
    } catch (const std::exception &failure) {
      std::string text = failure.what();
      for (char &c : text) c = c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ' ? ' ' : c;
      std::printf("{\"case\": \"%s\", \"failed\": \"%s\"}\n", name.c_str(), text.c_str());
      failed_ = true;
    }
    std::fflush(stdout);
  }

 private:
  void wait() const { call("wait", gavel_stream_synchronize, stream_); }

  double between(const std::function<void()> &side, int calls) const {
    check(cudaEventRecord(begin_, native_), "record");
    for (int i = 0; i < calls; ++i) side();
    check(cudaEventRecord(end_, native_), "record");
    check(cudaEventSynchronize(end_), "synchronize");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin_, end_), "elapsed");
    return 1000.0 * milliseconds / calls;
  }
  double cold(const std::function<void()> &side) const {
    for (int i = 0; i < 2; ++i) {
      flush<<<1024, 256, 0, native_>>>(flushed_, reinterpret_cast<unsigned *>(flushed_), kFlushBytes / sizeof(uint4));
    }
    return between(side, 1);
  }

  // No case is timed whose results are not numbers.
  static void check_finite(const std::vector<gavel_tensor> &outputs) {
    for (const gavel_tensor &output : outputs) {
      std::vector<float> values(static_cast<size_t>(output.byte_length) / 4);
      check(cudaMemcpy(values.data(), output.data, 4 * values.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
      double sum = 0;
      for (const float value : values) sum += std::fabs(value);
      if (!std::isfinite(sum) || sum == 0) throw std::runtime_error("the results are not finite, or all 0");
    }
  }

  void measure(const std::string &name, double bytes, double operations, const std::function<void()> &side,
               const std::vector<gavel_tensor> &outputs) {
    for (int i = 0; i < 5; ++i) side();
    wait();
    check_finite(outputs);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t instance = nullptr;
    check(cudaStreamBeginCapture(native_, cudaStreamCaptureModeThreadLocal), "capture");
    side();
    check(cudaStreamEndCapture(native_, &graph), "end of the capture");
    const size_t kernels = kernels_of(graph);
    check(cudaGraphInstantiate(&instance, graph, 0), "instantiate");
    const std::function<void()> replay = [this, instance] { check(cudaGraphLaunch(instance, native_), "replay"); };
    replay();
    wait();
    const int calls = static_cast<int>(std::clamp(20'000 / between(side, 10), 10.0, 200.0));
    std::vector<double> warm, colds, graphs, enqueued, whole;
    for (int round = 0; round < kRounds; ++round) {
      const double one = between(side, calls);
      const double replayed = between(replay, calls);
      std::vector<double> flushed;
      for (int i = 0; i < 7; ++i) flushed.push_back(cold(side));
      if (round == 0) continue;
      warm.push_back(one), graphs.push_back(replayed), colds.push_back(median(flushed));
    }
    for (int i = 0; i < 110; ++i) {
      const double start = now();
      side();
      const double made = now();
      wait();
      if (i >= 10) enqueued.push_back(made - start), whole.push_back(now() - start);
    }
    check(cudaGraphExecDestroy(instance), "graph");
    check(cudaGraphDestroy(graph), "graph");
    std::printf(
        "{\"case\": \"%s\", \"bytes\": %.0f, \"operations\": %.0f, \"warm_us\": %.3f, \"warm_low_us\": %.3f, "
        "\"warm_high_us\": %.3f, \"cold_us\": %.3f, \"graph_us\": %.3f, \"enqueue_us\": %.3f, \"end_to_end_us\": %.3f, "
        "\"kernels\": %zu}\n",
        name.c_str(), bytes, operations, median(warm), *std::min_element(warm.begin(), warm.end()),
        *std::max_element(warm.begin(), warm.end()), median(colds), median(graphs), median(enqueued), median(whole), kernels);
  }

  static size_t kernels_of(cudaGraph_t graph) {
    size_t count = 0;
    check(cudaGraphGetNodes(graph, nullptr, &count), "nodes");
    std::vector<cudaGraphNode_t> nodes(count);
    check(cudaGraphGetNodes(graph, nodes.data(), &count), "nodes");
    size_t kernels = 0;
    for (const cudaGraphNode_t node : nodes) {
      cudaGraphNodeType type;
      check(cudaGraphNodeGetType(node, &type), "node");
      kernels += type == cudaGraphNodeTypeKernel;
    }
    return kernels;
  }

  const double until_;
  cudaStream_t native_ = nullptr;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
  uint4 *flushed_ = nullptr;
  gavel_context *context_ = nullptr;
  gavel_stream *stream_ = nullptr;
  bool failed_ = false;
};

// A bf16 head with random parameters of the width of its inputs, MLP where `inner` is not 0. Lives as long as the process.
struct Head {
  gavel_head *handle = nullptr;
  std::vector<std::vector<int64_t>> shapes;

  Head(gavel_context *context, int64_t width, int64_t inner) {
    auto spec = sized<gavel_head_spec>();
    spec.kind = inner == 0 ? GAVEL_HEAD_LINEAR : GAVEL_HEAD_MLP;
    spec.dtype = GAVEL_BF16, spec.output_scale = 1, spec.input_width = width, spec.output_width = 1;
    spec.flags = GAVEL_HEAD_OUTPUT_BIAS;
    shapes = {{1, width}, {1}};
    if (inner != 0) {
      spec.activation = GAVEL_ACTIVATION_SILU, spec.norm = GAVEL_NORM_RMS, spec.norm_epsilon = 1e-6f;
      spec.flags |= GAVEL_HEAD_HIDDEN_BIAS, spec.hidden_layers = 1, spec.hidden_width[0] = inner;
      shapes = {{width}, {inner, width}, {inner}, {1, inner}, {1}};
    }
    std::vector<std::vector<uint16_t>> values;
    std::vector<gavel_tensor> parameters;
    uint32_t state = 1;
    for (const std::vector<int64_t> &shape : shapes) {
      auto tensor = sized<gavel_tensor>();
      tensor.dtype = GAVEL_BF16, tensor.device_type = GAVEL_CPU, tensor.rank = static_cast<int32_t>(shape.size());
      int64_t count = 1;
      for (size_t d = shape.size(); d-- > 0;) tensor.shape[d] = shape[d], tensor.stride[d] = count, count *= shape[d];
      values.emplace_back(static_cast<size_t>(count));
      for (uint16_t &value : values.back()) {
        state = state * 1664525 + 1013904223;
        const float number = (static_cast<float>(state >> 8) * 0x1p-23f - 1) / 64;
        uint32_t bits;
        std::memcpy(&bits, &number, 4);
        value = static_cast<uint16_t>(bits >> 16);
      }
      tensor.data = values.back().data(), tensor.byte_length = 2 * count;
      parameters.push_back(tensor);
    }
    call("head", gavel_head_create, context, &spec, static_cast<const gavel_tensor *>(parameters.data()),
         static_cast<int32_t>(parameters.size()), &handle);
  }
};

// Rows in no order.
std::vector<int64_t> scattered(int64_t rows, int64_t tokens) {
  std::vector<int64_t> list;
  for (int64_t i = 0; i < rows; ++i) list.push_back(i * 40503 % tokens);
  return list;
}

std::vector<int64_t> counting(int64_t count, int64_t step, int64_t from = 0) {
  std::vector<int64_t> list;
  for (int64_t i = 0; i < count; ++i) list.push_back(from + i * step);
  return list;
}

gavel_score_args score_args(const Bench &bench, Memory &memory, int64_t tokens, int64_t width,
                            const std::vector<int64_t> &last) {
  auto args = sized<gavel_score_args>();
  args.pooling = GAVEL_POOLING_INDEX;
  args.hidden = memory.random(GAVEL_BF16, tokens, width, 3);
  args.last = memory.list(last);
  args.scores = memory.tensor(GAVEL_F32, static_cast<int64_t>(last.size()), 1);
  args.stream = bench.stream();
  return args;
}

gavel_loss_args loss_args(Memory &memory, int32_t kind, int64_t count, int64_t group) {
  auto args = sized<gavel_loss_args>();
  args.kind = kind, args.reduction = GAVEL_REDUCTION_MEAN_VALID, args.weight = 1;
  if (kind == GAVEL_LOSS_BRADLEY_TERRY) {
    args.beta = 1;
    args.pairs = memory.list(counting(count, 1), 2);
  } else {
    args.temperature = 1;
    args.offsets = memory.list(counting(count / group + 1, group));
    std::vector<int64_t> ranks;
    for (int64_t n = 0; n < count; ++n) ranks.push_back((n * 3 + n / group) % group + 1);
    if (kind == GAVEL_LOSS_PLACKETT_LUCE) {
      args.ranks = memory.list(ranks);
    } else {
      args.target_index = memory.list(std::vector<int64_t>(ranks.begin(), ranks.begin() + count / group));
      check(cudaMemset(args.target_index.data, 0, static_cast<size_t>(args.target_index.byte_length)), "cudaMemset");
    }
  }
  args.loss = memory.tensor(GAVEL_F32, 1);
  args.dscore = memory.tensor(GAVEL_F32, count);
  return args;
}

void scores(Bench &bench, const std::string &name, const Head &head, int64_t width, int64_t rows, double bytes,
            double operations) {
  bench.run(name, bytes, operations, [&](Memory &memory, std::vector<gavel_tensor> &outputs) -> std::function<void()> {
    const int64_t tokens = std::max<int64_t>(2 * rows, 64);
    const gavel_score_args args = score_args(bench, memory, tokens, width, scattered(rows, tokens));
    outputs = {args.scores};
    return [&bench, &head, args] {
      call("score", gavel_score, bench.context(), head.handle, &args, static_cast<const gavel_loss_args *>(nullptr));
    };
  });
}

void losses(Bench &bench, const std::string &name, int32_t kind, int64_t count, int64_t group) {
  bench.run(name, 12.0 * static_cast<double>(count), 0,
            [&](Memory &memory, std::vector<gavel_tensor> &outputs) -> std::function<void()> {
              gavel_loss_args args = loss_args(memory, kind, count, group);
              args.scores = memory.random(GAVEL_F32, count, 0, 5);
              args.stream = bench.stream();
              outputs = {args.loss, args.dscore};
              return [&bench, args] { call("loss", gavel_loss, bench.context(), &args); };
            });
}

void training(Bench &bench, const std::string &name, int64_t width, int64_t inner, int64_t rows) {
  const Head head(bench.context(), width, inner);
  double weights = 0;
  for (const std::vector<int64_t> &shape : head.shapes) {
    weights += static_cast<double>(shape[0] * (shape.size() > 1 ? shape[1] : 1));
  }
  bench.run(name, 38 * weights, 6 * weights * static_cast<double>(rows),
            [&](Memory &memory, std::vector<gavel_tensor> &outputs) -> std::function<void()> {
              gavel_score_args args = score_args(bench, memory, 2 * rows, width, scattered(rows, 2 * rows));
              if (inner != 0) args.preactivations = memory.tensor(GAVEL_F32, rows, inner);
              const gavel_loss_args loss = loss_args(memory, GAVEL_LOSS_BRADLEY_TERRY, rows, 0);
              auto back = sized<gavel_backward_args>();
              back.pooling = args.pooling, back.hidden = args.hidden, back.last = args.last, back.stream = bench.stream();
              back.preactivations = args.preactivations;
              back.dscore = loss.dscore;
              back.dscore.rank = 2, back.dscore.shape[1] = 1, back.dscore.stride[1] = 1;
              std::vector<gavel_tensor> gradients;
              for (const std::vector<int64_t> &shape : head.shapes) {
                gradients.push_back(memory.tensor(GAVEL_F32, shape[0], shape.size() > 1 ? shape[1] : 0));
              }
              auto options = sized<gavel_optimizer_options>();
              options.learning_rate = 1e-5f, options.beta1 = 0.9f, options.beta2 = 0.999f, options.epsilon = 1e-8f;
              options.matrix_weight_decay = 0.01f;
              gavel_optimizer *optimizer = nullptr;
              call("optimizer", gavel_optimizer_create, head.handle, &options, &optimizer);
              outputs = {args.scores, loss.loss, loss.dscore};
              return [&bench, &head, args, loss, back, gradients, optimizer] {
                const auto count = static_cast<int32_t>(gradients.size());
                call("score", gavel_score, bench.context(), head.handle, &args, &loss);
                call("backward", gavel_backward, bench.context(), head.handle, &back, gradients.data(), count);
                call("step", gavel_optimizer_step, optimizer, gradients.data(), count, 1e-5f, bench.stream());
              };
            });
}

void segment_mean(Bench &bench, const Head &head, int64_t tokens, int64_t width, int64_t span) {
  const std::string name = "segment mean T=" + std::to_string(tokens) + ", H=" + std::to_string(width) + ", spans of " +
                           std::to_string(span) + ", + linear";
  bench.run(name, 2.0 * static_cast<double>(tokens * width), static_cast<double>(tokens * width),
            [&](Memory &memory, std::vector<gavel_tensor> &outputs) -> std::function<void()> {
              gavel_score_args args = score_args(bench, memory, tokens, width, counting(tokens / span, span, span - 1));
              args.pooling = GAVEL_POOLING_SPAN_MEAN;
              args.first = memory.list(counting(tokens / span, span));
              outputs = {args.scores};
              return [&bench, &head, args] {
                call("score", gavel_score, bench.context(), head.handle, &args, static_cast<const gavel_loss_args *>(nullptr));
              };
            });
}

void all(Bench &bench) {
  const auto text = [](int64_t number) { return std::to_string(number); };
  for (const int64_t width : {1024, 4096}) {
    const Head head(bench.context(), width, 0);
    for (const int64_t rows : {1, 4, 64, 1024, 16384}) {
      scores(bench, "gather + linear " + text(width) + "->1, R=" + text(rows), head, width, rows,
             static_cast<double>(2 * width * (rows + 1) + 4 * rows), static_cast<double>(2 * width * rows));
    }
    if (width == 4096) segment_mean(bench, head, 65536, width, 512);
  }
  const int64_t width = 4096;
  const Head head(bench.context(), width, width);
  for (const int64_t rows : {1, 8, 64, 1024, 16384}) {
    scores(bench, "gather + RMSNorm + MLP 4096->4096->1, R=" + text(rows), head, width, rows,
           static_cast<double>(2 * width * (width + 3) + 2 * width * rows + 4 * rows),
           static_cast<double>(2 * width * width * rows));
  }
  losses(bench, "Bradley-Terry loss + dscore, N=100000", GAVEL_LOSS_BRADLEY_TERRY, 100000, 2);
  losses(bench, "cross-entropy loss + dscore, N=100000 in groups of 8", GAVEL_LOSS_CROSS_ENTROPY, 100000, 8);
  losses(bench, "Plackett-Luce loss + dscore, N=100000 in groups of 8", GAVEL_LOSS_PLACKETT_LUCE, 100000, 8);
  training(bench, "training step, linear head 4096, R=64", width, 0, 64);
  training(bench, "training step, MLP 4096->4096->1, R=64", width, width, 64);
}

}  // namespace

int main(int count, char **arguments) {
  try {
    Bench bench(count > 1 ? std::atof(arguments[1]) : 60);
    all(bench);
    return bench.failed() ? 1 : 0;
  } catch (const std::exception &failure) {
    std::fprintf(stderr, "calls: %s\n", failure.what());
    return 3;
  }
}
