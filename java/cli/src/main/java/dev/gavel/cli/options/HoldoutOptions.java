package dev.gavel.cli.options;

import dev.gavel.cli.program.CommandFailure;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a data set is split. */
public final class HoldoutOptions {
  @Option(
      names = "--holdout",
      paramLabel = "FRACTION",
      description = {
        "Part of the prompts held out for evaluation, 0 to below 1, by a hash of the prompt:"
            + " with h the first 8 bytes of SHA-256 of its UTF-8 as an unsigned number,"
            + " it is held out where h mod 10000 < 10000 FRACTION. Default: 0.3 with train"
      })
  private @Nullable Double holdout;

  /** The fraction, or another where none was given. */
  public double orElse(double other) {
    double value = holdout == null ? other : holdout;
    if (!(value >= 0 && value < 1)) {
      throw CommandFailure.usage("--holdout is %s; it must be 0 to below 1".formatted(value));
    }
    return value;
  }

  public boolean isGiven() {
    return holdout != null;
  }
}
