package dev.gavel.examples.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
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

/**
 * Trains a layer of DJL and Gavel's head on it together: DJL multiplies, Gavel computes the loss
 * and the gradients of the head and of its input, which goes back into DJL.
 */
public final class TrainUnderHead {
  private TrainUnderHead() {}

  /**
   * Trains in place, and returns the loss of every step.
   *
   * @param inputs f32 [R, D]: what the layer reads, one row per response
   * @param weight f32 [D, H]: the layer, which changes
   * @param pairs i64 [P, 2]: the chosen and the rejected row of every pair
   */
  public static float[] train(
      NDArray inputs, NDArray weight, NDArray pairs, int steps, float learningRate) {
    Shape shape = weight.getShape();
    int responses = (int) inputs.getShape().get(0);
    HeadSpec spec = HeadSpec.mlp((int) shape.get(1), 16).build();
    float[] losses = new float[steps];
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, spec, Init.normal(0.3f, 17));
        HostTensor chosen = SharedMemory.tensor(pairs);
        Optimizer optimizer =
            Optimizer.create(head, AdamW.defaults().withLearningRate(learningRate));
        Step step =
            Step.allocate(head, responses, (int) chosen.size(0), Step.Extra.VECTOR_GRADIENTS)) {
      for (int i = 0; i < steps; i++) {
        // The arrays of a step are freed with its manager.
        try (NDManager arrays = inputs.getManager().newSubManager()) {
          NDArray vectors = inputs.matMul(weight);
          vectors.attach(arrays);
          try (HostTensor shared = SharedMemory.tensor(vectors);
              PackedBatch batch = PackedBatch.ofVectors(shared, new int[] {responses})) {
            step.forward(batch, Pooling.index(), Readout.identity(), Loss.bradleyTerry(chosen));
            step.backward();
            NDArray gradient = SharedMemory.array(arrays, step.vectorGradients());
            NDArray change = inputs.transpose().matMul(gradient).mul(learningRate);
            change.attach(arrays);
            weight.subi(change);
            optimizer.step(step.gradients());
            losses[i] = step.loss().value();
          }
        }
      }
      return losses;
    }
  }
}
