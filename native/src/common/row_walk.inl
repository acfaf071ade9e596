// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// row_walk.inl: the entries of one row one after the other, in each lane: a Walk of readouts (row_walk.h), over the wrapper of one_lane.h or
// one of cpu/vector.h, after pairwise_sum.inl.

struct SerialWalk {
  // The number of an entry, in each lane. Rows are short of 2^24 entries, up to which a float counts.
  using Place = Vector;

  // body(k) for every entry. Behind it all walkers see what the bodies wrote.
  template <typename Body>
  GAVEL_ROW_FUNCTION static void each(int64_t n, const Body &body) {
    for (int64_t k = 0; k < n; ++k) body(k);
  }
  // The sum of term(k), in pairwise order, to every walker. What the terms write is seen behind it, too.
  template <typename Term>
  GAVEL_ROW_FUNCTION static Vector sum(int64_t n, const Term &term) {
    // Eight terms are a node of the tree, for which nothing is counted.
    const auto two = [&](int64_t k) { return add(term(k), term(k + 1)); };
    const auto four = [&](int64_t k) { return add(two(k), two(k + 2)); };
    PairwiseSum nodes, last;
    int64_t k = 0;
    for (; k + 8 <= n; k += 8) nodes.add(add(four(k), four(k + 4)));
    for (; k < n; ++k) last.add(term(k));
    return nodes.total(last.total());
  }
  // The first of the largest entries that are no NaN; the first one where that is a NaN.
  GAVEL_ROW_FUNCTION static Place leader(const Vector *z, int64_t n) {
    Vector largest = z[0];
    Place place = zero();
    for (int64_t k = 1; k < n; ++k) {
      const Mask more = less(largest, z[k]);
      place = select(more, set(static_cast<float>(k)), place);
      largest = select(more, z[k], largest);
    }
    return place;
  }
  GAVEL_ROW_FUNCTION static Mask is(int64_t k, Place place) { return equal(set(static_cast<float>(k)), place); }
  // value(k) of the entry that is there.
  template <typename Value>
  GAVEL_ROW_FUNCTION static Vector at(int64_t n, Place place, const Value &value) {
    Vector found = value(0);
    for (int64_t k = 1; k < n; ++k) found = select(is(k, place), value(k), found);
    return found;
  }
  // *target = value, which all walkers have; seen behind the next sync().
  GAVEL_ROW_FUNCTION static void put(Vector *target, Vector value) { *target = value; }
  GAVEL_ROW_FUNCTION static void sync() {}
};
