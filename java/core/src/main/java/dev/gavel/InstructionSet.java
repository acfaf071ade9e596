package dev.gavel;

/**
 * The instructions the CPU kernels may use. Each contains the ones before it, and all give the same
 * bits: a lower one is for tests and comparisons.
 */
public enum InstructionSet {
  /**
   * The best this machine has, unless the environment variable {@code GAVEL_INSTRUCTION_SET}
   * (scalar, avx2, avx512 or amx) asks for a lower one.
   */
  BEST(0),
  /** No vector instructions: the definition of every result. */
  SCALAR(1),
  /** AVX2, FMA, F16C. */
  AVX2(2),
  /** AVX-512 F, BW, DQ and VL. */
  AVX512(3),
  /** AVX-512 as above, and AMX tiles for bf16. */
  AMX(4);

  private final int code;

  InstructionSet(int code) {
    this.code = code;
  }

  /** The number the C header has for it. */
  int code() {
    return code;
  }

  static InstructionSet ofCode(int code) {
    for (InstructionSet one : values()) {
      if (one.code == code) {
        return one;
      }
    }
    throw new GavelException(
        "the native library names instruction set %d, which this version of Gavel does not know; use jars of one version"
            .formatted(code));
  }
}
