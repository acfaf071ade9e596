// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// rankings.inl: losses over the order of a group's entries and over levels, sixteen groups or pairs of rows side by side, over the wrapper of
// vector.h. Included by each instruction-set file inside its namespace, after losses.inl. Formulas and their order: common/log_sum_chain.inl
// and common/loss_*.inl, which the plain losses of common/loss_*.cpp are made of, too.

// The sum of common/pairwise_sum.h in each lane. A lane with fewer terms adds zeros behind its own: sum_neighbours says why that is the same.
template <int kLevels>
class LaneSum {
 public:
  GAVEL_INLINE void add_term(Vector term) {
    int level = 0;
    for (uint32_t left = count_++; left & 1; left >>= 1) term = add(partial_[level++], term);
    partial_[level] = term;
  }
  GAVEL_INLINE Vector total() const {
    Vector sum = zero();
    int level = 0;
    for (uint32_t left = count_; left != 0; left >>= 1, ++level) {
      if (left & 1) sum = add(partial_[level], sum);
    }
    return sum;
  }

 private:
  uint32_t count_ = 0;
  Vector partial_[kLevels];
};

GAVEL_INLINE Vector count_of(int64_t number) {
  return set(static_cast<float>(number));
}

void ranking_block(const RankingBlock *block) {
  const RankedGroups *groups = &block->groups;
  const int64_t entries = groups->entries;
  const Vector sizes = load(groups->sizes), beta = load(block->beta);
  Vector scores[kLaneEntries], ranks[kLaneEntries];
  read_entries(groups, groups->scores, scores);
  read_entries(groups, groups->ranks, ranks);
  LaneSum<11> losses;  // of 64 * 63 / 2 pairs
  LaneSum<6> gradients[kLaneEntries];
  Vector pairs = zero();
  for (int64_t later = 0; later < entries; ++later) {
    const Vector score = scores[later], rank = ranks[later];
    const Mask there = less(count_of(later), sizes);
    for (int64_t e = 0; e < later; ++e) {
      const Mask better = both(there, less(rank, ranks[e])), worse = both(there, less(ranks[e], rank));
      const EntryPair pair = entry_pair(beta, score, scores[e], better, worse);
      losses.add_term(pair.loss);
      gradients[later].add_term(pair.dscore);
      gradients[e].add_term(negate(pair.dscore));
      pairs = add(pairs, select(either(better, worse), set(1), zero()));
    }
  }
  const Vector share = divide(load(groups->weight), pairs), scale = set(groups->scale);
  store(groups->loss, multiply(share, losses.total()));
  if (groups->dscore == nullptr) return;
  for (int64_t e = 0; e < entries; ++e) {
    scores[e] = add(zero(), multiply(scale, multiply(share, multiply(beta, gradients[e].total()))));
  }
  write_entries(groups, scores, groups->dscore);
}

// Of one entry with each of the block's.
void ranking_row(const RankingRow *row, float *loss, float *dscore) {
  const Vector beta = set(row->beta), score = set(row->score), rank = set(row->rank);
  sweep(row->count, [&](auto lanes, int64_t k) {
    const Vector other = read(lanes, row->ranks + k);
    const EntryPair pair = entry_pair(beta, score, read(lanes, row->scores + k), less(rank, other), less(other, rank));
    write(lanes, loss + k, pair.loss);
    write(lanes, dscore + k, pair.dscore);
  });
}

// At which step each entry of a lane is walked; what is behind the entries of a lane has steps before its first one.
GAVEL_INLINE void find_steps(const PlacesBlock *block, const Vector *ranks, Vector *steps) {
  const Vector sizes = load(block->groups.sizes), last = subtract(load(block->end), set(1));
  for (int64_t e = 0; e < block->groups.entries; ++e) steps[e] = last;
  for (int64_t later = 0; later < block->groups.entries; ++later) {
    const Mask there = less(count_of(later), sizes);
    for (int64_t e = 0; e < later; ++e) {
      // An entry is walked a step earlier for each that is better.
      const Mask better = both(there, less(ranks[later], ranks[e]));
      steps[later] = subtract(steps[later], select(better, zero(), set(1)));
      steps[e] = subtract(steps[e], select(better, set(1), zero()));
    }
  }
}

