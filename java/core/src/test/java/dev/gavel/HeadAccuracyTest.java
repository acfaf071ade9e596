package dev.gavel;

import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Scores and every gradient of every kind of head against float64: no further away than LibTorch's
 * are in the same storage type.
 */
@ExtendWith(NoLeaks.class)
class HeadAccuracyTest {
  @TestFactory
  Stream<DynamicTest> everyHeadIsAsCloseToTheTruthAsLibTorch() {
    return HeadAccuracy.tests(
        () -> Context.open(Context.Options.defaults().withThreads(1)),
        DType.F32,
        DType.BF16,
        DType.F16);
  }

  /**
   * Rows added one after another would make them twice as far away. Of long spans, gradients of the
   * hidden states are not compared: neighbouring rows share nearly all spans and round alike, so
   * that ratios of single samples differ by a fifth. "span mean" above has them, of short ones.
   */
  @Test
  void meansOfLongSpansAreAsCloseToTheTruthAsLibTorch() {
    LibTorch.require();
    HeadAccuracy.Numbers means = new HeadAccuracy.Numbers();
    HeadSpec spec = HeadSpec.linear(32).build();
    for (int seed = 1; seed <= HeadAccuracy.SAMPLES; seed++) {
      try (HeadSample sample =
              new HeadSample(spec, Pooling.spanMean(), Readout.identity(), 33, 6000, seed);
          Context context = Context.open();
          RewardHead head = sample.head(context);
          Step step = Step.allocate(head, sample.responses(), 1, Step.Extra.VECTOR_GRADIENTS)) {
        step.forward(sample.batch, sample.pooling, sample.readout);
        means.ours.add(HeadSample.flat(step.scores().scores()));
        means.peers.add(LibTorch.run(sample, ScalarType.Float).scores);
        means.exact.add(LibTorch.run(sample, ScalarType.Double).scores);
      }
    }
    means.check("scores");
  }
}
