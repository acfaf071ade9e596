package dev.gavel.checkpoint;

import dev.gavel.DType;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A published layout.
 *
 * @param types storage types it is tried in
 * @param build writes the folder
 * @param read recognises it
 * @param score what the published class computes of a pooled vector
 */
record PublishedModel(
    String name,
    HeadPattern pattern,
    List<DType> types,
    Consumer<TestFolder> build,
    Function<Path, HeadCheckpoint> read,
    ScoredRows rows,
    Pooling pooling,
    Readout readout,
    BiFunction<TestFolder, Values, Values> score) {

  PublishedModel rows(ScoredRows value) {
    return new PublishedModel(name, pattern, types, build, read, value, pooling, readout, score);
  }

  PublishedModel pooling(Pooling value) {
    return new PublishedModel(name, pattern, types, build, read, rows, value, readout, score);
  }

  PublishedModel readout(Readout value) {
    return new PublishedModel(name, pattern, types, build, read, rows, pooling, value, score);
  }

  PublishedModel read(Function<Path, HeadCheckpoint> value) {
    return new PublishedModel(name, pattern, types, build, value, rows, pooling, readout, score);
  }

  PublishedModel types(DType... value) {
    return new PublishedModel(
        name, pattern, List.of(value), build, read, rows, pooling, readout, score);
  }

  /** One read at the last token, whose logit is its score. */
  static PublishedModel of(
      String name,
      HeadPattern pattern,
      Consumer<TestFolder> build,
      BiFunction<TestFolder, Values, Values> score) {
    return new PublishedModel(
        name,
        pattern,
        List.of(DType.F32, DType.BF16, DType.F16),
        build,
        HeadCheckpoint::read,
        new ScoredRows.LastToken(),
        Pooling.index(),
        Readout.identity(),
        score);
  }
}
