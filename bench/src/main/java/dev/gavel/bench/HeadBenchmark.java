package dev.gavel.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Pooling, linear and MLP heads of the shape list against every peer that can do the same. */
public final class HeadBenchmark {
  // A call of the peer that runs at about this rate, operations a second, takes half a second at
  // most: slower cases of the Java peers say nothing that smaller ones do not.
  private static final double LOOP_RATE = 2e9;
  private static final double VECTOR_RATE = 2e10;
  private static final double LONGEST_SECONDS = 0.5;

  private HeadBenchmark() {}

  /**
   * Runs it.
   *
   * @param arguments see {@link BenchOptions}
   */
  public static void main(String[] arguments) throws IOException {
    BenchOptions options = BenchOptions.parse(arguments, "pool,linear,mlp");
    for (String kind : options.kinds()) {
      List<BenchShape> shapes =
          options.cases().stream().filter(shape -> shape.kind().equals(kind)).toList();
      Report report = report(kind, options.threads());
      for (BenchShape shape : shapes) {
        measure(shape, options, report);
      }
      if (options.results().isPresent()) {
        report.write(
            options.results().get(),
            kind,
            "bench/run.sh heads --kinds %s --seconds %s --threads %d"
                .formatted(kind, options.seconds(), options.threads()));
      }
    }
  }

  private static Report report(String kind, int threads) {
    return new Report(
        "%s: forward passes, %d threads".formatted(kind, threads),
        "H",
        "I",
        "storage",
        "R",
        "side",
        "side's storage",
        Turns.TIMES,
        Turns.RATIOS,
        "GFLOP/s",
        "GB/s",
        "error");
  }

  private static void measure(BenchShape shape, BenchOptions options, Report report) {
    try (HeadTensors tensors = new HeadTensors(shape)) {
      List<Side> sides = new ArrayList<>();
      try {
        open(sides, tensors, options.threads());
        double[] errors = sides.stream().mapToDouble(tensors::check).toArray();
        Turns turns = Turns.of(sides, options.seconds());
        for (int i = 0; i < errors.length; i++) {
          double median = turns.quantile(i, 0.5);
          report.row(
              shape.width(),
              shape.hidden(),
              shape.storage(),
              shape.responses(),
              sides.get(i).name(),
              sides.get(i).storage(),
              turns.times(i),
              turns.ratios(i),
              shape.operations() / median / 1e3,
              shape.bytes() / median / 1e3,
              "%.1e".formatted(errors[i]));
        }
      } finally {
        sides.reversed().forEach(Side::close);
      }
    }
  }

  private static void open(List<Side> sides, HeadTensors tensors, int threads) {
    BenchShape shape = tensors.shape;
    sides.add(new GavelHead(tensors, threads));
    sides.add(new TorchHead(tensors, threads));
    sides.add(new OnnxHead(tensors, threads));
    // Neither has a mean over rows.
    if (shape.span() == 1) {
      sides.add(new OneDnnHead(tensors));
      sides.add(new OpenBlasHead(tensors, threads));
    }
    if (shape.operations() / VECTOR_RATE <= LONGEST_SECONDS) {
      sides.add(new VectorHead(tensors));
    }
    if (shape.operations() / LOOP_RATE <= LONGEST_SECONDS) {
      sides.add(new NaiveHead(tensors));
    }
  }
}
