package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gavel.Layout;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.text.RewardModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The same texts have the same bits in every form a row may have, in any order of the rows, however
 * they are batched, and from the Java API.
 */
class RowFormsTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String[] WORDS = {
    "river",
    "Stone",
    "42",
    "naïve",
    "東京",
    "🙂",
    "if (x)",
    "\n\n",
    "the",
    "a",
    "\"quoted\"",
    "re-read"
  };

  record Group(String prompt, List<String> responses) {}

  @TempDir private Path folder;

  @Test
  void everyFormHasTheSameBits() throws IOException {
    Random random = new Random(20);
    List<Group> groups = new ArrayList<>();
    for (int g = 0; g < 6; g++) {
      List<String> responses = new ArrayList<>();
      for (int r = random.nextInt(2, 6); r > 0; r--) {
        responses.add(text(random, 12));
      }
      groups.add(new Group(text(random, 12), responses));
    }
    Path first = write(random, groups);
    Path other = write(random, groups);
    for (Layout layout : Layout.values()) {
      Map<Integer, List<Float>> expected = new HashMap<>();
      RewardModel.Options options = RewardModel.Options.defaults().withLayout(layout);
      try (RewardModel model = RewardModel.load("default", options)) {
        for (int g = 0; g < groups.size(); g++) {
          Group group = groups.get(g);
          expected.put(g, model.score(group.prompt(), group.responses()).scores());
        }
      }
      String name = layout == Layout.JOINT ? "joint" : "independent";
      check(expected, "--input", first + "", "--layout", name);
      check(expected, "--input", other + "", "--layout", name, "--window-rows", "3");
      check(expected, "--input", other + "", "--layout", name, "--threads", "1");
    }
  }

  private static String text(Random random, int words) {
    StringBuilder text = new StringBuilder();
    for (int w = random.nextInt(1, words); w > 0; w--) {
      text.append(WORDS[random.nextInt(WORDS.length)]).append(' ');
    }
    return text.append('.').toString();
  }

  /** Each group once in each form, in an order of its own. */
  private Path write(Random random, List<Group> groups) throws IOException {
    List<String> rows = new ArrayList<>();
    for (int g = 0; g < groups.size(); g++) {
      String prompt = groups.get(g).prompt();
      List<String> responses = groups.get(g).responses();
      int chosen = random.nextInt(1, responses.size());
      List<?> messages = List.of(Map.of("role", "user", "content", prompt));
      Object one = chosen == 1 ? responses.getFirst() : responses.subList(0, chosen);
      List<String> rest = responses.subList(chosen, responses.size());
      for (Map<String, ?> row :
          List.of(
              Map.of("prompt", prompt, "responses", responses),
              Map.of("messages", messages, "responses", responses),
              Map.of("prompt", prompt, "chosen", one, "rejected", rest),
              Map.of("messages", messages, "chosen", one, "rejected", rest))) {
        Map<String, Object> whole = new HashMap<>(row);
        whole.put("id", "%d-%d".formatted(g, rows.size()));
        rows.add(JSON.writeValueAsString(whole));
      }
    }
    Collections.shuffle(rows, random);
    return Files.writeString(
        Files.createTempFile(folder, "rows", ".jsonl"), String.join("\n", rows) + "\n");
  }

  private static void check(Map<Integer, List<Float>> expected, String... options) {
    List<String> arguments = new ArrayList<>(List.of("score"));
    arguments.addAll(List.of(options));
    Run run = Run.of(arguments.toArray(String[]::new));
    assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    List<JsonNode> rows = run.json();
    assertEquals(4 * expected.size(), rows.size());
    for (JsonNode row : rows) {
      List<Float> scores = new ArrayList<>();
      row.get("scores").forEach(score -> scores.add(score.floatValue()));
      String id = row.get("id").asText();
      assertEquals(expected.get(Integer.parseInt(id.substring(0, id.indexOf('-')))), scores, id);
    }
  }
}
