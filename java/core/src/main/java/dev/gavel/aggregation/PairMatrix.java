package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import dev.gavel.message.Counted;
import java.util.Arrays;

/**
 * How much every response of a group is preferred to every other: D[i][j] &gt; 0 where i beats j,
 * and D[j][i] = -D[i][j]. Immutable.
 */
public final class PairMatrix {
  private final double[][] preference;

  private PairMatrix(double[][] preference) {
    this.preference = preference;
  }

  /**
   * A matrix that is antisymmetric already.
   *
   * @param preference D, [n][n], finite, with D[j][i] = -D[i][j] exactly
   * @throws InvalidArgumentException if it is not square, finite and antisymmetric
   */
  public static PairMatrix of(double[][] preference) {
    requireSquare(preference);
    for (int i = 0; i < preference.length; i++) {
      for (int j = 0; j <= i; j++) {
        if (preference[i][j] != -preference[j][i]) {
          throw new InvalidArgumentException(
              "preference of %d over %d is %s, of %d over %d %s; one must be the other's negative: a judge that depends on the order needs ofBothOrders"
                  .formatted(i, j, preference[i][j], j, i, preference[j][i]));
        }
      }
    }
    return copy(preference);
  }

  /** D[i][j] = scores[i] - scores[j]. */
  public static PairMatrix ofScores(double... scores) {
    Numbers.requireFinite("score", scores);
    double most = Arrays.stream(scores).max().orElse(0);
    double least = Arrays.stream(scores).min().orElse(0);
    Numbers.requireFinite("largest gap of scores", most - least);
    double[][] gaps = new double[scores.length][scores.length];
    for (int i = 0; i < scores.length; i++) {
      for (int j = 0; j < scores.length; j++) {
        gaps[i][j] = scores[i] - scores[j];
      }
    }
    return new PairMatrix(gaps);
  }

  /**
   * From a judge that may depend on the order in which two responses are shown: D[i][j] = (P[i][j]
   * - P[j][i]) / 2, where P[i][j] says how much i, shown first, is preferred to j. For
   * probabilities P of the first winning, D[i][j] + 1/2 is the mean probability of i winning over
   * both orders.
   *
   * @param shown P, [n][n], finite off the diagonal, which is not read
   */
  public static PairMatrix ofBothOrders(double[][] shown) {
    double[][] both = new double[shown.length][shown.length];
    for (int i = 0; i < shown.length; i++) {
      Numbers.requireSameLength("rows", shown.length, "columns", shown[i].length);
    }
    for (int i = 0; i < shown.length; i++) {
      for (int j = 0; j < shown.length; j++) {
        both[i][j] = i == j ? 0 : shown[i][j] / 2 - shown[j][i] / 2;
      }
    }
    requireSquare(both);
    return new PairMatrix(both);
  }

  /** n, the number of responses. */
  public int size() {
    return preference.length;
  }

  /** D[i][j]. */
  public double preference(int i, int j) {
    return preference[i][j];
  }

  /**
   * Mean preference of each response over all, itself included as 0: Σ_j D[i][j] / n. The grouped
   * comparison score of Generative RLHF-V.
   */
  public double[] rowMeans() {
    return Arrays.stream(preference).mapToDouble(Numbers::mean).toArray();
  }

  /**
   * Share of the others that each response beats, a tie being half: PRInTS counts wins less losses,
   * which is 2 share - 1.
   */
  public double[] winRates() {
    requirePairs();
    return Arrays.stream(preference)
        .mapToDouble(row ->
            (Arrays.stream(row).map(value -> 0.5 + 0.5 * Math.signum(value)).sum() - 0.5)
                / (row.length - 1))
        .toArray();
  }

  /**
   * Advantages from preferences alone (Think-RM, arXiv 2505.16265): (Σ_j D[i][j] / n) / sqrt(Σ_ij
   * D[i][j]^2 / (2 n (n - 1)) + epsilon). Where D is the gaps of rewards this is GRPO with divisor
   * n - 1 and epsilon inside the root.
   *
   * @param epsilon 0 or more; Think-RM has 1e-6
   * @param groupOfOne what a group of one gets; REWARD is an error, since there is none
   */
  public double[] advantages(double epsilon, Advantage.GroupOfOne groupOfOne) {
    Numbers.requireNotNegative("epsilon", epsilon);
    int n = size();
    if (n == 1 && groupOfOne == Advantage.GroupOfOne.ZERO) {
      return new double[1];
    }
    requirePairs();
    double[] all = Arrays.stream(preference).flatMapToDouble(Arrays::stream).toArray();
    // Scaled by a power of two, so that no square overflows, or vanishes where it counts.
    int exponent = Numbers.exponent(all);
    double squares =
        Arrays.stream(all).map(value -> Math.scalb(value, -exponent)).map(x -> x * x).sum();
    double deviation = Math.scalb(Math.sqrt(squares / (2.0 * n * (n - 1))), exponent);
    double scale = Advantage.EpsilonPlace.INSIDE_ROOT.of(deviation, epsilon);
    return Arrays.stream(rowMeans()).map(mean -> mean == 0 ? 0 : mean / scale).toArray();
  }

  private void requirePairs() {
    if (size() < 2) {
      throw new InvalidArgumentException(
          "no pairs among %s; give two or more".formatted(Counted.of(size(), "response")));
    }
  }

  private static void requireSquare(double[][] matrix) {
    for (double[] row : matrix) {
      Numbers.requireSameLength("rows", matrix.length, "columns", row.length);
      Numbers.requireFinite("preference", row);
    }
  }

  private static PairMatrix copy(double[][] matrix) {
    return new PairMatrix(Arrays.stream(matrix).map(double[]::clone).toArray(double[][]::new));
  }
}
