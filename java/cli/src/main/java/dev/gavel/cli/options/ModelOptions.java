package dev.gavel.cli.options;

import dev.gavel.Device;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.checkpoint.HeadPattern;
import dev.gavel.checkpoint.PatternNeededException;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.text.ModelChoices;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.Provenance;
import dev.gavel.text.RewardModel;
import dev.gavel.text.VectorModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that say which model scores, and how. */
public final class ModelOptions {
  private static final String ASKED_FOR = "nemotron, qwen3_reranker or bge_gemma";

  @Option(
      names = "--model",
      paramLabel = "NAME|DIR",
      description = {
        "'default', the model that comes with Gavel, or a model folder (docs/model-folder.md).",
        "Default: ${DEFAULT-VALUE}"
      })
  private String model = "default";

  @Option(
      names = "--layout",
      paramLabel = "LAYOUT",
      description = {
        "joint: all responses of a prompt in one pass, later ones see earlier ones.",
        "independent: each response alone with its prompt.",
        "Default: the model's own"
      })
  private @Nullable String layout;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = "Where the head runs: cpu, cuda or cuda:n. Default: ${DEFAULT-VALUE}")
  private String device = "cpu";

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads; scores do not depend on it. Default: one per processor")
  private @Nullable Integer threads;

  @Option(
      names = "--batch-tokens",
      paramLabel = "N",
      description =
          "Most tokens of sequences of one length that go through the backbone together; scores do"
              + " not depend on it. Default: 2048")
  private @Nullable Integer batchTokens;

  @Option(
      names = "--prompt-tokens",
      paramLabel = "N",
      description =
          "Most tokens kept of a prompt, from its start; every row reports what was cut. Default:"
              + " the model's own")
  private @Nullable Integer promptTokens;

  @Option(
      names = "--response-tokens",
      paramLabel = "N",
      description =
          "Most tokens kept of a response, from its start; every row reports what was cut."
              + " Default: the model's own")
  private @Nullable Integer responseTokens;

  @Option(
      names = "--step-reduction",
      paramLabel = "NAME",
      description =
          "Of a model that scores the steps of a response: how they become its score: min, max,"
              + " product, last, mean, sum, geometric_mean, mean_logit or mean_odds. No default")
  private @Nullable String stepReduction;

  @Option(
      names = "--step-separator",
      paramLabel = "TEXT",
      description =
          "Of a token classifier that scores steps (TRL): the text that ended every step in"
              + " training; '\\n' is a line end, and other escapes of Java texts are read, too. No"
              + " default")
  private @Nullable String stepSeparator;

  @Option(
      names = "--objective",
      paramLabel = "NAME",
      description =
          "Of a model that gives several objectives and no rule that mixes them: which is the"
              + " score. No default")
  private @Nullable String objective;

  @Option(
      names = "--pattern",
      paramLabel = "NAME",
      description =
          "What head the model has, where its files do not say it: "
              + ASKED_FOR
              + ", or another of docs/checkpoints.md. No default")
  private @Nullable String pattern;

  /** Loads the model. */
  public RewardModel load() {
    return loaded(RewardModel::load);
  }

  /** Loads the model without its backbone. */
  public VectorModel loadHead() {
    return loaded(VectorModel::load);
  }

  private <M> M loaded(BiFunction<String, RewardModel.Options, M> loader) {
    return explained(model, () -> loader.apply(model, options()));
  }

  /** Loads a model; one that cannot be loaded without a pattern says which option gives it. */
  public static <M> M explained(String model, Supplier<M> loader) {
    try {
      return loader.get();
    } catch (PatternNeededException _) {
      throw CommandFailure.usage(
          "--model %s is a language model without a head, and its files do not say which rows of its output layer score; say it with --pattern: %s"
              .formatted(model, ASKED_FOR));
    }
  }

  /** The files of its folder that it is read from; none of the default model. */
  public List<Path> files() {
    return explained(model, () -> Provenance.files(model, choices()));
  }

  /** The name as it was given. */
  public String model() {
    return model;
  }

  /** The layout, if one was asked for. */
  Optional<dev.gavel.Layout> layout() {
    return Optional.ofNullable(layout).map(ModelConfig::parseLayout);
  }

  private RewardModel.Options options() {
    RewardModel.Options defaults = RewardModel.Options.defaults();
    return new RewardModel.Options(
        Device.parse(device),
        positive("--threads", threads).orElse(defaults.threads()),
        positive("--batch-tokens", batchTokens).orElse(defaults.batchTokens()),
        layout(),
        positive("--prompt-tokens", promptTokens),
        positive("--response-tokens", responseTokens),
        choices());
  }

  private ModelChoices choices() {
    return new ModelChoices(
        named("--pattern", HeadPattern.values(), pattern),
        named("--step-reduction", StepReduction.values(), stepReduction),
        stepSeparator(),
        Optional.ofNullable(objective));
  }

  /** The constant of this name in lower case, as the option says it. */
  public static <E extends Enum<E>> Optional<E> named(
      String option, E[] values, @Nullable String name) {
    if (name == null) {
      return Optional.empty();
    }
    for (E value : values) {
      if (value.name().toLowerCase(Locale.ROOT).equals(name)) {
        return Optional.of(value);
      }
    }
    throw CommandFailure.usage(
        "%s is '%s'; it must be one of %s"
            .formatted(option, name, Arrays.toString(values).toLowerCase(Locale.ROOT)));
  }

  // A line end is the usual one, and shells make it hard to write.
  private Optional<String> stepSeparator() {
    try {
      return Optional.ofNullable(stepSeparator).map(String::translateEscapes);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(
          "--step-separator is '%s'; it has an escape that is none of Java's: %s"
              .formatted(stepSeparator, e.getMessage()));
    }
  }

  public static Optional<Integer> positive(String option, @Nullable Integer value) {
    if (value != null && value < 1) {
      throw CommandFailure.usage("%s is %d; it must be 1 or more".formatted(option, value));
    }
    return Optional.ofNullable(value);
  }
}
