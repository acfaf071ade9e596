package dev.gavel;

import dev.gavel.message.Counted;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The shape and the formula of a reward head: vector y [D] -> norm -> hidden layers u =
 * activation(W u + b) -> logits = outputScale (W u + b) [K].
 *
 * <p>Without hidden layers it is a linear head, with them an MLP. The vector after pooling and
 * norm, and the input of every hidden layer but the first, is rounded once, to nearest even, to
 * {@link #dtype()}; the input of the output layer stays f32, as does everything else. Make one with
 * {@link #linear(int)} or {@link #mlp(int, int...)}; a spec that exists is valid.
 *
 * @param dtype storage of every parameter: f32, f16 or bf16
 * @param inputWidth D, the width of a pooled vector, 1 to 2^20
 * @param hiddenWidths width of each hidden layer, 1 to 2^20; none for a linear head, at most
 *     {@value #MOST_HIDDEN_LAYERS}
 * @param outputWidth K, logits per response, 1 to 2^16
 * @param activation of every hidden layer; IDENTITY for a linear head
 * @param norm in front of the first layer
 * @param normEpsilon more than 0 with a norm, else 0
 * @param outputScale finite, not 0; 1 for most published heads, 1/sqrt(H) for YOJO
 * @param negativeSlope slope of LEAKY_RELU, else 0
 * @param hiddenBias whether every hidden layer has a bias
 * @param outputBias whether the output layer has a bias
 * @param normBias whether a LAYER norm has a bias
 * @param slopePerChannel PRELU: one slope per channel instead of one per layer
 * @param kind what the head reads: LINEAR, MLP, VOCAB_ROWS or EXPERT_CONCAT
 */
public record HeadSpec(
    DType dtype,
    int inputWidth,
    List<Integer> hiddenWidths,
    int outputWidth,
    Activation activation,
    Norm norm,
    float normEpsilon,
    float outputScale,
    float negativeSlope,
    boolean hiddenBias,
    boolean outputBias,
    boolean normBias,
    boolean slopePerChannel,
    Kind kind) {

  /** What a head reads, and what its rows are. */
  public sealed interface Kind {
    /** One linear layer over the vector. */
    record Linear() implements Kind {}

    /** Hidden layers over the vector. */
    record Mlp() implements Kind {}

    /**
     * One linear layer whose rows are those of a language model's output layer: logit k is that of
     * the token {@code tokens[k]}. It has no bias and no norm, and a row is named by its token.
     *
     * @param tokens token ids, 0 or more, no two the same, one for each logit
     */
    record VocabRows(List<Integer> tokens) implements Kind {
      /** Copies the ids. */
      public VocabRows {
        tokens = List.copyOf(tokens);
      }
    }

    /**
     * Hidden layers over the vectors of several expert backbones, one after another (DMoERM, arXiv
     * 2403.01197): hidden states are [T, C H], C vectors of width H side by side in a row.
     *
     * @param experts C, 1 or more, a divisor of D
     */
    record ExpertConcat(int experts) implements Kind {}
  }

  /** Most hidden layers a head may have. */
  public static final int MOST_HIDDEN_LAYERS = 8;

  static final int WIDEST_LAYER = 1 << 20;
  static final int WIDEST_OUTPUT = 1 << 16;

  /** Checks everything; the rules are those of the C header. */
  public HeadSpec {
    hiddenWidths = List.copyOf(hiddenWidths);
    require(dtype.isFloat(), "dtype", dtype, "f32, f16 or bf16");
    requireWidth("input width", inputWidth, WIDEST_LAYER);
    requireWidth("output width", outputWidth, WIDEST_OUTPUT);
    require(
        hiddenWidths.size() <= MOST_HIDDEN_LAYERS,
        "number of hidden layers",
        hiddenWidths.size(),
        "at most " + MOST_HIDDEN_LAYERS);
    for (int i = 0; i < hiddenWidths.size(); i++) {
      requireWidth("width of hidden layer " + i, hiddenWidths.get(i), WIDEST_LAYER);
    }
    boolean linear = hiddenWidths.isEmpty();
    require(
        !linear || activation == Activation.IDENTITY,
        "activation of a linear head",
        activation,
        "IDENTITY; give hidden widths for another");
    require(
        !linear || !hiddenBias,
        "hidden bias of a linear head",
        true,
        "false: it has no hidden layer");
    if (norm == Norm.NONE) {
      require(normEpsilon == 0, "norm epsilon without a norm", normEpsilon, "0");
    } else {
      require(
          Float.isFinite(normEpsilon) && normEpsilon >= Float.MIN_NORMAL,
          "norm epsilon",
          normEpsilon,
          "finite and at least 2^-126: kernels read less as 0");
    }
    require(
        !normBias || norm == Norm.LAYER,
        "norm bias with norm " + norm,
        true,
        "false: only LAYER has one");
    require(
        Float.isFinite(outputScale) && Math.abs(outputScale) >= Float.MIN_NORMAL,
        "output scale",
        outputScale,
        "finite and at least 2^-126 in size: kernels read less as 0");
    if (activation == Activation.LEAKY_RELU) {
      require(Float.isFinite(negativeSlope), "negative slope", negativeSlope, "finite");
    } else {
      require(
          negativeSlope == 0,
          "negative slope with activation " + activation,
          negativeSlope,
          "0: only LEAKY_RELU has one");
    }
    require(
        !slopePerChannel || activation == Activation.PRELU,
        "slope per channel with activation " + activation,
        true,
        "false: only PRELU has one");
    checkKind(kind, linear, inputWidth, outputWidth, outputBias, norm);
  }

  /** A LINEAR head without hidden widths, an MLP with them. */
  public HeadSpec(
      DType dtype,
      int inputWidth,
      List<Integer> hiddenWidths,
      int outputWidth,
      Activation activation,
      Norm norm,
      float normEpsilon,
      float outputScale,
      float negativeSlope,
      boolean hiddenBias,
      boolean outputBias,
      boolean normBias,
      boolean slopePerChannel) {
    this(
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
        hiddenWidths.isEmpty() ? new Kind.Linear() : new Kind.Mlp());
  }

  private static void checkKind(
      Kind kind, boolean linear, int inputWidth, int outputWidth, boolean outputBias, Norm norm) {
    switch (kind) {
      case Kind.Linear() -> require(linear, "kind of a head with hidden layers", kind, "Mlp");
      case Kind.Mlp() -> require(!linear, "kind of a head without hidden layers", kind, "Linear");
      case Kind.VocabRows(List<Integer> tokens) -> {
        require(linear, "kind of a head with hidden layers", kind, "Mlp or ExpertConcat");
        require(
            tokens.size() == outputWidth && tokens.stream().distinct().count() == outputWidth,
            "tokens of %s".formatted(Counted.of(outputWidth, "logit")),
            tokens,
            "one for each, no two the same");
        require(tokens.stream().allMatch(id -> id >= 0), "tokens", tokens, "0 or more");
        require(!outputBias, "output bias of VOCAB_ROWS", true, "false: an output layer has none");
        require(norm == Norm.NONE, "norm of VOCAB_ROWS", norm, "NONE: the backbone has its own");
      }
      case Kind.ExpertConcat(int experts) -> {
        require(!linear, "kind of a head without hidden layers", kind, "Linear or VocabRows");
        require(
            experts >= 1 && inputWidth % experts == 0,
            "number of experts",
            experts,
            "1 or more and a divisor of the input width " + inputWidth);
      }
    }
  }

  /**
   * Starts a head of rows of a language model's output layer: f32, no bias, scale 1.
   *
   * @param inputWidth H, the width of the hidden states
   * @param tokens ids of the tokens whose rows they are, in the order of the logits
   */
  public static HeadSpecBuilder vocabRows(int inputWidth, int... tokens) {
    return new HeadSpecBuilder(inputWidth, List.of())
        .outputWidth(tokens.length)
        .outputBias(false)
        .kind(new Kind.VocabRows(Arrays.stream(tokens).boxed().toList()));
  }

  /**
   * Starts an MLP over the vectors of several experts: f32, one logit, PReLU with one slope per
   * layer, biases on every layer.
   *
   * @param experts C
   * @param expertWidth H, the width of one expert's vector; D is C H
   * @param hiddenWidths width of each hidden layer, at least one
   */
  public static HeadSpecBuilder expertConcat(int experts, int expertWidth, int... hiddenWidths) {
    long width = (long) experts * expertWidth;
    require(
        width == (int) width,
        "input width of %s".formatted(Counted.of(experts, "expert")),
        width,
        "from 1 to " + WIDEST_LAYER);
    return mlp((int) width, hiddenWidths).prelu(false).kind(new Kind.ExpertConcat(experts));
  }

  /**
   * Starts a linear head: f32, one logit, an output bias, no norm, scale 1.
   *
   * @param inputWidth D
   */
  public static HeadSpecBuilder linear(int inputWidth) {
    return new HeadSpecBuilder(inputWidth, List.of());
  }

  /**
   * Starts an MLP: f32, one logit, SiLU, biases on every layer, no norm, scale 1.
   *
   * @param inputWidth D
   * @param hiddenWidths width of each hidden layer, at least one
   */
  public static HeadSpecBuilder mlp(int inputWidth, int... hiddenWidths) {
    List<Integer> widths = new ArrayList<>();
    for (int width : hiddenWidths) {
      widths.add(width);
    }
    require(!widths.isEmpty(), "number of hidden layers of an MLP", 0, "at least 1");
    return new HeadSpecBuilder(inputWidth, widths);
  }

  /** Whether the head has no hidden layer. */
  public boolean isLinear() {
    return hiddenWidths.isEmpty();
  }

  /**
   * Sum of the hidden widths: values per response that the backward pass needs of the forward pass.
   */
  public long preactivationWidth() {
    return hiddenWidths.stream().mapToLong(Integer::longValue).sum();
  }

  /**
   * Every parameter in its canonical order: norm.weight, norm.bias, then per hidden layer l
   * hidden.l.weight, hidden.l.bias, hidden.l.slope, then output.weight, output.bias, each only
   * where this head has it.
   */
  public List<Parameter> parameters() {
    List<Parameter> all = new ArrayList<>();
    if (norm != Norm.NONE) {
      all.add(Parameter.vector("norm.weight", inputWidth));
    }
    if (normBias) {
      all.add(Parameter.vector("norm.bias", inputWidth));
    }
    long in = inputWidth;
    for (int l = 0; l < hiddenWidths.size(); l++) {
      long out = hiddenWidths.get(l);
      all.add(Parameter.matrix("hidden." + l + ".weight", out, in));
      if (hiddenBias) {
        all.add(Parameter.vector("hidden." + l + ".bias", out));
      }
      if (activation == Activation.PRELU) {
        all.add(Parameter.vector("hidden." + l + ".slope", slopePerChannel ? out : 1));
      }
      in = out;
    }
    all.add(Parameter.matrix("output.weight", outputWidth, in));
    if (outputBias) {
      all.add(Parameter.vector("output.bias", outputWidth));
    }
    return List.copyOf(all);
  }

  /** What differs from the head that something was made for, in words. */
  String differences(HeadSpec madeFor) {
    List<String> found = new ArrayList<>();
    difference(found, "dtype", madeFor.dtype, dtype);
    difference(found, "input width", madeFor.inputWidth, inputWidth);
    difference(found, "hidden widths", madeFor.hiddenWidths, hiddenWidths);
    difference(found, "output width", madeFor.outputWidth, outputWidth);
    difference(found, "activation", madeFor.activation, activation);
    difference(found, "norm", madeFor.norm, norm);
    difference(found, "norm epsilon", madeFor.normEpsilon, normEpsilon);
    difference(found, "output scale", madeFor.outputScale, outputScale);
    difference(found, "negative slope", madeFor.negativeSlope, negativeSlope);
    difference(found, "hidden bias", madeFor.hiddenBias, hiddenBias);
    difference(found, "output bias", madeFor.outputBias, outputBias);
    difference(found, "norm bias", madeFor.normBias, normBias);
    difference(found, "slope per channel", madeFor.slopePerChannel, slopePerChannel);
    difference(found, "kind", words(madeFor.kind), words(kind));
    return String.join("; ", found);
  }

  private static void difference(List<String> found, String what, Object made, Object given) {
    if (!made.equals(given)) {
      found.add("%s was to be %s, is %s".formatted(what, made, given));
    }
  }

  private static String words(Kind kind) {
    return switch (kind) {
      case Kind.Linear() -> "LINEAR";
      case Kind.Mlp() -> "MLP";
      case Kind.VocabRows(List<Integer> tokens) -> "VOCAB_ROWS of tokens " + tokens;
      case Kind.ExpertConcat(int experts) -> "EXPERT_CONCAT of " + experts;
    };
  }

  /**
   * Name and shape of one parameter.
   *
   * @param name canonical name, for instance {@code hidden.0.weight}
   * @param shape [out, in] of a weight matrix, [n] of anything else
   */
  public record Parameter(String name, List<Long> shape) {
    /** Copies the shape. */
    public Parameter {
      shape = List.copyOf(shape);
    }

    private static Parameter vector(String name, long length) {
      return new Parameter(name, List.of(length));
    }

    private static Parameter matrix(String name, long out, long in) {
      return new Parameter(name, List.of(out, in));
    }
  }

  private static void requireWidth(String what, int found, int most) {
    require(found >= 1 && found <= most, what, found, "from 1 to " + most);
  }

  private static void require(boolean holds, String what, Object found, String rule) {
    if (!holds) {
      throw new InvalidArgumentException(
          "head spec: %s is %s; it must be %s".formatted(what, found, rule));
    }
  }
}
