package dev.gavel.aggregation;

import java.util.random.RandomGenerator;

/**
 * Rewards of a group from comparisons of two responses at a time (ArenaRL, arXiv 2601.06487; {@code
 * qqr/reward_models/arena}). Where one order ranks all responses, every tournament finds the best;
 * they differ where a judge contradicts itself, and in how often they ask it.
 *
 * <p>Rewards are 0 (last) to 1 (best); ArenaRL then takes {@link Advantage#grpo} with N_MINUS_ONE
 * and 1e-6. A group of one is not compared and gets 0; ArenaRL's code divides by 0 there.
 */
public sealed interface Tournament
    permits AnchorRanking, RoundRobin, SingleElimination, DoubleElimination, Swiss {

  /** Compares two responses. */
  @FunctionalInterface
  interface Judge {
    /**
     * Points of both.
     *
     * @param first number of the response shown first
     * @param second number of the response shown second
     */
    Points compare(int first, int second);
  }

  /**
   * Points of two responses that were compared; the higher is better.
   *
   * @param first finite
   * @param second finite
   */
  record Points(double first, double second) {
    /** Checks both. */
    public Points {
      Numbers.requireFinite("points", first, second);
    }
  }

  /**
   * Everyone against response 0, which gets the mean of its points: n - 1 comparisons. Equal points
   * share a rank.
   */
  static Tournament anchor() {
    return new AnchorRanking();
  }

  /** Everyone against everyone, once: n (n - 1) / 2 comparisons. A win is 1, a tie 1/2. */
  static Tournament roundRobin() {
    return new RoundRobin();
  }

  /**
   * Seeded by an anchor round, then single elimination: 2 n - 2 comparisons. Where n is not a power
   * of two the best seeds go on from the first round without a comparison. In a tie the response
   * shown first goes on.
   */
  static Tournament singleElimination() {
    return new SingleElimination();
  }

  /**
   * Out after two lost comparisons, with pairings drawn in every round. In a tie the response shown
   * first goes on.
   *
   * @param random draws the pairings
   */
  static Tournament doubleElimination(RandomGenerator random) {
    return new DoubleElimination(random);
  }

  /**
   * So many rounds in which responses with like points meet, then ranked by points and by the
   * points of those they met (Buchholz).
   *
   * @param rounds 0 for ceil(log2 n); never more than n - 1 are played
   * @param random orders responses with the same points
   */
  static Tournament swiss(int rounds, RandomGenerator random) {
    return new Swiss(rounds, random);
  }

  /**
   * Plays.
   *
   * @param responses n, 1 or more
   * @param judge asked one comparison at a time
   */
  Placement play(int responses, Judge judge);
}
