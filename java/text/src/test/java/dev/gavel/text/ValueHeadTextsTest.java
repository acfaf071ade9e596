package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import dev.gavel.Safetensors;
import dev.gavel.checkpoint.HeadCheckpoint;
import dev.gavel.checkpoint.HeadPattern;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Value heads that are linear and read at the last token, from texts: the hidden state of token t
 * is {@code [t, t + 0.5]}.
 */
class ValueHeadTextsTest {
  private static final Pattern NAMES = Pattern.compile(", ");

  private static final float[] WEIGHT = {0.03f, -0.01f};

  @TempDir private Path folder;

  @BeforeEach
  void write() throws IOException {
    PublishedFiles.files(folder);
  }

  private void config(String architecture, String more) {
    PublishedFiles.config(folder, architecture, "llama", more);
  }

  private void head(String file, Map<String, float[]> tensors) {
    PublishedFiles.head(folder, file, tensors);
  }

  private static double logit(char last) {
    return 0.03 * last - 0.01 * (last + 0.5);
  }

  /** Scores of "ab" and "z" are (logit + bias - mean) / deviation. */
  private void check(
      HeadPattern pattern, String readout, double bias, double mean, double deviation) {
    assertEquals(pattern, HeadCheckpoint.read(folder).pattern());
    try (RewardModel model = RewardModel.load(folder.toString())) {
      GroupScore score = model.score("question", List.of("ab", "z"));
      assertEquals((logit('b') + bias - mean) / deviation, score.scores().get(0), 1e-5);
      assertEquals((logit('z') + bias - mean) / deviation, score.scores().get(1), 1e-5);
      assertEquals(readout, score.readout());
    }
  }

  @Test
  void starling() {
    config("LlamaForCausalLM", "");
    head("model.safetensors", Map.of("v_head.weight", WEIGHT));
    check(HeadPattern.VALUE_HEAD, "identity", 0, 0, 1);
  }

  @Test
  void trl() {
    config("LlamaForCausalLM", "");
    head(
        "model.safetensors",
        Map.of("v_head.summary.weight", WEIGHT, "v_head.summary.bias", new float[] {0.75f}));
    check(HeadPattern.TRL_VALUE_HEAD, "identity", 0.75, 0, 1);
  }

  @Test
  void llamaFactory() {
    config("LlamaForCausalLM", "");
    head(
        "value_head.safetensors",
        Map.of("v_head.summary.weight", WEIGHT, "v_head.summary.bias", new float[] {0.75f}));
    check(HeadPattern.LLAMA_FACTORY, "identity", 0.75, 0, 1);
  }

  @Test
  void eurus() {
    config("EurusRewardModel", "");
    head("model.safetensors", Map.of("regression_head.weight", WEIGHT));
    check(HeadPattern.REGRESSION_HEAD, "identity", 0, 0, 1);
  }

  @Test
  void openRlhf() {
    for (boolean normalised : new boolean[] {false, true}) {
      config(
          "LlamaForSequenceClassification",
          "\"value_head_prefix\": \"value_head\", \"normalize_reward\": %s, \"mean\": 0.5, \"std\": 4"
              .formatted(normalised));
      head("model.safetensors", Map.of("value_head.weight", WEIGHT));
      check(
          HeadPattern.OPENRLHF,
          normalised ? "affine" : "identity",
          0,
          normalised ? 0.5 : 0,
          normalised ? 4 : 1);
    }
  }

