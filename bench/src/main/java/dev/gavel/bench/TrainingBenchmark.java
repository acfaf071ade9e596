package dev.gavel.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Whole training steps and the optimizer's step alone against LibTorch. */
public final class TrainingBenchmark {
  private TrainingBenchmark() {}

  /**
   * Runs it.
   *
   * @param arguments see {@link BenchOptions}
   */
  public static void main(String[] arguments) throws IOException {
    BenchOptions options = BenchOptions.parse(arguments, "training,adamw");
    Report report =
        new Report(
            "training steps, %d threads".formatted(options.threads()),
            "kind",
            "H",
            "I",
            "storage",
            "R",
            "side",
            Turns.TIMES,
            Turns.RATIOS,
            "AdamW GB/s",
            "error");
    for (BenchShape shape : options.cases()) {
      measure(shape, options, report);
    }
    if (options.results().isPresent()) {
      report.write(
          options.results().get(),
          "training",
          "bench/run.sh training --seconds %s --threads %d"
              .formatted(options.seconds(), options.threads()));
    }
  }

  private static void measure(BenchShape shape, BenchOptions options, Report report) {
    boolean alone = shape.kind().equals("adamw");
    try (HeadTensors tensors = new HeadTensors(shape)) {
      List<Side> sides = new ArrayList<>();
      try {
        sides.add(new GavelTraining(tensors, options.threads()));
        sides.add(new TorchTraining(tensors, options.threads()));
        if (alone) {
          sides.add(new StreamSide((shape.width() + 2) * shape.hidden(), options.threads()));
        }
        List<String> errors = new ArrayList<>();
        for (Side side : sides) {
          errors.add(alone ? "-" : "%.1e".formatted(check(tensors, side)));
        }
        Turns turns = Turns.of(sides, options.seconds());
        for (int i = 0; i < sides.size(); i++) {
          double median = turns.quantile(i, 0.5);
          report.row(
              shape.kind(),
              shape.width(),
              shape.hidden(),
              shape.storage(),
              shape.responses(),
              sides.get(i).name(),
              turns.times(i),
              turns.ratios(i),
              alone ? bytes(shape, sides.get(i)) / median / 1e3 : "-",
              errors.get(i));
        }
      } finally {
        sides.reversed().forEach(Side::close);
      }
    }
  }

  private static double bytes(BenchShape shape, Side side) {
    return side instanceof StreamSide stream ? stream.bytes() : adamwBytes(shape);
  }

  // Gradient, master and two moments are read, master and moments written, all f32, and the head's
  // own copy written.
  private static double adamwBytes(BenchShape shape) {
    return (shape.width() + 2.0) * shape.hidden() * (7 * Float.BYTES + shape.dtype().bytes());
  }

  private static double check(HeadTensors tensors, Side side) {
    side.run();
    double expected = 0;
    int pairs = tensors.shape.responses() / 2;
    for (int i = 0; i < pairs; i++) {
      double gap =
          tensors.reference(2 * i, false).score() - tensors.reference(2 * i + 1, false).score();
      expected += Math.log1p(Math.exp(-gap)) / pairs;
    }
    double error = Math.abs(side.results()[0] - expected);
    // The mean of losses whose scores a 16-bit peer rounds: see HeadTensors.
    double allowed = side.storage().equals("f32") || side.name().equals("gavel") ? 1e-4 : 2e-2;
    if (!(error <= allowed)) {
      throw new IllegalStateException(
          "%s on %s: loss %s, float64 says %s"
              .formatted(side.name(), tensors.shape, side.results()[0], expected));
    }
    return error;
  }
}
