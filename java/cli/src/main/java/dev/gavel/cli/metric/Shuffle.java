package dev.gavel.cli.metric;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Orders drawn at random from a seed, the same for ever and everywhere: SplitMix64 (Steele, Lea and
 * Flood 2014) and Fisher and Yates.
 */
public final class Shuffle {
  private long state;

  /** A sequence of orders. */
  public Shuffle(long seed) {
    this.state = seed;
  }

  /**
   * The order in which responses of a row are packed. It depends on the texts and the seed only,
   * not on the row's place in a file.
   */
  public static List<Integer> responses(long seed, String prompt, List<String> responses) {
    List<String> texts = new ArrayList<>();
    texts.add(prompt);
    texts.addAll(responses);
    return new Shuffle(seed ^ PromptHash.of(texts).word(2)).order(responses.size());
  }

  /** A random order of 0 to count - 1. */
  public List<Integer> order(int count) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, count).boxed().toList());
    for (int i = count - 1; i > 0; i--) {
      // The remainder of 64 random bits is even to 1 in 2^32 for every count here.
      Collections.swap(order, i, (int) Long.remainderUnsigned(next(), i + 1L));
    }
    return order;
  }

  private long next() {
    state += 0x9e3779b97f4a7c15L;
    long z = state;
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    return z ^ z >>> 31;
  }
}
