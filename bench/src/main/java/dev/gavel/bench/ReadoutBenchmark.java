package dev.gavel.bench;

import dev.gavel.DType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Readouts of linear heads with several outputs, from hidden states to scores. */
public final class ReadoutBenchmark {
  private static final int[] ROWS = {4, 256, 8192};
  private static final int WIDTH = 1024;

  private ReadoutBenchmark() {}

  /**
   * Runs it.
   *
   * @param arguments see {@link BenchOptions}
   */
  public static void main(String[] arguments) throws IOException {
    BenchOptions options = BenchOptions.parse(arguments, "readouts");
    Report report =
        new Report(
            "readouts, H %d, %d threads".formatted(WIDTH, options.threads()),
            "readout",
            "logits",
            "storage",
            "rows",
            "side",
            Turns.TIMES,
            Turns.RATIOS,
            "error");
    for (ReadoutCase.Kind kind : ReadoutCase.Kind.values()) {
      for (DType dtype : List.of(DType.BF16, DType.F32)) {
        for (int rows : ROWS) {
          try (ReadoutCase given = new ReadoutCase(kind, dtype, rows, WIDTH)) {
            measure(given, options, report);
          }
        }
      }
    }
    if (options.results().isPresent()) {
      report.write(
          options.results().get(),
          "readouts",
          "bench/run.sh readouts --seconds %s --threads %d"
              .formatted(options.seconds(), options.threads()));
    }
  }

  private static void measure(ReadoutCase given, BenchOptions options, Report report) {
    List<Side> sides = new ArrayList<>();
    try {
      sides.add(new GavelReadout(given, options.threads()));
      sides.add(new TorchReadout(given, options.threads()));
      double[] errors =
          sides.stream().mapToDouble(side -> given.check(side, errorOf(side))).toArray();
      Turns turns = Turns.of(sides, options.seconds());
      for (int i = 0; i < errors.length; i++) {
        report.row(
            given.kind,
            given.kind.outputs,
            given.hidden.dtype(),
            given.rows(),
            sides.get(i).name(),
            turns.times(i),
            turns.ratios(i),
            "%.1e".formatted(errors[i]));
      }
    } finally {
      sides.reversed().forEach(Side::close);
    }
  }

  // LibTorch rounds the logits to the storage.
  private static double errorOf(Side side) {
    return side instanceof TorchReadout && !side.storage().equals("f32") ? 0.2 : 1e-4;
  }
}
