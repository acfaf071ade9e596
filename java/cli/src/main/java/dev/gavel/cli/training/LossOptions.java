package dev.gavel.cli.training;

import dev.gavel.InvalidArgumentException;
import dev.gavel.cli.program.CommandFailure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * Which loss is minimised, and its numbers; each goes with some losses and is refused with others.
 */
final class LossOptions {
  private static final String NAMES = "bt, ce, pl, pairwise, mse, bce, pinball, step or ordinal";

  @Option(
      names = "--loss",
      required = true,
      paramLabel = "NAME",
      description = {
        "bt: Bradley-Terry over pairs; ce: cross-entropy over all responses of a prompt;",
        "pl: Plackett-Luce over their ranking, without ties; pairwise: all pairs of the ranking;",
        "mse, bce (labels 0 to 1), pinball: a response's own label is its target;",
        "step: PQM, the responses of a row are the steps of one solution, labelled 1 or 0;",
        "ordinal: OPRM, a head with a logit per level, over pairs; the score is the mean level."
      })
  private String loss = "";

  @Option(
      names = "--label-smoothing",
      split = ",",
      paramLabel = "X",
      description = "bt, ce: part of the target that does not follow the label. Default: 0")
  private List<Float> labelSmoothings = List.of(0f);

  @Option(
      names = "--beta",
      paramLabel = "X",
      description = "bt, pairwise: factor of the difference of scores. Default: 1")
  private @Nullable Float beta;

  @Option(
      names = "--center",
      paramLabel = "X",
      description = "bt: factor of the squared sum of scores. Default: 0")
  private @Nullable Float center;

  @Option(
      names = "--temperature",
      paramLabel = "X",
      description = "ce, pl: divides the scores. Default: 1")
  private @Nullable Float temperature;

  @Option(
      names = "--top-k",
      paramLabel = "N",
      description = "pl: places that count, from the best; 0 for all. Default: 0")
  private @Nullable Integer topK;

  @Option(
      names = "--positive-weight",
      paramLabel = "X",
      description = "bce: factor of the term of right responses. Default: 1")
  private @Nullable Float positiveWeight;

  @Option(
      names = "--quantile",
      paramLabel = "X",
      description = "pinball: the quantile that is learned, between 0 and 1. Default: 0.5")
  private @Nullable Float quantile;

  @Option(
      names = "--zeta",
      paramLabel = "X",
      description = "step: margin of wrong steps. Default: 4, as in PQM")
  private @Nullable Float zeta;

  @Option(
      names = "--levels",
      paramLabel = "N",
      description = "ordinal: levels 1 to N of a score. Default: 9, as in OPRM")
  private @Nullable Integer levels;

  /** One choice for every label smoothing that was given. */
  List<LossChoice> choices() {
    List<LossChoice> choices = new ArrayList<>();
    for (float smoothing : labelSmoothings) {
      require("--label-smoothing", smoothing, smoothing >= 0 && smoothing <= 1, "0 to 1");
      choices.add(choice(smoothing));
    }
    return choices;
  }

  private LossChoice choice(float smoothing) {
    return switch (loss) {
      case "bt" -> {
        only("--beta", "--center", "--label-smoothing");
        yield new LossChoice.BradleyTerry(
            smoothing, positive("--beta", beta, 1), notNegative("--center", center, 0));
      }
      case "ce" -> {
        only("--temperature", "--label-smoothing");
        yield new LossChoice.CrossEntropy(smoothing, positive("--temperature", temperature, 1));
      }
      case "pl" -> {
        only("--temperature", "--top-k");
        int places = topK == null ? 0 : topK;
        require("--top-k", places, places >= 0, "0 or more");
        yield new LossChoice.PlackettLuce(places, positive("--temperature", temperature, 1));
      }
      case "pairwise" -> {
        only("--beta");
        yield new LossChoice.PairwiseRanking(positive("--beta", beta, 1));
      }
      case "mse" -> {
        only();
        yield new LossChoice.Mse();
      }
      case "bce" -> {
        only("--positive-weight");
        yield new LossChoice.Bce(notNegative("--positive-weight", positiveWeight, 1));
      }
      case "pinball" -> {
        only("--quantile");
        float value = quantile == null ? 0.5f : quantile;
        require("--quantile", value, value > 0 && value < 1, "above 0 and below 1");
        yield new LossChoice.Pinball(value);
      }
      case "step" -> {
        only("--zeta");
        float value = zeta == null ? 4 : zeta;
        require("--zeta", value, true, "a number");
        yield new LossChoice.StepRanking(value);
      }
      case "ordinal" -> {
        only("--levels");
        int count = levels == null ? 9 : levels;
        require("--levels", count, count >= 2 && count <= 4096, "2 to 4096");
        yield new LossChoice.Ordinal(count);
      }
      default -> throw CommandFailure.usage("--loss is '%s'; it must be %s".formatted(loss, NAMES));
    };
  }

  private void only(String... options) {
    Map<String, Boolean> given = new LinkedHashMap<>();
    given.put("--label-smoothing", !labelSmoothings.equals(List.of(0f)));
    given.put("--beta", beta != null);
    given.put("--center", center != null);
    given.put("--temperature", temperature != null);
    given.put("--top-k", topK != null);
    given.put("--positive-weight", positiveWeight != null);
    given.put("--quantile", quantile != null);
    given.put("--zeta", zeta != null);
    given.put("--levels", levels != null);
    Set<String> allowed = Set.of(options);
    given.forEach((option, isGiven) -> {
      if (isGiven && !allowed.contains(option)) {
        throw CommandFailure.usage("%s does not go with --loss %s".formatted(option, loss));
      }
    });
  }

  private static float positive(String option, @Nullable Float value, float otherwise) {
    float number = value == null ? otherwise : value;
    require(option, number, number > 0, "more than 0");
    return number;
  }

  private static float notNegative(String option, @Nullable Float value, float otherwise) {
    float number = value == null ? otherwise : value;
    require(option, number, number >= 0, "0 or more");
    return number;
  }

  private static void require(String option, float value, boolean holds, String rule) {
    if (!Float.isFinite(value) || !holds) {
      throw new InvalidArgumentException(
          "%s is %s; it must be finite and %s".formatted(option, value, rule));
    }
  }
}
