// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// losses.inl: blocks of loss items over the wrapper of vector.h. Included by each instruction-set file inside its namespace, after
// rows.inl. Formulas and their order: common/loss_*.inl, which the plain losses of common/loss_*.cpp are made of, too.

template <typename Lanes>
GAVEL_INLINE Vector read_number(Lanes lanes, const BlockNumber &number, int64_t k) {
  return number.values != nullptr ? read(lanes, number.values + k) : set(number.scalar);
}

// terms(lanes, k) are those of the pairs from k on.
template <typename Terms>
GAVEL_INLINE void write_pairs(const PairBlock &block, Terms terms) {
  const Vector scale = set(block.scale);
  float *loss = block.loss, *dchosen = block.dchosen, *drejected = block.drejected;
  sweep(block.count, [&](auto lanes, int64_t k) {
    const PairTerms at = terms(lanes, k);
    write(lanes, loss + k, at.loss);
    write(lanes, dchosen + k, multiply(scale, at.dchosen));
    write(lanes, drejected + k, multiply(scale, at.drejected));
  });
}

GAVEL_INLINE bool is_zero(const BlockNumber &number) {
  return number.values == nullptr && number.scalar == 0;
}

void pair_block(const PairBlock *pairs) {
  const PairBlock block = *pairs;
  if (block.ties == nullptr && is_zero(block.label_smoothing) && is_zero(block.center)) {
    return write_pairs(block, [&](auto lanes, int64_t k) {
      return plain_pair_terms(read(lanes, block.chosen + k), read(lanes, block.rejected + k),
                              read_number(lanes, block.weight, k), read_number(lanes, block.beta, k),
                              read_number(lanes, block.margin, k));
    });
  }
  write_pairs(block, [&](auto lanes, int64_t k) {
    const PairParameters parameters = {
        read_number(lanes, block.weight, k),
        read_number(lanes, block.beta, k),
        read_number(lanes, block.margin, k),
        read_number(lanes, block.label_smoothing, k),
        read_number(lanes, block.center, k),
        read_number(lanes, block.tie, k),
        less(zero(), block.ties != nullptr ? read(lanes, block.ties + k) : zero()),
    };
    return pair_terms(read(lanes, block.chosen + k), read(lanes, block.rejected + k), parameters);
  });
}

template <int32_t kLoss>
GAVEL_INLINE ElementTerms element_terms(Vector score, Vector target, Vector number) {
  if constexpr (kLoss == GAVEL_LOSS_MSE) return squared_error_terms(score, target);
  if constexpr (kLoss == GAVEL_LOSS_BCE) return binary_cross_entropy_terms(score, target, number);
  if constexpr (kLoss == GAVEL_LOSS_PINBALL) return pinball_terms(score, target, number);
}

template <int32_t kLoss>
void element_block_of(const ElementBlock *block) {
  const Vector scale = set(block->scale);
  sweep(block->count, [&](auto lanes, int64_t k) {
    const ElementTerms terms = element_terms<kLoss>(read(lanes, block->scores + k), read(lanes, block->targets + k),
                                                    read_number(lanes, block->number, k));
    const Vector weight = read_number(lanes, block->weight, k);
    write(lanes, block->loss + k, multiply(weight, terms.loss));
    write(lanes, block->dscore + k, multiply(scale, multiply(weight, terms.dscore)));
  });
}

void element_block(int32_t loss, const ElementBlock *block) {
  if (loss == GAVEL_LOSS_MSE) return element_block_of<GAVEL_LOSS_MSE>(block);
  if (loss == GAVEL_LOSS_BCE) return element_block_of<GAVEL_LOSS_BCE>(block);
  element_block_of<GAVEL_LOSS_PINBALL>(block);
}

// The pairwise sums of terms[0 .. n), lane by lane, into terms[0]. A lane with fewer terms has zeros behind its own: adding them changes
// no bit, but that a sum of -0 alone becomes +0, which total() of pairwise_sum.h makes of it, too. terms has room for one more.
GAVEL_INLINE Vector sum_neighbours(Vector *terms, int64_t n) {
  for (; n > 1; n = (n + 1) / 2) {
    terms[n] = zero();
    for (int64_t k = 0; k < n; k += 2) terms[k / 2] = add(terms[k], terms[k + 1]);
  }
  return add(terms[0], zero());
}

// Entry numbers of the first of the largest values, as a running comparison finds it: a NaN in front stays in front.
template <typename Value>
GAVEL_INLINE Vector first_largest_entry(int64_t entries, Vector sizes, Value value) {
  Vector best = value(0), entry = zero();
  for (int64_t e = 1; e < entries; ++e) {
    const Vector here = value(e), number = set(static_cast<float>(e));
    const Vector challenger = select(less(number, sizes), here, best);
    entry = select(less(best, challenger), number, entry);
    best = select(less(best, challenger), challenger, best);
  }
  return entry;
}

