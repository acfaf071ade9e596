package dev.gavel.bench;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import java.util.SplittableRandom;

/** Hidden states, an output matrix and a target for each row; the log-probability in float64. */
final class TokenCase implements AutoCloseable {
  /** Rows whose results are compared: float64 takes long. */
  private static final int COMPARED = 4;

  /** T rows of width H, [T, H]. */
  final HostTensor hidden;

  /** The output matrix, [V, H]. */
  final HostTensor weight;

  final long[] targets;

  TokenCase(DType dtype, int rows, int tokens, int width) {
    SplittableRandom random = new SplittableRandom(1);
    hidden = HeadTensors.random(random, dtype, 1, rows, width);
    // Logits with a deviation of 3: one token has most of the probability here and there.
    weight = HeadTensors.random(random, dtype, 3 / Math.sqrt((double) width), tokens, width);
    targets = random.longs(rows, 0, tokens).toArray();
  }

  DType dtype() {
    return hidden.dtype();
  }

  int rows() {
    return targets.length;
  }

  double reference(int row) {
    int width = (int) hidden.size(1);
    int tokens = (int) weight.size(0);
    double target = 0;
    double sum = 0;
    for (int token = 0; token < tokens; token++) {
      double logit = 0;
      for (int k = 0; k < width; k++) {
        logit +=
            (double) hidden.floatAt((long) row * width + k)
                * weight.floatAt((long) token * width + k);
      }
      sum += Math.exp(logit);
      target = token == targets[row] ? logit : target;
    }
    return target - Math.log(sum);
  }

  /** {@link LargestError#of} */
  double check(Side side, double most) {
    int compared = Math.min(COMPARED, rows());
    return new LargestError(hidden + " and " + weight, compared, this::reference).of(side, most);
  }

  @Override
  public void close() {
    hidden.close();
    weight.close();
  }
}
