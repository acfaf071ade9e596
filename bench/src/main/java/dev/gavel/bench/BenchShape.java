package dev.gavel.bench;

import dev.gavel.DType;
import dev.gavel.HeadSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.StringTokenizer;

/**
 * One case of the shape list, bench/shapes.txt.
 *
 * @param kind pool, linear, mlp, training or adamw
 * @param width H
 * @param hidden I, 0 without a hidden layer
 * @param dtype storage
 * @param responses R
 */
record BenchShape(String kind, int width, int hidden, DType dtype, int responses) {
  /** Rows that kind pool takes the mean of. */
  static final int SPAN = 32;

  /** The cases of some kinds, in the file's order. */
  static List<BenchShape> read(Path file, List<String> kinds) throws IOException {
    List<BenchShape> shapes = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      List<String> words =
          Collections.list(new StringTokenizer(line)).stream().map(String.class::cast).toList();
      if (words.isEmpty() || !kinds.contains(words.getFirst())) {
        continue;
      }
      if (words.size() < 5) {
        throw new IllegalArgumentException(
            "%s: '%s'; a line is: kind H I storage R ...".formatted(file, line));
      }
      int hidden = words.get(2).equals("-") ? 0 : Integer.parseInt(words.get(2));
      DType dtype = DType.valueOf(words.get(3).toUpperCase(Locale.ROOT));
      for (int i = 4; i < words.size(); i++) {
        shapes.add(
            new BenchShape(
                words.get(0),
                Integer.parseInt(words.get(1)),
                hidden,
                dtype,
                Integer.parseInt(words.get(i))));
      }
    }
    if (shapes.isEmpty()) {
      throw new IllegalArgumentException("%s has no case of %s".formatted(file, kinds));
    }
    return shapes;
  }

  /** Rows of a response. */
  int span() {
    return kind.equals("pool") ? SPAN : 1;
  }

  /** The head of the case. */
  HeadSpec spec() {
    return hidden == 0
        ? HeadSpec.linear(width).dtype(dtype).build()
        : HeadSpec.mlp(width, hidden).dtype(dtype).build();
  }

  /** Multiplications and additions of a forward pass. */
  double operations() {
    double rows = responses;
    double pooling = span() > 1 ? rows * span() * width : 0;
    return pooling + (hidden == 0 ? 2 * rows * width : 2 * rows * hidden * (width + 1.0));
  }

  /** Bytes a forward pass must read once: the rows and the parameters. */
  double bytes() {
    double parameters = hidden == 0 ? width : (width + 2.0) * hidden;
    return dtype.bytes() * ((double) responses * span() * width + parameters);
  }

  /** Storage as peers print it. */
  String storage() {
    return dtype.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String toString() {
    return "%s H=%d I=%d %s R=%d".formatted(kind, width, hidden, storage(), responses);
  }
}
