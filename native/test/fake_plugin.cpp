// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// fake_plugin.cpp: a libgavel_cuda.so of another build: the table is of the right shape (FAKE_TABLE 1) or not, its version is another one.
#include "cuda/plugin.h"

namespace {

const gavel::cuda::Plugin kFake = [] {
  gavel::cuda::Plugin plugin{};
  plugin.struct_size = FAKE_TABLE ? sizeof plugin : 8;
  plugin.tensor_size = sizeof(gavel::Tensor);
  plugin.version = "0.0.7";
  return plugin;
}();

}  // namespace

const gavel::cuda::Plugin *gavel_cuda_plugin(void) {
  return &kFake;
}
