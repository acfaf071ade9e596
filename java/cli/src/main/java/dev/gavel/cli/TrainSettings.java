package dev.gavel.cli;

import dev.gavel.cli.input.Source;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.cli.training.TrainedModel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Everything that decides the bits of a model that is trained. */
final class TrainSettings {
  private TrainSettings() {}

  static RunSettings of(TrainedModel model, TrainingData data, Path file, String device) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("gavel", Version.NUMBER);
    values.put("data", SourceIdentity.of(Source.file(file)));
    // Says at once whether the backbone gives other bits now, or rows were left out.
    values.put("vectors", "crc32c %08x".formatted(data.training().checksum()));
    values.put("head", model.candidate().head().describe());
    values.put("fit", model.candidate().fit().describe());
    values.put("output scale", Float.toString(model.candidate().head().outputScale()));
    values.put("seed", Long.toString(model.seed()));
    values.put("layouts", model.layouts().toString());
    values.put("reversed", Boolean.toString(model.reversed()));
    values.put("holdout", Double.toString(model.holdout()));
    values.put("validation", Double.toString(model.validation()));
    values.put("patience", Integer.toString(model.patience()));
    values.put("tokens", model.budget().toString());
    values.put("device", device);
    values.put("name", model.name());
    return new RunSettings(values);
  }
}
