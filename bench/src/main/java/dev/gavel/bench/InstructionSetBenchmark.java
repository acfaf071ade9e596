package dev.gavel.bench;

import dev.gavel.Context;
import dev.gavel.InstructionSet;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a machine with lower instruction sets loses: MLP heads over one response with the kernels of
 * each set this machine has, in turn.
 */
public final class InstructionSetBenchmark {
  private InstructionSetBenchmark() {}

  /**
   * Runs it.
   *
   * @param arguments see {@link BenchOptions}
   */
  public static void main(String[] arguments) throws IOException {
    BenchOptions options = BenchOptions.parse(arguments, "mlp");
    Report report =
        new Report(
            "instruction sets, %d threads".formatted(options.threads()),
            "H",
            "I",
            "storage",
            "R",
            "best set",
            "set",
            Turns.TIMES,
            "speed",
            "error");
    for (BenchShape shape : options.cases()) {
      if (shape.responses() == 1 && shape.storage().equals("bf16")) {
        measure(shape, options, report);
      }
    }
    if (options.results().isPresent()) {
      report.write(
          options.results().get(),
          "instruction-sets",
          "bench/run.sh sets --seconds %s --threads %d"
              .formatted(options.seconds(), options.threads()));
    }
  }

  // The best first: speed is its time over that of a set.
  private static void measure(BenchShape shape, BenchOptions options, Report report) {
    List<InstructionSet> sets = sets();
    List<Side> sides = new ArrayList<>();
    try (HeadTensors tensors = new HeadTensors(shape)) {
      try {
        for (InstructionSet set : sets) {
          sides.add(
              new GavelHead(
                  tensors,
                  Context.Options.defaults()
                      .withThreads(options.threads())
                      .withInstructionSet(set)));
        }
        double[] errors = sides.stream().mapToDouble(tensors::check).toArray();
        Turns turns = Turns.of(sides, options.seconds());
        for (int i = 0; i < errors.length; i++) {
          report.row(
              shape.width(),
              shape.hidden(),
              shape.storage(),
              shape.responses(),
              name(sets.getFirst()),
              name(sets.get(i)),
              turns.times(i),
              1 / turns.ratio(i, 0.5),
              "%.1e".formatted(errors[i]));
        }
      } finally {
        sides.reversed().forEach(Side::close);
      }
    }
  }

  private static List<InstructionSet> sets() {
    try (Context context = Context.open()) {
      InstructionSet best = context.info().bestInstructionSet();
      return List.of(InstructionSet.AMX, InstructionSet.AVX512, InstructionSet.AVX2).stream()
          .filter(set -> set.compareTo(best) <= 0)
          .toList();
    }
  }

  private static String name(InstructionSet set) {
    return set.name().toLowerCase(Locale.ROOT);
  }
}
