// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry point of gavel_register_products.
#include "api/handles.h"
#include "common/error.h"
#include "cpu/kernels.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

constexpr int64_t kMostRounds = INT32_MAX;  // operations stay in 64 bits on any device

}  // namespace

extern "C" {

int32_t gavel_register_products(gavel_context *context, int32_t dtype, int64_t rounds, gavel_stream *stream,
                                int64_t *operations, gavel_error *error) {
  return enter("gavel_register_products", error, [&] {
    GAVEL_CHECK(operations != nullptr, "operations is NULL; pass the address of a number to be set");
    *operations = 0;
    const gavel_context &on = checked(context);
    GAVEL_CHECK(dtype == GAVEL_F32 || dtype == GAVEL_F16 || dtype == GAVEL_BF16,
                "dtype is %d; say 1 (F32), 2 (F16) or 3 (BF16)", dtype);
    GAVEL_CHECK(rounds >= 0 && rounds <= kMostRounds, "rounds is %lld; say 0 to %lld", static_cast<long long>(rounds),
                static_cast<long long>(kMostRounds));
    cuda::Stream *order = stream_of_call(on, stream, "stream");
    if (order == nullptr) {
      const FlushDenormals flush;
      *operations = on.cpu->kernels.register_products(dtype, rounds);
      return;
    }
    on_plugin(on.plugin->register_products, *order, dtype, rounds, operations);
  });
}

}  // extern "C"
