package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.abort;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The bits of a score depend on its own rows, the head and nothing else: not on the instruction
 * set, the threads, the batch, the position in it or its neighbours.
 */
@ExtendWith(NoLeaks.class)
class BitsTest {
  private static final int[] BATCHES = {1, 2, 7, 16, 17, 63, 64, 65, 257, 1024};

  private static List<HeadSpec> specs() {
    List<HeadSpec> specs = new ArrayList<>();
    for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
      specs.add(HeadSpec.linear(384).dtype(dtype).rmsNorm(1e-5f).build());
      specs.add(HeadSpec.mlp(384, 128).dtype(dtype).outputScale(0.05f).build());
      specs.add(HeadSpec.linear(4096).dtype(dtype).build());
      specs.add(HeadSpec.mlp(1024, 40).dtype(dtype).activation(Activation.TANH).build());
      specs.add(
          HeadSpec.mlp(1000, 65, 33)
              .dtype(dtype)
              .activation(Activation.GELU)
              .layerNorm(1e-5f, true)
              .build());
    }
    return specs;
  }

  @TestFactory
  Stream<DynamicTest> everyInstructionSetGivesTheBitsOfTheScalarOne() {
    return Stream.of(InstructionSet.AVX2, InstructionSet.AVX512, InstructionSet.AMX)
        .map(set -> DynamicTest.dynamicTest("scalar and " + set, () -> compare(set)));
  }

  private static void compare(InstructionSet set) {
    Context.Options options = Context.Options.defaults().withThreads(1);
    try (Context vector = openOrSkip(options.withInstructionSet(set));
        Context scalar = Context.open(options.withInstructionSet(InstructionSet.SCALAR))) {
      assertEquals(set, vector.info().instructionSet());
      for (HeadSpec spec : specs()) {
        try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 65, 3);
            Training expected = new Training(scalar, sample);
            Training found = new Training(vector, sample)) {
          assertEquals(expected.bits(), found.bits(), () -> set + " differs for " + spec);
        }
      }
    }
  }

  /** Alone, among others, in any place, on any number of threads. */
  @Test
  void neitherBatchNorPlaceNorThreadsMatter() {
    SplittableRandom random = new SplittableRandom(8);
    for (HeadSpec spec : specs()) {
      try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 70, 21);
          Context one = Context.open(Context.Options.defaults().withThreads(1));
          RewardHead alone = sample.head(one)) {
        int rows = (int) sample.hidden.size(0);
        float[] expected = new float[rows];
        for (int row = 0; row < rows; row++) {
          try (PackedBatch batch = PackedBatch.joint(sample.hidden, Spans.ofRows(row))) {
            expected[row] = alone.score(batch, sample.pooling, sample.readout)[0];
          }
        }
        for (int threads = 1; threads <= 4; threads++) {
          try (Context context = Context.open(Context.Options.defaults().withThreads(threads));
              RewardHead head = sample.head(context)) {
            for (int count : BATCHES) {
              int[] chosen = random.ints(count, 0, rows).toArray();
              try (PackedBatch batch = PackedBatch.joint(sample.hidden, Spans.ofRows(chosen))) {
                float[] found = head.score(batch, sample.pooling, sample.readout);
                for (int i = 0; i < count; i++) {
                  assertEquals(
                      Float.floatToRawIntBits(expected[chosen[i]]),
                      Float.floatToRawIntBits(found[i]));
                }
              }
            }
          }
        }
      }
    }
  }

  /**
   * The same hidden states give the same bits where they are stored narrower: widening is exact.
   */
  @Test
  void anF32HeadReadsNarrowHiddenStatesExactly() {
    HeadSpec spec = HeadSpec.mlp(48, 16).build();
    for (DType dtype : new DType[] {DType.BF16, DType.F16}) {
      try (Context context = Context.open();
          RewardHead head = RewardHead.create(context, spec, Init.normal(0.3f, 2));
          HostTensor narrow = HostTensor.allocate(dtype, 9, 48);
          HostTensor wide = HostTensor.allocate(DType.F32, 9, 48)) {
        SplittableRandom random = new SplittableRandom(1);
        for (long i = 0; i < narrow.elementCount(); i++) {
          narrow.setFloat(i, (float) random.nextGaussian());
          wide.setFloat(i, narrow.floatAt(i));
        }
        try (PackedBatch a = PackedBatch.ofVectors(narrow, 9);
            PackedBatch b = PackedBatch.ofVectors(wide, 9)) {
          org.junit.jupiter.api.Assertions.assertArrayEquals(
              head.score(b, Pooling.index(), Readout.identity()),
              head.score(a, Pooling.index(), Readout.identity()));
        }
      }
    }
  }

  private static Context openOrSkip(Context.Options options) {
    try {
      return Context.open(options);
    } catch (UnsupportedException e) {
      return abort(
          "this machine has no %s: %s".formatted(options.instructionSet(), e.getMessage()));
    }
  }

  /** A forward pass, a backward pass and an optimizer step, and all bits of what they left. */
  private static final class Training implements AutoCloseable {
    private final RewardHead head;
    private final Step step;
    private final Optimizer optimizer;

    Training(Context context, HeadSample sample) {
      head = sample.head(context);
      step = Step.allocate(head, sample.responses(), 1, Step.Extra.VECTOR_GRADIENTS);
      optimizer = Optimizer.create(head, AdamW.defaults());
      step.forward(sample.batch, sample.pooling, sample.readout);
      step.backward(sample.scoreGradient, Step.Accumulation.REPLACE);
    }

    List<Integer> bits() {
      List<Integer> bits = new ArrayList<>();
      collect(step.scores().scores(), bits);
      collect(step.vectorGradients(), bits);
      for (HeadSpec.Parameter parameter : head.spec().parameters()) {
        collect(step.gradients().get(parameter.name()), bits);
      }
      optimizer.step(step.gradients());
      for (HeadSpec.Parameter parameter : head.spec().parameters()) {
        try (HostTensor values = head.parameter(parameter.name())) {
          collect(values, bits);
        }
      }
      return bits;
    }

    private static void collect(HostTensor values, List<Integer> bits) {
      for (float value : values.toFloats()) {
        bits.add(Float.floatToRawIntBits(value));
      }
    }

    @Override
    public void close() {
      optimizer.close();
      step.close();
      head.close();
    }
  }
}
