package dev.gavel.text;

import dev.gavel.aggregation.StepReduction;
import dev.gavel.checkpoint.HeadPattern;
import java.util.Optional;

/**
 * What the files of some models do not say, and scoring needs. Each is required by models that need
 * it and refused by others; none has a default, since published code differs.
 *
 * @param pattern what head a published folder has; needed where it is rows of the output layer,
 *     which nothing in the files says
 * @param stepReduction how the scores of steps become the score of a response
 * @param stepSeparator text that ends every step, of token classifiers
 * @param objective name of the objective that is the score, where a head gives several and nothing
 *     mixes them
 */
public record ModelChoices(
    Optional<HeadPattern> pattern,
    Optional<StepReduction> stepReduction,
    Optional<String> stepSeparator,
    Optional<String> objective) {

  /** Nothing is chosen. */
  public static ModelChoices none() {
    return new ModelChoices(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  /** The same with a pattern. */
  public ModelChoices withPattern(HeadPattern chosen) {
    return new ModelChoices(Optional.of(chosen), stepReduction, stepSeparator, objective);
  }

  /** The same with a step reduction. */
  public ModelChoices withStepReduction(StepReduction chosen) {
    return new ModelChoices(pattern, Optional.of(chosen), stepSeparator, objective);
  }

  /** The same with a text that ends steps. */
  public ModelChoices withStepSeparator(String text) {
    return new ModelChoices(pattern, stepReduction, Optional.of(text), objective);
  }

  /** The same with an objective. */
  public ModelChoices withObjective(String name) {
    return new ModelChoices(pattern, stepReduction, stepSeparator, Optional.of(name));
  }
}
