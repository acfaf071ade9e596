package dev.gavel;

import java.util.Arrays;
import java.util.List;

/** How one element of a tensor is stored. Numbers are little-endian. */
public enum DType {
  /** IEEE 754 binary32. */
  F32(1, 4, "f32"),
  /** IEEE 754 binary16. */
  F16(2, 2, "f16"),
  /** The upper half of a binary32: 8 bits of exponent, 7 of fraction. */
  BF16(3, 2, "bf16"),
  /** Signed 32-bit integer. */
  I32(4, 4, "i32"),
  /** Signed 64-bit integer; every index is of this type. */
  I64(5, 8, "i64"),
  /** Unsigned 8-bit integer; masks are of this type, 0 = invalid. */
  U8(6, 1, "u8");

  private final int code;
  private final int bytes;
  private final String text;

  DType(int code, int bytes, String text) {
    this.code = code;
    this.bytes = bytes;
    this.text = text;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** Whether this is one of the three types hidden states and parameters may have. */
  public boolean isFloat() {
    return this == F32 || this == F16 || this == BF16;
  }

  /** The type as messages print it, for instance {@code bf16}. */
  @Override
  public String toString() {
    return text;
  }

  /**
   * The type with this name.
   *
   * @param text for instance {@code bf16}
   * @throws InvalidArgumentException if there is none
   */
  public static DType parse(String text) {
    for (DType dtype : values()) {
      if (dtype.text.equals(text)) {
        return dtype;
      }
    }
    List<DType> known = Arrays.asList(values());
    throw new InvalidArgumentException(
        "dtype is '%s'; it must be one of %s".formatted(text, known));
  }

  /** The type with this number in the C header. */
  static DType ofCode(int code) {
    for (DType dtype : values()) {
      if (dtype.code == code) {
        return dtype;
      }
    }
    throw new IllegalArgumentException("no dtype has the number " + code);
  }

  /** The number the C header has for it. */
  int code() {
    return code;
  }
}
