package dev.gavel;

/** What a head applies to a pooled vector before its first layer. */
public enum Norm {
  /** Nothing. */
  NONE(0),
  /** x / sqrt(mean(x²) + ε) · weight. */
  RMS(1),
  /** (x - mean(x)) / sqrt(mean((x - mean(x))²) + ε) · weight, + bias where the head has one. */
  LAYER(2);

  private final int code;

  Norm(int code) {
    this.code = code;
  }

  /** The number the C header has for it. */
  int code() {
    return code;
  }
}
