package dev.gavel;

import java.util.SplittableRandom;

/**
 * A seeded problem of token log-probabilities: a vocabulary, hidden states, targets and
 * log-probabilities of a reference, with the formulas in double precision.
 */
final class TokenSample implements AutoCloseable {
  final HostTensor weight;
  final HostTensor hidden;
  final HostTensor targets;
  final HostTensor reference;

  TokenSample(DType dtype, int rows, int tokens, int width, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    weight = HostTensor.allocate(dtype, tokens, width);
    hidden = HostTensor.allocate(dtype, rows, width);
    targets = HostTensor.allocate(DType.I64, rows);
    reference = HostTensor.allocate(DType.F32, rows);
    for (long i = 0; i < weight.elementCount(); i++) {
      weight.setFloat(i, (float) (3 / Math.sqrt(width) * random.nextGaussian()));
    }
    for (long i = 0; i < hidden.elementCount(); i++) {
      hidden.setFloat(i, (float) random.nextGaussian());
    }
    for (int t = 0; t < rows; t++) {
      targets.setLong(t, random.nextInt(tokens));
      reference.setFloat(t, (float) (-2 - 8 * random.nextDouble()));
    }
  }

  /** Logits of every row. */
  double[][] logits() {
    return logits((int) hidden.size(0));
  }

  private double[][] logits(int rows) {
    double[][] x = HeadSample.matrix(hidden);
    double[][] w = HeadSample.matrix(weight);
    double[][] logits = new double[rows][w.length];
    for (int t = 0; t < rows; t++) {
      for (int v = 0; v < w.length; v++) {
        for (int k = 0; k < x[t].length; k++) {
          logits[t][v] += x[t][k] * w[v][k];
        }
      }
    }
    return logits;
  }

  /** log p of every row's target. */
  double[] logprobs() {
    return logprobs((int) hidden.size(0));
  }

  /** Of the first rows. */
  double[] logprobs(int rows) {
    double[][] logits = logits(rows);
    double[] logprobs = new double[rows];
    for (int t = 0; t < logprobs.length; t++) {
      logprobs[t] = logSoftmax(logits[t], (int) targets.longAt(t));
    }
    return logprobs;
  }

  static double logSoftmax(double[] logits, int target) {
    double most = Double.NEGATIVE_INFINITY;
    for (double z : logits) {
      most = Math.max(most, z);
    }
    double sum = 0;
    for (double z : logits) {
      sum += Math.exp(z - most);
    }
    return logits[target] - most - Math.log(sum);
  }

  @Override
  public void close() {
    weight.close();
    hidden.close();
    targets.close();
    reference.close();
  }
}
