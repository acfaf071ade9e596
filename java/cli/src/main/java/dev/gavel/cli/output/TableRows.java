package dev.gavel.cli.output;

import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.message.Counted;
import dev.gavel.text.GroupScore;
import dev.gavel.text.Spread;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** One block per row, for people: the prompt, then its responses from best to worst. */
public final class TableRows implements RowWriter {
  private final OutputStream out;
  private final int columns;
  private boolean first;

  /** Writes to a stream, which it does not close. */
  public TableRows(OutputStream out, int columns) {
    this(out, columns, true);
  }

  /**
   * Writes to a stream, which it does not close.
   *
   * @param first whether no block stands in front
   */
  public TableRows(OutputStream out, int columns, boolean first) {
    this.out = out;
    this.columns = columns;
    this.first = first;
  }

  @Override
  public void write(String file, ScoredRow row) throws IOException {
    StringBuilder block = new StringBuilder(first ? "" : "\n");
    first = false;
    switch (row) {
      case ScoredRow.Scored(Row texts, GroupScore score) -> scored(block, texts, score);
      case ScoredRow.Failed(ParsedRow.Bad bad) -> {
        String id = bad.id().isNull() ? "" : " (%s)".formatted(bad.id().asText());
        String in = file.isEmpty() ? "" : file + ", ";
        line(block, "%sline %d%s: not scored".formatted(in, bad.line(), id), "");
        line(block, "  ", bad.error().sentence());
      }
    }
    out.write(block.toString().getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  private void scored(StringBuilder block, Row row, GroupScore score) {
    line(block, Columns.oneLine(row.id().asText()) + "  ", row.promptText());
    String cut = score.promptTruncated() == 0 ? "" : " (%d cut)".formatted(score.promptTruncated());
    line(
        block,
        "  ",
        "prompt %s%s, %s%s"
            .formatted(
                Counted.of(score.promptTokens(), "token"),
                cut,
                score.passes() == 1 ? "1 pass" : "%d passes".formatted(score.passes()),
                score.sharedTokens() == 0
                    ? ""
                    : ", %s shared".formatted(Counted.of(score.sharedTokens(), "token"))));
    line(block, "  rank     score  response  tokens     cut  ", "text");
    int rank = 1;
    for (int response : score.ranking()) {
      int truncated = score.truncated().get(response);
      line(
          block,
          "  %4d  %8s  %8d  %6d  %6s  "
              .formatted(
                  rank,
                  number(score.scores().get(response)),
                  response,
                  score.tokens().get(response),
                  truncated == 0 ? "" : "-" + truncated),
          row.responses().get(response));
      if (!(score.spread() instanceof Spread.None)) {
        line(block, "        ", described(score.spread(), response));
      }
      if (!score.steps().isEmpty()) {
        line(
            block,
            "        steps  ",
            score.steps().get(response).stream()
                .map(TableRows::number)
                .collect(Collectors.joining(" ")));
      }
      if (!score.objectives().isEmpty()) {
        line(
            block,
            "        ",
            score.objectives().stream()
                .map(each ->
                    "%s %s%s"
                        .formatted(
                            each.name(),
                            number(each.values().get(response)),
                            bracketed(each.spread(), response)))
                .collect(Collectors.joining(", ")));
      }
      rank++;
    }
  }

  private static String bracketed(Spread spread, int response) {
    String described = described(spread, response);
    return described.isEmpty() ? "" : " (%s)".formatted(described);
  }

  private static String described(Spread spread, int response) {
    return switch (spread) {
      case Spread.None() -> "";
      case Spread.Variance(List<Float> values) -> "variance " + number(values.get(response));
      case Spread.Quantiles(List<List<Float>> values) ->
          "quantiles "
              + values.get(response).stream()
                  .map(TableRows::number)
                  .collect(Collectors.joining(" "));
    };
  }

  private void line(StringBuilder block, String head, String text) {
    String shown = Columns.oneLine(text);
    block.append(Columns.fit(head + shown, columns).stripTrailing()).append('\n');
  }

  private static String number(float score) {
    return Float.isFinite(score)
        ? String.format(Locale.ROOT, "%+.4f", score)
        : String.valueOf(score);
  }
}
