package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * Rewards of a group as advantages: how much better a response is than the others of its prompt.
 * Where all rewards are the same, every advantage is exactly 0.
 *
 * <p>What implementations do differently is a parameter of each: {@link Divisor}, epsilon and where
 * it stands, and what a group of one gets.
 */
public sealed interface Advantage
    permits Advantage.Grpo, Advantage.DrGrpo, Advantage.Rloo, Advantage.PassK, Advantage.Opo {

  /** What a group of one gets: there is nothing to compare with. */
  enum GroupOfOne {
    /** 0: nothing is learned from it. */
    ZERO,
    /**
     * Its reward, as if the mean were 0 and the deviation 1, so r / (1 + epsilon) or r / sqrt(1 +
     * epsilon) where there is an epsilon: verl.
     */
    REWARD,
    /** An error. */
    REFUSE
  }

  /** Where epsilon stands, which keeps a small deviation from making large advantages. */
  enum EpsilonPlace {
    /** / (deviation + epsilon): verl (1e-6), TRL (1e-4). */
    BESIDE_DEVIATION,
    /** / sqrt(variance + epsilon): Think-RM (1e-6). */
    INSIDE_ROOT;

    double of(double deviation, double epsilon) {
      return switch (this) {
        case BESIDE_DEVIATION -> deviation + epsilon;
        case INSIDE_ROOT -> {
          double variance = deviation * deviation;
          // A square that overflows or vanishes says nothing of the deviation.
          yield variance > Double.MIN_NORMAL && variance < Double.POSITIVE_INFINITY
              ? Math.sqrt(variance + epsilon)
              : Math.hypot(deviation, Math.sqrt(epsilon));
        }
      };
    }
  }

  /**
   * GRPO (arXiv 2402.03300): (r - mean) / (deviation + epsilon). verl: N_MINUS_ONE, 1e-6,
   * BESIDE_DEVIATION, REWARD.
   *
   * @param divisor of the variance
   * @param epsilon 0 or more
   * @param place where epsilon stands
   * @param groupOfOne what a group of one gets
   */
  static Advantage grpo(
      Divisor divisor, double epsilon, EpsilonPlace place, GroupOfOne groupOfOne) {
    return new Grpo(divisor, epsilon, place, groupOfOne);
  }

  /**
   * Dr. GRPO (arXiv 2503.20783): r - mean.
   *
   * @param groupOfOne what a group of one gets
   */
  static Advantage drGrpo(GroupOfOne groupOfOne) {
    return new DrGrpo(groupOfOne);
  }

  /**
   * RLOO (arXiv 2402.14740): r less the mean of the others, (n r - Σ r) / (n - 1).
   *
   * @param groupOfOne what a group of one gets
   */
  static Advantage rloo(GroupOfOne groupOfOne) {
    return new Rloo(groupOfOne);
  }

  /**
   * pass@k (arXiv 2503.19595): the best response, the first of equals, gets the highest reward less
   * the second highest, over the scale; all others 0. An error for a group of one.
   *
   * @param scale what it is divided by
   */
  static Advantage passK(Scale scale) {
    return new PassK(scale);
  }

  /**
   * OPO (arXiv 2505.23585): r - Σ length r / Σ length.
   *
   * @param groupOfOne what a group of one gets
   * @param lengths of the group's responses in tokens, more than 0
   */
  static Advantage opo(GroupOfOne groupOfOne, double... lengths) {
    return new Opo(groupOfOne, Arrays.stream(lengths).boxed().toList());
  }

  /**
   * Advantages of a group.
   *
   * @param rewards one per response, finite, one or more
   * @return one per response
   * @throws InvalidArgumentException if the group is empty, a reward is not finite, or there is one
   *     response and that is refused
   */
  double[] of(double... rewards);

  /** What an advantage is divided by. */
  sealed interface Scale {
    /** 1. */
    static Scale none() {
      return new None();
    }

    /**
     * deviation + epsilon, or sqrt(variance + epsilon).
     *
     * @param divisor of the variance
     * @param epsilon 0 or more
     * @param place where epsilon stands
     */
    static Scale deviation(Divisor divisor, double epsilon, EpsilonPlace place) {
      return new Deviation(divisor, epsilon, place);
    }

    /** The scale of these rewards. */
    double of(double... rewards);

    /** 1. */
    record None() implements Scale {
      @Override
      public double of(double... rewards) {
        return 1;
      }
    }

    /**
     * The deviation.
     *
     * @param divisor of the variance
     * @param epsilon 0 or more
     * @param place where epsilon stands
     */
    record Deviation(Divisor divisor, double epsilon, EpsilonPlace place) implements Scale {
      /** Checks epsilon. */
      public Deviation {
        Numbers.requireNotNegative("epsilon", epsilon);
      }

      @Override
      public double of(double... rewards) {
        return place.of(divisor.standardDeviation(rewards), epsilon);
      }
    }
  }

  /**
   * GRPO.
   *
   * @param divisor of the variance
   * @param epsilon 0 or more
   * @param place where epsilon stands
   * @param groupOfOne what a group of one gets
   */
  record Grpo(Divisor divisor, double epsilon, EpsilonPlace place, GroupOfOne groupOfOne)
      implements Advantage {
    /** Checks epsilon. */
    public Grpo {
      Numbers.requireNotNegative("epsilon", epsilon);
    }

    @Override
    public double[] of(double... rewards) {
      check(rewards);
      return rewards.length == 1
          ? single(groupOfOne, rewards[0] / place.of(1, epsilon))
          : centred(Scale.deviation(divisor, epsilon, place).of(rewards), rewards);
    }
  }

  /**
   * Dr. GRPO.
   *
   * @param groupOfOne what a group of one gets
   */
  record DrGrpo(GroupOfOne groupOfOne) implements Advantage {
    @Override
    public double[] of(double... rewards) {
      check(rewards);
      return rewards.length == 1 ? single(groupOfOne, rewards[0]) : centred(1, rewards);
    }
  }

  /**
   * RLOO.
   *
   * @param groupOfOne what a group of one gets
   */
  record Rloo(GroupOfOne groupOfOne) implements Advantage {
    @Override
    public double[] of(double... rewards) {
      check(rewards);
      int n = rewards.length;
      return n == 1
          ? single(groupOfOne, rewards[0])
          : Arrays.stream(centred(1, rewards)).map(gap -> gap + gap / (n - 1)).toArray();
    }
  }

  /**
   * pass@k.
   *
   * @param scale what the gap is divided by
   */
  record PassK(Scale scale) implements Advantage {
    @Override
    public double[] of(double... rewards) {
      check(rewards);
      if (rewards.length < 2) {
        single(GroupOfOne.REFUSE, rewards[0]);
      }
      var best = Selection.topK(2, rewards);
      double[] advantages = new double[rewards.length];
      advantages[best.getFirst()] =
          Numbers.gap(rewards[best.getFirst()], rewards[best.getLast()], scale.of(rewards));
      return advantages;
    }
  }

  /**
   * OPO.
   *
   * @param groupOfOne what a group of one gets
   * @param lengths of the group's responses in tokens
   */
  record Opo(GroupOfOne groupOfOne, List<Double> lengths) implements Advantage {
    /** Takes a copy and checks it. */
    public Opo {
      lengths = List.copyOf(lengths);
      lengths.forEach(length -> Numbers.requirePositive("length", length));
    }

    @Override
    public double[] of(double... rewards) {
      check(rewards);
      Numbers.requireSameLength("lengths", lengths.size(), "rewards", rewards.length);
      if (rewards.length == 1) {
        return single(groupOfOne, rewards[0]);
      }
      // Relative to the longest, so that the sum of lengths is finite, and to the first reward, so
      // that equal rewards leave exactly 0.
      double longest = Collections.max(lengths);
      double total = lengths.stream().mapToDouble(length -> length / longest).sum();
      double shift = 0;
      for (int i = 0; i < rewards.length; i++) {
        shift += lengths.get(i) / longest / total * (rewards[i] / 2 - rewards[0] / 2);
      }
      double baseline = (rewards[0] / 2 + shift) * 2;
      return Arrays.stream(rewards).map(reward -> reward - baseline).toArray();
    }
  }

  private static void check(double... rewards) {
    Numbers.requireSome("reward in the group", rewards.length);
    Numbers.requireFinite("reward", rewards);
  }

  private static double[] single(GroupOfOne rule, double reward) {
    return switch (rule) {
      case ZERO -> new double[1];
      case REWARD -> new double[] {reward};
      case REFUSE ->
          throw new InvalidArgumentException(
              "a group of one response has nothing to be compared with; give two or more");
    };
  }

  private static double[] centred(double scale, double... rewards) {
    double mean = Numbers.mean(rewards);
    return Arrays.stream(rewards).map(reward -> Numbers.gap(reward, mean, scale)).toArray();
  }
}
