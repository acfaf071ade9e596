package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Every readout over groups, objectives and gates through the Java API, forward and backward: no
 * worse than LibTorch's f32 against its double precision. The C tests have the bounds.
 */
class ReadoutTest {
  private static final int WIDTH = 16;
  private static final int RESPONSES = 200;
  // Which of two roundings of few numbers is nearer is chance.
  private static final int SAMPLES = 24;
  private static final float[] LEVELS = {1, 2, 3, 4, 5};
  private static final float[] MATRIX = {1, 0.5f, 0, 0, 1, -0.25f, -0.5f, 0, 1};

  /** Logits of the head and of the gate to scores [R, S]. */
  private interface Formula extends BiFunction<Tensor, Tensor, Tensor> {}

  private record Case(String name, int outputs, Readout readout, Formula formula) {}

  @BeforeAll
  static void requireLibTorch() {
    LibTorch.require();
  }

  @TestFactory
  Stream<DynamicTest> noWorseThanLibTorch() {
    return Stream.of(
            "class",
            "mean",
            "variance",
            "top",
            "quantiles",
            "weights",
            "softmax",
            "softmax of expectations",
            "linear",
            "streams")
        .map(name -> DynamicTest.dynamicTest(name, () -> run(name)));
  }

  private static void run(String name) {
    try (Context context = Context.open();
        RewardHead three = head(context, HeadSpec.mlp(WIDTH, 9).outputWidth(3).build(), 2);
        RewardHead one = head(context, HeadSpec.mlp(2 * WIDTH, 9).build(), 3)) {
      Case of =
          cases(three, one).stream().filter(c -> c.name.equals(name)).findFirst().orElseThrow();
      try (RewardHead head =
          head(context, HeadSpec.linear(WIDTH).outputWidth(of.outputs).build(), 4)) {
        compare(of, head);
      }
    }
  }

  private static List<Case> cases(RewardHead three, RewardHead one) {
    Readout levels = Readout.expectation(LEVELS);
    return List.of(
        new Case(
            "class",
            8,
            Readout.classProb(2, 4),
            (z, g) -> torch.softmax(groups(z, 4), 2).select(2, 2)),
        new Case("mean", 10, levels, (z, g) -> mean(z)),
        new Case(
            "variance",
            10,
            statistic(Readout.Statistic.VARIANCE),
            (z, g) -> {
              Tensor p = torch.softmax(groups(z, 5), 2);
              Tensor d = values(LEVELS, z).sub(mean(z).unsqueeze(2));
              return sum(p.mul(d).mul(d), 2);
            }),
        new Case(
            "top",
            10,
            statistic(Readout.Statistic.TOP_LEVEL),
            (z, g) -> {
              Tensor p = torch.softmax(groups(z, 5), 2);
              Tensor at = p.detach().argmax(new org.bytedeco.pytorch.LongOptional(2), true);
              return torch.gather(p.mul(values(LEVELS, z)), 2, at).squeeze(2);
            }),
        new Case(
            "quantiles",
            12,
            Readout.quantileMean(4),
            (z, g) -> sum(groups(z, 4), 2).div(new Scalar(4.0))),
        new Case(
            "weights",
            3,
            Readout.weightedSum(0.5f, -2, 3),
            (z, g) -> sum(z.mul(values(new float[] {0.5f, -2, 3}, z)), 1).unsqueeze(1)),
        new Case(
            "softmax",
            3,
            Readout.softmaxGate(three, 10, 1.5f).transform(MATRIX),
            (z, g) ->
                sum(softmax(g, 10).mul(torch.matmul(z, values(MATRIX, z).reshape(3, 3))), 1)
                    .unsqueeze(1)
                    .mul(new Scalar(1.5))),
        new Case(
            "softmax of expectations",
            15,
            Readout.softmaxGate(three, 2, 1).objectives(levels),
            (z, g) -> sum(softmax(g, 2).mul(mean(z)), 1).unsqueeze(1)),
        new Case(
            "linear",
            12,
            Readout.linearGate(three, 2).objectives(Readout.quantileMean(4)),
            (z, g) ->
                sum(g.mul(sum(groups(z, 4), 2).div(new Scalar(4.0))), 1)
                    .unsqueeze(1)
                    .mul(new Scalar(2.0))),
        new Case(
            "streams",
            1,
            Readout.twoStreamGate(one),
            (z, g) -> {
              Tensor a = torch.sigmoid(g);
              Tensor f = z.select(1, 0).unsqueeze(1);
              Tensor r = z.select(1, 1).unsqueeze(1);
              return a.mul(f).add(a.neg().add(new Scalar(1.0)).mul(r));
            }));
  }

