// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points about the library itself.
#include "gavel/gavel.h"

#ifndef GAVEL_VERSION
#error "GAVEL_VERSION is the project's version; the build defines it"
#endif

extern "C" {

int32_t gavel_abi_version(void) {
  return GAVEL_ABI_VERSION;
}

const char *gavel_version(void) {
  return GAVEL_VERSION;
}

const char *gavel_status_name(int32_t status) {
  switch (status) {
    case GAVEL_OK:
      return "GAVEL_OK";
    case GAVEL_INVALID_ARGUMENT:
      return "GAVEL_INVALID_ARGUMENT";
    case GAVEL_UNSUPPORTED:
      return "GAVEL_UNSUPPORTED";
    case GAVEL_OUT_OF_HOST_MEMORY:
      return "GAVEL_OUT_OF_HOST_MEMORY";
    case GAVEL_OUT_OF_DEVICE_MEMORY:
      return "GAVEL_OUT_OF_DEVICE_MEMORY";
    case GAVEL_DEVICE_UNAVAILABLE:
      return "GAVEL_DEVICE_UNAVAILABLE";
    case GAVEL_DEVICE_LOST:
      return "GAVEL_DEVICE_LOST";
    case GAVEL_BUSY:
      return "GAVEL_BUSY";
    case GAVEL_INTERNAL:
      return "GAVEL_INTERNAL";
    default:
      return "unknown status";
  }
}

int64_t gavel_struct_size(int32_t struct_id) {
  switch (struct_id) {
    case GAVEL_STRUCT_ERROR:
      return sizeof(gavel_error);
    case GAVEL_STRUCT_TENSOR:
      return sizeof(gavel_tensor);
    case GAVEL_STRUCT_CONTEXT_OPTIONS:
      return sizeof(gavel_context_options);
    case GAVEL_STRUCT_CONTEXT_INFO:
      return sizeof(gavel_context_info);
    case GAVEL_STRUCT_HEAD_SPEC:
      return sizeof(gavel_head_spec);
    case GAVEL_STRUCT_PARAMETER_INFO:
      return sizeof(gavel_parameter_info);
    case GAVEL_STRUCT_SCORE_ARGS:
      return sizeof(gavel_score_args);
    case GAVEL_STRUCT_LOSS_ARGS:
      return sizeof(gavel_loss_args);
    case GAVEL_STRUCT_BACKWARD_ARGS:
      return sizeof(gavel_backward_args);
    case GAVEL_STRUCT_SCATTER_ARGS:
      return sizeof(gavel_scatter_args);
    case GAVEL_STRUCT_OPTIMIZER_OPTIONS:
      return sizeof(gavel_optimizer_options);
    case GAVEL_STRUCT_TOKEN_LOGPROB_ARGS:
      return sizeof(gavel_token_logprob_args);
    case GAVEL_STRUCT_TOKEN_LOGPROB_BACKWARD_ARGS:
      return sizeof(gavel_token_logprob_backward_args);
    default:
      return 0;
  }
}

}  // extern "C"
