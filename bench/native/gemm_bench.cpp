// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// gemm_bench.cpp: a whole bf16 MLP head of ours (rows gathered, 4096 -> 4096, bias, SiLU, -> 1) against the first layer alone
// in oneDNN (bias and swish fused, bf16 out, weights in oneDNN's own layout).
//
//   gemm_bench [THREADS [WIDTH [R ...]]]      default: 1 4096 1 4 16 64 256 1024
//   gemm_bench THREADS FILE                   the square bf16 MLPs of a shape list, bench/shapes.txt
//
// The two take turns call by call, and each is measured after a pause in which the other's threads park (oneDNN's OpenMP is
// told to wait passively). Besides the median over all calls of a side, its best is printed, and with one thread the
// processor time, because on a busy machine the median says more about the neighbours.
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "gavel/gavel.h"
#include "oneapi/dnnl/dnnl.hpp"
#include "roofline.h"

namespace gavel::bench {
namespace {

uint16_t to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float from_bf16(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float out;
  std::memcpy(&out, &bits, 4);
  return out;
}

struct Data {
  int64_t width;
  std::vector<uint16_t> weight, bias, output, rows;

  Data(int64_t w, int64_t most_rows) : width(w), weight(w * w), bias(w), output(w), rows(most_rows * w) {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    const float spread = 1 / std::sqrt(static_cast<float>(w));
    for (uint16_t &x : weight) x = to_bf16(normal(generator) * spread);
    for (uint16_t &x : bias) x = to_bf16(normal(generator) * 0.1f);
    for (uint16_t &x : output) x = to_bf16(normal(generator) * spread);
    for (uint16_t &x : rows) x = to_bf16(normal(generator));
  }
  // The score of a row in float64.
  double score(int64_t r) const {
    double out = 0;
    for (int64_t j = 0; j < width; ++j) {
      double sum = from_bf16(bias[j]);
      for (int64_t k = 0; k < width; ++k)
        sum += static_cast<double>(from_bf16(rows[r * width + k])) * from_bf16(weight[j * width + k]);
      out += from_bf16(output[j]) * sum / (1 + std::exp(-sum));
    }
    return out;
  }
};

[[noreturn]] void give_up(const char *what) {
  std::fprintf(stderr, "gemm_bench: %s\n", what);
  std::exit(1);
}

gavel_tensor tensor(int32_t dtype, int64_t bytes_per, const void *data, int64_t rows, int64_t columns) {
  gavel_tensor out = {};
  out.struct_size = sizeof out;
  out.dtype = dtype;
  out.device_type = GAVEL_CPU;
  out.rank = columns > 0 ? 2 : 1;
  out.shape[0] = rows;
  out.shape[1] = columns > 0 ? columns : 0;
  out.stride[0] = columns > 0 ? columns : 1;
  out.stride[1] = columns > 0 ? 1 : 0;
  out.data = const_cast<void *>(data);
  out.byte_length = rows * std::max<int64_t>(columns, 1) * bytes_per;
  return out;
}

class Ours {
 public:
  Ours(const Data &data, int threads) : data_(data) {
    error_.struct_size = sizeof error_;
    gavel_context_options options = {};
    options.struct_size = sizeof options;
    options.device_type = GAVEL_CPU;
    options.threads = threads;
    check(gavel_context_create(&options, &context_, &error_));
    gavel_head_spec spec = {};
    spec.struct_size = sizeof spec;
    spec.kind = GAVEL_HEAD_MLP;
    spec.dtype = GAVEL_BF16;
    spec.activation = GAVEL_ACTIVATION_SILU;
    spec.flags = GAVEL_HEAD_HIDDEN_BIAS;
    spec.output_scale = 1;
    spec.hidden_layers = 1;
    spec.input_width = spec.hidden_width[0] = data.width;
    spec.output_width = 1;
    const gavel_tensor parameters[] = {tensor(GAVEL_BF16, 2, data.weight.data(), data.width, data.width),
                                       tensor(GAVEL_BF16, 2, data.bias.data(), data.width, 0),
                                       tensor(GAVEL_BF16, 2, data.output.data(), 1, data.width)};
    check(gavel_head_create(context_, &spec, parameters, 3, &head_, &error_));
  }
  ~Ours() {
    gavel_head_destroy(head_);
    gavel_context_destroy(context_);
  }
  Ours(const Ours &) = delete;
  Ours &operator=(const Ours &) = delete;

