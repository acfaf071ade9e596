package dev.gavel.cli.training;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.Layout;
import dev.gavel.cli.metric.Tally;
import dev.gavel.metric.Proportion;
import dev.gavel.text.ModelConfig;
import java.util.List;
import java.util.Map;

/**
 * JSON lines: what was trained, every epoch, what came out. No times: the same run gives the same
 * bytes.
 */
final class TrainingLog {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private TrainingLog() {}

  static String text(TrainedModel model, List<Epoch> epochs, Map<Layout, Tally> results) {
    StringBuilder log = new StringBuilder();
    ObjectNode start = JSON.createObjectNode();
    start.put("event", "start");
    start.put("model", model.name());
    start.put("head", model.candidate().head().describe());
    start.put("fit", model.candidate().fit().describe());
    start.put("seed", model.seed());
    start.put("holdout", model.holdout());
    start.put("training_rows", model.data().training());
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
}
