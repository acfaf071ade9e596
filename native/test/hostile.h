// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// hostile.h: descriptors that are wrong in every way a caller can get them wrong, without lying about memory: byte_length never says more
// than there is, data points at the memory or nowhere. Whatever comes of it, a call must answer with a status and stay inside.
#ifndef GAVEL_TEST_HOSTILE_H
#define GAVEL_TEST_HOSTILE_H

#include <cstdint>
#include <cstring>
#include <limits>

#include "api_fixture.h"

namespace gavel::test {

inline int64_t hostile_number(Random &random, int64_t true_value) {
  // Wraps: a field may be spoiled twice, and then already hold an extreme.
  const auto value = static_cast<uint64_t>(true_value);
  const uint64_t numbers[] = {0,
                              1,
                              2,
                              uint64_t(-1),
                              uint64_t(-2),
                              value + 1,
                              value - 1,
                              2 * value,
                              0 - value,
                              uint64_t{1} << 31,
                              uint64_t{1} << 32,
                              uint64_t{1} << 60,
                              INT64_MAX,
                              INT64_MAX / 4 + 1,
                              uint64_t{1} << 63};
  return static_cast<int64_t>(numbers[random.integer(0, static_cast<int64_t>(std::size(numbers)) - 1)]);
}

inline float hostile_float(Random &random, float true_value) {
  const float numbers[] = {0,
                           -0.0f,
                           1,
                           -1,
                           -true_value,
                           1e30f,
                           -1e30f,
                           1e-40f,
                           std::numeric_limits<float>::infinity(),
                           -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN(),
                           std::numeric_limits<float>::max()};
  return numbers[random.integer(0, static_cast<int64_t>(std::size(numbers)) - 1)];
}

inline void spoil_tensor(Random &random, gavel_tensor &tensor) {
  const int64_t dimension = random.integer(0, GAVEL_MAX_RANK - 1);
  switch (random.integer(0, 10)) {
    case 0:
      tensor.struct_size = static_cast<uint32_t>(hostile_number(random, sizeof tensor));
      return;
    case 1:
      tensor.dtype = static_cast<int32_t>(random.integer(-1, 8));
      return;
    case 2:
      tensor.device_type = static_cast<int32_t>(random.integer(-1, 3));
      return;
    case 3:
      tensor.device_id = static_cast<int32_t>(random.integer(-1, 1));
      return;
    case 4:
      tensor.rank = static_cast<int32_t>(hostile_number(random, tensor.rank));
      return;
    case 5:
      tensor.reserved = static_cast<uint32_t>(random.integer(0, 1));
      return;
    case 6:
      tensor.shape[dimension] = hostile_number(random, tensor.shape[dimension]);
      return;
    case 7:
      tensor.stride[dimension] = hostile_number(random, tensor.stride[dimension]);
      return;
    case 8:
      tensor.data = nullptr;
      return;
    case 9:
      if (tensor.byte_length > 0) tensor.data = static_cast<char *>(tensor.data) + 1, --tensor.byte_length;
      return;
    default:
      tensor.byte_length = std::min(tensor.byte_length, hostile_number(random, tensor.byte_length));
  }
}

// Spoils one to three fields of a struct that consists of numbers and tensors: `floats` and `words` (32 bits) are their offsets.
template <typename Args>
class Spoiler {
 public:
  explicit Spoiler(Args &args) : bytes_(reinterpret_cast<char *>(&args)) {}
  Spoiler &words(std::initializer_list<size_t> offsets) { return words_ = offsets, *this; }
  Spoiler &floats(std::initializer_list<size_t> offsets) { return floats_ = offsets, *this; }
  Spoiler &tensors(size_t first, size_t end) {
    for (size_t at = first; at < end; at += sizeof(gavel_tensor)) tensors_.push_back(at);
    return *this;
  }

  void spoil(Random &random) {
    for (int64_t count = random.integer(1, 3); count > 0; --count) spoil_one(random);
  }

 private:
  void spoil_one(Random &random) {
    const int64_t fields = static_cast<int64_t>(words_.size() + floats_.size() + 2 * tensors_.size());
    int64_t field = random.integer(0, fields - 1);
    if (field < static_cast<int64_t>(words_.size())) {
      const auto value = static_cast<int32_t>(hostile_number(random, random.integer(0, 4)));
      std::memcpy(bytes_ + words_[static_cast<size_t>(field)], &value, sizeof value);
      return;
    }
    field -= static_cast<int64_t>(words_.size());
    if (field < static_cast<int64_t>(floats_.size())) {
      char *at = bytes_ + floats_[static_cast<size_t>(field)];
      float value;
      std::memcpy(&value, at, sizeof value);
      value = hostile_float(random, value);
      std::memcpy(at, &value, sizeof value);
      return;
    }
    field -= static_cast<int64_t>(floats_.size());
    auto *tensor = reinterpret_cast<gavel_tensor *>(bytes_ + tensors_[static_cast<size_t>(field) % tensors_.size()]);
    if (random.integer(0, 9) == 0) {
      *tensor = gavel_tensor{};
    } else {
      spoil_tensor(random, *tensor);
    }
  }

  char *bytes_;
  std::vector<size_t> words_, floats_, tensors_;
};

// A refusal must name what is wrong: `names` is looked for in the message.
inline void expect_refused(const char *what, int32_t status, const gavel_error &error, const char *operation, const char *names,
                           Where where = Where::current()) {
  if (!expect_status(what, status, GAVEL_INVALID_ARGUMENT, error, where)) return;
  if (failed(std::strstr(error.message, names) != nullptr && std::strcmp(error.operation, operation) == 0, where)) {
    std::fprintf(stderr, "%s: '%s' from %s does not name '%s' in %s\n", what, error.message, error.operation, names, operation);
  }
}

// What a random wrong call may answer.
inline void expect_answered(const char *what, int32_t status, const gavel_error &error, uint64_t seed,
                            Where where = Where::current()) {
  const bool known = status == GAVEL_OK || status == GAVEL_INVALID_ARGUMENT;
  if (failed(known && (status == GAVEL_OK || error.message[0] != 0), where)) {
    std::fprintf(stderr, "%s: status %d, '%s', seed %" PRIu64 "\n", what, status, error.message, seed);
  }
}

}  // namespace gavel::test

#endif
