package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.TestFolder.WIDTH;
import static dev.gavel.checkpoint.TestFolder.config;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import dev.gavel.IndexRule;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import dev.gavel.TokenSequence;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * ArmoRM, QRM and LDL in their published layouts with small random weights, from token ids to
 * scores: against the published arithmetic in LibTorch, in double precision and in its own f32.
 */
class PublishedGatedHeadsTest {
  private static final long[] PATTERN = {128009, 128006, 78191, 128007, 271};
  private static final int SEQUENCES = 1000;
  private static final int LENGTH = 14;
  private static final int INNER = 8;

  @TempDir private Path directory;

  @BeforeAll
  static void requireLibTorch() {
    try {
      Loader.load(torch.class);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      abort("LibTorch has no natives for this platform: " + e.getMessage());
    }
  }

  /** The tensors of a folder in LibTorch, and rows of hidden states. */
  private static final class Published {
    private final TestFolder folder;
    private final TestTensor states;
    private final long[] last;
    private final long[] gate;
    private final ScalarType type;

    Published(TestFolder folder, TestTensor states, long[] last, long[] gate, ScalarType type) {
      this.folder = folder;
      this.states = states;
      this.last = last;
      this.gate = gate;
      this.type = type;
    }

    Tensor tensor(String name) {
      return tensor(folder.tensor(name));
    }

    Tensor tensor(TestTensor from) {
      float[] exact = new float[from.values().length];
      for (int i = 0; i < exact.length; i++) {
        exact[i] = (float) from.values()[i];
      }
      return torch.tensor(exact).reshape(from.shape()).to(type);
    }

    Tensor rows(long[] rows) {
      return tensor(states).index_select(0, torch.tensor(rows));
    }

    Tensor linear(String layer, Tensor x, boolean bias) {
      return bias
          ? torch.linear(x, tensor(layer + ".weight"), new TensorOptional(tensor(layer + ".bias")))
          : torch.linear(x, tensor(layer + ".weight"));
    }
  }

  private static Tensor number(Tensor x, double value) {
    return x.div(new Scalar(value));
  }

  private static Tensor sum(Tensor x) {
    return x.sum(new long[] {1}, false, new ScalarTypeOptional());
  }

  private TestFolder gated(String name, DType dtype, int outputs, int objectives) {
    return new TestFolder(directory.resolve(name), dtype, name.hashCode())
        .with("regression_layer.weight", outputs, WIDTH)
        .with("reward_transform_matrix", objectives, objectives)
        .with("gating.logit_scale", 1);
  }

