package dev.gavel;

/** What a head applies to a pooled vector before its first layer. */
public enum Norm {
  /** Nothing. */
  NONE,
  /** x / sqrt(mean(x²) + ε) · weight. */
  RMS,
  /** (x - mean(x)) / sqrt(mean((x - mean(x))²) + ε) · weight, + bias where the head has one. */
  LAYER;

  /** The number the C header has for it. */
  int code() {
    return ordinal();
  }
}
