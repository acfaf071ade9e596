package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import dev.gavel.message.Counted;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Tells vectors that a reward head knows from those it does not: a score counts only where the
 * pooled vector is near a centroid of the vectors it was trained on (MRMBench, Probing Preference
 * Representations). Distances are Euclidean.
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
          "%s, %s; there must be 1 or more centroids and 0 or more rounds"
              .formatted(Counted.of(k, "centroid"), Counted.of(iterations, "round")));
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
    // Of each vector from the nearest chosen one.
    double[] distances = new double[vectors.length];
    Arrays.fill(distances, Double.POSITIVE_INFINITY);
    while (chosen.size() < k) {
      double[] newest = chosen.getLast();
      Arrays.setAll(distances, i -> Math.min(distances[i], distance(newest, vectors[i])));
      int farthest = 0;
      for (int i = 1; i < vectors.length; i++) {
        farthest = distances[i] > distances[farthest] ? i : farthest;
      }
      if (distances[farthest] == 0) {
        throw new InvalidArgumentException(
            "%s for %s; give as many vectors or ask for fewer centroids"
                .formatted(
                    Counted.of(k, "centroid"), Counted.of(chosen.size(), "distinct vector")));
      }
      chosen.add(vectors[farthest].clone());
    }
    return new Probe(chosen);
  }

  /** Centroids at the mean of their vectors; one without a vector stays. */
  private Probe moved(int[] nearest, double[]... vectors) {
    List<double[]> means = new ArrayList<>();
    for (int c = 0; c < centroids.size(); c++) {
      int centroid = c;
      List<double[]> own =
          IntStream.range(0, vectors.length)
              .filter(i -> nearest[i] == centroid)
              .mapToObj(i -> vectors[i])
              .toList();
      means.add(own.isEmpty() ? centroids.get(c) : mean(own));
    }
    return new Probe(means);
  }

  private static double[] mean(List<double[]> vectors) {
    double[] mean = new double[vectors.getFirst().length];
    for (double[] vector : vectors) {
      Arrays.setAll(mean, d -> mean[d] + vector[d]);
    }
    int count = vectors.size();
    // A sum of large numbers may be infinite where their mean is not.
    Arrays.setAll(
        mean,
        d ->
            Double.isFinite(mean[d])
                ? mean[d] / count
                : Numbers.mean(vectors.stream().mapToDouble(vector -> vector[d]).toArray()));
    return mean;
  }

  private static double distance(double[] one, double[] other) {
    double squares = squares(one, other, 0);
    if (squares > 0x1p-900 && squares < Double.POSITIVE_INFINITY) {
      return Math.sqrt(squares);
    }
    // Squares of very large and of very small differences are beyond what a double holds.
    double largest = 0;
    for (int d = 0; d < one.length; d++) {
      largest = Math.max(largest, Math.abs(one[d] - other[d]));
    }
    if (largest == 0 || largest == Double.POSITIVE_INFINITY) {
      return largest;
    }
    int exponent = Math.getExponent(largest);
    return Math.scalb(Math.sqrt(squares(one, other, -exponent)), exponent);
  }

  /** Of the differences times a power of two. */
  private static double squares(double[] one, double[] other, int exponent) {
    double squares = 0;
    for (int d = 0; d < one.length; d++) {
      double difference = one[d] - other[d];
      difference = exponent == 0 ? difference : Math.scalb(difference, exponent);
      squares += difference * difference;
    }
    return squares;
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