  private static Readout statistic(Readout.Statistic statistic) {
    return new Readout.Expectation(List.of(1f, 2f, 3f, 4f, 5f), statistic);
  }

  private static Tensor groups(Tensor z, int size) {
    return z.reshape(z.size(0), -1, size);
  }

  private static Tensor mean(Tensor z) {
    return sum(torch.softmax(groups(z, 5), 2).mul(values(LEVELS, z)), 2);
  }

  private static Tensor softmax(Tensor g, double temperature) {
    return torch.softmax(g.div(new Scalar(temperature)), 1);
  }

  private static Tensor sum(Tensor x, long dimension) {
    return x.sum(new long[] {dimension}, false, new ScalarTypeOptional());
  }

  private static Tensor values(float[] values, Tensor like) {
    return torch.tensor(values).to(like.scalar_type());
  }

  private static RewardHead head(Context context, HeadSpec spec, long seed) {
    return RewardHead.create(context, spec, Init.normal(0.4f, seed));
  }

  /** What both compute: scores, and gradients of weights and of the hidden states. */
  private static final class Results {
    final double[] scores;
    final double[] head;
    final double[] gate;
    final double[] hidden;

    Results(double[] scores, double[] head, double[] gate, double[] hidden) {
      this.hidden = hidden;
      this.scores = scores;
      this.head = head;
      this.gate = gate;
    }
  }

  private static void compare(Case of, RewardHead head) {
    Map<String, double[]> errors = new TreeMap<>();
    for (int seed = 1; seed <= SAMPLES; seed++) {
      add(of, head, new SplittableRandom(10 + seed), errors);
    }
    errors.forEach((what, squares) ->
        assertTrue(
            Math.sqrt(squares[0]) <= 1.05 * Math.sqrt(squares[1]),
            "%s: error %g, LibTorch's %g, of %g"
                .formatted(
                    what, Math.sqrt(squares[0]), Math.sqrt(squares[1]), Math.sqrt(squares[2]))));
  }

  private static void add(
      Case of, RewardHead head, SplittableRandom random, Map<String, double[]> errors) {
    float[] states = new float[RESPONSES * WIDTH];
    for (int i = 0; i < states.length; i++) {
      states[i] = (float) random.nextGaussian();
    }
    long[] gate = new long[RESPONSES];
    for (int r = 0; r < RESPONSES; r++) {
      gate[r] = (r * 7L + 3) % RESPONSES;
    }
    int scores = of.readout.scores(of.outputs);
    float[] up = new float[RESPONSES * scores];
    for (int i = 0; i < up.length; i++) {
      up[i] = (float) random.nextGaussian();
    }
    Results ours = ours(of, head, states, gate, up);
    Results exact = theirs(of, head, states, gate, up, ScalarType.Double);
    Results single = theirs(of, head, states, gate, up, ScalarType.Float);
    add("scores", ours.scores, single.scores, exact.scores, errors);
    add("gradient", ours.head, single.head, exact.head, errors);
    add("gate gradient", ours.gate, single.gate, exact.gate, errors);
    add("hidden gradient", ours.hidden, single.hidden, exact.hidden, errors);
  }

  private static void add(
      String what, double[] ours, double[] single, double[] exact, Map<String, double[]> errors) {
    assertEquals(exact.length, ours.length, what);
    double[] squares = errors.computeIfAbsent(what, name -> new double[3]);
    for (int i = 0; i < exact.length; i++) {
      squares[0] += (ours[i] - exact[i]) * (ours[i] - exact[i]);
      squares[1] += (single[i] - exact[i]) * (single[i] - exact[i]);
      squares[2] += exact[i] * exact[i];
    }
  }

