package dev.gavel;

import static dev.gavel.Errors.assertClose;
import static dev.gavel.Errors.assertNoWorse;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.LibTorch.Result;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.DynamicTest;

/**
 * Scores and every gradient of every kind of head against float64, and LibTorch's against the same:
 * what the tests of both devices are made of.
 */
final class HeadAccuracy {
  // A bias of the output is one number, which may be exact by chance: errors are those of all
  // samples together. -Dgavel.samples=200 takes some minutes, and allows nothing for chance.
  static final int SAMPLES = Integer.getInteger("gavel.samples", 8);
  private static final int MANY = 200;

  private static final double NO_WORSE = 1.05;

  record Case(
      String name, HeadSpecBuilder builder, Pooling pooling, Readout readout, int responses) {}

  private static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (Activation activation : Activation.values()) {
      HeadSpecBuilder builder =
          switch (activation) {
            case LEAKY_RELU -> HeadSpec.mlp(96, 80).leakyRelu(0.01f);
            case PRELU -> HeadSpec.mlp(96, 80).prelu(true);
            default -> HeadSpec.mlp(96, 80).activation(activation);
          };
      cases.add(new Case("mlp " + activation, builder, Pooling.index(), Readout.identity(), 33));
    }
    Pooling index = Pooling.index();
    Readout identity = Readout.identity();
    cases.add(new Case("linear", HeadSpec.linear(384), index, identity, 40));
    cases.add(
        new Case(
            "linear no bias, 5 outputs",
            HeadSpec.linear(100).outputBias(false).outputWidth(5),
            index,
            Readout.affine(0.5f, 3),
            17));
    cases.add(new Case("linear sigmoid", HeadSpec.linear(64), index, Readout.sigmoid(), 31));
    cases.add(new Case("linear rms", HeadSpec.linear(129).rmsNorm(1e-6f), index, identity, 20));
    cases.add(
        new Case(
            "linear layer norm", HeadSpec.linear(128).layerNorm(1e-5f, true), index, identity, 20));
    cases.add(
        new Case(
            "mlp rms, no biases",
            HeadSpec.mlp(100, 72).rmsNorm(1e-5f).hiddenBias(false).outputBias(false),
            index,
            identity,
            33));
    cases.add(
        new Case(
            "mlp layer norm without bias, scale",
            HeadSpec.mlp(120, 64).layerNorm(1e-5f, false).outputScale(0.0912f),
            index,
            Readout.sigmoid(),
            33));
    cases.add(
        new Case(
            "two hidden layers, 3 outputs",
            HeadSpec.mlp(70, 90, 40).activation(Activation.GELU).outputWidth(3),
            index,
            identity,
            35));
    // One hidden layer: behind a second one, a value rounded across 0 changes its slope, by luck
    // and not by quality.
    cases.add(
        new Case("one slope per layer", HeadSpec.mlp(96, 80).prelu(false), index, identity, 33));
    cases.add(new Case("three hidden layers", HeadSpec.mlp(40, 30, 20, 10), index, identity, 64));
    cases.add(new Case("few neurons", HeadSpec.mlp(1024, 32), index, identity, 33));
    cases.add(
        new Case(
            "first and last concatenated",
            HeadSpec.mlp(96, 32),
            Pooling.firstLast(Pooling.Combine.CONCAT),
            identity,
            33));
    cases.add(
        new Case(
            "first plus last",
            HeadSpec.mlp(96, 32).activation(Activation.SELU),
            Pooling.firstLast(Pooling.Combine.ADD),
            identity,
            33));
    cases.add(
        new Case(
            "last minus first",
            HeadSpec.linear(96),
            Pooling.firstLast(Pooling.Combine.SUB),
            identity,
            33));
    cases.add(
        new Case(
            "span mean",
            HeadSpec.mlp(96, 32).activation(Activation.TANH),
            Pooling.spanMean(),
            identity,
            33));
    return cases;
  }

  private HeadAccuracy() {}

  /** A test for each head in these types, over such contexts. */
  static Stream<DynamicTest> tests(Supplier<Context> contexts, DType... dtypes) {
    return cases().stream()
        .flatMap(one ->
            Arrays.stream(dtypes)
                .map(dtype ->
                    DynamicTest.dynamicTest(
                        one.name() + ", " + dtype, () -> check(one, dtype, contexts))));
  }

  private static void check(Case one, DType dtype, Supplier<Context> contexts) {
    LibTorch.require();
    Map<String, Numbers> all = new TreeMap<>();
    for (int seed = 1; seed <= SAMPLES; seed++) {
      add(one, dtype, 10 + seed, contexts, all);
    }
    all.forEach((name, numbers) -> numbers.check(name));
  }

  /** One quantity of all samples. */
  static final class Numbers {
    final List<double[]> ours = new ArrayList<>();
    final List<double[]> peers = new ArrayList<>();
    final List<double[]> exact = new ArrayList<>();

    /**
     * Root mean squares of n errors have a ratio that is known to one part in sqrt(n). Three of
     * those are allowed for beside the factor, since some 400 ratios are compared; none where the
     * samples are many.
     */
    void check(String what) {
      double[] truth = flat(exact);
      double[] theirs = flat(peers);
      double chance = SAMPLES >= MANY ? 0 : 3 / Math.sqrt(truth.length);
      double bound = NO_WORSE * chance * Errors.error(theirs, truth);
      assertNoWorse(what, flat(ours), theirs, truth, bound);
    }

    private static double[] flat(List<double[]> samples) {
      return samples.stream().flatMapToDouble(Arrays::stream).toArray();
    }
  }

  private static void add(
      Case one, DType dtype, long seed, Supplier<Context> contexts, Map<String, Numbers> all) {
    HeadSpec spec = one.builder().dtype(dtype).build();
    try (HeadSample sample =
            new HeadSample(spec, one.pooling(), one.readout(), one.responses(), seed);
        Context context = contexts.get();
        RewardHead head = sample.head(context);
        Step step = Step.allocate(head, sample.responses(), 1, Step.Extra.VECTOR_GRADIENTS)) {
      ReferenceHead reference = sample.reference();
      ReferenceHead.Forward exact = reference.forward(sample.referenceVectors(), one.readout());
      ReferenceHead.Backward exactGradients =
          reference.backward(exact, one.readout(), HeadSample.matrix(sample.scoreGradient));
      Result wide = LibTorch.run(sample, ScalarType.Double);
      // The two references were written independently: where they agree, neither hides a mistake.
      assertClose("references: scores", HeadSample.flat(exact.scores), wide.scores, 1e-12);
      Map<String, double[]> references = new TreeMap<>(exactGradients.parameters);
      references.put("vectors", HeadSample.flat(exactGradients.vectors));
      references.put("hidden", scattered(sample, exactGradients.vectors));

      step.forward(sample.batch, one.pooling(), one.readout());
      step.backward(sample.scoreGradient, Step.Accumulation.REPLACE);
      Result peer = LibTorch.run(sample, LibTorch.type(dtype));
      Map<String, double[]> ours = gradients(sample, step);
      assertEquals(wide.gradients.keySet(), ours.keySet());
      assertEquals(wide.gradients.keySet(), references.keySet());
      wide.gradients.forEach((name, truth) -> {
        assertClose("references: " + name, of(references, name), truth, 1e-11);
        add(all, "gradient of " + name, of(ours, name), of(peer.gradients, name), truth);
      });
      add(all, "scores", HeadSample.flat(step.scores().scores()), peer.scores, wide.scores);
      assertEquals(0, step.scores().nanResponses() + step.scores().invalidResponses());
    }
  }

  private static double[] of(Map<String, double[]> values, String name) {
    return Objects.requireNonNull(values.get(name), name);
  }

  private static void add(
      Map<String, Numbers> all, String name, double[] ours, double[] peers, double[] exact) {
    Numbers numbers = all.computeIfAbsent(name, _ -> new Numbers());
    numbers.ours.add(ours);
    numbers.peers.add(peers);
    numbers.exact.add(exact);
  }

  private static Map<String, double[]> gradients(HeadSample sample, Step step) {
    Map<String, double[]> all = new TreeMap<>();
    for (HeadSpec.Parameter parameter : sample.spec.parameters()) {
      all.put(parameter.name(), HeadSample.flat(step.gradients().get(parameter.name())));
    }
    try (HostTensor hidden = HostTensor.allocate(DType.F32, sample.hidden.shape())) {
      step.scatter(hidden);
      all.put("hidden", HeadSample.flat(hidden));
    }
    all.put("vectors", HeadSample.flat(step.vectorGradients()));
    return all;
  }

  private static double[] scattered(HeadSample sample, double[][] vectors) {
    double[][] hidden = new double[(int) sample.hidden.size(0)][(int) sample.hidden.size(1)];
    for (int r = 0; r < vectors.length; r++) {
      ReferenceHead.scatter(vectors[r], sample.pooling, sample.first[r], sample.last[r], hidden);
    }
    return HeadSample.flat(hidden);
  }
}
