package dev.gavel.bench;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.ScoreBatch;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.PackedGroup;
import dev.gavel.text.Prompt;
import dev.gavel.text.RewardModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Where the time of scoring rows goes: reading, tokenising, the backbone, the head, writing. */
final class Breakdown {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int ROUNDS = 3;
  private static final List<String> PARTS =
      List.of("read", "tokenise", "backbone", "head", "write");

  private Breakdown() {}

  static void measure(List<RewardModel> models, List<TextRow> rows, Optional<Path> results)
      throws IOException {
    Report report =
        new Report(
            "where the time goes, %d rows".formatted(rows.size()),
            "layout",
            "part",
            "us per row",
            "part of all");
    for (RewardModel model : models) {
      double[][] rounds = new double[PARTS.size()][ROUNDS];
      for (int round = 0; round < ROUNDS; round++) {
        double[] nanos = run(model, rows);
        for (int i = 0; i < nanos.length; i++) {
          rounds[i][round] = nanos[i];
        }
      }
      double all = 0;
      double[] medians = new double[rounds.length];
      for (int i = 0; i < rounds.length; i++) {
        medians[i] = Interleaved.quantile(rounds[i], 0.5);
        all += medians[i];
      }
      for (int i = 0; i < medians.length; i++) {
        report.row(
            ModelConfig.name(model.layout()),
            PARTS.get(i),
            medians[i] / 1e3 / rows.size(),
            medians[i] / all);
      }
    }
    if (results.isPresent()) {
      report.write(results.get(), "breakdown", "bench/run.sh text --rows " + rows.size());
    }
  }

  // Nanoseconds of each of PARTS, row by row, so that parts can be told apart.
  private static double[] run(RewardModel model, List<TextRow> rows) throws IOException {
    double[] nanos = new double[PARTS.size()];
    long written = 0;
    for (TextRow row : rows) {
      long start = System.nanoTime();
      TextRow parsed = TextRow.parse(row.line());
      long read = System.nanoTime();
      PackedGroup packed = model.prepare(Prompt.text(parsed.prompt()), parsed.responses()).packed();
      long tokenised = System.nanoTime();
      double[] head = new double[1];
      List<Float> scores =
          model
              .text()
              .run(
                  packed,
                  batch -> {
                    long from = System.nanoTime();
                    try (ScoreBatch into =
                        ScoreBatch.allocate(model.head().spec(), batch.responses())) {
                      model
                          .head()
                          .score(
                              batch,
                              model.config().poolingValue(),
                              model.config().readoutValue(),
                              into);
                      List<Float> values = new ArrayList<>();
                      for (int i = 0; i < batch.responses(); i++) {
                        values.add(into.score(i));
                      }
                      return values;
                    } finally {
                      head[0] = System.nanoTime() - from;
                    }
                  });
      long scored = System.nanoTime();
      written += json(scores).length();
      long end = System.nanoTime();
      double[] parts = {
        read - start, tokenised - read, scored - tokenised - head[0], head[0], end - scored
      };
      for (int i = 0; i < parts.length; i++) {
        nanos[i] += parts[i];
      }
    }
    if (written == 0) {
      throw new IllegalStateException("nothing was written");
    }
    return nanos;
  }

  private static String json(List<Float> scores) {
    ObjectNode row = JSON.createObjectNode();
    scores.forEach(row.putArray("scores")::add);
    return row.toString();
  }
}