// The value of the entry that is walked at `step`, in lanes that have one.
GAVEL_INLINE Vector at_step(int64_t step, int64_t entries, const Vector *steps, const Vector *values) {
  Vector value = zero();
  for (int64_t e = 0; e < entries; ++e) value = select(equal(steps[e], count_of(step)), values[e], value);
  return value;
}

void places_block(const PlacesBlock *block) {
  const RankedGroups *groups = &block->groups;
  const int64_t entries = groups->entries, steps = block->steps, uncounted = block->uncounted;
  const Vector first = load(block->first), end = load(block->end), temperature = load(block->temperature);
  Vector values[kLaneEntries], step_of[kLaneEntries], z[2 * kLaneEntries];
  read_entries(groups, groups->ranks, values);
  find_steps(block, values, step_of);
  read_entries(groups, groups->scores, values);
  for (int64_t step = 0; step < steps; ++step) z[step] = divide(at_step(step, entries, step_of, values), temperature);

  Vector shares[2 * kLaneEntries], others[2 * kLaneEntries];
  LogSumChain chain = empty_chain();
  LogSumChain last = chain;  // of the set of the last place that counts
  LaneSum<7> losses;
  for (int64_t step = 0; step < steps; ++step) {
    chain.empty = equal(count_of(step), first);
    const ChainStep added = extend_chain(chain, z[step], less(zero(), zero()));
    if (step < uncounted) continue;
    if (step == uncounted) last = chain;
    const ChainEntry entry = entry_in_chain(chain, added);
    shares[step] = entry.share;
    others[step] = entry.others;
    losses.add_term(select(less(count_of(step), end), entry.loss, zero()));
  }
  const Vector weight = load(groups->weight), scale = set(groups->scale);
  store(groups->loss, multiply(weight, losses.total()));
  if (groups->dscore == nullptr) return;
  Vector before = zero();
  for (int64_t step = steps - 1; step >= 0; --step) {
    Vector gradient;
    if (step >= uncounted) {
      gradient = chain_gradient(shares[step], others[step], before);
      // What the places behind the last one see is the sum for that one.
      const Vector seen = seen_before(before, step > uncounted ? others[step] : set(1));
      before = select(less(count_of(step), end), seen, before);
    } else {
      gradient = multiply(share_in_chain(last, z[step]), before);
    }
    z[step] = add(zero(), multiply(scale, divide(multiply(weight, gradient), temperature)));
  }
  for (int64_t e = 0; e < entries; ++e) {
    values[e] = zero();
    for (int64_t step = 0; step < steps; ++step) values[e] = select(equal(step_of[e], count_of(step)), z[step], values[e]);
  }
  write_entries(groups, values, groups->dscore);
}