  private static Results ours(Case of, RewardHead head, float[] states, long[] gate, float[] up) {
    int scores = of.readout.scores(of.outputs);
    int[] groups = {RESPONSES};
    boolean gated = of.readout instanceof Readout.GatedSum;
    Step.Extra[] extras =
        gated ? Step.Extra.values() : new Step.Extra[] {Step.Extra.VECTOR_GRADIENTS};
    try (HostTensor hidden = HostTensor.of(states, RESPONSES, WIDTH);
        HostTensor hiddenGradient = HostTensor.allocate(DType.F32, RESPONSES, WIDTH);
        HostTensor gradient = HostTensor.of(up, RESPONSES, scores);
        PackedBatch batch = PackedBatch.allocate(Layout.INDEPENDENT, hidden, RESPONSES);
        Step step = Step.allocate(head, of.readout, RESPONSES, 1, extras)) {
      batch.group();
      for (int r = 0; r < groups[0]; r++) {
        batch.sequence(1).response(0, 0);
      }
      batch.gateRows(gate).seal();
      step.forward(batch, Pooling.index(), of.readout);
      step.backward(gradient, Step.Accumulation.REPLACE);
      step.scatter(hiddenGradient);
      if (gated) {
        step.scatterGate(hiddenGradient);
      }
      return new Results(
          widen(step.scores().toArray()),
          widen(step.gradients().get("output.weight").toFloats()),
          gated ? widen(step.gateGradients().get("hidden.0.weight").toFloats()) : new double[0],
          widen(hiddenGradient.toFloats()));
    }
  }

  private static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  private static Results theirs(
      Case of, RewardHead head, float[] states, long[] gate, float[] up, ScalarType type) {
    PointerScope natives = new PointerScope();
    try {
      Tensor x = torch.tensor(states).reshape(RESPONSES, WIDTH).to(type).requires_grad_(true);
      Tensor weight = leaf(head, "output.weight", type);
      Tensor bias = leaf(head, "output.bias", type);
      Tensor z = torch.linear(x, weight, new TensorOptional(bias));
      Tensor inner = null;
      Tensor g = z;
      if (of.readout instanceof Readout.GatedSum gated) {
        Tensor at = x.index_select(0, torch.tensor(gate));
        if (gated.twoStreams()) {
          Tensor reverse = torch.linear(at, weight, new TensorOptional(bias));
          z = torch.cat(new TensorVector(z, reverse), 1);
          at = torch.cat(new TensorVector(x, at), 1);
        }
        inner = leaf(gated.gate(), "hidden.0.weight", type);
        Tensor hidden =
            torch.linear(at, inner, new TensorOptional(leaf(gated.gate(), "hidden.0.bias", type)));
        g =
            torch.linear(
                torch.silu(hidden),
                leaf(gated.gate(), "output.weight", type),
                new TensorOptional(leaf(gated.gate(), "output.bias", type)));
      }
      Tensor scores = of.formula.apply(z, g);
      scores
          .mul(torch.tensor(up).reshape(scores.size(0), scores.size(1)).to(type))
          .sum()
          .backward();
      return new Results(
          LibTorch.values(scores),
          LibTorch.values(weight.grad()),
          inner == null ? new double[0] : LibTorch.values(inner.grad()),
          LibTorch.values(x.grad()));
    } finally {
      natives.close();
    }
  }

  private static Tensor leaf(RewardHead head, String name, ScalarType type) {
    try (HostTensor values = head.parameter(name)) {
      return LibTorch.leaf(values, type);
    }
  }

  @Test
  void numbersThatMakeNoReadoutAreRefused() {
    refused(() -> Readout.classProb(2, 2), "class 2 of 2");
    refused(() -> Readout.classProb(0, 1), "2 or more");
    refused(() -> Readout.expectation(1), "2 or more");
    refused(() -> Readout.expectation(1, Float.NaN), "finite");
    refused(() -> Readout.quantileMean(0), "1 or more");
    refused(() -> Readout.weightedSum(1, Float.POSITIVE_INFINITY), "finite");
    refused(() -> Readout.classProb(0, 3).scores(4), "groups of 3");
    refused(() -> Readout.weightedSum(1, 2).scores(3), "2 weights for 3 objectives");
    refused(() -> new Readout.WeightedSum(List.of(1f), Readout.sigmoid()), "objectives: made by");
    try (Context context = Context.open();
        RewardHead gate = head(context, HeadSpec.linear(4).outputWidth(3).build(), 1)) {
      refused(() -> Readout.softmaxGate(gate, 0, 1), "temperature is 0.0");
      refused(() -> Readout.softmaxGate(gate, 1, 0), "scale is 0.0");
      refused(() -> Readout.softmaxGate(gate, 1, 1).scores(4), "3 outputs for 4 objectives");
      refused(
          () -> Readout.softmaxGate(gate, 1, 1).transform(1, 2).scores(3), "the transform has 2");
      refused(() -> Readout.twoStreamGate(gate).scores(1), "3 outputs for 1 objective");
    }
  }

