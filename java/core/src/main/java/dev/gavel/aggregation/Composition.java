package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.List;

/**
 * One reward from the rewards that several criteria give a response. The members differ in what a
 * criterion may do to the others: add to them, scale them, or switch them off.
 */
public sealed interface Composition {
  /**
   * Σ_k w_k r_k: RLPA, HARMO, MO-GRPO, Datarus-R1, SaFeR-VLM (penalties have negative weights).
   *
   * @param weights w, one per criterion, finite
   */
  static Composition additive(double... weights) {
    return new Additive(boxed(weights));
  }

  /**
   * r_0 (base + (1 - base) r_1): the second criterion is a bonus on the first, which alone can make
   * it 0. FIRM (Trust Your Critic): CME with base 0.6, QMA with base 0.4.
   *
   * @param base 0 to 1
   */
  static Composition multiplicative(double base) {
    return new Multiplicative(base);
  }

  /**
   * r_0 (1 + α c (r_1 + r_2)): conciseness and its length term count only where the outcome r_0 is
   * not 0 (CRM, Efficient Reasoning via Reward Model).
   *
   * @param alpha α, how much conciseness can add
   * @param annealing c, from a {@link Schedule}
   */
  static Composition outcomeDependent(double alpha, double annealing) {
    return new OutcomeDependent(alpha, annealing);
  }

  /**
   * Π_k 1[g_k &gt;= θ_k] Σ_j w_j r_j: hard constraints g come first among the rewards and switch
   * the weighted sum of the others on or off (the shape of SearchLLM; its numbers are not
   * published).
   *
   * @param thresholds θ, one per constraint
   * @param weights w, one per other criterion
   */
  static Composition gated(List<Double> thresholds, List<Double> weights) {
    return new Gated(thresholds, weights);
  }

  /**
   * Composes.
   *
   * @param rewards one per criterion, finite, in the order the composition names them
   */
  double of(double... rewards);

  /**
   * A weighted sum.
   *
   * @param weights one per criterion
   */
  record Additive(List<Double> weights) implements Composition {
    /** Takes a copy and checks it. */
    public Additive {
      weights = checked("weight", weights);
    }

    @Override
    public double of(double... rewards) {
      check(rewards, weights.size());
      return Numbers.weightedSum(weights, rewards, 0);
    }
  }

  /**
   * A base and a bonus.
   *
   * @param base 0 to 1
   */
  record Multiplicative(double base) implements Composition {
    /** Checks the base. */
    public Multiplicative {
      requireShare("base", base);
    }

    @Override
    public double of(double... rewards) {
      check(rewards, 2);
      return rewards[0] * (base + (1 - base) * rewards[1]);
    }
  }

  /**
   * Conciseness that depends on the outcome.
   *
   * @param alpha how much conciseness can add
   * @param annealing 0 to 1
   */
  record OutcomeDependent(double alpha, double annealing) implements Composition {
    /** Checks both numbers. */
    public OutcomeDependent {
      Numbers.requireNotNegative("alpha", alpha);
      requireShare("annealing", annealing);
    }

    @Override
    public double of(double... rewards) {
      check(rewards, 3);
      // Halves, since the sum of both may overflow where what is made of it is finite.
      double bonus = alpha * annealing * (rewards[1] / 2 + rewards[2] / 2);
      return rewards[0] == 0 ? 0 : rewards[0] + rewards[0] * bonus * 2;
    }
  }

  /**
   * Constraints and a weighted sum.
   *
   * @param thresholds one per constraint
   * @param weights one per other criterion
   */
  record Gated(List<Double> thresholds, List<Double> weights) implements Composition {
    /** Takes copies and checks them. */
    public Gated {
      thresholds = checked("threshold", thresholds);
      weights = checked("weight", weights);
    }

    @Override
    public double of(double... rewards) {
      check(rewards, thresholds.size() + weights.size());
      for (int k = 0; k < thresholds.size(); k++) {
        if (rewards[k] < thresholds.get(k)) {
          return 0;
        }
      }
      return Numbers.weightedSum(weights, rewards, thresholds.size());
    }
  }

  private static List<Double> boxed(double... values) {
    return Arrays.stream(values).boxed().toList();
  }

  private static List<Double> checked(String what, List<Double> values) {
    Numbers.requireFinite(what, values.stream().mapToDouble(Double::doubleValue).toArray());
    return List.copyOf(values);
  }

  private static void requireShare(String what, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw new InvalidArgumentException(
          "%s is %s; it must be between 0 and 1".formatted(what, value));
    }
  }

  private static void check(double[] rewards, int wanted) {
    Numbers.requireSameLength("rewards", rewards.length, "criteria", wanted);
    Numbers.requireFinite("reward", rewards);
  }
}
