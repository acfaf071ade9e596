// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// log_sum_chain.h: log-sum-exps of a growing set, one entry after the other, for host and device: what rankings are made of.
//
// The set is kept as its leader (the largest entry, the first of equals) and rest, the sum of the other exponentials relative to it:
//   log-sum-exp = leader + log(1 + rest).
// An entry that comes gets its share of the sum, e^(z - log-sum-exp), and the others' share, both without cancellation; the ratio of the
// sums before and after it is the others' share. Adding n entries loses at most about n / 2 ULP of rest.
#ifndef GAVEL_COMMON_LOG_SUM_CHAIN_H
#define GAVEL_COMMON_LOG_SUM_CHAIN_H

#include "common/numeric.h"

namespace gavel {

struct ChainEntry {
  float loss;    // log-sum-exp of the set with the entry, minus the entry; at least 0
  float share;   // e^-loss
  float others;  // 1 - share
};

struct LogSumChain {
  float leader;
  float rest;
  bool empty;
};

GAVEL_HOST_DEVICE LogSumChain empty_chain() {
  return {0.0f, 0.0f, true};
}

// What the entry that came last is in its set; e is its exponential relative to the leader.
GAVEL_HOST_DEVICE ChainEntry entry_in_chain(const LogSumChain &chain, float z, float e, bool leads) {
  ChainEntry entry;
  const float log_sum = log_one_plus(chain.rest);
  entry.loss = leads ? log_sum : (chain.leader - z) + log_sum;
  // The leader's 1 is among the others' where the entry is not the leader itself.
  const PartShares shares = part_shares(e, leads ? chain.rest : 1.0f + (chain.rest - e), chain.rest);
  entry.share = shares.own;
  entry.others = shares.others;
  return entry;
}

GAVEL_HOST_DEVICE ChainEntry add_to_chain(LogSumChain &chain, float z) {
  bool leads = chain.empty;
  float e = 1.0f;
  if (chain.empty) {
    chain = {z, 0.0f, false};
  } else if (z > chain.leader) {
    chain.rest = (1.0f + chain.rest) * exponential(chain.leader - z);
    chain.leader = z;
    leads = true;
  } else {
    e = exponential(z - chain.leader);
    chain.rest = chain.rest + e;
  }
  return entry_in_chain(chain, z, e, leads);
}

// e^(z - log-sum-exp) of an entry that is not in the set, or is no longer looked at.
GAVEL_HOST_DEVICE float share_in_chain(const LogSumChain &chain, float z) {
  return share_of(exponential(z - chain.leader), chain.rest);
}

// d (sum of losses) / d z of an entry whose share in its own set is `share`; seen: its shares in the sets that came after it, relative to
// `share`. The entry before it in the walk back sees seen_before.
GAVEL_HOST_DEVICE float chain_gradient(float share, float others, float seen) {
  return share * seen - others;
}
GAVEL_HOST_DEVICE float seen_before(float seen, float others) {
  return (seen + 1.0f) * others;
}

GAVEL_HOST_DEVICE float log_sum_of(const LogSumChain &chain) {
  return chain.leader + log_one_plus(chain.rest);
}

}  // namespace gavel

#endif
