// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// Entry points of gavel_vocabulary.
#include "cpu/vocabulary.h"

#include <cinttypes>
#include <memory>

#include "api/handles.h"
#include "common/call_tensors.h"
#include "common/error.h"
#include "gavel/gavel.h"

using namespace gavel;

namespace {

constexpr int64_t kMostTokens = int64_t{1} << 24;
constexpr int64_t kMostWidth = int64_t{1} << 20;

}  // namespace

extern "C" {

int32_t gavel_vocabulary_create(gavel_context *context, const gavel_tensor *weight, gavel_vocabulary **vocabulary,
                                gavel_error *error) {
  return enter("gavel_vocabulary_create", error, [&] {
    GAVEL_CHECK(vocabulary != nullptr, "vocabulary is NULL; pass the address of a pointer to be set");
    *vocabulary = nullptr;
    gavel_context &parent = checked(context);
    GAVEL_CHECK(weight != nullptr, "weight is NULL; pass a tensor [V, H]");
    CallTensors tensors(kHostMemory);
    const Tensor matrix = tensors.input(*weight, "weight", kFloatDtypes, {kAny, kAny});
    GAVEL_CHECK(matrix.shape[0] >= 1 && matrix.shape[0] <= kMostTokens,
                "weight has %" PRId64 " rows, one for each token; it must have 1 to %" PRId64, matrix.shape[0], kMostTokens);
    GAVEL_CHECK(matrix.shape[1] >= 1 && matrix.shape[1] <= kMostWidth,
                "weight has rows of %" PRId64 " values; they must be 1 to %" PRId64 " wide", matrix.shape[1], kMostWidth);
    if (parent.plugin != nullptr) {
      cuda::Vocabulary *made = nullptr;
      on_plugin(parent.plugin->vocabulary_create, *parent.cuda, matrix, &made);
      CudaPart<cuda::Vocabulary> part(made, parent.plugin->vocabulary_destroy);
      *vocabulary = std::make_unique<gavel_vocabulary>(parent, matrix, std::move(part)).release();
      return;
    }
    auto part = std::make_unique<CpuVocabulary>(*parent.cpu, matrix);
    *vocabulary = std::make_unique<gavel_vocabulary>(parent, std::move(part)).release();
  });
}

void gavel_vocabulary_destroy(gavel_vocabulary *vocabulary) {
  destroy(vocabulary, kVocabularyMagic);
}

}  // extern "C"
