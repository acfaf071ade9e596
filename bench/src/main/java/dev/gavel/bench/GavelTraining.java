package dev.gavel.bench;

import dev.gavel.AdamW;
import dev.gavel.Context;
import dev.gavel.HostTensor;
import dev.gavel.Loss;
import dev.gavel.Optimizer;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.Step;

/**
 * Our training step: forward with Bradley-Terry, backward, AdamW; or the optimizer's step alone.
 */
final class GavelTraining implements Side {
  private final BenchShape shape;
  private final Context context;
  private final RewardHead head;
  private final PackedBatch batch;
  private final HostTensor pairs;
  private final Loss loss;
  private final Step step;
  private final Optimizer optimizer;
  private float firstLoss = Float.NaN;

  GavelTraining(HeadTensors tensors, int threads) {
    shape = tensors.shape;
    context = Context.open(Context.Options.defaults().withThreads(threads));
    head = RewardHead.create(context, tensors.spec, tensors.parameters);
    int responses = shape.responses();
    batch = PackedBatch.ofVectors(tensors.hidden, responses);
    long[] numbers = new long[Math.max(responses / 2, 1) * 2];
    java.util.Arrays.setAll(numbers, i -> i);
    pairs = HostTensor.of(numbers, numbers.length / 2, 2);
    loss = Loss.bradleyTerry(pairs);
    step = Step.allocate(head, responses, numbers.length / 2);
    optimizer = Optimizer.create(head, AdamW.defaults().withWeightDecay(0.01f, 0.01f));
  }

  @Override
  public String name() {
    return "gavel";
  }

  @Override
  public String storage() {
    return shape.storage();
  }

  @Override
  public void run() {
    if (shape.kind().equals("training")) {
      step.forward(batch, Pooling.index(), Readout.identity(), loss);
      step.backward();
      if (Float.isNaN(firstLoss)) {
        firstLoss = step.loss().value();
      }
    }
    optimizer.step(step.gradients());
  }

  /** The loss of the first step. */
  @Override
  public float[] results() {
    return new float[] {firstLoss};
  }

  @Override
  public void close() {
    optimizer.close();
    step.close();
    pairs.close();
    batch.close();
    head.close();
    context.close();
  }
}
