package dev.gavel.examples.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Init;
import dev.gavel.Loss;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.Step;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class TrainUnderHeadTest {
  private static final int RESPONSES = 32;
  private static final int INPUTS = 12;
  private static final int WIDTH = 8;

  private static NDArray random(NDManager manager, long seed, float scale, long... shape) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[(int) new Shape(shape).size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = scale * (float) random.nextDouble(-1, 1);
    }
    return manager.create(values, new Shape(shape));
  }

  @Test
  void memoryIsSharedInBothDirections() {
    try (NDManager manager = NDManager.newBaseManager(ai.djl.Device.cpu(), "PyTorch")) {
      NDArray array = random(manager, 1, 1, 3, 4);
      try (HostTensor tensor = SharedMemory.tensor(array)) {
        tensor.setFloat(5, 42);
        assertEquals(42, array.getFloat(1, 1));
        array.subi(1);
        assertEquals(41, tensor.floatAt(5));
      }
      try (HostTensor tensor = HostTensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3)) {
        NDArray view = SharedMemory.array(manager, tensor);
        tensor.setFloat(4, -7);
        assertEquals(-7, view.getFloat(1, 1));
        view.muli(2);
        assertEquals(-14, tensor.floatAt(4));
        view.close();
      }
      NDArray halves = array.toType(DataType.FLOAT64, true);
      assertThrows(IllegalArgumentException.class, () -> SharedMemory.tensor(halves));
    }
  }

  /** A copy is not shared, and numbers of another type are not read as f32. */
  @Test
  void whatCannotBeSharedIsRefused() {
    try (NDManager manager = NDManager.newBaseManager(ai.djl.Device.cpu(), "PyTorch")) {
      NDArray array = random(manager, 1, 1, 3, 4);
      for (NDArray view :
          new NDArray[] {
            array.transpose(), array.get(":,1:3"), array.get("0:1").broadcast(new Shape(3, 4))
          }) {
        assertThrows(IllegalArgumentException.class, () -> SharedMemory.tensor(view));
        SharedMemory.tensor(view.flatten().reshape(view.getShape())).close();
      }
      try (HostTensor rows = SharedMemory.tensor(array.get("1:"))) {
        rows.setFloat(0, 42);
        assertEquals(42, array.getFloat(1, 0));
      }
      try (HostTensor tensor = HostTensor.of(new long[] {7, -8}, 2)) {
        NDArray longs = SharedMemory.array(manager, tensor);
        assertEquals(-8, longs.getLong(1));
        longs.close();
      }
      try (HostTensor tensor = HostTensor.allocate(DType.BF16, 2)) {
        assertThrows(
            IllegalArgumentException.class, () -> SharedMemory.array(manager, tensor).close());
      }
    }
  }

  @Test
  void theGradientOfTheScoresIsThatOfDjl() {
    try (NDManager manager = NDManager.newBaseManager(ai.djl.Device.cpu(), "PyTorch");
        Context context = Context.open();
        RewardHead head =
            RewardHead.create(context, HeadSpec.linear(WIDTH).build(), Init.normal(1, 3));
        Step step = Step.allocate(head, 2, 1)) {
      NDArray vectors = random(manager, 2, 1, 2, WIDTH);
      NDArray pair = manager.create(new long[] {0, 1}, new Shape(1, 2));
      try (HostTensor shared = SharedMemory.tensor(vectors);
          HostTensor chosen = SharedMemory.tensor(pair);
          PackedBatch batch = PackedBatch.ofVectors(shared, new int[] {2})) {
        step.forward(batch, Pooling.index(), Readout.identity(), Loss.bradleyTerry(chosen));
        float difference = step.scores().score(0) - step.scores().score(1);
        // d/ds_chosen of -log sigmoid(s_chosen - s_rejected) is sigmoid(difference) - 1.
        float expected = ai.djl.nn.Activation.sigmoid(manager.create(difference)).sub(1).getFloat();
        NDArray gradient = SharedMemory.array(manager, step.loss().gradient());
        assertEquals(expected, gradient.getFloat(0, 0), 4 * Math.ulp(expected));
        assertEquals(-expected, gradient.getFloat(1, 0), 4 * Math.ulp(expected));
        gradient.close();
      }
    }
  }

  @Test
  void aLayerOfDjlLearnsUnderTheHead() {
    try (NDManager manager = NDManager.newBaseManager(ai.djl.Device.cpu(), "PyTorch")) {
      NDArray inputs = random(manager, 5, 1, RESPONSES, INPUTS);
      NDArray weight = random(manager, 6, 0.3f, INPUTS, WIDTH);
      NDArray before = weight.duplicate();
      long[] better = new long[RESPONSES];
      for (int i = 0; i < RESPONSES; i += 2) {
        boolean first = inputs.getFloat(i, 0) > inputs.getFloat(i + 1, 0);
        better[i] = first ? i : i + 1;
        better[i + 1] = first ? i + 1 : i;
      }
      NDArray pairs = manager.create(better, new Shape(RESPONSES / 2, 2));
      float[] losses = TrainUnderHead.train(inputs, weight, pairs, 200, 0.02f);
      assertTrue(losses[0] > 0.4, "loss of the first step is " + losses[0]);
      assertTrue(losses[199] < 0.1, "loss of the last step is " + losses[199]);
      assertTrue(weight.sub(before).abs().max().getFloat() > 0.01, "the layer did not change");
    }
  }
}
