package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.ffi.gavel_parameter_info;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class ScoreTest {
  private static final HeadSpec SPEC = HeadSpec.linear(4).build();

  /** Small integers leave no room for rounding. */
  @Test
  void smallIntegersAreExact() {
    try (Context context = Context.open();
        HostTensor weight = HostTensor.of(new float[] {1, -2, 3, 0}, 1, 4);
        HostTensor bias = HostTensor.of(new float[] {10}, 1);
        RewardHead head =
            RewardHead.create(context, SPEC, Map.of("output.weight", weight, "output.bias", bias));
        HostTensor hidden = HostTensor.of(new float[] {1, 1, 1, 1, 2, 0, 0, 5, 0, 1, 0, 7}, 3, 4);
        PackedBatch batch =
            PackedBatch.joint(hidden, Spans.of(new int[] {0, 1}, new int[] {1, 2}))) {
      assertArrayEquals(
          new float[] {12, 8}, head.score(batch, Pooling.index(), Readout.identity()));
      assertArrayEquals(
          new float[] {1, -1}, head.score(batch, Pooling.index(), Readout.affine(10, 2)));
      assertArrayEquals(
          new float[] {12, 10}, head.score(batch, Pooling.spanMean(), Readout.identity()));
      assertArrayEquals(
          new float[] {10, 6},
          head.score(batch, Pooling.firstLast(Pooling.Combine.SUB), Readout.identity()));
      assertArrayEquals(
          new float[] {14, 10},
          head.score(batch, Pooling.firstLast(Pooling.Combine.ADD), Readout.identity()));
    }
  }

  @Test
  void invalidAndNanResponsesAreCountedAndTouchNoOther() {
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, SPEC, Init.normal(1, 3));
        HostTensor hidden = HostTensor.allocate(DType.F32, 4, 4);
        PackedBatch batch =
            PackedBatch.joint(hidden, Spans.of(new int[] {0, -1, 2, 3}, new int[] {0, -1, 2, 3}));
        ScoreBatch scores =
            ScoreBatch.allocate(SPEC, 4, ScoreBatch.Extra.LOGITS, ScoreBatch.Extra.VECTORS)) {
      for (int i = 0; i < 16; i++) {
        hidden.setFloat(i, i);
      }
      float[] before = head.score(batch, Pooling.index(), Readout.identity());
      hidden.setFloat(9, Float.NaN);
      head.score(batch, Pooling.index(), Readout.identity(), scores);
      assertEquals(1, scores.invalidResponses());
      assertEquals(1, scores.nanResponses());
      assertEquals(before[0], scores.score(0));
      assertEquals(Float.NEGATIVE_INFINITY, scores.score(1));
      assertEquals(0x7fc00000, Float.floatToRawIntBits(scores.score(2)));
      assertEquals(before[3], scores.score(3));
      assertEquals(Float.NEGATIVE_INFINITY, scores.logits().floatAt(1));
      assertEquals(0, scores.vectors().floatAt(4));
      assertEquals(12, scores.vectors().floatAt(12));
      assertEquals("f32[4,1]", scores.scores().toString());
    }
  }

  @Test
  void whatDoesNotFitIsNamed() {
    HeadSpec narrow = HeadSpec.linear(4).dtype(DType.BF16).build();
    HeadSpec two = HeadSpec.linear(4).outputWidth(2).build();
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, SPEC, Init.normal(1, 3));
        RewardHead bf16 = RewardHead.create(context, narrow, Init.normal(1, 3));
        RewardHead pair = RewardHead.create(context, two, Init.normal(1, 3));
        HostTensor hidden = HostTensor.allocate(DType.F32, 3, 4);
        HostTensor wide = HostTensor.allocate(DType.F32, 3, 5);
        HostTensor pairs = HostTensor.of(new long[] {0, 1}, 1, 2);
        PackedBatch batch = PackedBatch.joint(hidden, Spans.ofRows(0, 1, 2));
        PackedBatch wideBatch = PackedBatch.joint(wide, Spans.ofRows(0));
        ScoreBatch scores = ScoreBatch.allocate(SPEC, 2);
        ScoreBatch ofBf16 = ScoreBatch.allocate(narrow, 3);
        ScoreBatch ofPair = ScoreBatch.allocate(two, 3);
        LossResult result = LossResult.allocate(3, 1)) {
      Pooling index = Pooling.index();
      Readout identity = Readout.identity();
      Loss loss = Loss.bradleyTerry(pairs);
      refuses(
          () -> head.score(wideBatch, index, identity),
          "f32[3,5], which Index[] makes vectors of 5");
      refuses(
          () -> head.score(batch, Pooling.firstLast(Pooling.Combine.CONCAT), identity),
          "vectors of 8; the head takes 4");
      refuses(() -> bf16.score(batch, index, identity), "they must be bf16 as the head is");
      refuses(() -> head.score(batch, index, identity, scores), "room for 2 responses");
      refuses(
          () -> head.score(batch, index, identity, ofBf16),
          "score batch was made for another head: dtype was to be bf16, is f32");
      refuses(
          () -> pair.score(batch, index, identity, ofPair, loss, result),
          "room for 3 scores and 1 item, the loss has 6");
      pair.score(batch, index, identity, ofPair);
      assertEquals(6, ofPair.toArray().length);
      assertThrows(IllegalStateException.class, () -> scores.score(0));
      assertThrows(IndexOutOfBoundsException.class, () -> ofPair.score(0, 2));
      assertThrows(IndexOutOfBoundsException.class, () -> ofPair.score(3, 0));
      assertThrows(IllegalStateException.class, ofPair::logits);
      refuses(() -> ScoreBatch.allocate(SPEC, 0), "1 or more");
      refuses(
          () -> ScoreBatch.allocate(SPEC, 1, ScoreBatch.Extra.PREACTIVATIONS), "no hidden layer");
    }
  }

  @Test
  void parametersMustBeExactlyTheHeads() {
    try (Context context = Context.open();
        HostTensor weight = HostTensor.allocate(DType.F32, 1, 4);
        HostTensor narrow = HostTensor.allocate(DType.BF16, 1, 4);
        HostTensor bias = HostTensor.allocate(DType.F32, 1)) {
      refuses(
          () -> RewardHead.create(context, SPEC, Map.of("output.weight", weight)),
          "missing [output.bias]");
      refuses(
          () ->
              RewardHead.create(
                  context, SPEC, Map.of("output.weight", weight, "output.bias", bias, "x", bias)),
          "not known to this head [x]");
      refuses(
          () ->
              RewardHead.create(
                  context, SPEC, Map.of("output.weight", narrow, "output.bias", bias)),
          "'output.weight' is bf16[1,4]; it must be f32[1,4]");
      refuses(
          () ->
              RewardHead.create(
                  context, SPEC, Map.of("output.weight", bias, "output.bias", weight)),
          "'output.weight' is f32[1]");
    }
  }

  @Test
  void parametersAreReadBack() {
    HeadSpec spec = HeadSpec.mlp(6, 5).dtype(DType.F16).rmsNorm(1e-5f).build();
    try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 2, 7);
        Context context = Context.open();
        RewardHead head = sample.head(context)) {
      for (Map.Entry<String, HostTensor> entry : sample.parameters.entrySet()) {
        try (HostTensor found = head.parameter(entry.getKey())) {
          assertEquals(-1, entry.getValue().segment().mismatch(found.segment()));
        }
      }
      InvalidArgumentException refused =
          assertThrows(InvalidArgumentException.class, () -> head.parameter("hidden.1.weight"));
      assertTrue(refused.getMessage().contains("norm.weight"), refused.getMessage());
    }
  }

  /** Names and shapes here are those of the native library, for every kind of head. */
  @Test
  void parametersAreThoseOfTheNativeLibrary() {
    List<HeadSpec> specs =
        List.of(
            SPEC,
            HeadSpec.linear(3).outputBias(false).outputWidth(7).build(),
            HeadSpec.linear(3).layerNorm(1e-5f, true).build(),
            HeadSpec.mlp(3, 4, 5).rmsNorm(1e-5f).prelu(true).build(),
            HeadSpec.mlp(3, 4, 5, 6, 7, 8, 9, 10, 11).prelu(false).hiddenBias(false).build());
    try (Arena arena = Arena.ofConfined()) {
      NativeError error = new NativeError(arena);
      for (HeadSpec spec : specs) {
        MemorySegment struct = HeadParameters.struct(arena, spec);
        assertEquals(
            spec.parameters().size(), dev.gavel.bindings.Gavel.headParameterCount(struct, error));
        for (int i = 0; i < spec.parameters().size(); i++) {
          MemorySegment info = NativeStruct.allocate(arena, gavel_parameter_info.layout());
          dev.gavel.bindings.Gavel.headParameterInfo(struct, i, info, error);
          HeadSpec.Parameter parameter = spec.parameters().get(i);
          assertEquals(parameter.name(), NativeStruct.text(gavel_parameter_info.name(info)));
          assertEquals(parameter.shape().size(), gavel_parameter_info.rank(info));
          for (int d = 0; d < parameter.shape().size(); d++) {
            assertEquals(
                parameter.shape().get(d),
                gavel_parameter_info.shape(info).getAtIndex(ValueLayout.JAVA_LONG, d));
          }
        }
      }
    }
  }

  /** The order of closing does not matter, and nothing closed can be used. */
  @Test
  void closedThingsAreRefused() {
    Context context = Context.open();
    RewardHead head = RewardHead.create(context, SPEC, Init.normal(1, 3));
    HostTensor hidden = HostTensor.allocate(DType.F32, 2, 4);
    PackedBatch batch = PackedBatch.joint(hidden, Spans.ofRows(0, 1));
    ScoreBatch scores = ScoreBatch.allocate(SPEC, 2);
    Map<String, Runnable> closing = new HashMap<>();
    head.score(batch, Pooling.index(), Readout.identity(), scores);
    closing.put("scores", scores::close);
    closing.put("hidden", hidden::close);
    closing.put("batch", batch::close);
    for (String name : List.of("scores", "hidden", "batch")) {
      closing.get(name).run();
      closing.get(name).run();
      assertThrows(
          IllegalStateException.class,
          () -> head.score(batch, Pooling.index(), Readout.identity(), scores),
          name);
    }
    assertThrows(IllegalStateException.class, () -> scores.score(0));
    context.close();
    try (HostTensor more = HostTensor.allocate(DType.F32, 2, 4);
        PackedBatch again = PackedBatch.joint(more, Spans.ofRows(0))) {
      IllegalStateException refused =
          assertThrows(
              IllegalStateException.class,
              () -> head.score(again, Pooling.index(), Readout.identity()));
      assertTrue(refused.getMessage().contains("context"), refused.getMessage());
    }
    head.close();
    head.close();
    assertThrows(IllegalStateException.class, () -> head.parameter("output.weight"));
    assertThrows(
        IllegalStateException.class, () -> RewardHead.create(context, SPEC, Init.normal(1, 3)));
  }

  /** The same seed gives the same bits on every machine: these are them. */
  @Test
  void aSeedIsANumberForEver() {
    HeadSpec spec = HeadSpec.mlp(3, 2).layerNorm(1e-5f, true).prelu(false).build();
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, spec, Init.normal(0.5f, 17))) {
      Map<String, float[]> found = new HashMap<>();
      for (HeadSpec.Parameter parameter : spec.parameters()) {
        try (HostTensor values = head.parameter(parameter.name())) {
          found.put(parameter.name(), values.toFloats());
        }
      }
      assertArrayEquals(new float[] {1, 1, 1}, found.get("norm.weight"));
      assertArrayEquals(new float[] {0, 0, 0}, found.get("norm.bias"));
      assertArrayEquals(new float[] {0.25f}, found.get("hidden.0.slope"));
      assertArrayEquals(new float[] {0, 0}, found.get("hidden.0.bias"));
      assertArrayEquals(
          new float[] {
            -1.0483946f, 0.50059664f, -0.33503896f, 0.38700607f, 0.17167129f, 0.05182095f
          },
          found.get("hidden.0.weight"));
    }
  }

  /** A million draws have the moments of a normal distribution. */
  @Test
  void initialWeightsAreNormal() {
    try (HostTensor values = HostTensor.allocate(DType.F32, 1000, 1000)) {
      Init.normal(2, 5).fill(HeadSpec.mlp(1000, 1000).build().parameters().get(0), 0, values);
      double sum = 0;
      double squares = 0;
      double fourth = 0;
      for (long i = 0; i < values.elementCount(); i++) {
        double x = values.floatAt(i) / 2;
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
      }
      // Five standard errors of each moment.
      double n = values.elementCount();
      assertEquals(0, sum / n, 5 / Math.sqrt(n));
      assertEquals(1, squares / n, 5 * Math.sqrt(2 / n));
      assertEquals(3, fourth / n, 5 * Math.sqrt(96 / n));
    }
  }

  private static void refuses(Runnable call, String expected) {
    InvalidArgumentException refused = assertThrows(InvalidArgumentException.class, call::run);
    assertTrue(refused.getMessage().contains(expected), refused.getMessage());
  }
}
