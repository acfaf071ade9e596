package dev.gavel.bench;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A forward pass in LibTorch, eager, in inference mode. Its tensors are those that a constructor
 * makes; they are freed when it is closed.
 */
abstract class TorchForward implements Side {
  private final PointerScope kept = new PointerScope();
  private final InferenceMode mode = new InferenceMode(true);
  private final String storage;

  TorchForward(String storage, int threads) {
    torch.set_num_threads(threads);
    this.storage = storage;
  }

  abstract Tensor forward();

  @Override
  public final String name() {
    return "libtorch";
  }

  @Override
  public final String storage() {
    return storage;
  }

  @Override
  public final void run() {
    PointerScope scope = new PointerScope();
    try {
      forward();
    } finally {
      scope.close();
    }
  }

  /** Of the same work, done once more. */
  @Override
  public final float[] results() {
    PointerScope scope = new PointerScope();
    try {
      return TorchTensors.floats(forward());
    } finally {
      scope.close();
    }
  }

  @Override
  public final void close() {
    mode.close();
    kept.close();
  }
}
