// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_api_good_call.h: a call on the device that works, for tests that spoil it or the machine under it, and that nothing is left behind.
#ifndef GAVEL_TEST_CUDA_API_GOOD_CALL_H
#define GAVEL_TEST_CUDA_API_GOOD_CALL_H

#include "cuda_api_fixture.h"
#include "optimizer_fixture.h"

namespace gavel::test {

// A score call on the device that works: everything in it may be spoiled.
struct GoodCall {
  explicit GoodCall(const CudaContext &on, int64_t items = 6)
      : context(on),
        random(7),
        spec(linear_spec(GAVEL_F32, 12, 1)),
        head(on.get(), spec, 7),
        training(random_case(random, spec, items, GAVEL_POOLING_INDEX, GAVEL_COMBINE_NONE, 0)),
        device(on) {
    host = score_args(spec, training.batch, training.pooling, training.combine, true, out);
    args = host;
    upload(device, args);
    args.stream = on.stream();
    on.synchronize();
  }
  int32_t score(const gavel_score_args &changed, gavel_error &error, const gavel_loss_args *loss = nullptr) const {
    return gavel_score(context.get(), head.get(), &changed, loss, &error);
  }

  const CudaContext &context;
  Random random;
  gavel_head_spec spec;
  TestHead head;
  TrainingCase training;
  Scores out;
  OnDevice device;
  gavel_score_args host{}, args{};
};

// Memory, streams and events of the emulated machine; `number` tells which of many tries it was.
inline bool nothing_lives(const char *what, int64_t number, Where where = Where::current()) {
  const gavel::emulator::Live live = machine().live();
  const bool none =
      live.device_allocations == 0 && live.host_allocations == 0 && live.streams == 0 && live.events == 0 && live.pools == 0;
  if (failed(none, where)) {
    std::fprintf(stderr, "%s %lld left %lld device and %lld pinned allocations, %lld streams, %lld events, %lld pools\n", what,
                 static_cast<long long>(number), static_cast<long long>(live.device_allocations),
                 static_cast<long long>(live.host_allocations), static_cast<long long>(live.streams),
                 static_cast<long long>(live.events), static_cast<long long>(live.pools));
  }
  return none;
}

}  // namespace gavel::test

#endif