  private static void refused(Runnable call, String text) {
    String message = assertThrows(InvalidArgumentException.class, call::run).getMessage();
    assertTrue(message.contains(text), message);
  }

  /** A gate reaches the backbone only where it is asked to, and by the rows it reads alone. */
  @Test
  void aGateReachesItsOwnRows() {
    try (Context context = Context.open();
        HostTensor hidden = HostTensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 4, 2);
        HostTensor up = HostTensor.of(new float[] {1, 1}, 2, 1);
        HostTensor reached = HostTensor.allocate(DType.F32, 4, 2);
        RewardHead head = head(context, HeadSpec.linear(2).outputWidth(2).build(), 1);
        RewardHead gate = head(context, HeadSpec.linear(2).outputWidth(2).build(), 2);
        PackedBatch batch = PackedBatch.allocate(Layout.JOINT, hidden, 2)) {
      batch.group().sequence(4).response(0, 0).response(1, 1).gateRows(3, 3).seal();
      Readout readout = Readout.softmaxGate(gate, 1, 1);
      refused(
          () -> Step.allocate(head, 2, 1, Step.Extra.GATE_VECTOR_GRADIENTS),
          "only a readout with a gate");
      try (Step step = Step.allocate(head, readout, 2, 1, Step.Extra.GATE_VECTOR_GRADIENTS);
          Step detached = Step.allocate(head, readout, 2, 1, Step.Extra.VECTOR_GRADIENTS)) {
        step.forward(batch, Pooling.index(), readout);
        assertThrows(IllegalStateException.class, step::gateVectorGradients);
        step.backward(up, Step.Accumulation.REPLACE);
        step.scatterGate(reached);
        float[] of = step.gateVectorGradients().toFloats();
        assertArrayEquals(
            new float[] {0, 0, 0, 0, 0, 0, of[0] + of[2], of[1] + of[3]}, reached.toFloats());
        assertTrue(of[0] != 0);
        detached.forward(batch, Pooling.index(), readout);
        detached.backward(up, Step.Accumulation.REPLACE);
        String message =
            assertThrows(IllegalStateException.class, () -> detached.scatterGate(reached))
                .getMessage();
        assertTrue(message.contains("GATE_VECTOR_GRADIENTS"), message);
      }
    }
  }

  /** A gate needs rows, and stays open while it is used; heads of other kinds are saved as such. */
  @Test
  void gatesAndKindsAreChecked() {
    try (Context context = Context.open();
        HostTensor hidden = HostTensor.of(new float[12], 3, 4);
        RewardHead head = head(context, HeadSpec.linear(4).outputWidth(3).build(), 1);
        PackedBatch batch = PackedBatch.ofVectors(hidden, 3)) {
      RewardHead gate = head(context, HeadSpec.linear(4).outputWidth(3).build(), 2);
      Readout readout = Readout.softmaxGate(gate, 1, 1);
      refused(() -> head.score(batch, Pooling.index(), readout), "call gateRows");
      gate.close();
      assertThrows(IllegalStateException.class, () -> head.score(batch, Pooling.index(), readout));
    }
    HeadSpec rows = HeadSpec.vocabRows(4, 9, 2).build();
    assertEquals(new HeadSpec.Kind.VocabRows(List.of(9, 2)), rows.kind());
    refused(() -> HeadSpec.vocabRows(4, 9, 9).build(), "no two the same");
    refused(() -> HeadSpec.vocabRows(4, 9).outputBias(true).build(), "output bias of VOCAB_ROWS");
    refused(() -> HeadSpec.expertConcat(0, 4, 8).build(), "input width is 0");
  }

  /** DMoERM: three experts' vectors of a response, one after another. */
  @Test
  void expertsAreConcatenated() {
    HeadSpec experts = HeadSpec.expertConcat(3, 4, 8).build();
    HeadSpec plain = HeadSpec.mlp(12, 8).prelu(false).build();
    float[] states = new float[60];
    for (int i = 0; i < states.length; i++) {
      states[i] = (float) Math.sin(i);
    }
    try (Context context = Context.open();
        HostTensor hidden = HostTensor.of(states, 5, 12);
        PackedBatch batch = PackedBatch.ofVectors(hidden, 5);
        RewardHead head = head(context, experts, 1);
        RewardHead same = head(context, plain, 1)) {
      assertArrayEquals(
          same.score(batch, Pooling.index(), Readout.identity()),
          head.score(batch, Pooling.index(), Readout.identity()));
    }
  }
}