  void describe() {
    gavel_context_info info = {};
    info.struct_size = sizeof info;
    check(gavel_context_describe(context_, &info, &error_));
    constexpr const char *kNames[] = {"best", "scalar", "avx2", "avx512", "amx"};
    std::printf("%s, instruction set %s, %d threads\n", info.device_name, kNames[info.instruction_set], info.threads);
  }
  void prepare(int64_t rows) {
    scores.assign(rows, 0.0f);
    index_.resize(rows);
    for (int64_t r = 0; r < rows; ++r) index_[r] = r;
    args_ = {};
    args_.struct_size = sizeof args_;
    args_.pooling = GAVEL_POOLING_INDEX;
    args_.hidden = tensor(GAVEL_BF16, 2, data_.rows.data(), rows, data_.width);
    args_.last = tensor(GAVEL_I64, 8, index_.data(), rows, 0);
    args_.scores = tensor(GAVEL_F32, 4, scores.data(), rows, 1);
    for (gavel_tensor *absent : {&args_.first, &args_.logits, &args_.vectors, &args_.preactivations, &args_.counts}) {
      absent->struct_size = sizeof *absent;
    }
  }
  void run() { check(gavel_score(context_, head_, &args_, nullptr, &error_)); }

  std::vector<float> scores;

 private:
  void check(int32_t status) {
    if (status != GAVEL_OK) give_up(error_.message);
  }
  const Data &data_;
  gavel_error error_ = {};
  gavel_context *context_ = nullptr;
  gavel_head *head_ = nullptr;
  gavel_score_args args_ = {};
  std::vector<int64_t> index_;
};

class OneDnn {
 public:
  explicit OneDnn(const Data &data) : data_(data), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    for (const uint16_t b : data.bias) bias_.push_back(from_bf16(b));
  }
  void prepare(int64_t rows) {
    using Type = dnnl::memory::data_type;
    using Tag = dnnl::memory::format_tag;
    const int64_t width = data_.width;
    const dnnl::memory::desc x({rows, width}, Type::bf16, Tag::ab), w({width, width}, Type::bf16, Tag::any);
    const dnnl::memory::desc y({rows, width}, Type::bf16, Tag::ab), b({1, width}, Type::f32, Tag::ab);
    dnnl::post_ops swish;
    swish.append_eltwise(dnnl::algorithm::eltwise_swish, 1, 0);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(swish);
    const dnnl::matmul::primitive_desc description(engine_, x, w, b, y, attributes);
    implementation = description.impl_info_str();
    matmul_ = dnnl::matmul(description);
    out_.resize(rows * width);
    dnnl::memory plain({{width, width}, Type::bf16, Tag::ba}, engine_, const_cast<uint16_t *>(data_.weight.data()));
    dnnl::memory packed(description.weights_desc(), engine_);
    dnnl::reorder(plain, packed).execute(stream_, plain, packed);
    stream_.wait();
    arguments_ = {{DNNL_ARG_SRC, dnnl::memory(x, engine_, const_cast<uint16_t *>(data_.rows.data()))},
                  {DNNL_ARG_WEIGHTS, packed},
                  {DNNL_ARG_BIAS, dnnl::memory(b, engine_, bias_.data())},
                  {DNNL_ARG_DST, dnnl::memory(y, engine_, out_.data())}};
  }
  void run() {
    matmul_.execute(stream_, arguments_);
    stream_.wait();
  }
  std::string implementation;

