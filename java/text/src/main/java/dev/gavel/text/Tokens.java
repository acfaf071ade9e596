package dev.gavel.text;

import java.nio.LongBuffer;
import java.util.Arrays;

/** Token ids in order. Immutable. */
public final class Tokens {
  private static final Tokens NONE = new Tokens(new long[0]);

  private final long[] ids;

  private Tokens(long[] ids) {
    this.ids = ids;
  }

  /** These ids, copied. */
  public static Tokens of(long... ids) {
    return ids.length == 0 ? NONE : new Tokens(ids.clone());
  }

  /** No token. */
  public static Tokens none() {
    return NONE;
  }

  /** All tokens of all parts, in order. */
  public static Tokens join(Iterable<Tokens> parts) {
    int total = 0;
    for (Tokens part : parts) {
      total = Math.addExact(total, part.ids.length);
    }
    long[] all = new long[total];
    int at = 0;
    for (Tokens part : parts) {
      System.arraycopy(part.ids, 0, all, at, part.ids.length);
      at += part.ids.length;
    }
    return new Tokens(all);
  }

  /** Number of tokens. */
  public int size() {
    return ids.length;
  }

  /** Id of a token. */
  public long id(int position) {
    return ids[position];
  }

  /** The tokens from one position up to another, which is excluded. */
  Tokens slice(int from, int to) {
    return from == 0 && to == ids.length ? this : new Tokens(Arrays.copyOfRange(ids, from, to));
  }

  /** A copy of the ids. */
  public long[] toArray() {
    return ids.clone();
  }

  void copyTo(LongBuffer buffer) {
    buffer.put(ids);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Tokens that && Arrays.equals(ids, that.ids);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(ids);
  }

  @Override
  public String toString() {
    return Arrays.toString(ids);
  }
}
