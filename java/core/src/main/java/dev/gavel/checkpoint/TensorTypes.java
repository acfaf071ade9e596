package dev.gavel.checkpoint;

import dev.gavel.DType;
import dev.gavel.FormatException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Types of stored tensors, by the names safetensors has for them. */
final class TensorTypes {
  private static final Map<String, DType> USABLE =
      Map.of(
          "F32", DType.F32,
          "F16", DType.F16,
          "BF16", DType.BF16,
          "I32", DType.I32,
          "I64", DType.I64,
          "U8", DType.U8);

  private TensorTypes() {}

  /**
   * The type as tensors have it.
   *
   * @throws FormatException if they cannot have it
   */
  static DType usable(Path file, String name, TensorInfo info) {
    DType dtype = USABLE.get(info.dtype());
    if (dtype == null) {
      throw new FormatException(
          file,
          "tensor '%s' is %s; only F32, F16, BF16, I32, I64 and U8 can be used: convert the file"
              .formatted(name, info));
    }
    return dtype;
  }

  /** The type of a parameter: F32, F16 or BF16, else nothing. */
  static Optional<DType> parameter(TensorInfo info) {
    return Optional.ofNullable(USABLE.get(info.dtype())).filter(DType::isFloat);
  }
}
