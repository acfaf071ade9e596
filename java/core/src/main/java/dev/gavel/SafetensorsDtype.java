package dev.gavel;

import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Storage types of the safetensors format: the bits of each, and which of them tensors here can
 * have.
 */
final class SafetensorsDtype {
  // The types of safetensors 0.7; a later one is listed without its size being known.
  private static final Map<String, Integer> BITS =
      Map.ofEntries(
          Map.entry("F4", 4),
          Map.entry("F6_E2M3", 6),
          Map.entry("F6_E3M2", 6),
          Map.entry("BOOL", 8),
          Map.entry("U8", 8),
          Map.entry("I8", 8),
          Map.entry("F8_E5M2", 8),
          Map.entry("F8_E4M3", 8),
          Map.entry("F8_E8M0", 8),
          Map.entry("I16", 16),
          Map.entry("U16", 16),
          Map.entry("F16", 16),
          Map.entry("BF16", 16),
          Map.entry("I32", 32),
          Map.entry("U32", 32),
          Map.entry("F32", 32),
          Map.entry("I64", 64),
          Map.entry("U64", 64),
          Map.entry("F64", 64),
          Map.entry("C64", 64));

  private static final Map<String, DType> READABLE =
      Map.of(
          "F32", DType.F32,
          "F16", DType.F16,
          "BF16", DType.BF16,
          "I32", DType.I32,
          "I64", DType.I64,
          "U8", DType.U8);

  private SafetensorsDtype() {}

  /** Bits of one element, or nothing for a type this library does not know. */
  static OptionalInt bits(String name) {
    Integer bits = BITS.get(name);
    return bits == null ? OptionalInt.empty() : OptionalInt.of(bits);
  }

  /**
   * The type of an entry as tensors have it.
   *
   * @throws FormatException if they cannot have it
   */
  static DType readable(Path path, Safetensors.Entry entry) {
    DType dtype = READABLE.get(entry.dtype());
    if (dtype == null) {
      throw new FormatException(
          path,
          "tensor '%s' is %s; only F32, F16, BF16, I32, I64 and U8 can be used: convert the file"
              .formatted(entry.name(), entry));
    }
    return dtype;
  }

  /** The format's name for a type. */
  static String name(DType dtype) {
    return switch (dtype) {
      case F32 -> "F32";
      case F16 -> "F16";
      case BF16 -> "BF16";
      case I32 -> "I32";
      case I64 -> "I64";
      case U8 -> "U8";
    };
  }
}
