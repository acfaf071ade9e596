// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Score and backward calls with readouts and gates on memory that ends (or begins) at a page nobody may touch: right ones, and wrong ones
// from a seed, which must be answered with a status.
#include <cstddef>
#include <deque>

#include "guard.h"
#include "hostile.h"
#include "readout_calls.h"

using namespace gavel;
using namespace gavel::test;

namespace {

constexpr uint64_t kSeed = 31337;

// Moves the memory behind tensors of a struct between guard pages.
class GuardedTensors {
 public:
  explicit GuardedTensors(Edge edge) : edge_(edge) {}
  void move(gavel_tensor &tensor) {
    if (tensor.dtype == GAVEL_NONE) return;
    buffers_.emplace_back(tensor.byte_length, edge_);
    std::memcpy(buffers_.back().as<void>(), tensor.data, static_cast<size_t>(tensor.byte_length));
    tensor.data = buffers_.back().as<void>();
  }
  void check(const char *what) const {
    for (const Guarded &buffer : buffers_) CHECK(buffer.untouched(), "%s wrote outside of a buffer", what);
  }

 private:
  Edge edge_;
  std::deque<Guarded> buffers_;
};

#define AT(field) offsetof(gavel_score_args, field)

void spoil(Random &random, gavel_score_args &args) {
  if (random.integer(0, 9) == 0) args.gate = nullptr;
  if (random.integer(0, 9) == 0) args.readout_width = hostile_number(random, args.readout_width);
  Spoiler<gavel_score_args>(args)
      .words({AT(pooling), AT(readout), AT(readout_class), AT(readout_statistic), AT(readout_objectives), AT(gate_form)})
      .floats({AT(gate_temperature), AT(gate_scale)})
      .tensors(AT(hidden), AT(stream))
      .tensors(AT(readout_levels), AT(gate))
      .tensors(AT(gate_index), AT(gate_preactivations) + 1)
      .spoil(random);
}

#undef AT
#define AT(field) offsetof(gavel_backward_args, field)

void spoil(Random &random, gavel_backward_args &args) {
  if (random.integer(0, 9) == 0) args.gate = nullptr;
  if (random.integer(0, 9) == 0) args.gate_gradients = nullptr;
  if (random.integer(0, 9) == 0) args.readout_width = hostile_number(random, args.readout_width);
  Spoiler<gavel_backward_args>(args)
      .words({AT(pooling), AT(readout), AT(readout_class), AT(readout_statistic), AT(readout_objectives), AT(gate_form),
              AT(gate_gradient_count), AT(reserved2)})
      .floats({AT(gate_temperature), AT(gate_scale)})
      .tensors(AT(hidden), AT(stream))
      .tensors(AT(readout_levels), AT(gate))
      .tensors(AT(gate_index), AT(dgate_scale) + 1)
      .spoil(random);
}

template <typename Args, typename Call>
void call_wrongly(const char *what, const Args &right, Random &random, int calls, Call call, int64_t &accepted,
                  int64_t &refused) {
  for (int i = 0; i < calls; ++i) {
    Args wrong = right;
    spoil(random, wrong);
    auto error = sized<gavel_error>();
    const int32_t status = call(wrong, error);
    expect_answered(what, status, error, static_cast<uint64_t>(i));
    (status == GAVEL_OK ? accepted : refused) += 1;
  }
}

void test_any(Edge edge, uint64_t seeds, int calls) {
  int64_t accepted = 0, refused = 0;
  const TestContext context(2);
  for (uint64_t seed = kSeed; seed < kSeed + seeds; ++seed) {
    Random random(seed);
    const ReadoutCase problem = any_readout_case(random, random.integer(1, 7));
    const TestHead head(context.get(), problem.head, seed), gate(context.get(), problem.gate, seed + 1);
    auto error = sized<gavel_error>();
    GuardedTensors memory(edge);
    ReadoutOutputs out;
    gavel_score_args args = readout_score_args(problem, gate.get(), out);
    for (gavel_tensor *tensor :
         {&args.hidden, &args.last, &args.scores, &args.logits, &args.vectors, &args.preactivations, &args.counts,
          &args.readout_levels, &args.readout_weights, &args.gate_transform, &args.gate_index, &args.objectives,
          &args.gate_weights, &args.gate_logits, &args.gate_preactivations}) {
      memory.move(*tensor);
    }
    expect_status("score", gavel_score(context.get(), head.get(), &args, nullptr, &error), GAVEL_OK, error);

    ReadoutBackward call(problem, run_readout(context.get(), problem, head.get(), gate.get()), gate.get(), kNan);
    gavel_backward_args &backward = call.args;
    for (gavel_tensor *tensor :
         {&backward.hidden, &backward.last, &backward.scores, &backward.preactivations, &backward.dscore, &backward.dvectors,
          &backward.readout_levels, &backward.readout_weights, &backward.gate_transform, &backward.gate_index, &backward.logits,
          &backward.gate_logits, &backward.gate_preactivations, &backward.dgate_vectors, &backward.dgate_scale}) {
      memory.move(*tensor);
    }
    for (gavel_tensor &tensor : call.gradients.tensors) memory.move(tensor);
    for (gavel_tensor &tensor : call.gate_gradients.tensors) memory.move(tensor);
    const auto run = [&](const gavel_backward_args &with, gavel_error &found) {
      return gavel_backward(context.get(), head.get(), &with, call.gradients.tensors.data(),
                            static_cast<int32_t>(call.gradients.tensors.size()), &found);
    };
    expect_status("backward", run(backward, error), GAVEL_OK, error);
    memory.check("a right call");
    call_wrongly(
        "gavel_score", args, random, calls,
        [&](const gavel_score_args &with, gavel_error &found) {
          return gavel_score(context.get(), head.get(), &with, nullptr, &found);
        },
        accepted, refused);
    call_wrongly("gavel_backward", backward, random, calls, run, accepted, refused);
    memory.check("a wrong call");
  }
  std::fprintf(stderr, "%" PRId64 " accepted, %" PRId64 " refused\n", accepted, refused);
  CHECK(accepted > refused / 50 && refused > accepted / 2, "%" PRId64 " accepted", accepted);
}

}  // namespace

int main() {
  for (const Edge edge : kEdges) test_any(edge, 150, 40);
  return finish();
}
