// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// log_sum_chain.inl: log-sum-exps of a growing set, one entry after the other, in each lane: what rankings are made of. Over the wrapper of
// one_lane.h or one of cpu/vector.h, after numeric.inl.
//
// The set is kept as its leader (the largest entry, the first of equals) and rest, the sum of the other exponentials relative to it:
//   log-sum-exp = leader + log(1 + rest).
// An entry that comes gets its share of the sum, e^(z - log-sum-exp), and the others' share, both without cancellation; the ratio of the
// sums before and after it is the others' share. Adding n entries loses at most about n / 2 ULP of rest.

struct ChainEntry {
  Vector loss;    // log-sum-exp of the set with the entry, minus the entry; at least 0
  Vector share;   // e^-loss
  Vector others;  // 1 - share
};

struct LogSumChain {
  Vector leader;
  Vector rest;
  Mask empty;
};

// What came last, before it is looked at as an entry.
struct ChainStep {
  Vector z;
  Vector power;  // its exponential relative to the leader
  Mask leads;
};

GAVEL_HOST_DEVICE LogSumChain empty_chain() {
  return {zero(), zero(), less_equal(zero(), zero())};
}

// The set of 0 alone.
GAVEL_HOST_DEVICE LogSumChain chain_of_zero() {
  return {zero(), zero(), less(zero(), zero())};
}

// In lanes with `out` nothing is added, and the step means nothing.
GAVEL_HOST_DEVICE ChainStep extend_chain(LogSumChain &chain, Vector z, Mask out) {
  const Vector power = unfused_exponential_below_0(negate(absolute(subtract(z, chain.leader))));
  const Mask leads = either(chain.empty, less(chain.leader, z));
  // The leader of before is one of the rest now, and its 1 becomes `power`.
  const Vector sum = select(leads, multiply(add(set(1.0f), chain.rest), power), add(chain.rest, power));
  chain.rest = select(out, chain.rest, select(chain.empty, zero(), sum));
  chain.leader = select(out, chain.leader, select(leads, z, chain.leader));
  chain.empty = both(chain.empty, out);
  return {z, select(leads, set(1.0f), power), leads};
}

// Of the step that was the last one to be added.
GAVEL_HOST_DEVICE ChainEntry entry_in_chain(const LogSumChain &chain, const ChainStep &step) {
  const Vector log_sum = log_one_plus(chain.rest);
  ChainEntry entry;
  entry.loss = select(step.leads, log_sum, add(subtract(chain.leader, step.z), log_sum));
  // The leader's 1 is among the others' where the entry is not the leader itself.
  const Vector other_entries = select(step.leads, chain.rest, add(set(1.0f), subtract(chain.rest, step.power)));
  const PartShares shares = part_shares(step.power, other_entries, chain.rest);
  entry.share = shares.own;
  entry.others = shares.others;
  return entry;
}

// e^(z - log-sum-exp) of an entry of the set.
GAVEL_HOST_DEVICE Vector share_in_chain(const LogSumChain &chain, Vector z) {
  return share_of(unfused_exponential_below_0(subtract(z, chain.leader)), chain.rest);
}

// d (sum of losses) / d z of an entry whose share in its own set is `share`; seen: its shares in the sets that came after it, relative to
// `share`. The entry before it in the walk back sees seen_before.
GAVEL_HOST_DEVICE Vector chain_gradient(Vector share, Vector others, Vector seen) {
  return subtract(multiply(share, seen), others);
}
GAVEL_HOST_DEVICE Vector seen_before(Vector seen, Vector others) {
  return multiply(add(seen, set(1.0f)), others);
}

GAVEL_HOST_DEVICE Vector log_sum_of(const LogSumChain &chain) {
  return add(chain.leader, log_one_plus(chain.rest));
}

// Of a set that may be empty.
GAVEL_HOST_DEVICE Vector log_sum_or_nothing(const LogSumChain &chain) {
  return select(chain.empty, negate(set(__builtin_huge_valf())), log_sum_of(chain));
}
