package dev.gavel.bench;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The same loops with the Vector API (an incubator module, which is why this module is compiled and
 * run with {@code --add-modules jdk.incubator.vector}): four accumulators of the widest vector, one
 * thread, f32.
 */
final class VectorHead extends JavaHead {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();

  VectorHead(HeadTensors tensors) {
    super(tensors);
  }

  @Override
  public String name() {
    return "vector-api";
  }

  @Override
  float dot(float[] a, int aFrom, float[] b, int bFrom, int count) {
    FloatVector first = FloatVector.zero(SPECIES);
    FloatVector second = first;
    FloatVector third = first;
    FloatVector fourth = first;
    int k = 0;
    for (; k + 4 * LANES <= count; k += 4 * LANES) {
      first = step(a, aFrom + k, b, bFrom + k, first);
      second = step(a, aFrom + k + LANES, b, bFrom + k + LANES, second);
      third = step(a, aFrom + k + 2 * LANES, b, bFrom + k + 2 * LANES, third);
      fourth = step(a, aFrom + k + 3 * LANES, b, bFrom + k + 3 * LANES, fourth);
    }
    float sum = first.add(second).add(third.add(fourth)).reduceLanes(VectorOperators.ADD);
    for (; k < count; k++) {
      sum += a[aFrom + k] * b[bFrom + k];
    }
    return sum;
  }

  private static FloatVector step(float[] a, int aFrom, float[] b, int bFrom, FloatVector sum) {
    return FloatVector.fromArray(SPECIES, a, aFrom)
        .fma(FloatVector.fromArray(SPECIES, b, bFrom), sum);
  }

  @Override
  void add(float[] to, float[] from, int fromStart) {
    int k = 0;
    for (; k + LANES <= to.length; k += LANES) {
      FloatVector.fromArray(SPECIES, to, k)
          .add(FloatVector.fromArray(SPECIES, from, fromStart + k))
          .intoArray(to, k);
    }
    for (; k < to.length; k++) {
      to[k] += from[fromStart + k];
    }
  }
}
