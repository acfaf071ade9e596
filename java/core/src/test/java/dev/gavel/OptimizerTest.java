package dev.gavel;

import static dev.gavel.Errors.assertNoWorse;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLeaks.class)
class OptimizerTest {
  private static final int STEPS = 25;

  @TempDir private Path directory;

  /**
   * Many steps with the same gradients as LibTorch's AdamW, in f32 and, as the truth, in float64.
   */
  @Test
  void stepsAreThoseOfTorch() {
    LibTorch.require();
    HeadSpec spec = HeadSpec.mlp(20, 12).layerNorm(1e-5f, true).build();
    AdamW options = AdamW.defaults().withLearningRate(3e-3f).withWeightDecay(0.1f, 0.1f);
    try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 8, 1);
        Context context = Context.open();
        RewardHead head = sample.head(context);
        Gradients gradients = Gradients.zeros(spec);
        Optimizer optimizer = Optimizer.create(head, options)) {
      for (int i = 0; i < STEPS; i++) {
        fill(gradients, i);
        optimizer.step(gradients);
      }
      assertEquals(STEPS, optimizer.stepCount());
      Map<String, double[]> exact = torch(sample, options, ScalarType.Double);
      Map<String, double[]> peer = torch(sample, options, ScalarType.Float);
      exact.forEach((name, truth) -> {
        try (HostTensor found = head.parameter(name)) {
          assertNoWorse(name, HeadSample.flat(found), peer.getOrDefault(name, truth), truth);
        }
      });
    }
  }

  /** A bf16 head is the rounded masters, and small steps are not lost: the masters keep them. */
  @Test
  void aNarrowHeadIsTheRoundedMasters() {
    HeadSpec spec = HeadSpec.linear(6).dtype(DType.BF16).build();
    try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 2, 4);
        Context context = Context.open();
        RewardHead head = sample.head(context);
        Gradients gradients = Gradients.zeros(spec);
        Optimizer optimizer = Optimizer.create(head, AdamW.defaults().withLearningRate(1e-5f))) {
      for (int i = 0; i < STEPS; i++) {
        fill(gradients, i);
        optimizer.step(gradients);
      }
      try (HostTensor master = optimizer.read(Optimizer.State.MASTER, 0);
          HostTensor weight = head.parameter("output.weight")) {
        boolean moved = false;
        for (int i = 0; i < 6; i++) {
          assertEquals(Bfloat16.toFloat(Bfloat16.ofFloat(master.floatAt(i))), weight.floatAt(i));
          moved |= master.floatAt(i) != weight.floatAt(i);
        }
        assertTrue(moved);
      }
    }
  }

  /** A run that is saved, thrown away and resumed ends with the bits of one that went through. */
  @Test
  void aResumedRunHasTheSameBits() {
    HeadSpec spec = HeadSpec.mlp(10, 6).prelu(true).dtype(DType.BF16).build();
    Path state = directory.resolve("optimizer.safetensors");
    try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 2, 9);
        Context context = Context.open();
        RewardHead whole = sample.head(context);
        RewardHead first = sample.head(context);
        RewardHead second = RewardHead.create(context, spec, Init.normal(1, 1));
        Gradients gradients = Gradients.zeros(spec);
        Optimizer through = Optimizer.create(whole, AdamW.defaults());
        Optimizer before = Optimizer.create(first, AdamW.defaults());
        Optimizer after = Optimizer.create(second, AdamW.defaults())) {
      for (int i = 0; i < 2 * STEPS; i++) {
        fill(gradients, i);
        through.step(gradients);
        if (i < STEPS) {
          before.step(gradients);
        }
      }
      before.save(state);
      after.restore(state);
      assertEquals(STEPS, after.stepCount());
      assertSameParameters(first, second);
      for (int i = STEPS; i < 2 * STEPS; i++) {
        fill(gradients, i);
        after.step(gradients);
      }
      assertSameParameters(whole, second);
    }
  }

  @Test
  void aGradientThatIsNotFiniteChangesNothing() {
    HeadSpec spec = HeadSpec.linear(4).build();
    try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 2, 9);
        Context context = Context.open();
        RewardHead head = sample.head(context);
        RewardHead copy = sample.head(context);
        Gradients gradients = Gradients.zeros(spec);
        Optimizer optimizer = Optimizer.create(head, AdamW.defaults())) {
      for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
        fill(gradients, 0);
        gradients.get("output.bias").setFloat(0, bad);
        assertThrows(InvalidArgumentException.class, () -> optimizer.step(gradients));
        assertEquals(0, optimizer.stepCount());
        assertSameParameters(copy, head);
      }
      assertThrows(InvalidArgumentException.class, () -> optimizer.step(gradients, Float.NaN));
      assertThrows(InvalidArgumentException.class, () -> optimizer.step(gradients, -1));
      try (Gradients other = Gradients.zeros(HeadSpec.linear(5).build())) {
        assertThrows(InvalidArgumentException.class, () -> optimizer.step(other));
      }
      assertThrows(InvalidArgumentException.class, () -> AdamW.defaults().withBetas(1, 0.9f));
      assertThrows(InvalidArgumentException.class, () -> AdamW.defaults().withEpsilon(0));
      assertThrows(InvalidArgumentException.class, () -> AdamW.defaults().withWeightDecay(-1, 0));
    }
  }

  @Test
  void aStateOfAnotherHeadIsRefusedAndChangesNothing() throws java.io.IOException {
    Path state = directory.resolve("optimizer.safetensors");
    HeadSpec spec = HeadSpec.linear(4).build();
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, spec, Init.normal(1, 1));
        RewardHead copy = RewardHead.create(context, spec, Init.normal(1, 1));
        RewardHead wider =
            RewardHead.create(context, HeadSpec.linear(5).build(), Init.normal(1, 1));
        RewardHead deeper =
            RewardHead.create(context, HeadSpec.mlp(4, 2).build(), Init.normal(1, 1));
        Optimizer optimizer = Optimizer.create(head, AdamW.defaults());
        Optimizer ofWider = Optimizer.create(wider, AdamW.defaults());
        Optimizer ofDeeper = Optimizer.create(deeper, AdamW.defaults())) {
      ofWider.save(state);
      refuses(
          () -> optimizer.restore(state),
          "'master.output.weight' is F32[1,5]; it must be f32[1,4]");
      ofDeeper.save(state);
      refuses(() -> optimizer.restore(state), "not known to this head [first_moment.hidden.0.bias");
      head.save(state);
      refuses(() -> optimizer.restore(state), "'gavel.format' is 'reward-head'");
      Files.write(state, new byte[] {1, 2});
      refuses(() -> optimizer.restore(state), "2 bytes");
      assertSameParameters(copy, head);
    }
  }

  @Test
  void useAfterCloseThrows() {
    HeadSpec spec = HeadSpec.linear(4).build();
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, spec, Init.normal(1, 1))) {
      Gradients gradients = Gradients.zeros(spec);
      Optimizer optimizer = Optimizer.create(head, AdamW.defaults());
      optimizer.close();
      optimizer.close();
      assertThrows(IllegalStateException.class, () -> optimizer.step(gradients));
      assertThrows(IllegalStateException.class, optimizer::stepCount);
      assertThrows(IllegalStateException.class, () -> optimizer.save(directory.resolve("closed")));
      try (Optimizer second = Optimizer.create(head, AdamW.defaults())) {
        gradients.close();
        assertThrows(IllegalStateException.class, () -> second.step(gradients));
      }
    }
  }

  private static void fill(Gradients gradients, int step) {
    for (HeadSpec.Parameter parameter : gradients.spec().parameters()) {
      HostTensor values = gradients.get(parameter.name());
      for (long i = 0; i < values.elementCount(); i++) {
        values.setFloat(i, gradient(i, step));
      }
    }
  }

  // No outside randomness: LibTorch is given the same.
  private static float gradient(long index, int step) {
    return (float) Math.sin(index * 1.7 + step * 0.9) * (1 + index % 5) * 0.1f;
  }

  private static Map<String, double[]> torch(HeadSample sample, AdamW options, ScalarType type) {
    PointerScope tensors = new PointerScope();
    try {
      Map<String, Tensor> leaves = new TreeMap<>();
      TensorVector all = new TensorVector();
      sample.parameters.forEach((name, values) -> {
        leaves.put(name, LibTorch.leaf(values, type));
        all.push_back(leaves.get(name));
      });
      AdamWOptions settings = new AdamWOptions(options.learningRate());
      // The pointer shows a std::tuple, which libstdc++ lays out backwards.
      settings.betas().put(options.beta2(), options.beta1());
      settings.eps().put(options.epsilon());
      settings.weight_decay().put(options.matrixWeightDecay());
      org.bytedeco.pytorch.AdamW optimizer = new org.bytedeco.pytorch.AdamW(all, settings);
      for (int i = 0; i < STEPS; i++) {
        for (Tensor leaf : leaves.values()) {
          float[] values = new float[(int) leaf.numel()];
          for (int k = 0; k < values.length; k++) {
            values[k] = gradient(k, i);
          }
          leaf.mutable_grad()
              .put(org.bytedeco.pytorch.global.torch.tensor(values).to(type).reshape(leaf.sizes()));
        }
        optimizer.step();
      }
      Map<String, double[]> result = new TreeMap<>();
      leaves.forEach((name, leaf) -> result.put(name, LibTorch.values(leaf)));
      return result;
    } finally {
      tensors.close();
    }
  }

  private static void assertSameParameters(RewardHead expected, RewardHead found) {
    for (HeadSpec.Parameter parameter : expected.spec().parameters()) {
      try (HostTensor a = expected.parameter(parameter.name());
          HostTensor b = found.parameter(parameter.name())) {
        assertArrayEquals(a.toFloats(), b.toFloats(), parameter.name());
      }
    }
  }

  private static void refuses(Runnable call, String expected) {
    FormatException refused = assertThrows(FormatException.class, call::run);
    assertTrue(refused.getMessage().contains(expected), refused.getMessage());
  }
}
