package dev.gavel;

/** Losses in plain Java and double precision, written from the formulas of the C header. */
final class ReferenceLoss {
  final double[] items;
  final double[] gradient;

  /**
   * How large the numbers were that an item, or the gradient of a score, was made of: what its
   * rounding errors are measured by.
   */
  final double[] itemSizes;

  final double[] gradientSizes;
  double valueSize;
  double value;
  int valid;

  private final double[] weights;
  private final boolean[] counted;

  private ReferenceLoss(int items, int scores) {
    this.items = new double[items];
    this.gradient = new double[scores];
    this.itemSizes = new double[items];
    this.gradientSizes = new double[scores];
    this.weights = new double[items];
    this.counted = new boolean[items];
  }

  static ReferenceLoss of(Loss loss, double[] scores, boolean[] valid) {
    ReferenceLoss result = new ReferenceLoss((int) loss.items(), scores.length);
    double[][] itemGradients = new double[result.items.length][scores.length];
    for (int item = 0; item < result.items.length; item++) {
      switch (loss) {
        case BradleyTerry pairs -> result.pair(pairs, item, scores, valid, itemGradients[item]);
        case CrossEntropy groups -> result.group(groups, item, scores, valid, itemGradients[item]);
        default -> throw new IllegalArgumentException("no reference for " + loss);
      }
    }
    result.reduce(loss.reduction(), itemGradients);
    return result;
  }

  private void reduce(Reduction reduction, double[][] itemGradients) {
    double weightSum = 0;
    double sum = 0;
    for (int item = 0; item < items.length; item++) {
      if (counted[item]) {
        valid++;
        weightSum += weights[item];
        sum += items[item];
      }
    }
    double divisor =
        switch (reduction) {
          case NONE, SUM -> 1;
          case MEAN_VALID -> valid;
          case WEIGHTED_MEAN -> weightSum;
        };
    value = divisor == 0 ? 0 : sum / divisor;
    valueSize = divisor == 0 ? 0 : java.util.Arrays.stream(itemSizes).sum() / divisor;
    for (int n = 0; n < gradient.length; n++) {
      gradientSizes[n] /= divisor == 0 ? 1 : divisor;
    }
    for (double[] one : itemGradients) {
      for (int n = 0; n < one.length; n++) {
        gradient[n] += divisor == 0 ? 0 : one[n] / divisor;
      }
    }
  }

  private void pair(
      BradleyTerry loss, int item, double[] s, boolean[] valid, double[] itemGradient) {
    int i = (int) loss.pairs().longAt(2L * item);
    int j = (int) loss.pairs().longAt(2L * item + 1);
    double weight = amount(loss.weight(), item);
    weights[item] = weight;
    counted[item] = valid[i] && valid[j] && open(loss.mask(), i) && open(loss.mask(), j);
    if (!counted[item]) {
      return;
    }
    double difference = s[i] - s[j];
    double center = amount(loss.center(), item);
    double toDifference;
    if (loss.ties().isPresent() && loss.ties().get().longAt(item) != 0) {
      double tie = amount(loss.tie(), item);
      items[item] = weight * tie * difference * difference;
      toDifference = 2 * weight * tie * difference;
    } else {
      double beta = amount(loss.beta(), item);
      double smoothing = amount(loss.labelSmoothing(), item);
      double z = beta * difference - amount(loss.margin(), item);
      items[item] =
          weight
              * ((1 - smoothing) * ReferenceMath.softplus(-z)
                  + smoothing * ReferenceMath.softplus(z));
      toDifference = beta * weight * (ReferenceMath.sigmoid(z) - (1 - smoothing));
    }
    double both = s[i] + s[j];
    items[item] += center * both * both;
    double slope = Math.abs(toDifference) + weight * amount(loss.beta(), item);
    gradientSizes[i] += slope + 2 * center * (Math.abs(s[i]) + Math.abs(s[j]));
    gradientSizes[j] += slope + 2 * center * (Math.abs(s[i]) + Math.abs(s[j]));
    double reach = amount(loss.beta(), item) * (Math.abs(s[i]) + Math.abs(s[j]));
    itemSizes[item] =
        items[item]
            + weight * (1 + reach + Math.abs(amount(loss.margin(), item)))
            + (center + weight * amount(loss.tie(), item)) * Math.pow(s[i] - s[j], 2)
            + center * both * both;
    itemGradient[i] = toDifference + 2 * center * both;
    itemGradient[j] = -toDifference + 2 * center * both;
  }

  private void group(
      CrossEntropy loss, int item, double[] s, boolean[] valid, double[] itemGradient) {
    int begin = (int) loss.offsets().longAt(item);
    int end = (int) loss.offsets().longAt(item + 1L);
    double weight = amount(loss.weight(), item);
    double temperature = amount(loss.temperature(), item);
    weights[item] = weight;
    int members = 0;
    double most = Double.NEGATIVE_INFINITY;
    for (int n = begin; n < end; n++) {
      if (valid[n] && open(loss.mask(), n)) {
        members++;
        most = Math.max(most, s[n] / temperature);
      }
    }
    counted[item] = members >= 2;
    if (!counted[item]) {
      return;
    }
    double sum = 0;
    double targets = 0;
    double expected = 0;
    for (int n = begin; n < end; n++) {
      if (valid[n] && open(loss.mask(), n)) {
        sum += Math.exp(s[n] / temperature - most);
        targets += target(loss, item, n, begin);
        expected += target(loss, item, n, begin) * s[n] / temperature;
      }
    }
    items[item] = weight * (targets * (most + Math.log(sum)) - expected);
    for (int n = begin; n < end; n++) {
      if (valid[n] && open(loss.mask(), n)) {
        double p = Math.exp(s[n] / temperature - most) / sum;
        gradientSizes[n] += weight * (targets + target(loss, item, n, begin)) / temperature;
        itemSizes[item] += weight * targets * (1 + Math.abs(s[n] / temperature));
        itemGradient[n] = weight * (targets * p - target(loss, item, n, begin)) / temperature;
      }
    }
  }

  private static double target(CrossEntropy loss, int item, int score, int begin) {
    return switch (loss.target()) {
      case CrossEntropy.Index(HostTensor positions) ->
          positions.longAt(item) == score - begin ? 1 : 0;
      case CrossEntropy.Soft(HostTensor weights) -> weights.floatAt(score);
    };
  }

  private static boolean open(java.util.Optional<HostTensor> mask, int score) {
    return mask.isEmpty() || mask.get().longAt(score) != 0;
  }

  private static double amount(Amount amount, int item) {
    return switch (amount) {
      case Amount.Same(float value) -> value;
      case Amount.Each(HostTensor values) -> values.floatAt(item);
    };
  }
}
