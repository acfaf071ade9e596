// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// The promise of mode INVARIANT, through the C interface: a response's score on CUDA has the same bits alone and in any batch, at any
// position, again and again. The shapes cross every choice between kernels. With the argument `device` (a real one): heads of 4096 and
// batches of up to 1024 items, every position, 100 repeats; without it small ones, which the emulator can do.
#include <cstring>
#include <numeric>

#include "cuda_api_fixture.h"

using namespace gavel::test;

namespace {

struct Size {
  int64_t width;
  int64_t hidden;
  std::vector<int64_t> batches;
  int repeats;
};

// Everything on the device once; calls differ in the index list alone.
class Scorer {
 public:
  Scorer(const CudaContext &cuda, const gavel_head_spec &spec, int64_t tokens, int64_t most, uint64_t seed)
      : cuda_(cuda), head_(cuda.get(), spec, seed), last_(static_cast<size_t>(most)), scores_(static_cast<size_t>(most)) {
    Random random(seed);
    Batch batch(random, spec.dtype, tokens, spec.input_width);
    hidden_ = put(describe(batch.bytes.data(), batch.dtype, {batch.tokens, batch.width}));
    last_device_ = put(describe(last_.data(), GAVEL_I64, {most}));
    scores_device_ = put(describe(scores_.data(), GAVEL_F32, {most, 1}));
  }
  ~Scorer() {
    for (gavel_buffer *buffer : buffers_) gavel_buffer_destroy(buffer);
  }
  Scorer(const Scorer &) = delete;
  Scorer &operator=(const Scorer &) = delete;

  // Scores of the rows.
  const std::vector<float> &run(const std::vector<int64_t> &rows) {
    const auto count = static_cast<int64_t>(rows.size());
    std::copy(rows.begin(), rows.end(), last_.begin());
    auto args = sized<gavel_score_args>();
    args.pooling = GAVEL_POOLING_INDEX;
    args.hidden = hidden_;
    args.last = first(last_device_, count);
    args.scores = first(scores_device_, count);
    args.stream = cuda_.stream();
    copy(describe(last_.data(), GAVEL_I64, {count}), args.last);
    auto error = sized<gavel_error>();
    expect_status("score", gavel_score(cuda_.get(), head_.get(), &args, nullptr, &error), GAVEL_OK, error);
    copy(args.scores, describe(scores_.data(), GAVEL_F32, {count, 1}));
    cuda_.synchronize();
    return scores_;
  }

 private:
  static gavel_tensor first(gavel_tensor tensor, int64_t rows) {
    tensor.shape[0] = rows;
    return tensor;
  }
  void copy(const gavel_tensor &source, const gavel_tensor &target) {
    auto error = sized<gavel_error>();
    expect_status("copy", gavel_copy(cuda_.get(), &source, &target, cuda_.stream(), &error), GAVEL_OK, error);
  }
  gavel_tensor put(gavel_tensor host) {
    auto error = sized<gavel_error>();
    gavel_buffer *buffer = nullptr;
    expect_status("buffer", gavel_buffer_create(cuda_.get(), GAVEL_CUDA, host.byte_length, nullptr, &buffer, &error), GAVEL_OK,
                  error);
    buffers_.push_back(buffer);
    gavel_tensor device = host;
    device.device_type = GAVEL_CUDA;
    device.device_id = cuda_.device();
    device.data = gavel_buffer_data(buffer);
    copy(host, device);
    cuda_.synchronize();
    return device;
  }

  const CudaContext &cuda_;
  const TestHead head_;
  std::vector<int64_t> last_;
  std::vector<float> scores_;
  gavel_tensor hidden_{}, last_device_{}, scores_device_{};
  std::vector<gavel_buffer *> buffers_;
};

void check_head(const CudaContext &cuda, const gavel_head_spec &spec, const Size &size, const char *name) {
  const int64_t most = size.batches.back();
  Scorer scorer(cuda, spec, most, most, 7);
  std::vector<float> alone;
  for (int64_t row = 0; row < most; ++row) alone.push_back(scorer.run({row})[0]);
  int64_t compared = 0, differing = 0;
  for (const int64_t count : size.batches) {
    // Row k of the batch is token (k + shift) modulo all: with every shift a token meets every position.
    for (int64_t shift = 0; shift < most;
         shift += count == most ? std::max<int64_t>(1, most / 16) : std::max<int64_t>(1, count)) {
      std::vector<int64_t> rows(static_cast<size_t>(count));
      for (int64_t k = 0; k < count; ++k) rows[static_cast<size_t>(k)] = (k + shift) % most;
      const std::vector<float> &scores = scorer.run(rows);
      for (int64_t k = 0; k < count; ++k, ++compared) {
        differing += !same_bits(scores[static_cast<size_t>(k)], alone[static_cast<size_t>(rows[static_cast<size_t>(k)])]);
      }
    }
    // One token at every position of the batch.
    for (int64_t position = 0; position < count; ++position) {
      std::vector<int64_t> rows(static_cast<size_t>(count), most - 1);
      rows[static_cast<size_t>(position)] = 0;
      differing += !same_bits(scorer.run(rows)[static_cast<size_t>(position)], alone[0]);
      ++compared;
    }
    std::vector<int64_t> rows(static_cast<size_t>(count));
    std::iota(rows.begin(), rows.end(), 0);
    for (int repeat = 0; repeat < size.repeats; ++repeat) {
      const std::vector<float> &scores = scorer.run(rows);
      for (int64_t k = 0; k < count; ++k, ++compared) {
        differing += !same_bits(scores[static_cast<size_t>(k)], alone[static_cast<size_t>(k)]);
      }
    }
  }
  std::printf("%s: %lld of %lld scores differ\n", name, static_cast<long long>(differing), static_cast<long long>(compared));
  CHECK(differing == 0 && compared > 0, "%s: %lld of %lld scores differ from those of the response alone", name,
        static_cast<long long>(differing), static_cast<long long>(compared));
}

}  // namespace

int main(int count, char **arguments) {
  const bool device = count > 1 && std::strcmp(arguments[1], "device") == 0;
  const Size small = {72, 96, {1, 2, 7, 8, 9, 16, 17, 65}, 2};
  const Size large = {4096, 4096, {1, 2, 7, 8, 9, 16, 17, 63, 64, 65, 255, 256, 257, 1024}, 100};
  const Size &size = device ? large : small;
  const CudaContext cuda;
  for (const int32_t dtype : {GAVEL_BF16, GAVEL_F16, GAVEL_F32}) {
    const char *names[] = {"", "f32", "f16", "bf16"};
    const std::string name = names[dtype];
    check_head(cuda, mlp_spec(dtype, size.width, {size.hidden}, 1, GAVEL_ACTIVATION_SILU), size, (name + " MLP").c_str());
    check_head(cuda, linear_spec(dtype, size.width, 1), size, (name + " linear").c_str());
  }
  return finish();
}
