package dev.gavel.cli.training.folder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.FileException;
import dev.gavel.Layout;
import dev.gavel.cli.metric.Tally;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.cli.training.Epoch;
import dev.gavel.message.SystemReason;
import dev.gavel.metric.Proportion;
import dev.gavel.text.ModelConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * JSON lines: what was trained, every epoch, what came out. No times: the same run gives the same
 * bytes.
 */
final class TrainingLog {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private TrainingLog() {}

  static String text(
      TrainedModel model, RunSettings settings, List<Epoch> epochs, Map<Layout, Tally> results) {
    StringBuilder log = new StringBuilder();
    ObjectNode start = JSON.createObjectNode();
    start.put("event", "start");
    start.put("model", model.name());
    start.put("training_rows", model.data().training());
    ObjectNode words = start.putObject("settings");
    settings.values().forEach(words::put);
    log.append(start).append('\n');
    for (Epoch epoch : epochs) {
      ObjectNode line = JSON.createObjectNode();
      line.put("event", "epoch");
      EpochJson.write(line, epoch);
      log.append(line).append('\n');
    }
    results.forEach((layout, tally) -> {
      Proportion accuracy = tally.accuracy();
      ObjectNode line = JSON.createObjectNode();
      line.put("event", "evaluation");
      line.put("layout", ModelConfig.name(layout));
      line.put("right", accuracy.count());
      line.put("rows", accuracy.of());
      line.put("length_right", tally.lengthAccuracy().count());
      log.append(line).append('\n');
    });
    return log.toString();
  }

  /** What a finished log tells of the settings; empty where it tells nothing. */
  static Optional<RunSettings> settings(Path file) {
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      String first = lines.readLine();
      JsonNode settings = JSON.readTree(first == null ? "" : first).path("settings");
      Map<String, String> values = new LinkedHashMap<>();
      settings.properties().forEach(e -> values.put(e.getKey(), e.getValue().asText()));
      return values.isEmpty() ? Optional.empty() : Optional.of(new RunSettings(values));
    } catch (JsonProcessingException | NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new FileException(file, "cannot be read: " + SystemReason.reading(e), e);
    }
  }
}
