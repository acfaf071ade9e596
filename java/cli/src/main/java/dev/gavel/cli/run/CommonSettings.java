package dev.gavel.cli.run;

import dev.gavel.Context;
import dev.gavel.cli.input.Limits;
import dev.gavel.cli.input.Shard;
import dev.gavel.cli.input.Source;
import dev.gavel.cli.program.Version;
import dev.gavel.message.Counted;
import dev.gavel.text.ModelChoices;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.OnnxBackbone;
import dev.gavel.text.Provenance;
import dev.gavel.text.RewardModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What the settings of several kinds of runs share, under the same names. */
public final class CommonSettings {
  private CommonSettings() {}

  /** This version, and a model with everything that was chosen beside its files. */
  public static Map<String, String> ofModel(
      String modelName, ModelConfig config, ModelChoices choices) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("gavel", Version.NUMBER);
    values.put("model", config.name());
    for (Provenance.Part part : Provenance.parts(modelName, choices)) {
      values.put("model's " + part.name(), "sha256 " + part.sha256());
    }
    choices
        .pattern()
        .ifPresent(pattern -> values.put("pattern", pattern.name().toLowerCase(Locale.ROOT)));
    choices
        .stepReduction()
        .ifPresent(
            reduction -> values.put("step reduction", reduction.name().toLowerCase(Locale.ROOT)));
    choices.stepSeparator().ifPresent(text -> values.put("step separator", text));
    choices.objective().ifPresent(name -> values.put("objective", name));
    return values;
  }

  /** What decides the bits of hidden states beside texts and files. */
  public static Map<String, String> ofBackbone(RewardModel model) {
    Map<String, String> values = new LinkedHashMap<>();
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
    return values;
  }

  /** Which rows are read, and how many at a time. */
  public static Map<String, String> ofInputs(Limits limits, Shard shard, List<Source> sources) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("window", Counted.of(limits.windowRows(), "row"));
    values.put("longest line", "%d bytes".formatted(limits.longestLine()));
    values.put("shard", shard.toString());
    values.put("inputs", Integer.toString(sources.size()));
    for (int i = 0; i < sources.size(); i++) {
      values.put("input %d".formatted(i + 1), SourceIdentity.of(sources.get(i)));
    }
    return values;
  }
}
