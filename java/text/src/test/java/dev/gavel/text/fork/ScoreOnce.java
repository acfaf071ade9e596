package dev.gavel.text.fork;

import dev.gavel.text.GroupScore;
import dev.gavel.text.RewardModel;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Scores one group with the default model and prints the module it ran in and the scores' bits.
 * With the argument {@code halt} the process then ends as one that is killed: no hook runs.
 */
public final class ScoreOnce {
  private ScoreOnce() {}

  /** Runs it. */
  public static void main(String[] arguments) {
    System.out.println(RewardModel.class.getModule() + " " + scores());
    if (List.of(arguments).equals(List.of("halt"))) {
      System.out.flush();
      Runtime.getRuntime().halt(0);
    }
  }

  /** The bits of the scores. */
  public static String scores() {
    try (RewardModel model = RewardModel.load("default")) {
      GroupScore score = model.score("Is water wet?", List.of("Yes.", "Ask a fish."));
      return score.scores().stream()
          .map(value -> Integer.toHexString(Float.floatToRawIntBits(value)))
          .collect(Collectors.joining(" "));
    }
  }
}
