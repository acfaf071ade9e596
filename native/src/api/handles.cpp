// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "api/handles.h"

using namespace gavel;

namespace {

// Far below what readers can add up to.
constexpr int32_t kWriting = -(1 << 30);

}  // namespace

gavel_head::gavel_head(gavel_context &parent, std::unique_ptr<CpuHead> part)
    : Handle(kHeadMagic), context(parent), spec(part->spec), cpu(std::move(part)) {
  context.keep();
}

gavel_head::~gavel_head() {
  cpu.reset();
  destroy(&context, kContextMagic);
}

gavel_optimizer::gavel_optimizer(gavel_head &parent, std::unique_ptr<CpuOptimizer> part)
    : Handle(kOptimizerMagic), head(parent), cpu(std::move(part)) {
  head.keep();
}

gavel_optimizer::~gavel_optimizer() {
  cpu.reset();
  destroy(&head, kHeadMagic);
}

namespace gavel {

void require_no_stream(const gavel_stream *stream, const char *name) {
  GAVEL_CHECK(stream == nullptr, "%s is not NULL; calls on the CPU run at once, without a stream: set it to NULL", name);
}

void set_bytes(int64_t *target, int64_t bytes) {
  GAVEL_CHECK(target != nullptr, "bytes is NULL; pass the address of a number to be set");
  *target = bytes;
}

HeadReader::HeadReader(gavel_head &head) : head_(head) {
  // Counted first: a writer that comes now sees this reader, and one that is here shows as a negative count.
  if (head.users.fetch_add(1, std::memory_order_acquire) < 0) {
    head.users.fetch_sub(1, std::memory_order_relaxed);
    fail(GAVEL_BUSY,
         "a call that writes the parameters of this head (an optimizer step or write) is running; try again after it");
  }
}

HeadWriter::HeadWriter(gavel_head &head) : head_(head) {
  int32_t users = 0;
  if (!head.users.compare_exchange_strong(users, kWriting, std::memory_order_acq_rel)) {
    fail(GAVEL_BUSY, "%s on this head; try again after it",
         users < 0 ? "another call that writes its parameters is running" : "calls that read its parameters are running");
  }
}

// Not a store of 0: a reader on its way out with GAVEL_BUSY may be counted still.
HeadWriter::~HeadWriter() {
  head_.users.fetch_sub(kWriting, std::memory_order_release);
}

}  // namespace gavel
