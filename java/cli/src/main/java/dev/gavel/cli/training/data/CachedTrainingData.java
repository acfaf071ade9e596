package dev.gavel.cli.training.data;

import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.cli.cache.CacheSettings;
import dev.gavel.cli.cache.CacheShard;
import dev.gavel.cli.cache.HiddenCache;
import dev.gavel.cli.metric.Part;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.Streams;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.TokenBudget;
import dev.gavel.text.row.RowError;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Training data of a cache: its vectors stay where they are, in the mapped files. */
public final class CachedTrainingData {
  private CachedTrainingData() {}

  /** The layout of a cache. */
  public static Layout layout(HiddenCache cache) {
    return ModelConfig.parseLayout(setting(cache, CacheSettings.LAYOUT));
  }

  /** The pooling of a cache. */
  public static Pooling pooling(HiddenCache cache) {
    return ModelConfig.parsePooling(setting(cache, CacheSettings.POOLING));
  }

  /**
   * Checks that places in a joint sequence tell nothing about which response is better.
   *
   * @param use what the cache was to be used for, in a word
   */
  public static void requireDrawn(HiddenCache cache, String use) {
    if (layout(cache) == Layout.JOINT
        && setting(cache, CacheSettings.ORDER).equals(CacheSettings.GIVEN)) {
      throw CommandFailure.usage(
          "cache %s has responses in the order they were given; %s in layout joint would learn or measure their places. Write it with --order drawn"
              .formatted(cache.folder(), use));
    }
  }

  /**
   * Checks that a model folder can say of which rows the vectors are made, or its head would be
   * given others when it scores texts.
   */
  public static void requireRowsOfResponses(HiddenCache cache) {
    String rows =
        cache
            .index()
            .settings()
            .getOrDefault(CacheSettings.ROWS_READ, CacheSettings.ROWS_OF_RESPONSES);
    if (!rows.equals(CacheSettings.ROWS_OF_RESPONSES)) {
      throw CommandFailure.usage(
          "cache %s has vectors of rows that a model folder does not read: %s. A head trained on it would score texts by %s; train on a cache of a model folder with this backbone"
              .formatted(cache.folder(), rows, CacheSettings.ROWS_OF_RESPONSES));
    }
  }

  /** Opens the vectors; they close with the data. */
  public static TrainingData open(
      String name, HiddenCache cache, double holdout, boolean skipBad, Streams streams) {
    requireDrawn(cache, "training");
    Layout layout = layout(cache);
    Pooling pooling = pooling(cache);
    List<ParsedRow.Bad> bad = new ArrayList<>();
    CachedGroups groups = new CachedGroups();
    try {
      for (int i = 0; i < cache.index().shards().size(); i++) {
        CacheShard shard = groups.open(cache, i);
        shard.rows(
            0,
            (row, first) -> {
              Optional<RowError> why = groups.add(shard, row, first);
              why.ifPresent(error -> bad.add(new ParsedRow.Bad(row.line(), row.id(), error)));
            });
      }
      PreferenceFile.tell(name, bad, skipBad, streams);
      if (groups.all().isEmpty()) {
        throw CommandFailure.usage(
            "%s has no row that prefers one response to another; there is nothing to learn"
                .formatted(name));
      }
      var training =
          groups.all().stream()
              .filter(group -> Part.TRAINING.has(group.facts().prompt(), holdout))
              .toList();
      var held =
          groups.all().stream()
              .filter(group -> Part.EVALUATION.has(group.facts().prompt(), holdout))
              .toList();
      return new TrainingData(
          config(cache),
          (int) (cache.index().width() / pooling.vectorWidth(1)),
          TrainingVectors.of(layout, pooling, training),
          TrainingVectors.of(layout, pooling, held),
          groups.all().size(),
          groups.withoutPreference(),
          bad.size(),
          training.size(),
          groups::close);
    } catch (RuntimeException e) {
      groups.close();
      throw e;
    }
  }

  private static ModelConfig config(HiddenCache cache) {
    TokenBudget budget =
        new TokenBudget(
            number(cache, CacheSettings.CONTEXT),
            number(cache, CacheSettings.PROMPT),
            number(cache, CacheSettings.RESPONSE));
    return ModelConfig.fromJson(cache.index().model(), cache.indexFile())
        .withHead("", layout(cache), pooling(cache), Readout.identity(), budget);
  }

  private static int number(HiddenCache cache, String name) {
    try {
      return Integer.parseInt(setting(cache, name));
    } catch (NumberFormatException e) {
      throw CommandFailure.usage(
          "%s has %s '%s'; it must be a whole number"
              .formatted(cache.indexFile(), name, setting(cache, name)));
    }
  }

  private static String setting(HiddenCache cache, String name) {
    Map<String, String> settings = cache.index().settings();
    String value = settings.get(name);
    if (value == null) {
      throw CommandFailure.usage(
          "%s has no setting '%s'; it has %s"
              .formatted(cache.indexFile(), name, settings.keySet()));
    }
    return value;
  }
}
