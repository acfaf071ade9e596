// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// What has no kernel on CUDA yet is refused by name, before anything of the call is looked at.
#include "cuda_api_good_call.h"

using namespace gavel::test;

namespace {

void expect_unsupported(int32_t status, const gavel_error &error, const char *operation, const char *names) {
  if (!expect_status(operation, status, GAVEL_UNSUPPORTED, error)) return;
  CHECK(std::strstr(error.message, names) != nullptr && std::strcmp(error.operation, operation) == 0,
        "%s: '%s' does not name '%s'", operation, error.message, names);
}

}  // namespace

int main() {
  const CudaContext context;
  auto error = sized<gavel_error>();
  std::vector<float> values(12, 1);
  const gavel_tensor weight = describe(values.data(), GAVEL_F32, {3, 4});
  gavel_vocabulary *vocabulary = nullptr;
  expect_unsupported(gavel_vocabulary_create(context.get(), &weight, &vocabulary, &error), error, "gavel_vocabulary_create",
                     "TOKEN_LOGPROB runs on the CPU alone");
  CHECK(vocabulary == nullptr, "a handle came back");
  const auto args = sized<gavel_token_logprob_args>();
  expect_unsupported(gavel_token_logprob(context.get(), nullptr, &args, nullptr, &error), error, "gavel_token_logprob",
                     "TOKEN_LOGPROB runs on the CPU alone");
  const auto backward = sized<gavel_token_logprob_backward_args>();
  expect_unsupported(gavel_token_logprob_backward(context.get(), &backward, &error), error, "gavel_token_logprob_backward",
                     "TOKEN_LOGPROB runs on the CPU alone");

  const GoodCall good(context);
  gavel_score_args score = good.args;
  expect_status("as it is", good.score(score, error), GAVEL_OK, error);
  score.pooling = GAVEL_POOLING_ALL;
  score.first = score.last = gavel_tensor{};
  expect_unsupported(good.score(score, error), error, "gavel_score", "the pooling ALL runs on the CPU alone");
  return finish();
}
