package dev.gavel.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Losses with their gradients, from 4 to 65536 scores. */
public final class LossBenchmark {
  private static final int[] COUNTS = {4, 16, 64, 1024, 16384, 65536};

  private LossBenchmark() {}

  /**
   * Runs it.
   *
   * @param arguments see {@link BenchOptions}
   */
  public static void main(String[] arguments) throws IOException {
    BenchOptions options = BenchOptions.parse(arguments, "loss");
    Report report =
        new Report(
            "losses with dL/dscore, %d threads".formatted(options.threads()),
            "loss",
            "scores",
            "side",
            Turns.TIMES,
            Turns.RATIOS,
            "error");
    for (LossCase.Kind kind : LossCase.Kind.values()) {
      for (int count : COUNTS) {
        if (count < kind.size()) {
          continue;
        }
        measure(LossCase.random(kind, count), options, report);
      }
    }
    if (options.results().isPresent()) {
      report.write(
          options.results().get(),
          "loss",
          "bench/run.sh losses --seconds %s --threads %d"
              .formatted(options.seconds(), options.threads()));
    }
  }

  private static void measure(LossCase given, BenchOptions options, Report report) {
    List<Side> sides = new ArrayList<>();
    try {
      sides.add(new GavelLoss(given, options.threads()));
      sides.add(new TorchLoss(given, options.threads()));
      if (given.kind().isSoftmax()) {
        sides.add(new OnnxLoss(given, options.threads()));
        sides.add(new NaiveLoss(given));
      }
      if (given.kind() == LossCase.Kind.BRADLEY_TERRY) {
        sides.add(new VectorLoss(given));
      }
      double[] errors = sides.stream().mapToDouble(given::check).toArray();
      Turns turns = Turns.of(sides, options.seconds());
      for (int i = 0; i < errors.length; i++) {
        report.row(
            given.kind().name().toLowerCase(Locale.ROOT),
            given.scores().length,
            sides.get(i).name(),
            turns.times(i),
            turns.ratios(i),
            "%.1e".formatted(errors[i]));
      }
    } finally {
      sides.reversed().forEach(Side::close);
    }
  }
}