  @Test
  void armorm() {
    for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
      TestFolder folder = gated("armorm" + dtype, dtype, 6, 6);
      for (int i = 0; i < 4; i++) {
        folder
            .with(
                "gating.layers.%d.weight".formatted(i), i == 3 ? 6 : INNER, i == 0 ? WIDTH : INNER)
            .with("gating.layers.%d.bias".formatted(i), i == 3 ? 6 : INNER);
      }
      folder.config(config("LlamaForRewardModelWithGating", "\"gating_temperature\": 10")).single();
      HeadCheckpoint checkpoint =
          check(
              folder,
              HeadPattern.ARMORM,
              dtype,
              from -> {
                Tensor rewards = from.linear("regression_layer", from.rows(from.last), false);
                Tensor g = from.rows(from.gate);
                for (int i = 0; i < 4; i++) {
                  g = from.linear("gating.layers." + i, g, true);
                  g = i < 3 ? torch.relu(g) : g;
                }
                return mixed(from, g, 10, rewards);
              });
      assertEquals(dtype, checkpoint.spec().dtype());
      assertEquals(List.of(128009L, 128006L, 78191L, 128007L, 271L), pattern(checkpoint));
    }
  }

  private static List<Long> pattern(HeadCheckpoint checkpoint) {
    return assertInstanceOf(GateRows.LastPattern.class, checkpoint.gateRows()).ids();
  }

  private static Tensor mixed(Published from, Tensor g, double temperature, Tensor rewards) {
    Tensor weights = torch.softmax(number(g, temperature), 1);
    Tensor scale = from.tensor("gating.logit_scale");
    return sum(
        weights.mul(scale).mul(torch.matmul(rewards, from.tensor("reward_transform_matrix"))));
  }

  @Test
  void qrm() {
    TestFolder folder = gated("qrm", DType.BF16, 15, 3);
    for (int l = 0; l < 3; l++) {
      folder.with("gating.layers.%d.weight".formatted(3 * l), INNER, l == 0 ? WIDTH : INNER);
      String norm = "gating.layers.%d.".formatted(3 * l + 2);
      double[] variance = new double[INNER];
      Arrays.setAll(variance, i -> 0.5 + i / 16.0);
      folder
          .with(norm + "weight", INNER)
          .with(norm + "bias", INNER)
          .with(norm + "running_mean", INNER)
          .with(norm + "running_var", TestTensor.of(DType.BF16, new long[] {INNER}, variance))
          .with(norm + "num_batches_tracked", TestTensor.of(DType.I64, new long[0], 3));
    }
    folder
        .with("gating.layers.9.weight", 3, INNER)
        .with("gating.layers.9.bias", 3)
        .config(
            config(
                "LlamaForRewardModelWithGating31",
                "\"num_quantiles\": 5, \"gating_temperature\": 5.0"))
        .singlePytorch();
    check(
        folder,
        HeadPattern.QRM,
        DType.F32,
        from -> {
          Tensor quantiles = from.linear("regression_layer", from.rows(from.last), false);
          Tensor rewards = sum2(quantiles.reshape(SEQUENCES, 3, 5)).div(new Scalar(5.0));
          Tensor g = from.rows(from.gate);
          for (int l = 0; l < 3; l++) {
            g = torch.relu(from.linear("gating.layers." + 3 * l, g, false));
            String norm = "gating.layers.%d.".formatted(3 * l + 2);
            g = g.sub(from.tensor(norm + "running_mean"));
            g = g.div(from.tensor(norm + "running_var").add(new Scalar(1e-5)).sqrt());
            g = g.mul(from.tensor(norm + "weight")).add(from.tensor(norm + "bias"));
          }
          return mixed(from, from.linear("gating.layers.9", g, true), 5, rewards);
        });
    // As many as no head has: a product with them would not be a number of 64 bits.
    for (long quantiles : new long[] {3, 0, 1L << 62}) {
      folder.config(config("LlamaForRewardModelWithGating31", "\"num_quantiles\": " + quantiles));
      Refusals.refuses(
          FormatException.class,
          () -> HeadCheckpoint.read(folder.path),
          "they must be groups of " + quantiles);
    }
  }

  private static Tensor sum2(Tensor x) {
    return x.sum(new long[] {2}, false, new ScalarTypeOptional());
  }

  @Test
  void ldl() {
    for (boolean softmax : new boolean[] {false, true}) {
      TestFolder folder = new TestFolder(directory.resolve("ldl" + softmax), DType.F32, 5);
      String[] head = {"network.0", "network.2", "network.4"};
      String[] gate = {"network.0", "network.3", "network.6"};
      layers(folder, "regression_layer.", head, 20);
      layers(folder, "gating_layer.", gate, 2);
      folder
          .config(
              config("LDLRewardModel27B", "\"softmax\": %s, \"temperature\": 2".formatted(softmax)))
          .safetensors("model.safetensors", folder.backbone());
      for (String file : new String[] {"regression_layer.", "gating_layer."}) {
        Map<String, TestTensor> tensors = new LinkedHashMap<>();
        folder.head.forEach((name, tensor) -> {
          if (name.startsWith(file)) {
            tensors.put(name.substring(file.length()), tensor);
          }
        });
        folder.pytorch(file + "pt", tensors);
      }
      check(
          folder,
          HeadPattern.LDL,
          DType.F32,
          from -> {
            Tensor z = deep(from, "regression_layer.", head);
            Tensor p = torch.softmax(z.reshape(SEQUENCES, 2, 10), 2);
            Tensor levels = torch.linspace(new Scalar(0.0), new Scalar(1.0), 10).to(from.type);
            Tensor expectations = sum2(p.mul(levels));
            Tensor g = deep(from, "gating_layer.", gate);
            Tensor weights = softmax ? torch.softmax(number(g, 2), 1) : g;
            return sum(weights.mul(expectations));
          });
    }
  }

  private static void layers(TestFolder folder, String file, String[] names, int outputs) {
    for (int i = 0; i < 3; i++) {
      int out = i == 2 ? outputs : INNER;
      folder
          .with(file + names[i] + ".weight", out, i == 0 ? WIDTH : INNER)
          .with(file + names[i] + ".bias", out);
    }
  }

  private static Tensor deep(Published from, String file, String[] names) {
    Tensor x = from.rows(from.last);
    for (int i = 0; i < 3; i++) {
      x = from.linear(file + names[i], x, true);
      x = i < 2 ? torch.leaky_relu(x, new Scalar(0.01)) : x;
    }
    return x;
  }

  /** Scores from token ids: within a bound of double precision, no worse than LibTorch's f32. */
  private HeadCheckpoint check(
      TestFolder folder, HeadPattern pattern, DType dtype, Function<Published, Tensor> score) {
    HeadCheckpoint checkpoint = HeadCheckpoint.read(folder.path);
    assertEquals(pattern, checkpoint.pattern());
    assertTrue(checkpoint.isGated());
    SplittableRandom random = new SplittableRandom(9);
    int rows = SEQUENCES * LENGTH;
    TestTensor states = TestTensor.random(random, 1, dtype, rows, WIDTH);
    long[] last = new long[SEQUENCES];
    long[] gate = new long[SEQUENCES];
    try (Context context = Context.open();
        RewardHead head = checkpoint.load(context, dtype);
        RewardHead gating = checkpoint.loadGate(context, dtype);
        HostTensor hidden = states.host();
        PackedBatch batch = PackedBatch.allocate(Layout.INDEPENDENT, hidden, SEQUENCES)) {
      batch.group();
      for (int s = 0; s < SEQUENCES; s++) {
        long[] ids = tokens(random);
        TokenSequence sequence = TokenSequence.unpadded(ids, 0);
        long start = (long) s * LENGTH;
        last[s] = start + IndexRule.lastByMask().spans(sequence).last(0);
        gate[s] =
            switch (checkpoint.gateRows()) {
              case GateRows.SameRow() -> last[s];
              case GateRows.LastPattern(List<Long> found) ->
                  start
                      + IndexRule.lastPattern(found.stream().mapToLong(Long::longValue).toArray())
                          .spans(sequence)
                          .last(0);
            };
        batch.sequence(LENGTH).response(last[s] - start, last[s] - start);
      }
      batch.gateRows(gate).seal();
      Readout readout = assertInstanceOf(Readout.GatedSum.class, checkpoint.readout(gating));
      try (ScoreBatch scores = ScoreBatch.allocate(head.spec(), SEQUENCES)) {
        head.score(batch, checkpoint.pooling(), readout, scores);
        double[] exact = torch(folder, states, last, gate, ScalarType.Double, score);
        double[] single = torch(folder, states, last, gate, ScalarType.Float, score);
        double ours = 0;
        double theirs = 0;
        for (int s = 0; s < SEQUENCES; s++) {
          ours = Math.hypot(ours, scores.score(s) - exact[s]);
          theirs = Math.hypot(theirs, single[s] - exact[s]);
          // Of 16 bits, what the gate's layers hand on is rounded to 8 digits, too.
          double unit = dtype == DType.F32 ? 0x1p-24 : 0x1p-8;
          assertEquals(exact[s], scores.score(s), 64 * unit * Math.max(1, Math.abs(exact[s])));
        }
        if (dtype == DType.F32) {
          assertTrue(ours <= 1.05 * theirs, "%s: %g, LibTorch %g".formatted(pattern, ours, theirs));
        }
      }
    }
    return checkpoint;
  }

  /** Ids with the pattern twice: the later one counts. */
  private static long[] tokens(SplittableRandom random) {
    long[] ids = LongStream.range(1000, 1000 + LENGTH).toArray();
    int at = random.nextInt(5, LENGTH - PATTERN.length);
    System.arraycopy(PATTERN, 0, ids, 0, PATTERN.length);
    System.arraycopy(PATTERN, 0, ids, at, PATTERN.length);
    return ids;
  }

  private static double[] torch(
      TestFolder folder,
      TestTensor states,
      long[] last,
      long[] gate,
      ScalarType type,
      Function<Published, Tensor> score) {
    PointerScope natives = new PointerScope();
    try {
      Tensor scores =
          score
              .apply(new Published(folder, states, last, gate, type))
              .to(ScalarType.Double)
              .contiguous();
      double[] values = new double[(int) scores.numel()];
      new DoublePointer(scores.data_ptr()).get(values);
      return values;
    } finally {
      natives.close();
    }
  }
}
