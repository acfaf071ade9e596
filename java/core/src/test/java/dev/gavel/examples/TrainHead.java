package dev.gavel.examples;

import dev.gavel.AdamW;
import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Init;
import dev.gavel.Loss;
import dev.gavel.Optimizer;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.Step;
import java.nio.file.Path;

/** Trains a head on preference pairs and saves it. */
public final class TrainHead {
  private TrainHead() {}

  /**
   * Trains, and returns the loss of the last step.
   *
   * @param responses vectors [R, H], one row per response
   * @param pairs i64 [P, 2]: the chosen and the rejected row of every pair
   * @param file where the head goes
   */
  public static float train(HostTensor responses, HostTensor pairs, int steps, Path file) {
    int width = (int) responses.size(1);
    HeadSpec spec = HeadSpec.mlp(width, 32).outputScale((float) (1 / Math.sqrt(width))).build();
    int[] groups = {(int) responses.size(0)};
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, spec, Init.normal(0.1f, 17));
        PackedBatch batch = PackedBatch.ofVectors(responses, groups);
        Optimizer optimizer = Optimizer.create(head, AdamW.defaults().withLearningRate(0.01f));
        Step step = Step.allocate(head, batch.responses(), (int) pairs.size(0))) {
      for (int i = 0; i < steps; i++) {
        step.forward(batch, Pooling.index(), Readout.identity(), Loss.bradleyTerry(pairs));
        step.backward();
        optimizer.step(step.gradients());
      }
      head.save(file);
      return step.loss().value();
    }
  }
}
