/* Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
 *
 * The header alone, twice, in strict C11, and a program in C against the library. */
#include "gavel/gavel.h"

#include <stdio.h>
#include <string.h>

static int failures = 0;

static void check(int ok, const char *what) {
  if (!ok) {
    fprintf(stderr, "FAILED: %s\n", what);
    ++failures;
  }
}

int main(void) {
  const int64_t sizes[] = {0,
                           sizeof(gavel_error),
                           sizeof(gavel_tensor),
                           sizeof(gavel_context_options),
                           sizeof(gavel_context_info),
                           sizeof(gavel_head_spec),
                           sizeof(gavel_parameter_info),
                           sizeof(gavel_score_args),
                           sizeof(gavel_loss_args),
                           sizeof(gavel_backward_args),
                           sizeof(gavel_scatter_args),
                           sizeof(gavel_optimizer_options),
                           sizeof(gavel_token_logprob_args),
                           sizeof(gavel_token_logprob_backward_args),
                           0};
  gavel_context_options options;
  gavel_context *context = NULL;
  gavel_error error;
  int32_t id;
  int32_t status;

  check(gavel_abi_version() == GAVEL_ABI_VERSION, "the ABI version is the header's");
  check(strcmp(gavel_status_name(GAVEL_BUSY), "GAVEL_BUSY") == 0, "name of a status");
  check(strcmp(gavel_status_name(7), "unknown status") == 0, "name of an unknown status");
  for (id = 0; id <= GAVEL_STRUCT_TOKEN_LOGPROB_BACKWARD_ARGS + 1; ++id)
    check(gavel_struct_size(id) == sizes[id], "sizeof a struct");
  check(gavel_struct_size(-1) == 0, "size of an unknown struct");

  memset(&options, 0, sizeof options);
  options.struct_size = (uint32_t)sizeof options;
  options.device_type = GAVEL_CPU;
  options.threads = 1;
  memset(&error, 0, sizeof error);
  error.struct_size = (uint32_t)sizeof error;
  status = gavel_context_create(&options, &context, &error);
  check(status == GAVEL_OK && context != NULL, "a context from C");
  gavel_context_destroy(context);
  gavel_context_destroy(NULL);

  options.threads = 0;
  status = gavel_context_create(&options, &context, &error);
  check(status == GAVEL_INVALID_ARGUMENT && context == NULL, "no context with 0 threads");
  check(error.status == GAVEL_INVALID_ARGUMENT && strcmp(error.operation, "gavel_context_create") == 0, "the error says where");
  check(strstr(error.message, "options.threads is 0") != NULL, "the error says what");
  return failures == 0 ? 0 : 1;
}
