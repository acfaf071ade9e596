package dev.gavel.checkpoint;

import java.util.Map;
import java.util.Optional;

/**
 * A storage a pickle refers to: a flat array in an archive entry of its own.
 *
 * @param type its type
 * @param key name of its entry under {@code data/}
 * @param elements how many elements it has, as the pickle says
 */
record PytorchStorage(Type type, String key, long elements) {

  /**
   * Type of the elements.
   *
   * @param dtype by the name safetensors has for it
   * @param bytes of one element
   */
  record Type(String dtype, int bytes) {}

  // The classes torch.save names in the module torch, whatever the tensor's device.
  private static final Map<String, Type> TYPES =
      Map.of(
          "FloatStorage", new Type("F32", 4),
          "HalfStorage", new Type("F16", 2),
          "BFloat16Storage", new Type("BF16", 2),
          "DoubleStorage", new Type("F64", 8),
          "LongStorage", new Type("I64", 8),
          "IntStorage", new Type("I32", 4),
          "ShortStorage", new Type("I16", 2),
          "CharStorage", new Type("I8", 1),
          "ByteStorage", new Type("U8", 1),
          "BoolStorage", new Type("BOOL", 1));

  /** The type of a class of the module torch, if it is one. */
  static Optional<Type> typeOf(String className) {
    return Optional.ofNullable(TYPES.get(className));
  }
}
