package dev.gavel.bench;

import dev.gavel.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Gather, RMS norm, MLP and Bradley-Terry loss in one call, against the same chain in LibTorch. */
public final class ChainBenchmark {
  private static final int[] RESPONSES = {2, 4, 16, 64, 256, 1024};
  private static final int[] WIDTHS = {1024, 4096};

  private ChainBenchmark() {}

  /**
   * Runs it: {@code [rounds [threads [results folder]]]}.
   *
   * @param args rounds (default 11), threads (default: all processors), where to write results
   */
  public static void main(String[] args) throws IOException {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 11;
    int threads =
        args.length > 1 ? Integer.parseInt(args[1]) : Runtime.getRuntime().availableProcessors();
    Report report =
        new Report(
            "gather + RMS norm + MLP H -> H -> 1 (SiLU) + Bradley-Terry, bf16, %d threads"
                .formatted(threads),
            "H",
            "responses",
            "gavel us",
            "libtorch us",
            "ratio",
            "quartiles",
            "largest score difference");
    for (int width : WIDTHS) {
      for (int responses : RESPONSES) {
        try (HeadCase head = new HeadCase(width, responses, DType.BF16, threads);
            TorchChain peer = new TorchChain(head, threads)) {
          Interleaved.Result result =
              Interleaved.compare(head::run, peer::run, rounds, TimeUnit.MILLISECONDS.toNanos(60));
          report.row(
              width,
              responses,
              result.ours(),
              result.peer(),
              result.ratio(),
              Report.number(result.ratioLow()) + " to " + Report.number(result.ratioHigh()),
              "%.1e".formatted(difference(head.lastScores(), peer.scores())));
        }
      }
    }
    if (args.length > 2) {
      report.write(
          Path.of(args[2]),
          "chain-" + threads + "-threads",
          "bench/run.sh chain %d %d".formatted(rounds, threads));
    }
  }

  private static double difference(float[] ours, float[] theirs) {
    double largest = 0;
    for (int i = 0; i < ours.length; i++) {
      largest = Math.max(largest, Math.abs(ours[i] - theirs[i]));
    }
    return largest;
  }
}
