package dev.gavel.bench;

import dev.gavel.DType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Log-probabilities of tokens from hidden states and an output matrix. */
public final class TokenBenchmark {
  private static final int[] ROWS = {1, 16, 128, 512};
  private static final int WIDTH = 1024;
  private static final int TOKENS = 32768;

  private TokenBenchmark() {}

  /**
   * Runs it.
   *
   * @param arguments see {@link BenchOptions}
   */
  public static void main(String[] arguments) throws IOException {
    BenchOptions options = BenchOptions.parse(arguments, "tokens");
    Report report =
        new Report(
            "token log-probabilities, H %d, %d tokens, %d threads"
                .formatted(WIDTH, TOKENS, options.threads()),
            "storage",
            "rows",
            "side",
            Turns.TIMES,
            Turns.RATIOS,
            "Gop/s",
            "error");
    for (DType dtype : List.of(DType.BF16, DType.F32)) {
      for (int rows : ROWS) {
        measure(dtype, rows, options, report);
      }
    }
    if (options.results().isPresent()) {
      report.write(
          options.results().get(),
          "tokens",
          "bench/run.sh tokens --seconds %s --threads %d"
              .formatted(options.seconds(), options.threads()));
    }
  }

  private static void measure(DType dtype, int rows, BenchOptions options, Report report) {
    try (TokenCase given = new TokenCase(dtype, rows, TOKENS, WIDTH)) {
      List<Side> sides = new ArrayList<>();
      try {
        sides.add(new GavelTokens(given, options.threads()));
        sides.add(new TorchTokens(given, options.threads()));
        // LibTorch rounds the logits to the storage.
        double[] errors =
            sides.stream().mapToDouble(side -> given.check(side, errorOf(side, dtype))).toArray();
        Turns turns = Turns.of(sides, options.seconds());
        for (int i = 0; i < errors.length; i++) {
          double median = turns.quantile(i, 0.5);
          report.row(
              dtype,
              rows,
              sides.get(i).name(),
              turns.times(i),
              turns.ratios(i),
              2.0 * rows * TOKENS * WIDTH / median / 1e3,
              "%.1e".formatted(errors[i]));
        }
      } finally {
        sides.reversed().forEach(Side::close);
      }
    }
  }

  private static double errorOf(Side side, DType dtype) {
    return side instanceof TorchTokens && dtype != DType.F32 ? 0.1 : 1e-4;
  }
}
