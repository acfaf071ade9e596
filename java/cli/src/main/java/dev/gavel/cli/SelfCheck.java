package dev.gavel.cli;

import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Init;
import dev.gavel.InstructionSet;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import java.util.ArrayList;
import java.util.List;

/** Scores one vector on every instruction set of this machine and compares the bits. */
final class SelfCheck {
  /**
   * What the scalar kernels give, which define every result: an MLP 48 -> 32 -> 1 with a LAYER norm
   * and SiLU, weights drawn with seed 7 and deviation 0.5, of the vector i -> (i mod 7 - 3) / 4.
   */
  static final int EXPECTED_BITS = 0xc0f101d4;

  private static final int WIDTH = 48;

  private SelfCheck() {}

  /** One line per instruction set. */
  record Outcome(boolean right, List<String> lines) {}

  static Outcome run() {
    List<String> lines = new ArrayList<>();
    boolean right = true;
    InstructionSet best;
    try (Context context = Context.open()) {
      best = context.info().instructionSet();
    }
    for (InstructionSet set : InstructionSet.values()) {
      if (set == InstructionSet.BEST || set.compareTo(best) > 0) {
        continue;
      }
      int bits = Float.floatToRawIntBits(score(set));
      boolean same = bits == EXPECTED_BITS;
      right &= same;
      lines.add(
          "%s: score bits 0x%08x, %s"
              .formatted(
                  set,
                  bits,
                  same ? "as expected" : "expected 0x%08x: WRONG".formatted(EXPECTED_BITS)));
    }
    return new Outcome(right, lines);
  }

  private static float score(InstructionSet set) {
    float[] values = new float[WIDTH];
    for (int i = 0; i < WIDTH; i++) {
      values[i] = (i % 7 - 3) / 4f;
    }
    HeadSpec spec = HeadSpec.mlp(WIDTH, 32).layerNorm(1e-5f, true).build();
    Context.Options options = Context.Options.defaults().withThreads(1).withInstructionSet(set);
    try (Context context = Context.open(options);
        RewardHead head = RewardHead.create(context, spec, Init.normal(0.5f, 7));
        HostTensor vector = HostTensor.of(values, 1, WIDTH);
        PackedBatch batch = PackedBatch.ofVectors(vector, 1)) {
      return head.score(batch, Pooling.index(), Readout.identity())[0];
    }
  }
}