 private:
  const Data &data_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::matmul matmul_;
  std::vector<float> bias_;
  std::vector<uint16_t> out_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

double thread_time() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double best(const std::vector<double> &times) {
  return *std::min_element(times.begin(), times.end());
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// What one side took, call by call.
struct Times {
  std::vector<double> wall, cpu;  // cpu: of the calling thread

  template <typename Side>
  void time(Side &side) {
    usleep(500);  // the other's threads park; ours spin for 20 us
    const double wall_start = now(), cpu_start = thread_time();
    side.run();
    cpu.push_back(thread_time() - cpu_start);
    wall.push_back(now() - wall_start);
  }
};

void compare(const Data &data, Ours &ours, OneDnn &peer, int64_t rows, int threads) {
  ours.prepare(rows);
  peer.prepare(rows);
  const int calls = rows <= 16 ? 201 : rows <= 64 ? 61 : rows <= 256 ? 25 : 9;
  for (int i = 0; i < 2; ++i) ours.run(), peer.run();
  Times mine, theirs;
  for (int i = 0; i < calls; ++i) {
    mine.time(ours);
    theirs.time(peer);
  }
  const double work = 2.0 * static_cast<double>(rows * data.width * data.width);
  const double bytes = 2.0 * static_cast<double>(data.width * data.width);
  const auto line = [&](const char *what, double my_time, double their_time) {
    std::printf("%5lld  %-11s gavel %9.0f us (%4.0f GFLOP/s, weights %5.1f GB/s)   oneDNN %9.0f us   ratio %.2f\n",
                static_cast<long long>(rows), what, my_time * 1e6, work / my_time * 1e-9, bytes / my_time * 1e-9,
                their_time * 1e6, their_time / my_time);
  };
  line("median", median(mine.wall), median(theirs.wall));
  line("best", best(mine.wall), best(theirs.wall));
  // Without what the machine's other processes took.
  if (threads == 1) line("cpu, median", median(mine.cpu), median(theirs.cpu));
  if (threads == 1) line("cpu, best", best(mine.cpu), best(theirs.cpu));
  std::fflush(stdout);
  for (const int64_t r : {int64_t{0}, rows - 1}) {
    const double expected = data.score(r);
    if (!(std::fabs(ours.scores[r] - expected) <= 1e-5 * (1 + std::fabs(expected)))) give_up("a score is wrong");
  }
}

// R of every square bf16 MLP of a shape list, by width.
std::map<int64_t, std::vector<int64_t>> read_shapes(const char *file) {
  std::ifstream in(file);
  if (!in) give_up("cannot read the shape list");
  std::map<int64_t, std::vector<int64_t>> shapes;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string kind, width, hidden, storage;
    words >> kind >> width >> hidden >> storage;
    if (kind != "mlp" || width != hidden || storage != "bf16") continue;
    for (int64_t rows; words >> rows;) shapes[std::atoll(width.c_str())].push_back(rows);
  }
  if (shapes.empty()) give_up("the shape list has no square bf16 mlp");
  return shapes;
}

void measure(int64_t width, const std::vector<int64_t> &rows, int threads) {
  const Data data(width, *std::max_element(rows.begin(), rows.end()));
  Ours ours(data, threads);
  OneDnn peer(data);
  std::printf("H = I = %lld, ", static_cast<long long>(width));
  ours.describe();
  peer.prepare(rows.front());
  std::printf("oneDNN %d.%d.%d, %s\n", dnnl::version()->major, dnnl::version()->minor, dnnl::version()->patch,
              peer.implementation.c_str());
  for (const int64_t r : rows) compare(data, ours, peer, r, threads);
}

}  // namespace
}  // namespace gavel::bench

int main(int count, char **arguments) {
  using namespace gavel::bench;
  // libgomp reads this when it is loaded, before main.
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", arguments);
    give_up("cannot start itself again with OMP_WAIT_POLICY=passive");
  }
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  std::map<int64_t, std::vector<int64_t>> shapes;
  if (count == 3 && std::atoll(arguments[2]) == 0) {
    shapes = read_shapes(arguments[2]);
  } else {
    std::vector<int64_t> &rows = shapes[count > 2 ? std::atoll(arguments[2]) : 4096];
    for (int i = 3; i < count; ++i) rows.push_back(std::atoll(arguments[i]));
    if (rows.empty()) rows = {1, 4, 16, 64, 256, 1024};
  }
  for (const auto &[width, rows] : shapes) {
    if (threads < 1 || width < 1 || *std::min_element(rows.begin(), rows.end()) < 1) {
      give_up("usage: gemm_bench [THREADS [WIDTH [R ...]]], all at least 1, or gemm_bench THREADS FILE");
    }
  }
  const auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set_threads == nullptr) give_up("oneDNN came without OpenMP");
  set_threads(threads);

  std::printf(
      "one thread at best: f32 FMA %.0f GFLOP/s, bf16 VDPBF16PS %.0f GFLOP/s, reads %.0f GB/s of 16 KiB, %.0f of 512 KiB, "
      "%.0f of 8 MiB, %.0f of 256 MiB\n",
      fma_rate_f32() * 1e-9, dot_rate_bf16() * 1e-9, read_rate(16 << 10) * 1e-9, read_rate(512 << 10) * 1e-9,
      read_rate(8 << 20) * 1e-9, read_rate(256 << 20) * 1e-9);
  for (const auto &[width, rows] : shapes) measure(width, rows, threads);
  return 0;
}
