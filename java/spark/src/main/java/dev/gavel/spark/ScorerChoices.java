package dev.gavel.spark;

import dev.gavel.aggregation.StepReduction;
import dev.gavel.checkpoint.HeadPattern;
import dev.gavel.text.ModelChoices;
import java.io.Serializable;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the files of some models do not say ({@link ModelChoices}), as it is sent to executors. Each
 * is null where it is not chosen.
 *
 * @param pattern what head a published folder has
 * @param stepReduction how the scores of steps become the score of a response
 * @param stepSeparator text that ends every step
 * @param objective name of the objective that is the score
 */
public record ScorerChoices(
    @Nullable HeadPattern pattern,
    @Nullable StepReduction stepReduction,
    @Nullable String stepSeparator,
    @Nullable String objective)
    implements Serializable {
  private static final long serialVersionUID = 1L;

  static final ScorerChoices NONE = new ScorerChoices(null, null, null, null);

  static ScorerChoices of(ModelChoices choices) {
    return new ScorerChoices(
        choices.pattern().orElse(null),
        choices.stepReduction().orElse(null),
        choices.stepSeparator().orElse(null),
        choices.objective().orElse(null));
  }

  ModelChoices value() {
    return new ModelChoices(
        Optional.ofNullable(pattern),
        Optional.ofNullable(stepReduction),
        Optional.ofNullable(stepSeparator),
        Optional.ofNullable(objective));
  }
}