template <bool kWeights>
void group_block_of(const GroupBlock *block) {
  const int64_t entries = block->entries;
  const Vector sizes = load(block->sizes), target_entry = load(block->target_entry);
  Vector scores[kLaneEntries], targets[kWeights ? kLaneEntries : 1];
  read_entries(block, block->scores, scores);
  if constexpr (kWeights) read_entries(block, block->targets, targets);
  const auto score = [&](int64_t e) { return scores[e]; };
  const auto target = [&](int64_t e) {
    if constexpr (kWeights) return targets[e];
    return select(equal(set(static_cast<float>(e)), target_entry), set(1), zero());
  };
  const Vector leader = first_largest_entry(entries, sizes, score);
  Vector largest = target_entry;
  if constexpr (kWeights) largest = first_largest_entry(entries, sizes, target);

  Vector terms[kLaneEntries + 1], exponentials[kLaneEntries], gaps[kLaneEntries];
  GroupTerms group;
  group.temperature = load(block->temperature);
  group.leader = score(0);
  group.largest_target = kWeights ? target(0) : set(1);
  for (int64_t e = 1; e < entries; ++e) {
    const Vector number = set(static_cast<float>(e));
    group.leader = select(equal(number, leader), score(e), group.leader);
    if constexpr (kWeights) group.largest_target = select(equal(number, largest), target(e), group.largest_target);
  }
  for (int64_t e = 0; e < entries; ++e) {
    const Vector number = set(static_cast<float>(e));
    gaps[e] = scaled_gap(score(e), group);
    const Vector power = unfused_exponential_below_0(gaps[e]);
    exponentials[e] = select(equal(number, leader), set(1), power);
    terms[e] = select(less(number, sizes), select(equal(number, leader), zero(), power), zero());
  }
  group.rest = sum_neighbours(terms, entries);
  group.log_sum = log_one_plus(group.rest);
  group.other_targets = zero();
  if constexpr (kWeights) {
    for (int64_t e = 0; e < entries; ++e) {
      const Vector number = set(static_cast<float>(e));
      terms[e] = select(less(number, sizes), select(equal(number, largest), zero(), target(e)), zero());
    }
    group.other_targets = sum_neighbours(terms, entries);
  }
  const Vector weight = load(block->weight), scale = set(block->scale);
  Vector dscores[kLaneEntries];
  for (int64_t e = 0; e < entries; ++e) {
    const Vector number = set(static_cast<float>(e));
    const Vector gradient = gradient_of(exponentials[e], equal(number, leader), target(e), equal(number, largest), group);
    // 0 is added: a product of -0 becomes 0.
    dscores[e] = add(zero(), multiply(scale, divide(multiply(weight, gradient), group.temperature)));
    terms[e] = select(less(number, sizes), loss_at_gap(gaps[e], equal(number, leader), target(e), group), zero());
  }
  if (block->dscore != nullptr) write_entries(block, dscores, block->dscore);
  // A group without any target has loss 0, but not with a NaN score in it.
  const Vector loss = multiply(weight, sum_neighbours(terms, entries));
  store(block->loss, select(is_nan(group.rest), group.rest, loss));
}

void group_block(const GroupBlock *block) {
  if (block->targets != nullptr) return group_block_of<true>(block);
  group_block_of<false>(block);
}

// The sixteen entries from `first` on of which `entry` is one; positions beyond a block are no number of its lanes.
GAVEL_INLINE Mask is_entry(int64_t entry, int64_t first, Vector lane_numbers) {
  return equal(lane_numbers, set(entry >= first && entry < first + 16 ? static_cast<float>(entry - first) : -1.0f));
}

GAVEL_INLINE Vector number_lanes() {
  const float numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return load(numbers);
}

// e^gap of every entry but the leader, which has 0.
void entry_powers(const EntryBlock *block, float *powers) {
  const Vector numbers = number_lanes();
  GroupTerms group{};
  group.leader = set(block->leader);
  group.temperature = set(block->temperature);
  sweep(block->count, [&](auto lanes, int64_t k) {
    const Vector power = unfused_exponential_below_0(scaled_gap(read(lanes, block->scores + k), group));
    write(lanes, powers + k, select(is_entry(block->leader_entry, k, numbers), zero(), power));
  });
}

