package dev.gavel.bench;

/** Losses of {@link LossCase} and their gradients in float64, written as the formulas are. */
final class LossReference {
  private final LossCase given;
  private final float[] scores;
  private final double share;
  // The loss, then dL/dscore.
  private final double[] out;

  private LossReference(LossCase given) {
    this.given = given;
    scores = given.scores();
    share = 1.0 / given.items();
    out = new double[1 + scores.length];
  }

  /** The loss, then dL/dscore. */
  static double[] of(LossCase given) {
    LossReference reference = new LossReference(given);
    for (int item = 0; item < given.items(); item++) {
      switch (given.kind()) {
        case BRADLEY_TERRY -> reference.softmax(2 * item, 2);
        case CROSS_ENTROPY -> reference.softmax(LossCase.GROUP * item, LossCase.GROUP);
        case PLACKETT_LUCE -> reference.places(item);
        case PAIRWISE_RANKING -> reference.pairs(item);
        case STEP_RANKING -> reference.steps(item);
        case ORDINAL -> reference.levels(item);
        case MSE, BCE, PINBALL -> reference.element(item);
      }
    }
    return reference.out;
  }

  private double exponential(int score) {
    return Math.exp((double) scores[score]);
  }

  private void addLoss(double loss) {
    out[0] += loss * share;
  }

  private void addGradient(int score, double gradient) {
    out[1 + score] += gradient * share;
  }

  /** The first of a few is right. Bradley-Terry is the cross entropy of two. */
  private void softmax(int from, int size) {
    double sum = 0;
    for (int i = from; i < from + size; i++) {
      sum += exponential(i);
    }
    addLoss(Math.log(sum) - scores[from]);
    addGradient(from, -1);
    for (int i = from; i < from + size; i++) {
      addGradient(i, exponential(i) / sum);
    }
  }

  private void places(int group) {
    double sum = 0;
    for (int rank = LossCase.GROUP - 1; rank >= 0; rank--) {
      int best = given.score(group, rank);
      sum += exponential(best);
      addLoss(Math.log(sum) - scores[best]);
      addGradient(best, -1);
      for (int place = rank; place < LossCase.GROUP; place++) {
        int one = given.score(group, place);
        addGradient(one, exponential(one) / sum);
      }
    }
  }

  private void pairs(int group) {
    double each = 2.0 / (LossCase.GROUP * (LossCase.GROUP - 1));
    for (int rank = 0; rank < LossCase.GROUP; rank++) {
      for (int lower = rank + 1; lower < LossCase.GROUP; lower++) {
        int better = given.score(group, rank);
        int worse = given.score(group, lower);
        double wrong = Math.exp((double) scores[worse] - scores[better]);
        addLoss(each * Math.log1p(wrong));
        addGradient(better, -each * wrong / (1 + wrong));
        addGradient(worse, each * wrong / (1 + wrong));
      }
    }
  }

  /** The best half of the ranks is correct, in the order of the entries; the others are wrong. */
  private void steps(int group) {
    int first = group * LossCase.GROUP;
    double each = 1.0 / (1 + LossCase.GROUP / 2);
    double sum = 1;
    for (int i = first; i < first + LossCase.GROUP; i++) {
      sum += given.isCorrect(i) ? 0 : Math.exp((double) scores[i] + LossCase.ZETA);
    }
    addLoss(each * Math.log(sum));
    double shares = 1 / sum;
    double[] before = new double[LossCase.GROUP];
    for (int i = first; i < first + LossCase.GROUP; i++) {
      if (given.isCorrect(i)) {
        sum += exponential(i);
        addLoss(each * (Math.log(sum) - scores[i]));
        before[i - first] = shares;
        shares += 1 / sum;
      }
    }
    for (int i = first; i < first + LossCase.GROUP; i++) {
      addGradient(
          i,
          given.isCorrect(i)
              ? each * (exponential(i) * (shares - before[i - first]) - 1)
              : each * Math.exp((double) scores[i] + LossCase.ZETA) * shares);
    }
  }

  private void levels(int pair) {
    int chosen = 2 * pair * LossCase.GROUP;
    int rejected = chosen + LossCase.GROUP;
    double chosenSum = 0;
    double rejectedSum = 0;
    for (int k = 0; k < LossCase.GROUP; k++) {
      chosenSum += exponential(chosen + k);
      rejectedSum += exponential(rejected + k);
    }
    double above = 0;
    double[] below = new double[LossCase.GROUP];
    double[] over = new double[LossCase.GROUP];
    for (int a = 0; a < LossCase.GROUP; a++) {
      for (int b = 0; b < a; b++) {
        double p = exponential(chosen + a) / chosenSum * exponential(rejected + b) / rejectedSum;
        above += p;
        below[a] += p;
        over[b] += p;
      }
    }
    addLoss(-Math.log(above));
    for (int k = 0; k < LossCase.GROUP; k++) {
      addGradient(chosen + k, exponential(chosen + k) / chosenSum - below[k] / above);
      addGradient(rejected + k, exponential(rejected + k) / rejectedSum - over[k] / above);
    }
  }

  private void element(int i) {
    double score = scores[i];
    double target = given.targets()[i];
    switch (given.kind()) {
      case MSE -> {
        addLoss((score - target) * (score - target));
        addGradient(i, 2 * (score - target));
      }
      case BCE -> {
        addLoss(Math.log1p(Math.exp(score)) - target * score);
        addGradient(i, 1 / (1 + Math.exp(-score)) - target);
      }
      default -> {
        double gap = target - score;
        addLoss(Math.max(LossCase.QUANTILE * gap, (LossCase.QUANTILE - 1) * gap));
        addGradient(i, gap > 0 ? -LossCase.QUANTILE : 1 - LossCase.QUANTILE);
      }
    }
  }
}