void steps_block(const StepsBlock *block) {
  const Vector zeta = load(block->zeta), wrong = load(block->wrong_steps), correct = load(block->correct_steps);
  const Mask never = less(zero(), zero()), any_wrong = less(zero(), wrong);
  LogSumChain chain = chain_of_zero();
  for (int64_t step = 0; step < block->most_wrong; ++step) {
    extend_chain(chain, add(load(block->wrong + step * 16), zeta), less_equal(wrong, count_of(step)));
  }
  const LogSumChain start = chain;
  // All wrong steps are one term in front, in lanes that have any.
  const Vector front = select(any_wrong, set(1), zero()), end = add(correct, front);
  Vector shares[kLaneEntries + 1], others[kLaneEntries + 1];
  LaneSum<7> losses;
  for (int64_t step = 0; step < block->terms; ++step) {
    const Mask in_front = step == 0 ? any_wrong : never;
    const ChainStep added = extend_chain(chain, load(block->correct + step * 16), in_front);
    const ChainEntry entry = entry_in_chain(chain, added);
    shares[step] = entry.share;
    others[step] = entry.others;
    const Vector loss = step == 0 ? select(any_wrong, log_sum_of(start), entry.loss) : entry.loss;
    losses.add_term(select(less(count_of(step), end), loss, zero()));
  }
  const Vector weight = divide(load(block->weight), end), scale = set(block->scale);
  store(block->loss, multiply(weight, losses.total()));
  if (block->dcorrect == nullptr) return;
  Vector after = zero();
  for (int64_t step = block->terms - 1; step >= 0; --step) {
    const Vector gradient = multiply(weight, chain_gradient(shares[step], others[step], after));
    store(block->dcorrect + step * 16, add(zero(), multiply(scale, gradient)));
    const Vector seen = select(less(count_of(step), end), seen_before(after, others[step]), after);
    after = step == 0 ? select(any_wrong, after, seen) : seen;
  }
  for (int64_t step = 0; step < block->most_wrong; ++step) {
    const Vector share = share_in_chain(start, add(load(block->wrong + step * 16), zeta));
    const Vector gradient = multiply(weight, multiply(share, add(set(1), after)));
    store(block->dwrong + step * 16, add(zero(), multiply(scale, gradient)));
  }
}

// Levels relative to the largest of their row, so that a common shift of a row changes nothing.
GAVEL_INLINE void read_levels(const float *scores, int64_t levels, Vector *z) {
  Vector leader = load(scores);
  for (int64_t k = 1; k < levels; ++k) {
    const Vector score = load(scores + k * 16);
    leader = select(leads_row(score, leader), score, leader);
  }
  for (int64_t k = 0; k < levels; ++k) z[k] = subtract(load(scores + k * 16), leader);
}

// Over the levels of the other row: factor k is factors[k * step].
GAVEL_INLINE Vector sum_admitted(const float *factors, const float *log_factors, int64_t step, int64_t levels,
                                 const Vector *z) {
  LogSumChain chain = empty_chain();
  for (int64_t k = 0; k < levels; ++k) {
    if (factors[k * step] != 0) add_product(chain, factors[k * step], log_factors[k * step], z[k]);
  }
  return log_sum_or_nothing(chain);
}

void levels_block(const LevelsBlock *block) {
  const int64_t levels = block->levels;
  Vector chosen[kLaneEntries], rejected[kLaneEntries], below[kLaneEntries];
  read_levels(block->chosen, levels, chosen);
  read_levels(block->rejected, levels, rejected);
  LogSumChain all_chosen = empty_chain(), all_rejected = empty_chain(), joint = empty_chain();
  for (int64_t k = 0; k < levels; ++k) {
    below[k] = sum_admitted(block->factors + k * levels, block->log_factors + k * levels, 1, levels, rejected);
    add_product(all_chosen, 1, 0, chosen[k]);
    add_product(all_rejected, 1, 0, rejected[k]);
    add_product(joint, 1, 0, add(chosen[k], below[k]));
  }
  const Vector weight = load(block->weight), scale = set(block->scale);
  store(block->loss, multiply(weight, ordinal_loss(all_chosen, all_rejected, joint)));
  for (int64_t k = 0; block->dchosen != nullptr && k < levels; ++k) {
    const Vector above = sum_admitted(block->factors + k, block->log_factors + k, levels, levels, chosen);
    const Vector dchosen = ordinal_gradient(all_chosen, joint, chosen[k], below[k]);
    const Vector drejected = ordinal_gradient(all_rejected, joint, rejected[k], above);
    store(block->dchosen + k * 16, multiply(scale, multiply(weight, dchosen)));
    store(block->drejected + k * 16, multiply(scale, multiply(weight, drejected)));
  }
}
