// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// instructions.cpp: a kernel that became slower. Counts the instructions of small hot calls on every instruction set of this
// machine and compares them with what instructions.txt recorded.
//
//   instructions            the test
//   instructions --record   prints this machine's lines for instructions.txt
//
// The cases are small, so part of each is not its hot loop: a product that works one and a half times makes the MLP cases 1.27
// to 1.32 times as long. With the compiler that recorded, counts repeat exactly, and the margin is 1.2, for another version of
// the C library. Another compiler may well write a loop 1.3 times as long, so there it is 1.5 and finds only gross mistakes.
// Fewer instructions than recorded are no failure, but are told: record them, or the guard sleeps.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>

#include "api_fixture.h"
#include "count_instructions.h"
#include "optimizer_fixture.h"
#include "training_fixture.h"

namespace gavel::test {
namespace {

#if defined(__clang__)
constexpr const char *kCompiler = "clang" __clang_version__;
#else
constexpr const char *kCompiler = "g++" __VERSION__;
#endif

struct Set {
  const char *name;
  int32_t code;
  int64_t width;  // of the layers: about as many instructions on each set
};
constexpr Set kSets[] = {{"scalar", GAVEL_INSTRUCTION_SET_SCALAR, 32},
                         {"avx2", GAVEL_INSTRUCTION_SET_AVX2, 160},
                         {"avx512", GAVEL_INSTRUCTION_SET_AVX512, 256},
                         {"amx", GAVEL_INSTRUCTION_SET_AMX, 256}};

// The bf16 products of AVX-512 have another kernel where the processor has VDPBF16PS.
std::string set_name(const Set &set) {
  return set.code == GAVEL_INSTRUCTION_SET_AVX512 && __builtin_cpu_supports("avx512bf16") ? "avx512bf16" : set.name;
}

using Found = std::map<std::string, int64_t>;

// Counts a call the second time it is made: the first allocates.
void count(Found &found, const std::string &name, const std::function<int32_t()> &call) {
  CHECK(call() == GAVEL_OK, "%s", name.c_str());
  int32_t status = GAVEL_OK;
  found[name] = count_instructions([&] { status = call(); });
  CHECK(status == GAVEL_OK, "%s", name.c_str());
}

void score_case(Found &found, gavel_context *context, const std::string &name, const gavel_head_spec &spec, int64_t responses,
                int64_t span = 1) {
  Random random(1);
  const TestHead head(context, spec, 2);
  Batch batch(random, spec.dtype, responses * span, spec.input_width);
  for (int64_t r = 0; r < responses; ++r) {
    batch.first.push_back(r * span);
    batch.last.push_back((r + 1) * span - 1);
  }
  Scores out;
  const gavel_score_args args =
      score_args(spec, batch, span > 1 ? GAVEL_POOLING_SPAN_MEAN : GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, false, out);
  auto error = sized<gavel_error>();
  count(found, name, [&] { return gavel_score(context, head.get(), &args, nullptr, &error); });
}

void score_cases(Found &found, gavel_context *context, const Set &set) {
  const int64_t w = set.width;
  for (const int32_t dtype : {GAVEL_F32, GAVEL_BF16}) {
    const std::string suffix = std::string("_") + name_of(dtype);
    score_case(found, context, "linear" + suffix, linear_spec(dtype, 8 * w, 1), 4);
    const gavel_head_spec mlp = mlp_spec(dtype, w, {w}, 1, GAVEL_ACTIVATION_SILU);
    score_case(found, context, "mlp_1" + suffix, mlp, 1);
    score_case(found, context, "mlp_8" + suffix, mlp, 8);
    score_case(found, context, "span_mean" + suffix, linear_spec(dtype, 4 * w, 1), 1, 8);
  }
}

void training_cases(Found &found, gavel_context *context, int32_t dtype) {
  constexpr int64_t kWidth = 64;
  const std::string suffix = std::string("_") + name_of(dtype);
  const gavel_head_spec spec = mlp_spec(dtype, kWidth, {kWidth}, 1, GAVEL_ACTIVATION_SILU);
  const TestHead head(context, spec, 3);
  Random random(4);
  const TrainingCase training = random_case(random, spec, 8, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, 0);
  const Scores forward = run_forward(context, head, training);
  std::vector<float> dvectors;
  const gavel_backward_args args = backward_args(spec, training, forward, dvectors);
  GradientBuffers gradients(spec, 0, 0);
  auto error = sized<gavel_error>();
  count(found, "backward" + suffix, [&] {
    return gavel_backward(context, head.get(), &args, gradients.tensors.data(), static_cast<int32_t>(gradients.tensors.size()),
                          &error);
  });
  const TestOptimizer optimizer(head, default_options());
  count(found, "adamw" + suffix, [&] { return optimizer.step(gradients, 1e-3f, error); });
}

void loss_cases(Found &found, gavel_context *context, const Set &set) {
  constexpr int64_t kGroup = 8;
  const int64_t n = set.code == GAVEL_INSTRUCTION_SET_SCALAR ? 64 : 1024;
  Random random(5);
  std::vector<float> scores = random_values(random, GAVEL_F32, n), dscore(n), loss(1);
  std::vector<int64_t> pairs, offsets, targets;
  for (int64_t i = 0; i < n; i += 2) pairs.insert(pairs.end(), {i, i + 1});
  for (int64_t i = 0; i <= n; i += kGroup) offsets.push_back(i);
  for (int64_t i = 0; i < n; i += kGroup) targets.push_back(i % kGroup);
  auto args = sized<gavel_loss_args>();
  args.reduction = GAVEL_REDUCTION_MEAN_VALID;
  args.weight = 1;
  args.scores = describe(scores.data(), GAVEL_F32, {n});
  args.loss = describe(loss.data(), GAVEL_F32, {1});
  args.dscore = describe(dscore.data(), GAVEL_F32, {n});
  auto error = sized<gavel_error>();
  const auto run = [&] { return gavel_loss(context, &args, &error); };
  args.kind = GAVEL_LOSS_BRADLEY_TERRY;
  args.beta = 1;
  args.pairs = describe(pairs.data(), GAVEL_I64, {n / 2, 2});
  count(found, "bradley_terry", run);
  args.kind = GAVEL_LOSS_CROSS_ENTROPY;
  args.beta = 0;
  args.temperature = 1;
  args.pairs = {};
  args.offsets = describe(offsets.data(), GAVEL_I64, {n / kGroup + 1});
  args.target_index = describe(targets.data(), GAVEL_I64, {n / kGroup});
  count(found, "cross_entropy", run);
}

Found count_all(gavel_context *context, const Set &set) {
  Found found;
  score_cases(found, context, set);
  loss_cases(found, context, set);
  // Training on the scalar one is nobody's hot loop.
  if (set.code != GAVEL_INSTRUCTION_SET_SCALAR) training_cases(found, context, GAVEL_F32);
  return found;
}

struct Record {
  std::string compiler;
  std::map<std::string, Found> sets;
};

Record read_record(const char *file) {
  Record record;
  std::ifstream in(file);
  CHECK(in.good(), "cannot read %s", file);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string set, name;
    words >> set >> name;
    if (set == "compiler") {
      record.compiler = name;
      continue;
    }
    int64_t instructions = 0;
    CHECK(words >> instructions && instructions > 0, "%s: %s", file, line.c_str());
    record.sets[set][name] = instructions;
  }
  CHECK(!record.compiler.empty(), "%s names no compiler", file);
  return record;
}

std::string compiler_name() {
  std::string name = kCompiler;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

void judge(const std::string &set, const Found &found, const Found &recorded, double margin) {
  for (const auto &[name, instructions] : found) {
    const auto before = recorded.find(name);
    CHECK(before != recorded.end(), "%s %s is not in instructions.txt: record it", set.c_str(), name.c_str());
    if (before == recorded.end()) continue;
    const double ratio = static_cast<double>(instructions) / static_cast<double>(before->second);
    CHECK(ratio <= margin,
          "%s %s: %lld instructions, %lld recorded: %.2f times, allowed are %.2f. Where that is meant, record it and say why",
          set.c_str(), name.c_str(), static_cast<long long>(instructions), static_cast<long long>(before->second), ratio,
          margin);
    if (ratio < 1 / margin) {
      std::fprintf(stderr, "%s %s: %.2f times the recorded instructions: record them\n", set.c_str(), name.c_str(), ratio);
    }
  }
}

int run(bool record_mode) {
  const int64_t nothing = count_instructions([] {});
  if (nothing == 0) return skip("the trap flag has no effect here: this machine cannot count its instructions");
  CHECK(nothing < 100, "%lld instructions to count nothing", static_cast<long long>(nothing));
  const Record record = record_mode ? Record{} : read_record(GAVEL_INSTRUCTIONS_FILE);
  const double margin = record.compiler == compiler_name() ? 1.2 : 1.5;
  if (record_mode) std::printf("compiler %s\n", compiler_name().c_str());
  for (const Set &set : kSets) {
    const TestContext context(1, set.code);
    const std::string name = set_name(set);
    if (context.get() == nullptr) {
      std::fprintf(stderr, "%s is not counted: this machine lacks it\n", name.c_str());
      continue;
    }
    const Found found = count_all(context.get(), set);
    if (record_mode) {
      for (const auto &[what, instructions] : found) {
        std::printf("%s %s %lld\n", name.c_str(), what.c_str(), static_cast<long long>(instructions));
      }
    } else if (record.sets.contains(name)) {
      judge(name, found, record.sets.at(name), margin);
    } else {
      std::fprintf(stderr, "%s is not judged: instructions.txt has no record of it; add what --record prints here\n",
                   name.c_str());
    }
  }
  return finish();
}

}  // namespace
}  // namespace gavel::test

int main(int count, char **arguments) {
  const bool record = count == 2 && std::strcmp(arguments[1], "--record") == 0;
  if (count > 1 && !record) {
    std::fprintf(stderr, "usage: instructions [--record]\n");
    return 2;
  }
  return gavel::test::run(record);
}
