package dev.gavel.bench;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Options of the benchmarks over the shape list.
 *
 * @param kinds kinds of cases
 * @param only text a case must contain, for instance {@code H=1024}
 * @param seconds per case, all sides together
 * @param threads of every side that can use several
 * @param shapes the shape list
 * @param results where to write results, if they are to be written
 */
record BenchOptions(
    List<String> kinds,
    String only,
    double seconds,
    int threads,
    Path shapes,
    Optional<Path> results) {

  static BenchOptions parse(String[] arguments, String defaultKinds) {
    List<String> kinds = List.of(defaultKinds.split(","));
    String only = "";
    double seconds = 4;
    int threads = Runtime.getRuntime().availableProcessors();
    Path shapes = Path.of("bench", "shapes.txt");
    Optional<Path> results = Optional.empty();
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      String value = arguments[i + 1];
      switch (arguments[i]) {
        case "--kinds" -> kinds = List.of(value.split(","));
        case "--only" -> only = value;
        case "--seconds" -> seconds = Double.parseDouble(value);
        case "--threads" -> threads = Integer.parseInt(value);
        case "--shapes" -> shapes = Path.of(value);
        case "--results" -> results = Optional.of(Path.of(value));
        default -> throw usage(arguments[i]);
      }
    }
    if (arguments.length % 2 != 0) {
      throw usage(arguments[arguments.length - 1]);
    }
    return new BenchOptions(kinds, only, seconds, threads, shapes, results);
  }

  private static IllegalArgumentException usage(String found) {
    return new IllegalArgumentException(
        "'%s': options are --kinds, --only, --seconds, --threads, --shapes and --results, each with a value"
            .formatted(found));
  }

  List<BenchShape> cases() throws java.io.IOException {
    return BenchShape.read(shapes, kinds).stream()
        .filter(shape -> shape.toString().contains(only))
        .toList();
  }
}
