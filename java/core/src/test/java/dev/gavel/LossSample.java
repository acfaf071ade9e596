package dev.gavel;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Seeded scores with random losses over them: amounts the same for all or one per item, masks,
 * ties, groups of any size.
 */
final class LossSample implements AutoCloseable {
  private final SplittableRandom random;
  private final List<HostTensor> tensors = new ArrayList<>();
  final HostTensor scores;
  final boolean[] valid;

  LossSample(long seed, int count, double spread) {
    random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (spread * random.nextGaussian());
    }
    scores = keep(HostTensor.of(values, count));
    valid = new boolean[count];
    java.util.Arrays.fill(valid, true);
  }

  int count() {
    return valid.length;
  }

  BradleyTerry bradleyTerry(int pairs, Reduction reduction) {
    long[] numbers = new long[2 * pairs];
    for (int p = 0; p < pairs; p++) {
      numbers[2 * p] = random.nextInt(count());
      numbers[2 * p + 1] = (numbers[2 * p] + 1 + random.nextInt(count() - 1)) % count();
    }
    boolean[] ties = new boolean[pairs];
    for (int p = 0; p < pairs; p++) {
      ties[p] = random.nextInt(4) == 0;
    }
    BradleyTerry loss =
        Loss.bradleyTerry(keep(HostTensor.of(numbers, pairs, 2)))
            .withWeight(amount(pairs, 0, 2))
            .withBeta(amount(pairs, 0.1, 2))
            .withMargin(amount(pairs, -1, 1))
            .withLabelSmoothing(amount(pairs, 0, 1))
            .withCenter(amount(pairs, 0, 0.1))
            .withReduction(reduction);
    if (random.nextBoolean()) {
      loss = loss.withTies(keep(HostTensor.of(ties)), amount(pairs, 0, 1));
    }
    return random.nextBoolean() ? loss.withMask(mask(numbers)) : loss;
  }

  /** Groups that tile the scores; targets never fall on a masked score. */
  CrossEntropy crossEntropy(boolean soft, boolean masked, Reduction reduction) {
    List<Long> offsets = new ArrayList<>(List.of(0L));
    long end = 0;
    while (end < count()) {
      end = Math.min(count(), end + random.nextInt(6));
      offsets.add(end);
    }
    int groups = offsets.size() - 1;
    boolean[] open = new boolean[count()];
    for (int n = 0; n < count(); n++) {
      open[n] = !masked || random.nextInt(3) > 0;
    }
    long[] positions = new long[groups];
    float[] weights = new float[count()];
    for (int g = 0; g < groups; g++) {
      int begin = offsets.get(g).intValue();
      int size = offsets.get(g + 1).intValue() - begin;
      for (int n = begin; n < begin + size; n++) {
        weights[n] = open[n] ? random.nextInt(5) / 4f : 0;
      }
      if (size > 0) {
        positions[g] = random.nextInt(size);
        open[begin + (int) positions[g]] = true;
      }
    }
    CrossEntropy.Target target =
        soft
            ? CrossEntropy.Target.soft(keep(HostTensor.of(weights, count())))
            : CrossEntropy.Target.index(keep(HostTensor.of(positions, groups)));
    CrossEntropy loss =
        Loss.crossEntropy(
                keep(
                    HostTensor.of(
                        offsets.stream().mapToLong(Long::longValue).toArray(), groups + 1L)),
                target)
            .withWeight(amount(groups, 0, 2))
            .withTemperature(amount(groups, 0.3, 3))
            .withReduction(reduction);
    return masked ? loss.withMask(keep(HostTensor.of(open))) : loss;
  }

  HostTensor keep(HostTensor tensor) {
    tensors.add(tensor);
    return tensor;
  }

  private HostTensor mask(long[] used) {
    boolean[] open = new boolean[count()];
    for (int n = 0; n < open.length; n++) {
      open[n] = random.nextInt(4) > 0;
    }
    open[(int) used[0]] = true;
    return keep(HostTensor.of(open));
  }

  private Amount amount(int items, double least, double most) {
    if (random.nextBoolean()) {
      return Amount.of((float) random.nextDouble(least, most));
    }
    float[] values = new float[items];
    for (int i = 0; i < items; i++) {
      values[i] = (float) random.nextDouble(least, most);
    }
    return Amount.each(keep(HostTensor.of(values, items)));
  }

  @Override
  public void close() {
    tensors.forEach(HostTensor::close);
  }
}
