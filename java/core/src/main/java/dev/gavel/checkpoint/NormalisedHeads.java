package dev.gavel.checkpoint;

import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Readout;
import dev.gavel.checkpoint.ExpectedTensors.Kind;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Heads whose checkpoint stores a mean and a deviation of its scores. Whether they are applied is
 * said by the checkpoint's own configuration; they can be had either way.
 */
final class NormalisedHeads {
  // safe-rlhf adds it to the deviation.
  private static final float BEAVER_EPSILON = 1e-8f;

  private static final Pattern PREFIX = Pattern.compile("[A-Za-z][A-Za-z0-9_]*");

  private NormalisedHeads() {}

  /** OpenRLHF calls its head as its configuration says; before it did, value_head. */
  static boolean isOpenRlhf(Facts facts) {
    return facts.config().has("value_head_prefix")
        || facts.config().has("normalize_reward")
        || facts.hasHead("value_head.weight");
  }

  static Plan openRlhf(Facts facts) {
    ModelJson config = facts.config();
    String prefix =
        config
            .text("value_head_prefix")
            .orElse(facts.hasHead("value_head.weight") ? "value_head" : "score");
    if (!PREFIX.matcher(prefix).matches()) {
      throw config.wrong("value_head_prefix", prefix, "the name of a module");
    }
    Recipe recipe = new Recipe(facts, HeadPattern.OPENRLHF).layer(prefix, false);
    boolean normalised = config.truth("normalize_reward").orElse(false);
    Optional<Double> mean = config.number("mean");
    Optional<Double> deviation = config.number("std");
    if (mean.isPresent() != deviation.isPresent() || (normalised && mean.isEmpty())) {
      throw new FormatException(
          config.file(),
          "has normalize_reward = %s, mean %s and std %s; a score is standardised with both"
              .formatted(
                  normalised,
                  mean.isPresent() ? "there" : "missing",
                  deviation.isPresent() ? "there" : "missing"));
    }
    if (mean.isPresent()) {
      Readout standardise =
          affine(
              config.file(),
              "mean %s and std %s".formatted(mean.get(), deviation.orElseThrow()),
              mean.get().floatValue(),
              deviation.orElseThrow().floatValue());
      recipe.standardiser(standardise);
      if (normalised) {
        recipe.readout(standardise);
      }
    }
    return recipe.plan();
  }

  /**
   * PKU safe-rlhf: a reward is (s - mean) / (sqrt(var) + 1e-8), a cost s / (sqrt(var) + 1e-8), both
   * where do_normalize is true. Of a cost, less is better.
   */
  static Plan beaver(Facts facts) {
    ModelJson config = facts.config();
    String type = config.require("score_type", config.text("score_type"), "reward, cost or critic");
    long outputs = config.integer("score_dim").orElse(1L);
    if (outputs != 1) {
      throw config.wrong("score_dim", Long.toString(outputs), "1");
    }
    boolean bias = config.truth("bias").orElse(facts.hasHead("score_head.bias"));
    Plan plain =
        new Recipe(facts, HeadPattern.BEAVER)
            .layer("score_head", bias)
            .also("normalizer.mean", Kind.NUMBERS, 1)
            .also("normalizer.var", Kind.NUMBERS, 1)
            .also("normalizer.count", Kind.COUNT, 1)
            .plan();
    float mean = number(facts, "normalizer.mean");
    float variance = number(facts, "normalizer.var");
    float deviation = (float) Math.sqrt(variance) + BEAVER_EPSILON;
    Path file = facts.tensors().fileOf("normalizer.var");
    String stored = "normalizer.mean %s and normalizer.var %s".formatted(mean, variance);
    Optional<Readout> standardise =
        switch (type) {
          case "reward" -> Optional.of(affine(file, stored, mean, deviation));
          case "cost" -> Optional.of(affine(file, stored, 0, deviation));
          case "critic" -> Optional.empty();
          default -> throw config.wrong("score_type", type, "reward, cost or critic");
        };
    boolean applied = config.truth("do_normalize").orElse(false);
    return new Plan(
        plain.pattern(),
        plain.spec(),
        plain.parts(),
        plain.pooling(),
        plain.rows(),
        standardise.filter(_ -> applied).orElse(Readout.identity()),
        standardise,
        plain.gate());
  }

  private static float number(Facts facts, String name) {
    try (HostTensor value = facts.tensors().read(name)) {
      return value.floatAt(0);
    }
  }

  private static Readout affine(Path file, String stored, float mean, float deviation) {
    try {
      return Readout.affine(mean, deviation);
    } catch (InvalidArgumentException e) {
      throw new FormatException(
          file,
          "has %s, which cannot standardise a score: %s".formatted(stored, e.getMessage()),
          e);
    }
  }
}
