package dev.gavel;

/** Conversions of bf16: the upper half of an f32. */
final class Bfloat16 {
  private Bfloat16() {}

  static float toFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** Rounds to nearest even; a NaN stays one. */
  static short ofFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      // Rounding could carry a NaN's fraction into the exponent or cut it to 0, which is infinity.
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }
}
