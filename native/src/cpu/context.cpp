// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "cpu/context.h"

namespace gavel {

void release(gavel_context *context) {
  if (context->release()) delete context;
}

}  // namespace gavel
