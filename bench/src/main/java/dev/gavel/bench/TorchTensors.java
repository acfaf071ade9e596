package dev.gavel.bench;

import dev.gavel.HostTensor;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Our tensors as LibTorch's. */
final class TorchTensors {
  private TorchTensors() {}

  static ScalarType type(HostTensor values) {
    return switch (values.dtype()) {
      case BF16 -> ScalarType.BFloat16;
      case F16 -> ScalarType.Half;
      default -> ScalarType.Float;
    };
  }

  /** A copy: LibTorch aligns its memory as it likes it. */
  static Tensor copy(HostTensor values) {
    BytePointer memory = new BytePointer(values.segment().asByteBuffer());
    return torch.from_blob(memory, values.shape(), new TensorOptions(type(values))).clone();
  }

  static float[] floats(Tensor values) {
    Tensor plain = values.to(ScalarType.Float).contiguous();
    float[] copy = new float[(int) plain.numel()];
    plain.data_ptr_float().get(copy);
    return copy;
  }
}
