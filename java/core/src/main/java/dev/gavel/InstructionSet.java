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
  BEST,
  /** No vector instructions: the definition of every result. */
  SCALAR,
  /** AVX2, FMA, F16C. */
  AVX2,
  /** AVX-512 F, BW, DQ and VL. */
  AVX512,
  /** AVX-512 as above, and AMX tiles for bf16. */
  AMX;

  /** The number the C header has for it. */
  int code() {
    return ordinal();
  }

  static InstructionSet ofCode(int code) {
    InstructionSet[] all = values();
    if (code < 0 || code >= all.length) {
      throw new GavelException(
          "the native library names instruction set %d, which this version of Gavel does not know; use jars of one version"
              .formatted(code));
    }
    return all[code];
  }
}
