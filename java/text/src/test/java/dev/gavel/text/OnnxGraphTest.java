package dev.gavel.text;

import static dev.gavel.text.OnnxGraphs.BFLOAT16;
import static dev.gavel.text.OnnxGraphs.DOUBLE;
import static dev.gavel.text.OnnxGraphs.FLOAT;
import static dev.gavel.text.OnnxGraphs.FLOAT16;
import static dev.gavel.text.OnnxGraphs.INT32;
import static dev.gavel.text.OnnxGraphs.INT64;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.GavelException;
import dev.gavel.HostTensor;
import dev.gavel.text.OnnxGraphs.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Graphs of every shape, made here: what can be run runs, what cannot is refused by name. */
class OnnxGraphTest {
  private static final OnnxBackbone.Options OPTIONS = new OnnxBackbone.Options(1, 64);
  private static final Value IDS = new Value("input_ids", INT64, -1, -1);

  @TempDir private Path folder;

  private OnnxBackbone load(byte[] graph) {
    try {
      return OnnxBackbone.load(Files.write(folder.resolve("model.onnx"), graph), OPTIONS);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static float[] run(OnnxBackbone backbone, Tokens... sequences) {
    int rows = Arrays.stream(sequences).mapToInt(Tokens::size).sum();
    try (HostTensor hidden = HostTensor.allocate(DType.F32, rows, backbone.width())) {
      backbone.run(List.of(sequences), hidden);
      return hidden.toFloats();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {FLOAT, FLOAT16, BFLOAT16})
  void readsHiddenStatesOfEveryFloatType(int type) {
    try (OnnxBackbone backbone = load(OnnxGraphs.embedding(2, type))) {
      assertEquals(2, backbone.width());
      assertFalse(backbone.invariant());
      // Sequences of mixed lengths come back in the order they were given.
      assertArrayEquals(
          new float[] {7, 7.5f, 8, 8.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f, 9, 9.5f},
          run(backbone, Tokens.of(7, 8), Tokens.of(1, 2, 3), Tokens.of(9)));
    }
  }

  @Test
  void findsAWidthThatTheGraphDoesNotDeclare() {
    byte[] graph =
        OnnxGraphs.embedding(
            5, FLOAT, List.of(IDS), List.of(new Value("last_hidden_state", FLOAT, -1, -1, -1)));
    try (OnnxBackbone backbone = load(graph)) {
      assertEquals(5, backbone.width());
    }
  }

  @Test
  void takesTheOnlyOutputOfItsShapeWhateverItsName() {
    byte[] graph =
        OnnxGraphs.embedding(
            3, FLOAT, List.of(IDS), List.of(new Value("states", FLOAT, -1, -1, 3)));
    try (OnnxBackbone backbone = load(graph)) {
      assertArrayEquals(new float[] {4, 4.5f, 5}, run(backbone, Tokens.of(4)));
    }
  }

  /** This graph looks up another input than the ids, so that it shows what that input was fed. */
  @ParameterizedTest
  @CsvSource({"position_ids, 0 1 2", "attention_mask, 1 1 1", "token_type_ids, 0 0 0"})
  void feedsTheInputsAGraphHas(String input, String expected) {
    byte[] graph =
        OnnxGraphs.embedding(
            1,
            FLOAT,
            List.of(new Value(input, INT64, -1, -1), IDS),
            List.of(new Value("last_hidden_state", FLOAT, -1, -1, 1)));
    try (OnnxBackbone backbone = load(graph)) {
      float[] states = run(backbone, Tokens.of(9, 9, 9), Tokens.of(5, 5, 5));
      // Positions start again in every sequence.
      assertEquals(
          (expected + " " + expected).replaceAll("(\\d)", "$1.0"),
          IntStream.range(0, states.length)
              .mapToObj(i -> Float.toString(states[i]))
              .collect(Collectors.joining(" ")));
    }
  }

  private void refused(byte[] graph, String... reasons) {
    FormatException e = assertThrows(FormatException.class, () -> load(graph).close());
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains("model.onnx"), message);
    for (String reason : reasons) {
      assertTrue(message.contains(reason), message);
    }
  }

  @Test
  void refusesGraphsItCannotRun() {
    List<Value> states = List.of(new Value("last_hidden_state", FLOAT, -1, -1, 2));
    refused(
        OnnxGraphs.embedding(2, FLOAT, List.of(new Value("ids", INT64, -1, -1)), states),
        "input ids INT64[-1, -1]",
        "input_ids");
    refused(
        OnnxGraphs.embedding(2, FLOAT, List.of(new Value("input_ids", INT32, -1, -1)), states),
        "i64");
    refused(OnnxGraphs.embedding(2, FLOAT, List.of(new Value("input_ids", INT64, -1)), states));
    refused(
        OnnxGraphs.embedding(
            2, FLOAT, List.of(IDS, new Value("past_key_values", FLOAT, -1, -1)), states),
        "past_key_values",
        "without a cache");
    refused(OnnxGraphs.embedding(2, DOUBLE), "f32, f16 or bf16");
    refused(
        OnnxGraphs.embedding(
            2,
            FLOAT,
            List.of(IDS),
            List.of(new Value("a", FLOAT, -1, -1, 2), new Value("b", FLOAT, -1, -1, 2))),
        "last_hidden_state if there are several");
    refused(
        OnnxGraphs.embedding(2, FLOAT, List.of(new Value("attention_mask", INT64, -1, -1)), states),
        "input_ids is needed");
  }

  @Test
  void brokenFilesAreRefusedAndNothingElse() {
    byte[] graph = OnnxGraphs.embedding(2, FLOAT);
    for (int length = 0; length < graph.length; length += 1 + length / 7) {
      byte[] cut = Arrays.copyOf(graph, length);
      assertThrows(FormatException.class, () -> load(cut).close(), "cut to " + length);
    }
    Random random = new Random(20261120);
    for (int i = 0; i < 300; i++) {
      byte[] broken = graph.clone();
      for (int b = 0; b < 3; b++) {
        broken[random.nextInt(200)] = (byte) random.nextInt();
      }
      try (OnnxBackbone backbone = load(broken)) {
        assertTrue(backbone.width() > 0);
        run(backbone, Tokens.of(1, 2));
      } catch (GavelException e) {
        assertTrue(String.valueOf(e.getMessage()).length() > 20);
      }
    }
  }

  @Test
  void anIdOutsideTheVocabularyIsAnError() {
    try (OnnxBackbone backbone = load(OnnxGraphs.embedding(2, FLOAT))) {
      GavelException e =
          assertThrows(GavelException.class, () -> run(backbone, Tokens.of(OnnxGraphs.VOCABULARY)));
      assertTrue(String.valueOf(e.getMessage()).contains("ONNX Runtime failed"));
      assertArrayEquals(new float[] {1, 1.5f}, run(backbone, Tokens.of(1)));
    }
  }

  @Test
  void useAfterCloseAndCloseDuringUseAreErrors() throws Exception {
    OnnxBackbone backbone = load(OnnxGraphs.embedding(64, FLOAT));
    CountDownLatch started = new CountDownLatch(1);
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<Integer> runs =
          threads.submit(() -> {
            Tokens many = Tokens.of(new long[2000]);
            int done = 0;
            while (true) {
              try {
                run(backbone, many);
                done++;
                started.countDown();
              } catch (IllegalStateException e) {
                return done;
              }
            }
          });
      started.await();
      int refusals = 0;
      while (true) {
        try {
          backbone.close();
          break;
        } catch (IllegalStateException e) {
          assertTrue(String.valueOf(e.getMessage()).contains("in use"));
          refusals++;
        }
      }
      assertTrue(runs.get() > 0, refusals + " refusals");
    }
    assertThrows(IllegalStateException.class, () -> run(backbone, Tokens.of(1)));
    backbone.close();
  }

  /**
   * The mask of a sequence depends on whether rows see what follows them: the graph must say it.
   */
  @Test
  void aBlockMaskNeedsPositionsAndItsKindOfAttention() {
    Value mask = new Value("block_mask", 9, -1, 1, -1, -1);
    Value positions = new Value("position_ids", INT64, -1, -1);
    List<Value> outputs = List.of(new Value("last_hidden_state", FLOAT, -1, -1, 2));
    FormatException alone =
        assertThrows(
            FormatException.class,
            () -> load(OnnxGraphs.embedding(2, FLOAT, List.of(IDS, mask), outputs)));
    assertTrue(alone.getMessage().contains("block_mask without position_ids"), alone.getMessage());
    FormatException unsaid =
        assertThrows(
            FormatException.class,
            () -> load(OnnxGraphs.embedding(2, FLOAT, List.of(IDS, mask, positions), outputs)));
    assertTrue(unsaid.getMessage().contains("gavel.attention = nothing"), unsaid.getMessage());
  }

  @Test
  void blocksAreRefusedWhereTheGraphTakesNone() {
    try (OnnxBackbone backbone = load(OnnxGraphs.embedding(2, FLOAT));
        HostTensor hidden = HostTensor.allocate(DType.F32, 3, 2)) {
      assertEquals(0, backbone.longestShared());
      GavelException refused =
          assertThrows(
              GavelException.class,
              () ->
                  backbone.run(
                      List.of(Tokens.of(1, 2, 3)), List.of(new Blocks(1, List.of(1, 1))), hidden));
      assertTrue(refused.getMessage().contains("divided into blocks"), refused.getMessage());
    }
  }
}
