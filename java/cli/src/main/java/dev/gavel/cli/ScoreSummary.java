package dev.gavel.cli;

import dev.gavel.text.GroupScore;
import java.time.Duration;
import java.util.Locale;

/** Counts of a run, for the line at its end. One thread. */
final class ScoreSummary {
  private final long start = System.nanoTime();
  private long rows;
  private long failed;
  private long responses;
  private long tokens;
  private long cutResponses;
  private long cutPrompts;
  private long specialLiterals;

  void failed() {
    rows++;
    failed++;
  }

  void scored(GroupScore score, boolean finite) {
    rows++;
    if (!finite) {
      failed++;
    }
    responses += score.scores().size();
    tokens += score.promptTokens() + score.tokens().stream().mapToLong(Integer::longValue).sum();
    cutResponses += score.truncated().stream().filter(cut -> cut > 0).count();
    cutPrompts += score.promptTruncated() > 0 ? 1 : 0;
    specialLiterals += score.specialLiterals();
  }

  long failedRows() {
    return failed;
  }

  /** One line. */
  String line() {
    double seconds = Duration.ofNanos(System.nanoTime() - start).toMillis() / 1000.0;
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%s, %d failed; %s, %s; cut: %s, %s; special tokens' text: %s; %.1f s",
            count(rows, "row"),
            failed,
            count(responses, "response"),
            count(tokens, "token"),
            count(cutResponses, "response"),
            count(cutPrompts, "prompt"),
            specialLiterals == 0 ? "none" : count(specialLiterals, "place"),
            seconds));
    return text.toString();
  }

  static String count(long number, String word) {
    return number == 1 ? "1 " + word : "%d %ss".formatted(number, word);
  }
}
