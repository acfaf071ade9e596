// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// cuda_plugin.h: libgavel_cuda.so, opened when a CUDA context is first asked for.
#ifndef GAVEL_API_CUDA_PLUGIN_H
#define GAVEL_API_CUDA_PLUGIN_H

#include <memory>
#include <utility>

#include "cuda/plugin.h"

namespace gavel {

// The plugin beside this library, or the one that the environment variable GAVEL_CUDA_LIBRARY names. Once opened it stays open and is the
// answer ever after. Throws Failure (GAVEL_DEVICE_UNAVAILABLE) with the path that was tried, the loader's reason and what to do.
const cuda::Plugin &cuda_plugin();

// Throws what a function of the plugin answered, as if it had been found here.
void check_plugin(int32_t status, const gavel_error &error);

// Calls a function of the plugin's table, whose last parameter is an error.
template <typename... Parameters, typename... Arguments>
void on_plugin(int32_t (*function)(Parameters...) noexcept, Arguments &&...arguments) {
  gavel_error error;
  error.struct_size = sizeof error;
  check_plugin(function(std::forward<Arguments>(arguments)..., &error), error);
}

// An object of the plugin and the function that ends it. Null on the CPU.
template <typename Type>
using CudaPart = std::unique_ptr<Type, void (*)(Type *) noexcept>;

}  // namespace gavel

#endif
