package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.DType;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.InvalidTensorException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxBackboneTest {
  private static final int WIDTH = 384;

  @TempDir private Path folder;

  @Test
  void givesTheSameBitsInAnyCompanyAndWithAnyThreads() {
    Random random = new Random(20261120);
    List<Tokens> sequences = new ArrayList<>();
    for (int length : new int[] {3, 17, 17, 17, 40, 40, 96, 128, 300, 512}) {
      long[] ids = random.longs(length, 1000, 30000).toArray();
      sequences.add(Tokens.of(ids));
    }
    List<float[]> alone = new ArrayList<>();
    try (OnnxBackbone one = BuiltInModel.backbone(new OnnxBackbone.Options(1, 2048))) {
      for (Tokens sequence : sequences) {
        alone.addAll(run(one, List.of(sequence)));
      }
    }
    for (int threads : new int[] {1, 2, 4}) {
      for (int batchTokens : new int[] {1, 64, 2048}) {
        try (OnnxBackbone backbone =
            BuiltInModel.backbone(new OnnxBackbone.Options(threads, batchTokens))) {
          List<Integer> order = new ArrayList<>();
          for (int i = 0; i < sequences.size(); i++) {
            order.add(i);
          }
          Collections.shuffle(order, random);
          List<float[]> together = run(backbone, order.stream().map(sequences::get).toList());
          for (int i = 0; i < order.size(); i++) {
            assertEquals(
                0,
                differingBits(alone.get(order.get(i)), together.get(i)),
                "sequence %d, %d threads, %d batch tokens"
                    .formatted(order.get(i), threads, batchTokens));
          }
        }
      }
    }
  }

  /**
   * The similarities that the makers of the encoder publish for these sentences (the quick start of
   * sentence-transformers, all-MiniLM-L6-v2): mean of the hidden states, cosine, four decimals.
   */
  @Test
  void givesTheSimilaritiesItsMakersPublish() {
    List<String> sentences =
        List.of(
            "The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.");
    try (OnnxBackbone backbone = BuiltInModel.backbone(new OnnxBackbone.Options(1, 1));
        Tokenizer tokenizer = BuiltInModel.tokenizer()) {
      List<double[]> means = new ArrayList<>();
      for (String sentence : sentences) {
        Tokens ids =
            Tokens.join(List.of(Tokens.of(101), tokenizer.encode(sentence).ids(), Tokens.of(102)));
        float[] states = run(backbone, List.of(ids)).getFirst();
        double[] mean = new double[WIDTH];
        for (int i = 0; i < states.length; i++) {
          mean[i % WIDTH] += states[i];
        }
        means.add(mean);
      }
      assertEquals(0.6660, cosine(means.get(0), means.get(1)), 0.00006);
      assertEquals(0.1046, cosine(means.get(0), means.get(2)), 0.00006);
      assertEquals(0.1411, cosine(means.get(1), means.get(2)), 0.00006);
    }
  }

  private static double cosine(double[] a, double[] b) {
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.length; i++) {
      ab += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    return ab / Math.sqrt(aa * bb);
  }

  @Test
  void refusesWhatItCannotRun() throws IOException {
    Path noGraph = Files.writeString(folder.resolve("model.onnx"), "no graph");
    FormatException e =
        assertThrows(
            FormatException.class,
            () -> OnnxBackbone.load(noGraph, new OnnxBackbone.Options(1, 1)));
    assertTrue(String.valueOf(e.getMessage()).contains("model.onnx"));
    FileException absent =
        assertThrows(
            FileException.class,
            () -> OnnxBackbone.load(folder.resolve("absent.onnx"), new OnnxBackbone.Options(1, 1)));
    assertTrue(String.valueOf(absent.getMessage()).contains("absent.onnx"));
    assertThrows(InvalidArgumentException.class, () -> new OnnxBackbone.Options(0, 1));
    assertThrows(InvalidArgumentException.class, () -> new OnnxBackbone.Options(1, 0));
    try (OnnxBackbone backbone = BuiltInModel.backbone(new OnnxBackbone.Options(1, 1));
        HostTensor small = HostTensor.allocate(DType.F32, 2, WIDTH);
        HostTensor narrow = HostTensor.allocate(DType.F32, 3, WIDTH - 1)) {
      List<Tokens> three = List.of(Tokens.of(101, 7592, 102));
      assertThrows(InvalidTensorException.class, () -> backbone.run(three, small));
      assertThrows(InvalidTensorException.class, () -> backbone.run(three, narrow));
      assertThrows(
          InvalidArgumentException.class, () -> backbone.run(List.of(Tokens.none()), small));
    }
  }

  private static List<float[]> run(OnnxBackbone backbone, List<Tokens> sequences) {
    int rows = sequences.stream().mapToInt(Tokens::size).sum();
    List<float[]> states = new ArrayList<>();
    try (HostTensor hidden = HostTensor.allocate(DType.F32, rows, WIDTH)) {
      backbone.run(sequences, hidden);
      float[] all = hidden.toFloats();
      int at = 0;
      for (Tokens sequence : sequences) {
        float[] own = new float[sequence.size() * WIDTH];
        System.arraycopy(all, at, own, 0, own.length);
        at += own.length;
        states.add(own);
      }
    }
    return states;
  }

  private static long differingBits(float[] a, float[] b) {
    assertEquals(a.length, b.length);
    long bits = 0;
    for (int i = 0; i < a.length; i++) {
      bits += Integer.bitCount(Float.floatToRawIntBits(a[i]) ^ Float.floatToRawIntBits(b[i]));
    }
    return bits;
  }
}
