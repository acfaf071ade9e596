package dev.gavel.cli.training.folder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.cli.training.Epoch;
import java.util.Optional;

/** Epochs as JSON: in the log, in the learning curve and in checkpoints. */
final class EpochJson {
  private EpochJson() {}

  /** Adds the keys of an epoch. */
  static void write(ObjectNode node, Epoch epoch) {
    node.put("epoch", epoch.epoch()).put("loss", epoch.loss());
    node.put("gradient_norm", epoch.gradientNorm());
    epoch
        .validation()
        .ifPresent(validated -> {
          node.put("validation_loss", validated.loss());
          node.put("validation_right", validated.right());
          node.put("validation_rows", validated.rows());
        });
  }

  /** Reads what {@link #write} wrote; numbers keep their bits. */
  static Epoch read(JsonNode node) {
    Optional<Epoch.Validated> validation =
        node.has("validation_loss")
            ? Optional.of(
                new Epoch.Validated(
                    node.path("validation_loss").asDouble(),
                    node.path("validation_right").asLong(),
                    node.path("validation_rows").asLong()))
            : Optional.empty();
    return new Epoch(
        node.path("epoch").asInt(),
        node.path("loss").asDouble(),
        node.path("gradient_norm").asDouble(),
        validation);
  }
}
