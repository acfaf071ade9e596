package dev.gavel.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.message.Counted;
import dev.gavel.text.row.BadRowException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * What people think of each response, higher is better: {@code scores} as they are, {@code
 * rankings} (1 is best, ties allowed) with their sign changed, 1 for chosen and 0 for rejected
 * ones.
 */
public final class Labels {
  private Labels() {}

  static List<Double> read(Fields fields, int responses) throws BadRowException {
    Optional<JsonNode> scores = fields.optional("scores");
    Optional<JsonNode> rankings = fields.optional("rankings");
    if (fields.optional("chosen").isPresent()) {
      List<Double> labels =
          new ArrayList<>(Collections.nCopies(fields.contents("chosen").size(), 1.0));
      labels.addAll(Collections.nCopies(fields.contents("rejected").size(), 0.0));
      return labels;
    }
    if (scores.isPresent() && rankings.isPresent()) {
      throw new BadRowException(
          "rankings", "scores and rankings", "the row has both scores and rankings; keep one");
    }
    if (scores.isPresent()) {
      return numbers("scores", scores.get(), responses, 1);
    }
    if (rankings.isPresent()) {
      return numbers("rankings", rankings.get(), responses, -1);
    }
    throw new BadRowException(
        "scores",
        fields.names(),
        "the row does not say which response is better; give scores or rankings, or chosen and rejected");
  }

  private static List<Double> numbers(String name, JsonNode node, int responses, double sign)
      throws BadRowException {
    if (!node.isArray() || node.size() != responses) {
      throw new BadRowException(
          name,
          node.toString(),
          "%s is %s; it must be a list of one number for each of %s"
              .formatted(
                  name,
                  node.isArray() ? "a list of %d".formatted(node.size()) : Fields.kind(node),
                  Counted.of(responses, "response")));
    }
    List<Double> values = new ArrayList<>();
    for (int i = 0; i < node.size(); i++) {
      JsonNode number = node.get(i);
      if (!number.isNumber() || !Double.isFinite(number.doubleValue())) {
        String at = "%s[%d]".formatted(name, i);
        throw new BadRowException(at, number.toString(), "%s is not a finite number".formatted(at));
      }
      values.add(sign * number.doubleValue());
    }
    return values;
  }
}
