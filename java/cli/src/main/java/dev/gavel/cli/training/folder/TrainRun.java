package dev.gavel.cli.training.folder;

import dev.gavel.Layout;
import dev.gavel.cli.program.Version;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.cli.training.Candidate;
import dev.gavel.cli.training.data.TrainingData;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.TokenBudget;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Training that writes a folder, as it was asked for, before the data are read.
 *
 * @param folder what is written
 * @param name what the model is called
 * @param candidate head and fit
 * @param layouts layouts it learns from; the first is its own
 * @param reversed whether it also learns from joint sequences in the opposite order
 * @param seed of everything random
 * @param holdout part of the prompts it does not learn from
 * @param validation part of the training rows that chooses the epoch; 0 for none
 * @param patience epochs without a lower validation loss after which training stops; 0 for never
 * @param budget tokens kept of texts
 * @param device where the head is trained
 * @param data what it learns from
 * @param dataNote origin and licence of the data
 * @param note what the model is for
 */
public record TrainRun(
    Path folder,
    String name,
    Candidate candidate,
    List<Layout> layouts,
    boolean reversed,
    long seed,
    double holdout,
    double validation,
    int patience,
    TokenBudget budget,
    String device,
    DataFile data,
    String dataNote,
    String note) {
  /** Copies the list. */
  public TrainRun {
    layouts = List.copyOf(layouts);
  }

  /** Everything that decides the bytes of the folder. */
  public RunSettings settings() {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("gavel", Version.NUMBER);
    values.put("data", data.toString());
    values.put("head", candidate.head().describe());
    values.put("fit", candidate.fit().describe());
    values.put("output scale", candidate.head().describeOutputScale("H"));
    values.put("seed", Long.toString(seed));
    values.put(
        "layouts", layouts.stream().map(ModelConfig::name).collect(Collectors.joining(", ")));
    values.put("reversed", Boolean.toString(reversed));
    values.put("holdout", Double.toString(holdout));
    values.put("validation", Double.toString(validation));
    values.put("patience", Integer.toString(patience));
    values.put(
        "tokens",
        "context %d, prompt %d, response %d"
            .formatted(budget.context(), budget.prompt(), budget.response()));
    values.put("device", device);
    values.put("name", name);
    values.put("data note", dataNote);
    values.put("note", note);
    return new RunSettings(values);
  }

  /** The settings of the state of training: with what was read of the data. */
  public RunSettings settings(TrainingData vectors) {
    // Says at once whether the backbone gives other bits now, or rows were left out.
    return settings().with("vectors", "crc32c %08x".formatted(vectors.training().checksum()));
  }

  /** The model that these vectors make. */
  public TrainedModel model(TrainingData vectors) {
    ModelConfig config =
        vectors
            .config()
            .withHead(
                name,
                layouts.getFirst(),
                candidate.head().pooling(),
                candidate.fit().loss().readout(),
                vectors.config().budget());
    return new TrainedModel(
        config,
        candidate,
        layouts,
        reversed,
        vectors.hiddenStateWidth(),
        validation,
        patience,
        seed,
        holdout,
        new TrainedModel.Data(
            data,
            vectors.rows(),
            vectors.withoutPreference(),
            vectors.bad(),
            vectors.trainingRows(),
            dataNote,
            note));
  }
}
