package dev.gavel;

import static dev.gavel.Errors.assertNoWorse;

import java.util.Arrays;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Log-probabilities against LibTorch's matmul and log_softmax, in f32 and in float64. */
@ExtendWith(NoLeaks.class)
class TokenLogprobAccuracyTest {
  // Of few log-probabilities, chance decides which are nearer.
  private static final int ROWS = 1500;
  private static final int REFERENCE_ROWS = 24;
  private static final int TOKENS = 5003;
  private static final int WIDTH = 96;

  @BeforeEach
  void libTorch() {
    LibTorch.require();
  }

  @Test
  void ofHiddenStates() {
    for (DType dtype : new DType[] {DType.F32, DType.BF16, DType.F16}) {
      PointerScope tensors = new PointerScope();
      try (TokenSample sample = new TokenSample(dtype, ROWS, TOKENS, WIDTH, 11);
          Context context = Context.open();
          Vocabulary vocabulary = Vocabulary.create(context, sample.weight);
          TokenScores scores = TokenScores.allocate(ROWS, 1)) {
        scores.compute(context, TokenSource.hidden(vocabulary, sample.hidden, sample.targets));
        check("hidden states in " + dtype, scores, sample);
      } finally {
        tensors.close();
      }
    }
  }

  @Test
  void ofLogits() {
    PointerScope tensors = new PointerScope();
    try (TokenSample sample = new TokenSample(DType.F32, ROWS, TOKENS, WIDTH, 12);
        Context context = Context.open();
        HostTensor logits = HostTensor.allocate(DType.F32, ROWS, TOKENS);
        TokenScores scores = TokenScores.allocate(ROWS, 1)) {
      logits.setFloats(floats(logits(sample, ScalarType.Float)));
      scores.compute(context, TokenSource.logits(logits, sample.targets));
      Tensor given = LibTorch.tensor(logits, ScalarType.Double);
      double[] exact = picked(given.log_softmax(1), sample);
      double[] peer = picked(given.to(ScalarType.Float).log_softmax(1), sample);
      assertNoWorse("logits", HeadSample.flat(scores.logprobs()), peer, exact);
    } finally {
      tensors.close();
    }
  }

  private static void check(String what, TokenScores scores, TokenSample sample) {
    double[] exact = picked(logits(sample, ScalarType.Double).log_softmax(1), sample);
    double[] peer = picked(logits(sample, ScalarType.Float).log_softmax(1), sample);
    double[] first = Arrays.copyOf(exact, REFERENCE_ROWS);
    Errors.assertClose(what + ": references", sample.logprobs(REFERENCE_ROWS), first, 1e-12);
    assertNoWorse(what, HeadSample.flat(scores.logprobs()), peer, exact);
  }

  // f32 products of values that 16 bits can hold: the peer is not made to round its logits.
  private static Tensor logits(TokenSample sample, ScalarType type) {
    return LibTorch.tensor(sample.hidden, type).matmul(LibTorch.tensor(sample.weight, type).t());
  }

  private static double[] picked(Tensor logprobs, TokenSample sample) {
    double[] all = LibTorch.values(logprobs.to(ScalarType.Double));
    double[] picked = new double[ROWS];
    for (int t = 0; t < ROWS; t++) {
      picked[t] = all[t * TOKENS + (int) sample.targets.longAt(t)];
    }
    return picked;
  }

  private static float[] floats(Tensor tensor) {
    double[] wide = LibTorch.values(tensor.to(ScalarType.Double));
    float[] narrow = new float[wide.length];
    for (int i = 0; i < wide.length; i++) {
      narrow[i] = (float) wide[i];
    }
    return narrow;
  }
}
