package dev.gavel;

/** How the parameters of a new head start. */
public sealed interface Init {

  /**
   * Weight matrices drawn from N(0, deviation²), biases 0, norm weights 1, PRELU slopes 0.25 (as
   * {@code torch.nn.PReLU}). The same seed gives the same bits on every machine. YOJO starts with
   * deviation 0.01.
   *
   * @param deviation 0 or more
   * @param seed any number
   */
  static Init normal(float deviation, long seed) {
    return new Normal(deviation, seed);
  }

  /** Fills one parameter. */
  void fill(HeadSpec.Parameter parameter, int index, HostTensor values);

  /**
   * Weight matrices drawn from a normal distribution.
   *
   * @param deviation 0 or more
   * @param seed any number
   */
  record Normal(float deviation, long seed) implements Init {
    private static final float PRELU_SLOPE = 0.25f;

    /** Checks the deviation. */
    public Normal {
      if (!Float.isFinite(deviation) || deviation < 0) {
        throw new InvalidArgumentException(
            "initial deviation is %s; it must be finite and 0 or more".formatted(deviation));
      }
    }

    @Override
    public void fill(HeadSpec.Parameter parameter, int index, HostTensor values) {
      if (parameter.shape().size() == 2) {
        fillNormal(index, values);
        return;
      }
      float constant = 0;
      if (parameter.name().equals("norm.weight")) {
        constant = 1;
      } else if (parameter.name().endsWith(".slope")) {
        constant = PRELU_SLOPE;
      }
      for (long i = 0; i < values.elementCount(); i++) {
        values.setFloat(i, constant);
      }
    }

    // Box and Muller (1958) over SplitMix64 (Steele, Lea, Flood 2014), in StrictMath:
    // java.util.random promises no algorithm for
    // Gaussians, and a model card's seed should mean the same numbers for ever.
    private void fillNormal(int index, HostTensor values) {
      long state = mix(mix(seed) + index);
      for (long i = 0; i < values.elementCount(); i++) {
        double u = unit(mix(state + 2 * i + 1));
        double v = unit(mix(state + 2 * i + 2));
        double gaussian =
            StrictMath.sqrt(-2 * StrictMath.log(1 - u)) * StrictMath.cos(2 * Math.PI * v);
        values.setFloat(i, (float) (deviation * gaussian));
      }
    }

    private static double unit(long bits) {
      return (bits >>> 11) * 0x1p-53;
    }

    private static long mix(long counter) {
      long z = counter * 0x9e3779b97f4a7c15L;
      z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
      z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
      return z ^ z >>> 31;
    }
  }
}
