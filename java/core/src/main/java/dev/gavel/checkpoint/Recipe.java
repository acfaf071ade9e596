package dev.gavel.checkpoint;

import dev.gavel.Activation;
import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.HeadSpec;
import dev.gavel.HeadSpecBuilder;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.checkpoint.ExpectedTensors.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Builds the plan of one pattern: which linear layers it has, under which names, and how it is
 * read. {@link #plan()} compares all of it with the folder before anything is used.
 */
final class Recipe {

  /** torch.nn.LeakyReLU's own. */
  static final float LEAKY_SLOPE = 0.01f;

  private record Layer(String prefix, boolean bias) {
    String weight() {
      return prefix.isEmpty() ? "weight" : prefix + ".weight";
    }

    String biasName() {
      return prefix.isEmpty() ? "bias" : prefix + ".bias";
    }
  }

  private final Facts facts;
  private final HeadPattern pattern;
  private final ExpectedTensors expected = new ExpectedTensors();
  private final List<Layer> layers = new ArrayList<>();
  private final long hidden;
  private Activation activation = Activation.IDENTITY;
  private Object outputs = 1;
  private boolean square;
  private float scale = 1;
  private Pooling pooling = Pooling.index();
  private ScoredRows rows = new ScoredRows.LastToken();
  private List<Long> outputRows = List.of();
  private Readout readout = Readout.identity();
  private Optional<Readout> standardiser = Optional.empty();

  Recipe(Facts facts, HeadPattern pattern) {
    this.facts = facts;
    this.pattern = pattern;
    this.hidden = facts.hiddenWidth();
  }

  /** Adds a linear layer: {@code prefix.weight} and, with a bias, {@code prefix.bias}. */
  Recipe layer(String prefix, boolean bias) {
    layers.add(new Layer(prefix, bias));
    return this;
  }

  /** Adds a linear layer with a bias whose tensors have no prefix. */
  Recipe bare() {
    layers.add(new Layer("", true));
    return this;
  }

  Recipe activation(Activation value) {
    activation = value;
    return this;
  }

  /** Every hidden layer is as wide as the hidden states. */
  Recipe square() {
    square = true;
    return this;
  }

  /** Rows of the last layer: a number, or the letter of a length that the file chooses. */
  Recipe outputs(Object value) {
    outputs = value;
    return this;
  }

  /** One logit from the last layer: the row {@code plus}. */
  Recipe row(long plus) {
    outputRows = List.of(plus);
    return this;
  }

  /** One logit from the last layer: the row {@code plus} minus the row {@code minus}. */
  Recipe difference(long plus, long minus) {
    outputRows = List.of(plus, minus);
    return this;
  }

  Recipe scale(float value) {
    scale = value;
    return this;
  }

  Recipe pooling(Pooling value) {
    pooling = value;
    return this;
  }

  Recipe reads(ScoredRows value) {
    rows = value;
    return this;
  }

  Recipe readout(Readout value) {
    readout = value;
    return this;
  }

  Recipe standardiser(Readout value) {
    standardiser = Optional.of(value);
    return this;
  }

  /** Adds a tensor that is no parameter. */
  Recipe also(String name, Kind kind, Object... shape) {
    expected.add(name, kind, shape);
    return this;
  }

  /** What a letter stands for, after {@link #plan()}. */
  int size(String letter) {
    return expected.size(letter);
  }

  /** Whether a letter stands for something. */
  boolean knows(String letter) {
    return expected.knows(letter);
  }

  Plan plan() {
    long width = pooling.vectorWidth(hidden);
    for (int i = 0; i < layers.size(); i++) {
      Layer layer = layers.get(i);
      Object in = i == 0 ? width : hiddenLength(i - 1);
      Object out = i == layers.size() - 1 ? outputs : hiddenLength(i);
      expected.add(layer.weight(), Kind.PARAMETER, out, in);
      if (layer.bias()) {
        expected.add(layer.biasName(), Kind.PARAMETER, out);
      }
    }
    Map<String, TensorInfo> found = expected.check(facts, pattern.title());
    try {
      HeadSpec spec = spec(Math.toIntExact(width), found);
      return new Plan(
          pattern, spec, parts(), pooling, rows, readout, standardiser, Optional.empty());
    } catch (InvalidArgumentException e) {
      throw new FormatException(facts.folder(), "has a head that cannot be: " + e.getMessage(), e);
    }
  }

  private Object hiddenLength(int layer) {
    return square ? (Object) hidden : letter(layer);
  }

  // Widths the file chooses itself: F for the first hidden layer, then F1, F2, ...
  private static String letter(int layer) {
    return layer == 0 ? "F" : "F" + layer;
  }

  private HeadSpec spec(int width, Map<String, TensorInfo> found) {
    int hiddenLayers = layers.size() - 1;
    int[] widths = new int[hiddenLayers];
    for (int i = 0; i < hiddenLayers; i++) {
      widths[i] = square ? Math.toIntExact(hidden) : expected.size(letter(i));
    }
    HeadSpecBuilder builder =
        outputRows.size() == 1
            ? HeadSpec.vocabRows(width, Math.toIntExact(outputRows.getFirst()))
            : hiddenLayers == 0
                ? HeadSpec.linear(width)
                : HeadSpec.mlp(width, widths)
                    .activation(activation)
                    .hiddenBias(layers.getFirst().bias());
    if (activation == Activation.LEAKY_RELU) {
      builder.leakyRelu(LEAKY_SLOPE);
    }
    TensorInfo first = found.get(layers.getFirst().weight());
    // A difference of two rows is not a number of a narrower type.
    DType dtype = outputRows.size() == 2 ? DType.F32 : TensorTypes.parameter(first).orElseThrow();
    int outputWidth =
        !outputRows.isEmpty()
            ? 1
            : outputs instanceof Number number
                ? Math.toIntExact(number.longValue())
                : expected.size(outputs.toString());
    return builder
        .dtype(dtype)
        .outputWidth(outputWidth)
        .outputBias(layers.getLast().bias())
        .outputScale(scale)
        .build();
  }

  private List<Plan.Part> parts() {
    List<Plan.Part> parts = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      boolean last = i == layers.size() - 1;
      String canonical = last ? "output" : "hidden." + i;
      List<Long> taken = last ? outputRows : List.of();
      Layer layer = layers.get(i);
      parts.add(new Plan.Part(canonical + ".weight", layer.weight(), taken));
      if (layer.bias()) {
        parts.add(new Plan.Part(canonical + ".bias", layer.biasName(), taken));
      }
    }
    return parts;
  }
}
