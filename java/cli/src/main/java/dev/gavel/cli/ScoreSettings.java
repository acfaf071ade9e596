package dev.gavel.cli;

import dev.gavel.Context;
import dev.gavel.cli.input.Limits;
import dev.gavel.cli.input.Shard;
import dev.gavel.cli.input.Source;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.text.ModelChoices;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.OnnxBackbone;
import dev.gavel.text.Provenance;
import dev.gavel.text.RewardModel;
import dev.gavel.text.row.Counted;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Everything that decides the bytes {@code gavel score} writes. */
final class ScoreSettings {
  private ScoreSettings() {}

  static RunSettings of(
      String modelName,
      RewardModel model,
      String format,
      Shard shard,
      Limits limits,
      List<Source> sources) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("gavel", Version.NUMBER);
    values.put("model", model.config().name());
    for (Provenance.Part part : Provenance.parts(modelName, model.options().choices())) {
      values.put("model's " + part.name(), "sha256 " + part.sha256());
    }
    values.put("layout", ModelConfig.name(model.layout()));
    values.put("context", Counted.of(model.budget().context(), "token"));
    values.put("prompt", "at most " + Counted.of(model.budget().prompt(), "token"));
    values.put("response", "at most " + Counted.of(model.budget().response(), "token"));
    ModelChoices choices = model.options().choices();
    choices
        .pattern()
        .ifPresent(pattern -> values.put("pattern", pattern.name().toLowerCase(Locale.ROOT)));
    choices
        .stepReduction()
        .ifPresent(
            reduction -> values.put("step reduction", reduction.name().toLowerCase(Locale.ROOT)));
    choices.stepSeparator().ifPresent(text -> values.put("step separator", text));
    choices.objective().ifPresent(name -> values.put("objective", name));
    values.put("template", model.template());
    values.put("onnx runtime", OnnxBackbone.runtimeVersion());
    values.put("tokenizers", Provenance.tokenizersVersion());
    // ONNX Runtime chooses its kernels by the processor, and not all give the same bits.
    Context.Info info = model.context().info();
    values.put("device", info.device().toString());
    values.put("processor", "up to " + info.bestInstructionSet());
    if (!model.text().backbone().invariant()) {
      // Bits of such a backbone may depend on what runs together, and with how many threads.
      values.put("threads", Integer.toString(model.options().threads()));
      values.put("batch", Counted.of(model.options().batchTokens(), "token"));
    }
    values.put("window", Counted.of(limits.windowRows(), "row"));
    values.put("longest line", "%d bytes".formatted(limits.longestLine()));
    values.put("format", format);
    values.put("shard", shard.toString());
    values.put("inputs", Integer.toString(sources.size()));
    for (int i = 0; i < sources.size(); i++) {
      values.put("input %d".formatted(i + 1), SourceIdentity.of(sources.get(i)));
    }
    return new RunSettings(values);
  }
}