  @Test
  void beaver() {
    for (String type : List.of("reward", "cost")) {
      config(
          "LlamaForScore",
          "\"score_type\": \"%s\", \"do_normalize\": true, \"bias\": true".formatted(type));
      Map<String, HostTensor> tensors = new LinkedHashMap<>();
      tensors.put("score_head.weight", HostTensor.of(WEIGHT, 1, 2));
      tensors.put("score_head.bias", HostTensor.of(new float[] {0.75f}, 1));
      tensors.put("normalizer.mean", HostTensor.of(new float[] {0.5f}, 1));
      tensors.put("normalizer.var", HostTensor.of(new float[] {16}, 1));
      tensors.put("normalizer.count", HostTensor.of(new long[] {7}, 1));
      Safetensors.write(folder.resolve("model.safetensors"), Map.of("format", "pt"), tensors);
      tensors.values().forEach(HostTensor::close);
      check(HeadPattern.BEAVER, "affine", 0.75, type.equals("cost") ? 0 : 0.5, 4);
    }
  }

  /** Which file says so, and where in it: a folder has many. */
  @Test
  void numbersThatCannotStandardiseAreNamed() {
    config("LlamaForScore", "\"score_type\": \"reward\"");
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    tensors.put("score_head.weight", HostTensor.of(WEIGHT, 1, 2));
    tensors.put("normalizer.mean", HostTensor.of(new float[] {0.5f}, 1));
    tensors.put("normalizer.var", HostTensor.of(new float[] {-4}, 1));
    tensors.put("normalizer.count", HostTensor.of(new long[] {7}, 1));
    Safetensors.write(folder.resolve("model.safetensors"), Map.of("format", "pt"), tensors);
    tensors.values().forEach(HostTensor::close);
    String beaver =
        String.valueOf(
            assertThrows(FormatException.class, () -> HeadCheckpoint.read(folder)).getMessage());
    assertTrue(
        beaver.contains("model.safetensors: has normalizer.mean 0.5 and normalizer.var -4.0"),
        beaver);
    config(
        "LlamaForSequenceClassification",
        "\"value_head_prefix\": \"value_head\", \"mean\": 0.5, \"std\": 0");
    head("model.safetensors", Map.of("value_head.weight", WEIGHT));
    String openRlhf =
        String.valueOf(
            assertThrows(FormatException.class, () -> HeadCheckpoint.read(folder)).getMessage());
    assertTrue(openRlhf.contains("config.json: has mean 0.5 and std 0.0"), openRlhf);
  }

  /** docs/checkpoints.md names for every pattern a test that there is. */
  @Test
  void thePageNamesATestForEveryPattern() throws Exception {
    String page = Files.readString(Path.of("..", "..", "docs", "checkpoints.md"));
    String table = page.substring(page.indexOf("which test proves it\n"));
    Map<String, String> rows = new HashMap<>();
    Pattern row = Pattern.compile("(?m)^\\| `([A-Z0-9_]+)` \\| (.*) \\|$");
    row.matcher(table).results().forEach(found -> rows.put(found.group(1), found.group(2)));
    List<String> patterns = Arrays.stream(HeadPattern.values()).map(Enum::name).sorted().toList();
    assertEquals(patterns, rows.keySet().stream().sorted().toList());
    Pattern named = Pattern.compile("([A-Za-z]+Test) ((?:`[^`]+`(?:, )?)+)");
    for (Map.Entry<String, String> each : rows.entrySet()) {
      List<MatchResult> tests = named.matcher(each.getValue()).results().toList();
      assertEquals(each.getValue().equals("not from texts"), tests.isEmpty(), each.getKey());
      for (MatchResult test : tests) {
        for (String name : NAMES.splitAsStream(test.group(2).replace("`", "")).toList()) {
          assertTrue(isTest(test.group(1), name), "%s %s".formatted(test.group(1), name));
        }
      }
    }
  }

  /** A method, or a fixture that ParityTest is given. */
  private static boolean isTest(String type, String name) throws ReflectiveOperationException {
    Class<?> tests = Class.forName("dev.gavel.text." + type);
    return Arrays.stream(tests.getDeclaredMethods())
        .anyMatch(method -> method.getName().equals(name) || fixtures(method).contains(name));
  }

  private static List<String> fixtures(Method method) {
    ValueSource values = method.getAnnotation(ValueSource.class);
    return values == null ? List.of() : List.of(values.strings());
  }
}
