package dev.gavel.cli.training;

import dev.gavel.Activation;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Norm;
import dev.gavel.Pooling;
import dev.gavel.cli.options.ModelOptions;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.text.ModelConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What to train: options that may list several values, separated by commas, with --folds. */
public final class TrainOptions {
  @Mixin private LossOptions losses = new LossOptions();

  @Option(
      names = "--layout",
      split = ",",
      paramLabel = "LAYOUT",
      description =
          "Layouts to learn from, joint or independent or both; the first becomes the model's own."
              + " Default: joint, or that of the cache")
  private @Nullable List<String> layouts;

  @Option(
      names = "--pooling",
      split = ",",
      paramLabel = "NAME",
      description =
          "index, first_last_concat, first_last_add, first_last_sub or span_mean. Default:"
              + " span_mean, or that of the cache")
  private @Nullable List<String> poolings;

  @Option(
      names = "--hidden",
      split = ",",
      paramLabel = "WIDTHS",
      description =
          "Widths of the hidden layers, for instance 256 or 256x64; none for a linear head."
              + " Default: 64")
  private List<String> hidden = List.of("64");

  @Option(
      names = "--activation",
      split = ",",
      paramLabel = "NAME",
      description = "relu, tanh, gelu, gelu_tanh, selu or silu. Default: silu")
  private List<String> activations = List.of("silu");

  @Option(
      names = "--norm",
      split = ",",
      paramLabel = "NAME",
      description = "In front of the first layer: none, rms or layer. Default: layer")
  private List<String> norms = List.of("layer");

  @Option(
      names = "--output-scale",
      paramLabel = "X",
      description = "Factor of the score. Default: 1/sqrt(H), H the width of a hidden state")
  private @Nullable Float outputScale;

  @Option(
      names = "--init-deviation",
      split = ",",
      paramLabel = "X",
      description = "Standard deviation of the initial weights. Default: 0.05")
  private List<Float> initDeviations = List.of(0.05f);

  @Option(
      names = "--epochs",
      split = ",",
      paramLabel = "N",
      description = "Passes over the rows. Default: 15")
  private List<Integer> epochs = List.of(15);

  @Option(
      names = "--batch-size",
      split = ",",
      paramLabel = "N",
      description = "Rows per step. Default: 32")
  private List<Integer> batchSizes = List.of(32);

  @Option(
      names = "--learning-rate",
      split = ",",
      paramLabel = "X",
      description = "Of AdamW, constant. Default: 3e-4")
  private List<Float> learningRates = List.of(3e-4f);

  @Option(
      names = "--weight-decay",
      split = ",",
      paramLabel = "X",
      description = "Of weight matrices, decoupled. Default: 1.0")
  private List<Float> weightDecays = List.of(1f);

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Of initial weights, of the order of rows and of responses; the same seed gives the same"
              + " file. Default: 0")
  private long seed;

  public long seed() {
    return seed;
  }

  /**
   * The layouts to learn from.
   *
   * @param own what is learned from where none is named
   */
  public List<Layout> layouts(Layout own) {
    if (layouts == null) {
      return List.of(own);
    }
    List<Layout> values = layouts.stream().map(ModelConfig::parseLayout).toList();
    if (values.stream().distinct().count() != values.size()) {
      throw CommandFailure.usage("--layout names a layout twice");
    }
    return values;
  }

  /**
   * Every combination of the values given.
   *
   * @param own the pooling where none is named
   */
  public List<Candidate> candidates(Pooling own) {
    List<Pooling> chosen =
        poolings == null ? List.of(own) : poolings.stream().map(ModelConfig::parsePooling).toList();
    List<HeadChoice> heads = heads(chosen);
    List<Candidate> all = new ArrayList<>();
    for (FitChoice fit : fits()) {
      heads.forEach(head -> all.add(new Candidate(head, fit)));
    }
    // Builds every head once, on an encoder of some width: wrong values show before any work.
    all.forEach(candidate -> candidate.spec(64));
    return all;
  }

  private List<HeadChoice> heads(List<Pooling> chosen) {
    float scale = outputScale == null ? 0 : outputScale;
    if (outputScale != null && (!Float.isFinite(scale) || scale == 0)) {
      throw CommandFailure.usage(
          "--output-scale is %s; it must be a finite number and not 0".formatted(scale));
    }
    List<HeadChoice> heads = new ArrayList<>();
    for (Pooling pooling : chosen) {
      for (String widths : hidden) {
        for (String activation : activations) {
          for (String norm : norms) {
            for (float deviation : initDeviations) {
              require("--init-deviation", deviation, deviation >= 0, "0 or more");
              heads.add(
                  new HeadChoice(
                      pooling,
                      widths(widths),
                      activation(activation),
                      choice("--norm", norm, List.of(Norm.values())),
                      scale,
                      deviation));
            }
          }
        }
      }
    }
    return heads;
  }

  private List<FitChoice> fits() {
    List<FitChoice> fits = new ArrayList<>();
    for (LossChoice chosen : losses.choices()) {
      for (int passes : epochs) {
        ModelOptions.positive("--epochs", passes);
        for (int batch : batchSizes) {
          ModelOptions.positive("--batch-size", batch);
          for (float rate : learningRates) {
            require("--learning-rate", rate, rate >= 0, "0 or more");
            for (float decay : weightDecays) {
              require("--weight-decay", decay, decay >= 0, "0 or more");
              fits.add(new FitChoice(chosen, passes, batch, rate, decay, seed));
            }
          }
        }
      }
    }
    return fits;
  }

  /** Reads the widths of the hidden layers of one head. */
  public static List<Integer> widths(String text) {
    if (text.equals("none")) {
      return List.of();
    }
    if (!text.matches("[0-9]{1,7}(x[0-9]{1,7})*")) {
      throw CommandFailure.usage(
          "--hidden is '%s'; it must be widths such as 256 or 256x64, or none".formatted(text));
    }
    return Arrays.stream(text.split("x", -1)).map(Integer::valueOf).toList();
  }

  private static Activation activation(String name) {
    // The others would be no layer, or need a slope.
    return choice(
        "--activation",
        name,
        List.of(
            Activation.RELU,
            Activation.TANH,
            Activation.GELU,
            Activation.GELU_TANH,
            Activation.SELU,
            Activation.SILU));
  }

  private static <E extends Enum<E>> E choice(String option, String name, List<E> values) {
    for (E value : values) {
      if (value.name().toLowerCase(Locale.ROOT).equals(name)) {
        return value;
      }
    }
    throw CommandFailure.usage(
        "%s is '%s'; it must be one of %s"
            .formatted(option, name, values.toString().toLowerCase(Locale.ROOT)));
  }

  private static void require(String option, float value, boolean holds, String rule) {
    if (!Float.isFinite(value) || !holds) {
      throw new InvalidArgumentException(
          "%s is %s; it must be finite and %s".formatted(option, value, rule));
    }
  }
}
