package dev.gavel.cli.results;

import dev.gavel.cli.input.Limits;
import dev.gavel.cli.input.Shard;
import dev.gavel.cli.input.Source;
import dev.gavel.cli.run.CommonSettings;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.cli.run.SourceIdentity;
import dev.gavel.message.Counted;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.RewardModel;
import dev.gavel.text.VectorModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Everything that decides the bytes {@code gavel score} writes. */
public final class ScoreSettings {
  private ScoreSettings() {}

  /** Of texts. */
  public static RunSettings of(
      String modelName,
      RewardModel model,
      String format,
      Shard shard,
      Limits limits,
      List<Source> sources) {
    Map<String, String> values =
        CommonSettings.ofModel(modelName, model.config(), model.options().choices());
    values.put("layout", ModelConfig.name(model.layout()));
    values.put("context", Counted.of(model.budget().context(), "token"));
    values.put("prompt", "at most " + Counted.of(model.budget().prompt(), "token"));
    values.put("response", "at most " + Counted.of(model.budget().response(), "token"));
    values.put("template", model.template());
    values.putAll(CommonSettings.ofBackbone(model));
    values.put("format", format);
    values.putAll(CommonSettings.ofInputs(limits, shard, sources));
    return new RunSettings(values);
  }

  /** Of the vectors of a cache. */
  public static RunSettings of(String modelName, VectorModel model, Shard shard, Path cacheIndex) {
    Map<String, String> values = CommonSettings.ofModel(modelName, model.config(), model.choices());
    values.put("device", model.context().info().device().toString());
    values.put("format", "jsonl");
    values.put("shard", shard.toString());
    values.put("cache", SourceIdentity.of(Source.file(cacheIndex)));
    return new RunSettings(values);
  }
}
