package dev.gavel.bench;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Bradley-Terry with the Vector API. Chosen and rejected scores lie in two arrays, so that lanes
 * can be loaded side by side; our side takes pairs of any numbers.
 */
final class VectorLoss implements Side {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

  private final float[] chosen;
  private final float[] rejected;
  private final float[] gradient;
  private float loss;

  VectorLoss(LossCase given) {
    int items = given.items();
    chosen = new float[items];
    rejected = new float[items];
    gradient = new float[items];
    for (int i = 0; i < items; i++) {
      chosen[i] = given.scores()[2 * i];
      rejected[i] = given.scores()[2 * i + 1];
    }
  }

  @Override
  public String name() {
    return "vector-api";
  }

  @Override
  public String storage() {
    return "f32";
  }

  @Override
  public void run() {
    float share = 1f / chosen.length;
    FloatVector sums = FloatVector.zero(SPECIES);
    int i = 0;
    for (; i + SPECIES.length() <= chosen.length; i += SPECIES.length()) {
      FloatVector gap =
          FloatVector.fromArray(SPECIES, chosen, i)
              .sub(FloatVector.fromArray(SPECIES, rejected, i));
      // log(1 + e^-gap) = max(-gap, 0) + log1p(e^-|gap|)
      FloatVector power = gap.abs().neg().lanewise(VectorOperators.EXP);
      FloatVector item = gap.neg().max(0).add(power.lanewise(VectorOperators.LOG1P));
      sums = sums.add(item);
      // 1 / (1 + e^gap)
      FloatVector one = FloatVector.broadcast(SPECIES, 1);
      FloatVector high = power.div(power.add(1));
      FloatVector slope = one.sub(high).blend(high, gap.compare(VectorOperators.GE, 0));
      slope.mul(-share).intoArray(gradient, i);
    }
    double sum = sums.reduceLanes(VectorOperators.ADD);
    for (; i < chosen.length; i++) {
      double gap = (double) chosen[i] - rejected[i];
      sum += Math.max(-gap, 0) + Math.log1p(Math.exp(-Math.abs(gap)));
      gradient[i] = (float) (-share / (1 + Math.exp(gap)));
    }
    loss = (float) (sum * share);
  }

  @Override
  public float[] results() {
    float[] values = new float[1 + 2 * chosen.length];
    values[0] = loss;
    for (int i = 0; i < chosen.length; i++) {
      values[1 + 2 * i] = gradient[i];
      values[2 + 2 * i] = -gradient[i];
    }
    return values;
  }

  @Override
  public void close() {}
}