void entry_block(const EntryBlock *block, float *loss, float *dscore) {
  const Vector numbers = number_lanes(), weight = set(block->weight), scale = set(block->scale);
  const GroupTerms group = {set(block->leader),  set(block->temperature),    set(block->rest),
                            set(block->log_sum), set(block->largest_target), set(block->other_targets)};
  sweep(block->count, [&](auto lanes, int64_t k) {
    const Vector score = read(lanes, block->scores + k);
    const Mask leads = is_entry(block->leader_entry, k, numbers);
    const Vector target = block->targets != nullptr ? read(lanes, block->targets + k)
                                                    : select(is_entry(block->target_entry, k, numbers), set(1), zero());
    const Vector gradient = entry_gradient(score, leads, target, is_entry(block->largest_target_entry, k, numbers), group);
    write(lanes, dscore + k, add(zero(), multiply(scale, divide(multiply(weight, gradient), group.temperature))));
    write(lanes, loss + k, entry_loss(score, leads, target, group));
  });
}

// even[k] = x[2 k], odd[k] = x[2 k + 1].
void split_pairs(const float *x, float *even, float *odd, int64_t n) {
  int64_t k = 0;
  for (; k + 16 <= n; k += 16) {
    const Vector a = load(x + 2 * k), b = load(x + 2 * k + 16);
    store(even + k, even_lanes(a, b));
    store(odd + k, odd_lanes(a, b));
  }
  for (; k < n; ++k) even[k] = x[2 * k], odd[k] = x[2 * k + 1];
}

// y[2 k] += even[k], y[2 k + 1] += odd[k].
void add_pairs(float *y, const float *even, const float *odd, int64_t n) {
  int64_t k = 0;
  for (; k + 16 <= n; k += 16) {
    const Vector a = load(even + k), b = load(odd + k);
    store(y + 2 * k, add(load(y + 2 * k), interleave_low(a, b)));
    store(y + 2 * k + 16, add(load(y + 2 * k + 16), interleave_high(a, b)));
  }
  for (; k < n; ++k) y[2 * k] += even[k], y[2 * k + 1] += odd[k];
}

int64_t count_numbers(const float *x, int64_t n, float least, float most) {
  const Vector low = set(least), high = set(most);
  Vector numbers = zero(), outside = zero();
  sweep(n, [&](auto lanes, int64_t k) {
    const Vector values = read(lanes, x + k);
    numbers = add(numbers, select(is_nan(values), zero(), set(1)));
    outside = add(outside, add(select(less(values, low), set(1), zero()), select(less(high, values), set(1), zero())));
  });
  if (fold(outside) > 0) return -1;
  // A last vector that is not whole has counted zeros behind the end.
  return static_cast<int64_t>(fold(numbers)) - (16 - n % 16) % 16;
}

bool rising_pairs(const int64_t *pairs, int64_t n, int64_t step) {
  const int64_t chosen = pairs[0], rejected = pairs[1], most = INT32_MAX - n * step;
  // Below, the upper word of every number is 0.
  if (chosen < 0 || rejected < 0 || chosen > most || rejected > most) return false;
  uint32_t numbers[16] = {}, steps[16] = {};
  for (int64_t k = 0; k < 4; ++k) {
    numbers[4 * k] = static_cast<uint32_t>(chosen + k * step), numbers[4 * k + 2] = static_cast<uint32_t>(rejected + k * step);
    steps[4 * k] = steps[4 * k + 2] = static_cast<uint32_t>(4 * step);
  }
  Words expected = load_words(numbers), wrong = set_words(0);
  const Words all_steps = load_words(steps);
  int64_t k = 0;
  for (; k + 4 <= n; k += 4) {
    wrong = or_words(wrong, subtract_words(load_words(pairs + 2 * k), expected));
    expected = add_words(expected, all_steps);
  }
  store_words(numbers, wrong);
  bool rising = true;
  for (const uint32_t word : numbers) rising &= word == 0;
  for (; k < n; ++k) rising &= pairs[2 * k] == chosen + k * step && pairs[2 * k + 1] == rejected + k * step;
  return rising;
}

float pairwise_sum(const float *x, int64_t n) {
  Vector sums[kLossBlock / 16];
  int64_t count = 0;
  sweep(n, [&](auto lanes, int64_t k) { sums[count++] = read(lanes, x + k); });
  if (count == 0) return 0;
  for (; count > 1; count = (count + 1) / 2) {
    for (int64_t k = 0; k < count; k += 2) {
      const Vector next = k + 1 < count ? sums[k + 1] : zero();
      sums[k / 2] = add(even_lanes(sums[k], next), odd_lanes(sums[k], next));
    }
  }
  Vector sum = sums[0];
  for (int step = 0; step < 4; ++step) sum = add(even_lanes(sum, zero()), odd_lanes(sum, zero()));
  float lanes[16];
  store(lanes, sum);
  return lanes[0] + 0.0f;
}
