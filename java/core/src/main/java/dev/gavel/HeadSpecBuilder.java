package dev.gavel;

import java.util.List;

/**
 * Collects the choices of a {@link HeadSpec}; {@link #build()} checks them together. One thread at
 * a time.
 */
public final class HeadSpecBuilder {
  private final int inputWidth;
  private final List<Integer> hiddenWidths;
  private DType dtype = DType.F32;
  private int outputWidth = 1;
  private Activation activation;
  private Norm norm = Norm.NONE;
  private float normEpsilon;
  private float outputScale = 1;
  private float negativeSlope;
  private boolean hiddenBias;
  private boolean outputBias = true;
  private boolean normBias;
  private boolean slopePerChannel;
  private HeadSpec.Kind kind;

  HeadSpecBuilder(int inputWidth, List<Integer> hiddenWidths) {
    this.inputWidth = inputWidth;
    this.hiddenWidths = hiddenWidths;
    this.hiddenBias = !hiddenWidths.isEmpty();
    this.kind = hiddenWidths.isEmpty() ? new HeadSpec.Kind.Linear() : new HeadSpec.Kind.Mlp();
    this.activation = hiddenWidths.isEmpty() ? Activation.IDENTITY : Activation.SILU;
  }

  HeadSpecBuilder kind(HeadSpec.Kind value) {
    kind = value;
    return this;
  }

  /** Storage of every parameter. */
  public HeadSpecBuilder dtype(DType value) {
    dtype = value;
    return this;
  }

  /** K, logits per response. */
  public HeadSpecBuilder outputWidth(int value) {
    outputWidth = value;
    return this;
  }

  /**
   * Activation of every hidden layer; LEAKY_RELU by {@link #leakyRelu(float)}, PRELU by {@link
   * #prelu(boolean)}.
   */
  public HeadSpecBuilder activation(Activation value) {
    activation = value;
    return this;
  }

  /** LEAKY_RELU with this slope below 0; torch's own is 0.01. */
  public HeadSpecBuilder leakyRelu(float slope) {
    activation = Activation.LEAKY_RELU;
    negativeSlope = slope;
    return this;
  }

  /** PRELU with a learned slope, one per channel or one per layer. */
  public HeadSpecBuilder prelu(boolean perChannel) {
    activation = Activation.PRELU;
    slopePerChannel = perChannel;
    return this;
  }

  /** An RMS norm in front of the first layer. */
  public HeadSpecBuilder rmsNorm(float epsilon) {
    norm = Norm.RMS;
    normEpsilon = epsilon;
    return this;
  }

  /** A LAYER norm in front of the first layer. */
  public HeadSpecBuilder layerNorm(float epsilon, boolean bias) {
    norm = Norm.LAYER;
    normEpsilon = epsilon;
    normBias = bias;
    return this;
  }

  /** Factor of every logit. */
  public HeadSpecBuilder outputScale(float value) {
    outputScale = value;
    return this;
  }

  /** Whether every hidden layer has a bias. */
  public HeadSpecBuilder hiddenBias(boolean value) {
    hiddenBias = value;
    return this;
  }

  /** Whether the output layer has a bias. */
  public HeadSpecBuilder outputBias(boolean value) {
    outputBias = value;
    return this;
  }

  /**
   * The spec.
   *
   * @throws InvalidArgumentException if a value is out of its range, or the choices do not fit
   *     together
   */
  public HeadSpec build() {
    return new HeadSpec(
        dtype,
        inputWidth,
        hiddenWidths,
        outputWidth,
        activation,
        norm,
        normEpsilon,
        outputScale,
        negativeSlope,
        hiddenBias,
        outputBias,
        normBias,
        slopePerChannel,
        kind);
  }
}
