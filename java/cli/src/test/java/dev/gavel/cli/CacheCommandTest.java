package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Caches of hidden states: what is in them, and what reads them. */
class CacheCommandTest {
  @TempDir private Path folder;
  private Path model;
  private Path input;
  private SmallCaches caches;

  @BeforeEach
  void write() throws IOException {
    caches = SmallCaches.in(folder);
    model = caches.model();
    input = caches.input();
  }

  @Test
  void scoresHaveTheBytesOfScoresFromText() throws IOException {
    for (String layout : List.of("joint", "independent")) {
      Path cache = caches.smallFiles("cache-" + layout, "--layout", layout);
      JsonNode index = Run.parse(Files.readString(cache.resolve("cache.json")));
      assertEquals(SmallCaches.ROWS, index.get("rows").asInt());
      assertEquals(10, index.get("failed").asInt());
      assertEquals(3 * 290, index.get("responses").asInt());
      assertEquals(5, index.get("shards").size());
      for (String shard : List.of("1/1", "2/3")) {
        String name = layout + shard.replace("/", "-");
        Path text = folder.resolve(name + "-text.jsonl");
        Path cached = folder.resolve(name + "-cache.jsonl");
        caches.score(input, text, "--layout", layout, "--shard", shard);
        Run run = caches.score(cache, cached, "--layout", layout, "--shard", shard);
        assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
        assertEquals(Files.readString(text), Files.readString(cached), name);
      }
    }
  }

  @Test
  void aLocaleWithDigitsOfItsOwnChangesNoByte() throws IOException {
    Path expected = caches.smallFiles("cache", "--shard", "1/4");
    Path cache;
    Locale before = Locale.getDefault(Locale.Category.FORMAT);
    Locale.setDefault(Locale.Category.FORMAT, Locale.forLanguageTag("ar-EG"));
    try {
      cache = caches.smallFiles("cache-arabic", "--shard", "1/4");
    } finally {
      Locale.setDefault(Locale.Category.FORMAT, before);
    }
    try (Stream<Path> files = Files.list(expected)) {
      for (Path file : files.toList()) {
        assertArrayEquals(
            Files.readAllBytes(file),
            Files.readAllBytes(cache.resolve(file.getFileName())),
            file.toString());
      }
    }
  }

  @Test
  void anotherHeadOnTheSameBackboneScoresIt() throws IOException {
    Path cache = caches.smallFiles("cache");
    Path file = model.resolve("model.safetensors");
    byte[] head = Files.readAllBytes(file);
    head[head.length - 1] ^= 1;
    Files.write(file, head);
    Path text = folder.resolve("text.jsonl");
    Path cached = folder.resolve("cached.jsonl");
    caches.score(input, text);
    assertEquals(ExitCode.ROWS_FAILED, caches.score(cache, cached).exitCode());
    assertArrayEquals(Files.readAllBytes(text), Files.readAllBytes(cached));
  }

  @Test
  void aCacheOfOtherVectorsIsRefusedWithTheDifference() throws IOException {
    Path cache = caches.smallFiles("cache");
    Path out = folder.resolve("out.jsonl");
    Run layout = caches.score(cache, out, "--layout", "independent");
    assertEquals(ExitCode.USAGE, layout.exitCode());
    assertTrue(layout.err().contains("layout is joint in the cache"), layout.err());
    Run cut = caches.score(cache, out, "--response-tokens", "3");
    assertTrue(cut.err().contains("response is 64 in the cache, 3 with the model"), cut.err());
    Path drawn = caches.smallFiles("drawn", "--order", "drawn");
    Run order = caches.score(drawn, out);
    assertEquals(ExitCode.USAGE, order.exitCode());
    assertTrue(order.err().contains("drawn from seed 0"), order.err());
    Path last = caches.smallFiles("last", "--pooling", "index");
    Run pooling = caches.score(last, out);
    assertTrue(pooling.err().contains("pooling is index in the cache"), pooling.err());
    assertFalse(Files.exists(out));
  }

  @Test
  void textsOfASequenceThatDifferAreNamedByTheirKeys() throws IOException {
    Path cache = caches.smallFiles("cache");
    Path config = model.resolve("config.json");
    String before = Files.readString(config);
    JsonNode sequence = Run.parse(before).get("sequence");
    Path out = folder.resolve("out.jsonl");
    assertEquals(ExitCode.ROWS_FAILED, caches.score(cache, out).exitCode());
    // A cache that has them in one setting, as they were written once, serves the same model.
    Path index = cache.resolve("cache.json");
    ObjectNode older = (ObjectNode) Run.parse(Files.readString(index));
    ObjectNode settings = (ObjectNode) older.get("settings");
    List<String> keys = new ArrayList<>();
    settings.fieldNames().forEachRemaining(keys::add);
    keys.removeIf(key -> !key.startsWith("sequence ") && !key.startsWith("chat_template "));
    assertEquals(9, keys.size(), settings.toString());
    settings.remove(keys);
    settings.put("sequence", "SequenceConfig[...]");
    settings.put("chat template", settings.get("chat template").asText() + ", nothing, {}");
    Path old = Files.createDirectory(folder.resolve("old"));
    for (String name : List.of("cache.json", "cache.run")) {
      Files.copy(cache.resolve(name), old.resolve(name));
    }
    for (JsonNode shard : older.get("shards")) {
      String name = shard.get("file").asText();
      Files.copy(cache.resolve(name), old.resolve(name));
    }
    Files.writeString(old.resolve("cache.json"), older.toString());
    Path again = folder.resolve("again.jsonl");
    Run served = caches.score(old, again);
    assertEquals(ExitCode.ROWS_FAILED, served.exitCode(), served.err());
    assertArrayEquals(Files.readAllBytes(out), Files.readAllBytes(again));

    ObjectNode changed = (ObjectNode) Run.parse(before);
    ((ObjectNode) changed.get("sequence")).put("suffix", "now");
    Files.writeString(config, changed.toString());
    for (Path one : List.of(cache, old)) {
      Run run = caches.score(one, out, "--force");
      assertEquals(ExitCode.USAGE, run.exitCode());
      assertTrue(
          run.err()
              .contains(
                  ": sequence suffix is %s in the cache, \"now\" with the model. Give"
                      .formatted(sequence.get("suffix"))),
          run.err());
    }
  }

  @Test
  void evalOfACacheAgreesWithEvalOfItsTexts() throws IOException {
    for (String layout : List.of("joint", "independent")) {
      Path drawn = caches.smallFiles("drawn-" + layout, "--order", "drawn", "--layout", layout);
      List<JsonNode> results = new ArrayList<>();
      for (Path data : List.of(input, drawn)) {
        Run run =
            Run.of(
                "eval", "--model", model + "", "--input", data + "", "--layout", layout, "--json");
        assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
        results.addAll(run.json());
      }
      assertTrue(results.get(0).get("n").asInt() > 100, results.toString());
      assertEquals(results.get(0), results.get(1));
    }
    Run given =
        Run.of("eval", "--model", model + "", "--input", caches.smallFiles("given") + "", "--json");
    assertEquals(ExitCode.USAGE, given.exitCode());
    assertTrue(given.err().contains("--order drawn"), given.err());
  }
}
