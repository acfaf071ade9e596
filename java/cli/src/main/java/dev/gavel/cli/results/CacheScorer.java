package dev.gavel.cli.results;

import dev.gavel.cli.cache.CacheScoring;
import dev.gavel.cli.cache.CacheSettings;
import dev.gavel.cli.cache.CachedRow;
import dev.gavel.cli.cache.HiddenCache;
import dev.gavel.cli.input.Position;
import dev.gavel.cli.input.Shard;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.Progress;
import dev.gavel.cli.output.RowWriter;
import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.cli.scoring.StageTimes;
import dev.gavel.text.VectorModel;
import java.io.IOException;
import java.util.List;

/** Scores the rows of a cache: the same rows of output as from the texts it was made of. */
public final class CacheScorer {
  private final HiddenCache cache;
  private final VectorModel model;

  /** Checks that the head goes with the cache. */
  public CacheScorer(HiddenCache cache, VectorModel model, String modelName) {
    this.cache = cache;
    this.model = model;
    List<String> differences =
        CacheSettings.differences(
            CacheSettings.ofCache(cache.index()), CacheSettings.ofHead(model, modelName));
    if (!differences.isEmpty()) {
      throw CommandFailure.usage(
          "cache %s was not made for this model:%sGive the model it was made with, or one trained on it, or write another cache"
              .formatted(cache.folder(), RunSettings.listed(differences)));
    }
    if (cache.index().width() != model.head().spec().inputWidth()) {
      throw CommandFailure.usage(
          "cache %s has vectors of %d; the head of model %s takes %d"
              .formatted(
                  cache.folder(),
                  cache.index().width(),
                  model.config().name(),
                  model.head().spec().inputWidth()));
    }
  }

  /** The cache. */
  HiddenCache cache() {
    return cache;
  }

  /** The model. */
  public VectorModel model() {
    return model;
  }

  /** Checks that its scores would be those of the texts in their own order. */
  public void requireGivenOrder() {
    String order = order();
    if (!order.equals(CacheSettings.GIVEN)) {
      throw CommandFailure.usage(
          "cache %s has responses in an order %s; score needs them as they were given: write it with --order given"
              .formatted(cache.folder(), order));
    }
  }

  /** The order of its responses, in words. */
  public String order() {
    return cache.index().settings().getOrDefault(CacheSettings.ORDER, "unknown");
  }

  /** Everything that decides the bytes that are written. */
  public RunSettings settings(String modelName, Shard shard) {
    return ScoreSettings.of(modelName, model, shard, cache.indexFile());
  }

  /** Scores and writes all rows after a place. */
  public Position write(
      Position from,
      Shard shard,
      RowWriter writer,
      RowSink sink,
      ScoreSummary summary,
      StageTimes times)
      throws OutputFailure {
    Position[] last = {from};
    long[] number = {from.rows()};
    try (Progress progress = Progress.of("gavel score", cache.index().rows(), "")) {
      new CacheScoring(cache, model, times)
          .run(
              from,
              piece -> {
                for (CacheScoring.Entry entry : piece.entries()) {
                  if (shard.has(number[0])) {
                    ScoredRow row = row(entry);
                    summary.add(row);
                    try {
                      writer.write(entry.row().file(), row);
                    } catch (IOException e) {
                      throw sink.failure(e);
                    }
                  }
                  number[0]++;
                }
                sink.windowDone(piece.end(), summary::counts);
                last[0] = piece.end();
                progress.at(number[0], summary.shortLine());
              });
    }
    return last[0];
  }

  private ScoredRow row(CacheScoring.Entry entry) {
    return switch (entry.row()) {
      case CachedRow.Failed failed ->
          new ScoredRow.Failed(new ParsedRow.Bad(failed.line(), failed.id(), failed.error()));
      case CachedRow.Whole whole -> {
        CachedRow.Tokens tokens = whole.tokens();
        yield new ScoredRow.Scored(
            Row.withoutTexts(whole.line(), whole.id(), whole.subset()),
            model.groupScore(
                entry.values(),
                new VectorModel.Kept(
                    tokens.passes(),
                    tokens.shared(),
                    tokens.kept(),
                    tokens.cut(),
                    tokens.prompt(),
                    tokens.promptCut(),
                    tokens.specialLiterals(),
                    cache.index().settings().getOrDefault(CacheSettings.TEMPLATE, ""))));
      }
    };
  }
}
