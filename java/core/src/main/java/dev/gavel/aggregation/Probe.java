package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Tells vectors that a reward head knows from those it does not: a score counts only where the
 * pooled vector is near a centroid of the vectors it was trained on (MRMBench, Probing Preference
 * Representations). Distances are Euclidean, and infinite only where the true one is beyond double.
 */
public final class Probe {
  private final List<double[]> centroids;

  private Probe(List<double[]> centroids) {
    this.centroids = centroids;
  }

  /**
   * A probe with these centroids.
   *
   * @param centroids one or more, all of one length, finite
   */
  public static Probe of(double[]... centroids) {
    check(centroids);
    return new Probe(Arrays.stream(centroids).map(double[]::clone).toList());
  }

  /**
   * k-means (Lloyd 1982) from centroids that are the first vector and then always the vector
   * farthest from all chosen ones (Gonzalez 1985), so that nothing is drawn: the same vectors give
   * the same centroids.
   *
   * @param k 1 or more, not more than there are distinct vectors
   * @param iterations most rounds, 0 or more; it ends when no vector changes its centroid
   * @param vectors all of one length, finite
   * @throws InvalidArgumentException if a number is not as above, vectors differ in length, or
   *     fewer than k of them are distinct
   */
  public static Probe kMeans(int k, int iterations, double[]... vectors) {
    check(vectors);
    if (k < 1 || iterations < 0) {
      throw new InvalidArgumentException(
          "%d centroids, %d rounds; there must be 1 or more centroids and 0 or more rounds"
              .formatted(k, iterations));
    }
    Probe probe = farthestFirst(k, vectors);
    int[] nearest = new int[0];
    for (int round = 0; round < iterations; round++) {
      Probe current = probe;
      int[] now = Arrays.stream(vectors).mapToInt(current::nearest).toArray();
      if (Arrays.equals(now, nearest)) {
        break;
      }
      nearest = now;
      probe = current.moved(nearest, vectors);
    }
    return probe;
  }

  /** Copies of the centroids. */
  public List<double[]> centroids() {
    return centroids.stream().map(double[]::clone).toList();
  }

  /** Distance of a vector from the nearest centroid. */
  public double distance(double... vector) {
    return distance(centroids.get(nearest(vector)), vector);
  }

  /** Number of the nearest centroid, the first of equally near ones. */
  public int nearest(double... vector) {
    Numbers.requireSameLength(
        "entries of the centroids", centroids.getFirst().length, "of the vector", vector.length);
    Numbers.requireFinite("entry", vector);
    int nearest = 0;
    for (int c = 1; c < centroids.size(); c++) {
      if (distance(centroids.get(c), vector) < distance(centroids.get(nearest), vector)) {
        nearest = c;
      }
    }
    return nearest;
  }

  /**
   * Whether a score for this vector counts.
   *
   * @param farthest largest distance, 0 or more
   */
  public boolean knows(double farthest, double... vector) {
    Numbers.requireNotNegative("largest distance", farthest);
    return distance(vector) <= farthest;
  }

  private static Probe farthestFirst(int k, double[]... vectors) {
    List<double[]> chosen = new ArrayList<>();
    chosen.add(vectors[0].clone());
    double[] nearest = new double[vectors.length];
    Arrays.fill(nearest, Double.POSITIVE_INFINITY);
    while (chosen.size() < k) {
      int farthest = 0;
      for (int i = 0; i < vectors.length; i++) {
        nearest[i] = Math.min(nearest[i], distance(chosen.getLast(), vectors[i]));
        farthest = nearest[i] > nearest[farthest] ? i : farthest;
      }
      if (nearest[farthest] == 0) {
        throw new InvalidArgumentException(
            "%d centroids for %d distinct vectors; give as many vectors or ask for fewer centroids"
                .formatted(k, chosen.size()));
      }
      chosen.add(vectors[farthest].clone());
    }
    return new Probe(chosen);
  }

  /** Centroids at the mean of their vectors; one without a vector stays. */
  private Probe moved(int[] nearest, double[]... vectors) {
    List<List<double[]>> members = new ArrayList<>();
    centroids.forEach(_ -> members.add(new ArrayList<>()));
    for (int i = 0; i < vectors.length; i++) {
      members.get(nearest[i]).add(vectors[i]);
    }
    List<double[]> means = new ArrayList<>();
    for (int c = 0; c < centroids.size(); c++) {
      means.add(members.get(c).isEmpty() ? centroids.get(c) : mean(members.get(c)));
    }
    return new Probe(means);
  }

  private static double[] mean(List<double[]> vectors) {
    double[] mean = new double[vectors.getFirst().length];
    Arrays.setAll(
        mean,
        entry -> Numbers.mean(vectors.stream().mapToDouble(vector -> vector[entry]).toArray()));
    return mean;
  }

  private static double distance(double[] one, double[] other) {
    double squares = 0;
    double most = 0;
    for (int d = 0; d < one.length; d++) {
      double gap = Math.abs(one[d] - other[d]);
      squares += gap * gap;
      most = Math.max(most, gap);
    }
    boolean exact = most > 0x1p-500 && squares < Double.POSITIVE_INFINITY;
    if (exact || most == 0 || most == Double.POSITIVE_INFINITY) {
      return Math.sqrt(squares);
    }
    // Squares of differences beyond 1e154 overflow, and those below 1e-154 lose bits or are 0.
    double shares = 0;
    for (int d = 0; d < one.length; d++) {
      double share = Numbers.gap(one[d], other[d], most);
      shares += share * share;
    }
    return most * Math.sqrt(shares);
  }

  private static void check(double[]... vectors) {
    Numbers.requireSome("vector", vectors.length);
    for (double[] vector : vectors) {
      Numbers.requireSameLength(
          "entries of the first vector", vectors[0].length, "of another", vector.length);
      Numbers.requireFinite("entry", vector);
    }
  }
}
