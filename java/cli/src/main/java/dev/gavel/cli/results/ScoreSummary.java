package dev.gavel.cli.results;

import dev.gavel.cli.output.ScoredRow;
import dev.gavel.message.Counted;
import dev.gavel.text.GroupScore;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Counts of a run, for the line at its end. One thread. */
public final class ScoreSummary {
  private final long start = System.nanoTime();
  private long rows;
  private long failed;
  private long responses;
  private long tokens;
  private long cutResponses;
  private long cutPrompts;
  private long specialLiterals;
  private long before;

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

  /** Counts a row. */
  void add(ScoredRow row) {
    switch (row) {
      case ScoredRow.Scored scored -> scored(scored.score(), scored.isFinite());
      case ScoredRow.Failed _ -> failed();
    }
  }

  /** Goes on from the counts of a run that was interrupted. */
  public void goOn(Map<String, Long> counts) {
    rows = counts.getOrDefault("rows", 0L);
    failed = counts.getOrDefault("failed", 0L);
    responses = counts.getOrDefault("responses", 0L);
    tokens = counts.getOrDefault("tokens", 0L);
    cutResponses = counts.getOrDefault("cut_responses", 0L);
    cutPrompts = counts.getOrDefault("cut_prompts", 0L);
    specialLiterals = counts.getOrDefault("special_literals", 0L);
    before = rows;
  }

  /** All counts by name. */
  public Map<String, Long> counts() {
    Map<String, Long> counts = new TreeMap<>();
    counts.put("rows", rows);
    counts.put("failed", failed);
    counts.put("responses", responses);
    counts.put("tokens", tokens);
    counts.put("cut_responses", cutResponses);
    counts.put("cut_prompts", cutPrompts);
    counts.put("special_literals", specialLiterals);
    return counts;
  }

  public long failedRows() {
    return failed;
  }

  /** Rows that an interrupted run had done. */
  public long rowsBefore() {
    return before;
  }

  /** Seconds since the start of this process's part of the run. */
  double seconds() {
    return Duration.ofNanos(System.nanoTime() - start).toMillis() / 1000.0;
  }

  /** Rows per second of this process's part of the run. */
  double rowsPerSecond() {
    return (rows - before) / Math.max(seconds(), 0.001);
  }

  /** Tells how the run goes, in a few words. */
  String shortLine() {
    return String.format(
        Locale.ROOT,
        "%s, %d failed, %.1f rows/s",
        Counted.of(rows, "row"),
        failed,
        rowsPerSecond());
  }

  /** One line. */
  public String line() {
    return String.format(
        Locale.ROOT,
        "%s, %d failed%s; %s, %s; cut: %s, %s; special tokens' text: %s; %.1f s, %.1f rows/s",
        Counted.of(rows, "row"),
        failed,
        before == 0 ? "" : " (%d of them done before)".formatted(before),
        Counted.of(responses, "response"),
        Counted.of(tokens, "token"),
        Counted.of(cutResponses, "response"),
        Counted.of(cutPrompts, "prompt"),
        specialLiterals == 0 ? "none" : Counted.of(specialLiterals, "place"),
        seconds(),
        rowsPerSecond());
  }
}
