package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Top-1 routing over heads of concatenated experts, as DMoERM has it. */
@ExtendWith(NoLeaks.class)
class RoutingTest {
  private static final int EXPERTS = 3;
  private static final int WIDTH = 8;
  private static final int RESPONSES = 120;
  private static final Pooling INDEX = Pooling.index();
  private static final HeadSpec EXPERT = HeadSpec.expertConcat(EXPERTS, WIDTH, 9).build();

  private final float[] values = values();
  private final Spans spans = everyRow();

  private static float[] values() {
    SplittableRandom random = new SplittableRandom(67);
    float[] values = new float[RESPONSES * EXPERTS * WIDTH];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static Spans everyRow() {
    int[] rows = new int[RESPONSES];
    for (int r = 0; r < RESPONSES; r++) {
      rows[r] = r;
    }
    return Spans.ofRows(rows);
  }

  private static List<RewardHead> experts(Context context) {
    List<RewardHead> heads = new ArrayList<>();
    for (int e = 0; e < EXPERTS; e++) {
      heads.add(RewardHead.create(context, EXPERT, Init.normal(0.4f, 20 + e)));
    }
    return heads;
  }

  private static RewardHead router(Context context) {
    HeadSpec spec = HeadSpec.linear(EXPERTS * WIDTH).outputWidth(EXPERTS).build();
    return RewardHead.create(context, spec, Init.normal(0.4f, 5));
  }

  /** The rows of an expert's responses alone, in a batch of their own. */
  private static HostTensor rowsOf(Routing routing, HostTensor rows, int expert) {
    int columns = (int) rows.size(1);
    List<Integer> own = responsesOf(routing, expert);
    HostTensor copy = HostTensor.allocate(DType.F32, own.size(), columns);
    for (int i = 0; i < own.size(); i++) {
      for (int c = 0; c < columns; c++) {
        copy.setFloat((long) i * columns + c, rows.floatAt((long) own.get(i) * columns + c));
      }
    }
    return copy;
  }

  private static List<Integer> responsesOf(Routing routing, int expert) {
    List<Integer> own = new ArrayList<>();
    for (int r = 0; r < routing.responses(); r++) {
      if (routing.expert(r) == expert) {
        own.add(r);
      }
    }
    return own;
  }

  @Test
  void scoresAndGradientsHaveTheBitsOfTheExpertAlone() {
    try (Context context = Context.open();
        RewardHead router = router(context);
        HostTensor hidden = HostTensor.of(values, RESPONSES, EXPERTS * WIDTH);
        HostTensor up = HostTensor.of(java.util.Arrays.copyOf(values, RESPONSES), RESPONSES, 1);
        PackedBatch batch = PackedBatch.ofVectors(hidden, RESPONSES)) {
      Routing routing = Routing.topOne(router, batch, INDEX);
      List<RewardHead> heads = experts(context);
      float[] scores = routing.score(heads, hidden, spans, INDEX, Readout.identity());
      assertEquals(RESPONSES, scores.length);
      for (int e = 0; e < EXPERTS; e++) {
        List<Integer> own = responsesOf(routing, e);
        assertTrue(own.size() > 10, "expert %d has %d responses".formatted(e, own.size()));
        try (HostTensor rows = rowsOf(routing, hidden, e);
            HostTensor gradients = rowsOf(routing, up, e);
            PackedBatch alone = PackedBatch.ofVectors(rows, own.size());
            PackedBatch routed = PackedBatch.joint(hidden, routing.to(e, spans));
            Step of = Step.allocate(heads.get(e), RESPONSES, 1);
            Step without = Step.allocate(heads.get(e), RESPONSES, 1)) {
          of.forward(routed, INDEX, Readout.identity());
          of.backward(up, Step.Accumulation.REPLACE);
          without.forward(alone, INDEX, Readout.identity());
          without.backward(gradients, Step.Accumulation.REPLACE);
          for (int i = 0; i < own.size(); i++) {
            assertEquals(without.scores().score(i), scores[own.get(i)]);
          }
          for (HeadSpec.Parameter parameter : EXPERT.parameters()) {
            assertArrayEquals(
                without.gradients().get(parameter.name()).toFloats(),
                of.gradients().get(parameter.name()).toFloats(),
                parameter.name());
          }
        }
      }
      heads.forEach(RewardHead::close);
    }
  }

  /** A loss over pairs whose responses go to different experts, against LibTorch's autograd. */
  @Test
  void oneLossTeachesAllExperts() {
    LibTorch.require();
    long[] pairs = new long[RESPONSES];
    for (int i = 0; i < pairs.length; i++) {
      pairs[i] = i * 7L % RESPONSES;
    }
    try (Context context = Context.open();
        RewardHead router = router(context);
        HostTensor hidden = HostTensor.of(values, RESPONSES, EXPERTS * WIDTH);
        HostTensor numbers = HostTensor.of(pairs, RESPONSES / 2, 2);
        PackedBatch batch = PackedBatch.ofVectors(hidden, RESPONSES);
        LossResult result = LossResult.allocate(RESPONSES, RESPONSES / 2)) {
      Routing routing = Routing.topOne(router, batch, INDEX);
      List<RewardHead> heads = experts(context);
      double[] ours = ours(context, routing, heads, hidden, Loss.bradleyTerry(numbers), result);
      double[] exact = theirs(routing, heads, pairs, ScalarType.Double);
      double[] single = theirs(routing, heads, pairs, ScalarType.Float);
      Errors.assertNoWorse("loss and gradients", ours, single, exact);
      heads.forEach(RewardHead::close);
    }
  }

  private double[] ours(
      Context context,
      Routing routing,
      List<RewardHead> heads,
      HostTensor hidden,
      Loss loss,
      LossResult result) {
    List<Step> steps = new ArrayList<>();
    List<PackedBatch> batches = new ArrayList<>();
    List<float[]> scores = new ArrayList<>();
    List<Double> all = new ArrayList<>();
    for (int e = 0; e < EXPERTS; e++) {
      batches.add(PackedBatch.joint(hidden, routing.to(e, spans)));
      steps.add(Step.allocate(heads.get(e), RESPONSES, 1));
      steps.get(e).forward(batches.get(e), INDEX, Readout.identity());
      scores.add(steps.get(e).scores().toArray());
    }
    try (HostTensor merged = HostTensor.of(routing.merge(scores), RESPONSES)) {
      loss.evaluate(context, merged, result);
    }
    try (HostTensor gradient = HostTensor.of(result.gradient().toFloats(), RESPONSES, 1)) {
      for (Step step : steps) {
        step.backward(gradient, Step.Accumulation.REPLACE);
        for (String name : List.of("hidden.0.weight", "hidden.0.slope", "output.weight")) {
          for (float value : step.gradients().get(name).toFloats()) {
            all.add((double) value);
          }
        }
        step.close();
      }
    }
    batches.forEach(PackedBatch::close);
    return all.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private double[] theirs(Routing routing, List<RewardHead> heads, long[] pairs, ScalarType type) {
    PointerScope natives = new PointerScope();
    try {
      Tensor x = torch.tensor(values).reshape(RESPONSES, EXPERTS * WIDTH).to(type);
      List<Map<String, Tensor>> leaves = new ArrayList<>();
      Tensor scores = torch.zeros(RESPONSES).to(type);
      for (int e = 0; e < EXPERTS; e++) {
        Map<String, Tensor> of = new java.util.LinkedHashMap<>();
        for (HeadSpec.Parameter parameter : EXPERT.parameters()) {
          try (HostTensor tensor = heads.get(e).parameter(parameter.name())) {
            of.put(parameter.name(), LibTorch.leaf(tensor, type));
          }
        }
        float[] chosen = new float[RESPONSES];
        for (int response : responsesOf(routing, e)) {
          chosen[response] = 1;
        }
        Tensor inner =
            torch.linear(x, of.get("hidden.0.weight"), new TensorOptional(of.get("hidden.0.bias")));
        Tensor s =
            torch.linear(
                torch.prelu(inner, of.get("hidden.0.slope")),
                of.get("output.weight"),
                new TensorOptional(of.get("output.bias")));
        scores = scores.add(s.squeeze(1).mul(torch.tensor(chosen).to(type)));
        leaves.add(of);
      }
      long[] first = new long[pairs.length / 2];
      long[] second = new long[pairs.length / 2];
      for (int p = 0; p < first.length; p++) {
        first[p] = pairs[2 * p];
        second[p] = pairs[2 * p + 1];
      }
      Tensor difference =
          scores
              .index_select(0, torch.tensor(first))
              .sub(scores.index_select(0, torch.tensor(second)));
      torch.log_sigmoid(difference).mean().mul(new Scalar(-1.0)).backward();
      List<Double> all = new ArrayList<>();
      for (Map<String, Tensor> of : leaves) {
        for (String name : List.of("hidden.0.weight", "hidden.0.slope", "output.weight")) {
          for (double value : LibTorch.values(of.get(name).grad())) {
            all.add(value);
          }
        }
      }
      return all.stream().mapToDouble(Double::doubleValue).toArray();
    } finally {
      natives.close();
    }
  }

  /** The lowest number of equal logits; -0 is 0; responses without a row go nowhere. */
  @Test
  void theLargestLogitChooses() {
    HeadSpec spec = HeadSpec.linear(EXPERTS).outputWidth(EXPERTS).outputBias(false).build();
    float[] logits = {1, 2, 0, /**/ 3, 3, 3, /**/ -1, 0, 0, /**/ -5, -6, -4, /**/ 0, -0f, 0};
    try (Context context = Context.open();
        HostTensor identity = HostTensor.of(new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3);
        HostTensor rows = HostTensor.of(logits, 5, EXPERTS);
        HostTensor vectors = HostTensor.of(new float[5 * EXPERTS * WIDTH], 5, EXPERTS * WIDTH);
        RewardHead router = RewardHead.create(context, spec, Map.of("output.weight", identity));
        PackedBatch batch = PackedBatch.joint(rows, Spans.ofRows(0, 1, 2, Spans.NONE, 3, 4))) {
      Routing routing = Routing.topOne(router, batch, INDEX);
      int[] chosen = new int[routing.responses()];
      for (int r = 0; r < chosen.length; r++) {
        chosen[r] = routing.expert(r);
      }
      assertArrayEquals(new int[] {1, 0, 1, Spans.NONE, 2, 0}, chosen);
      List<RewardHead> heads = experts(context);
      Spans read = Spans.ofRows(0, 1, 2, 3, 4, 0);
      float[] scores = routing.score(heads, vectors, read, INDEX, Readout.identity());
      assertEquals(Float.NEGATIVE_INFINITY, scores[3]);
      assertTrue(Float.isFinite(scores[4]));
      assertFalse(Routing.topOne(router, batch, INDEX).to(2, read).isValid(0));
      refused(
          "2 heads",
          () -> routing.score(heads.subList(0, 2), vectors, read, INDEX, Readout.identity()));
      refused("6 responses", () -> routing.to(0, Spans.ofRows(0)));
      refused("expert 3 of 3", () -> routing.to(3, read));
      refused("of 2", () -> routing.merge(List.of(scores, scores)));
      heads.forEach(RewardHead::close);
      rows.setFloat(7, Float.NaN);
      String message =
          assertThrows(InvalidTensorException.class, () -> Routing.topOne(router, batch, INDEX))
              .getMessage();
      assertTrue(message.contains("response 2 is NaN"), message);
    }
  }

  private static void refused(String text, Runnable call) {
    String message = assertThrows(InvalidArgumentException.class, call::run).getMessage();
    assertTrue(message.contains(text), message);
  }
}
