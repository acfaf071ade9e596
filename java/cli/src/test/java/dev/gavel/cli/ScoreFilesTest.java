package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdInputStream;
import dev.gavel.Layout;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.text.RewardModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Many files, compressed files, parts of files. */
class ScoreFilesTest {
  @TempDir private Path folder;
  private Path model = Path.of("");

  @BeforeEach
  void model() throws IOException {
    model = TinyModel.write(folder.resolve("model"));
  }

  private static String rows(String name, int count) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < count; i++) {
      text.append(
          "{\"id\":\"%s%d\",\"prompt\":\"%s\",\"responses\":[\"%s\",\"b\"]}\n"
              .formatted(name, i, "why ".repeat(i % 7 + 1), "because ".repeat(i % 9 + 1)));
    }
    return text.toString();
  }

  private Run score(String input, String... more) {
    List<String> command =
        new ArrayList<>(List.of("score", "--model", model.toString(), "--input", input));
    command.addAll(List.of(more));
    return Run.of(command.toArray(String[]::new));
  }

  private Path file(String name, byte[] content) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.write(file, content);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] gzip(byte[] content) throws IOException {
    ByteArrayOutputStream stored = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(stored)) {
      out.write(content);
    }
    return stored.toByteArray();
  }

  private static List<String> ids(Run run) {
    return run.json().stream().map(row -> row.get("id").asText()).toList();
  }

  @Test
  void scoresHaveTheSameBitsWhateverTheWindowTheBatchAndTheThreads() throws IOException {
    Path input = file("in.jsonl", bytes(rows("r", 700)));
    String expected =
        score(input.toString(), "--window-rows", "1", "--batch-tokens", "1", "--threads", "1")
            .out();
    assertEquals(700, expected.lines().count());
    for (String window : List.of("2", "64", "2048")) {
      for (String batch : List.of("1", "100", "2048")) {
        for (String threads : List.of("1", "2")) {
          Run run =
              score(
                  input.toString(),
                  "--window-rows",
                  window,
                  "--batch-tokens",
                  batch,
                  "--threads",
                  threads);
          assertEquals(expected, run.out(), window + " " + batch + " " + threads);
        }
      }
    }
  }

  @Test
  void scoresAreThoseOfTheLibraryInTheOrderOfTheResponses() throws IOException {
    StringBuilder text = new StringBuilder();
    List<List<String>> responses = new ArrayList<>();
    for (int row = 0; row < 40; row++) {
      // The longer ones take several sequences.
      List<String> own = new ArrayList<>();
      for (int i = 0; i <= row % 13; i++) {
        own.add("abcdefghijklm".substring(0, (i * 5 + row) % 13 + 1).repeat(row % 4 + 1));
      }
      responses.add(own);
      text.append(
          "{\"prompt\":\"p%d\",\"responses\":[\"%s\"]}\n"
              .formatted(row, String.join("\",\"", own)));
    }
    Path input = file("in.jsonl", bytes(text.toString()));
    for (Layout layout : Layout.values()) {
      String name = layout.name().toLowerCase(Locale.ROOT);
      List<JsonNode> rows = score(input.toString(), "--layout", name).json();
      try (RewardModel library =
          RewardModel.load(model.toString(), RewardModel.Options.defaults().withLayout(layout))) {
        for (int row = 0; row < responses.size(); row++) {
          List<Float> expected = library.score("p" + row, responses.get(row)).scores();
          List<Float> found = new ArrayList<>();
          rows.get(row).get("scores").forEach(score -> found.add(score.floatValue()));
          assertEquals(expected, found, name + " row " + row);
        }
      }
    }
  }

  @Test
  void theDefaultModelKeepsItsBitsInAnyWindowAndBatch() throws IOException {
    String input = Project.examples().toString();
    for (String layout : List.of("joint", "independent")) {
      String expected =
          Run.of("score", "--input", input, "--layout", layout, "--window-rows", "1").out();
      Run together =
          Run.of("score", "--input", input, "--layout", layout, "--batch-tokens", "5000");
      assertEquals(expected, together.out());
    }
  }

  @Test
  void compressedFilesAreTakenForWhatTheyAre() throws IOException {
    byte[] text = bytes(rows("r", 100));
    String expected = score(file("plain.jsonl", text).toString()).out();
    // A name that says otherwise changes nothing.
    assertEquals(expected, score(file("a.jsonl.gz", gzip(text)).toString()).out());
    assertEquals(expected, score(file("b.jsonl", gzip(text)).toString()).out());
    assertEquals(expected, score(file("c.jsonl.zst", Zstd.compress(text)).toString()).out());
    assertEquals(expected, score(file("d.jsonl.gz", text).toString()).out());
  }

  @Test
  void outputIsCompressedWhereItsNameSaysSo() throws IOException {
    // More than a part of a compressed file.
    Path input = file("in.jsonl", bytes(rows("r", 6000)));
    Path plain = folder.resolve("out.jsonl");
    Path gzip = folder.resolve("out.jsonl.gz");
    Path zstd = folder.resolve("out.jsonl.zst");
    for (Path output : List.of(plain, gzip, zstd)) {
      Run run = score(input.toString(), "--output", output.toString());
      assertEquals(ExitCode.DONE, run.exitCode(), run.err());
    }
    assertTrue(Files.size(plain) > 1 << 20);
    assertTrue(Files.size(gzip) < Files.size(plain) / 5);
    try (GZIPInputStream in = new GZIPInputStream(Files.newInputStream(gzip));
        ZstdInputStream other = new ZstdInputStream(Files.newInputStream(zstd))) {
      byte[] expected = Files.readAllBytes(plain);
      assertTrue(Arrays.equals(expected, in.readAllBytes()), "gzip");
      assertTrue(Arrays.equals(expected, other.readAllBytes()), "zstd");
    }
  }

  @Test
  void aFolderOrAPatternNamesFilesInOrder() throws IOException {
    file("data/b.jsonl.gz", gzip(bytes(rows("b", 2))));
    file("data/a.jsonl", bytes(rows("a", 2) + "{\n"));
    file("data/notes.txt", bytes("no rows"));
    file("data/deep/c.ndjson", bytes(rows("c", 1)));
    String data = folder.resolve("data").toString();
    Run all = score(data);
    assertEquals(ExitCode.ROWS_FAILED, all.exitCode(), all.err());
    assertEquals(List.of("a0", "a1", "null", "b0", "b1"), ids(all));
    JsonNode bad = all.json().get(2);
    assertEquals(3, bad.get("line").asInt());
    assertEquals(Path.of(data, "a.jsonl").toString(), bad.get("file").asText());
    assertEquals(Path.of(data, "b.jsonl.gz").toString(), all.json().get(3).get("file").asText());
    assertEquals(List.of("b0", "b1"), ids(score(data + "/*.gz")));
    assertEquals(List.of("c0"), ids(score(data + "/**/*.ndjson")));
    for (String none : List.of(data + "/*.parquet", folder + "/none/*", model.toString())) {
      assertEquals(ExitCode.USAGE, score(none).exitCode(), none);
    }
  }

  @Test
  void shardsTogetherAreTheWhole() throws IOException {
    Path input = file("in.jsonl", bytes(rows("r", 50) + "{\n" + rows("s", 20)));
    List<String> whole = score(input.toString()).out().lines().toList();
    List<String> merged = new ArrayList<>(whole);
    for (int shard = 1; shard <= 3; shard++) {
      List<String> part = score(input.toString(), "--shard", shard + "/3").out().lines().toList();
      for (int i = 0; i < part.size(); i++) {
        merged.set(shard - 1 + 3 * i, part.get(i));
      }
      int first = shard - 1;
      assertEquals(
          IntStream.range(0, whole.size()).filter(i -> i % 3 == first).count(), part.size());
    }
    assertEquals(whole, merged);
    for (String wrong : List.of("0/3", "4/3", "1", "a/b", "1/0", "-1/2")) {
      assertEquals(ExitCode.USAGE, score(input.toString(), "--shard", wrong).exitCode(), wrong);
    }
  }

  @Test
  void aCutFileSaysWhereItEndsAndTheRestIsScored() throws IOException {
    byte[] whole = gzip(bytes(rows("r", 3000)));
    Path cut = file("cut.jsonl.gz", Arrays.copyOf(whole, whole.length / 2));
    Run run = score(cut.toString());
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode());
    List<JsonNode> rows = run.json();
    assertTrue(rows.size() > 100);
    for (int i = 0; i < rows.size() - 1; i++) {
      assertEquals("r" + i, rows.get(i).get("id").asText());
    }
    JsonNode last = rows.getLast();
    assertEquals(rows.size(), last.get("line").asInt());
    assertEquals("source", last.get("error").get("field").asText());
    assertTrue(
        last.get("error").get("message").asText().contains("ends early: after"), last.toString());
  }

  /** It is whole: to get it again, as was said, changes nothing. */
  @Test
  void aFileThatNeedsADictionaryIsNotCalledCutShort() throws IOException {
    byte[] frame = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 1, 0, 7, 1, 0, 0};
    Path file = file("dictionary.jsonl.zst", frame);
    Run run = score(file.toString());
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode());
    assertEquals(
        file
            + " is not read further: after 0 bytes of text, in line 1, it cannot be decompressed (it needs a dictionary)."
            + " Rows before are kept; compress it without one to score it",
        run.json().getFirst().get("error").get("message").asText());
  }

  /** What unpacks a file of no bytes calls it cut short, and so do inputs here. */
  @Test
  void aCompressedOutputWithoutRowsIsStillACompressedFile() throws IOException {
    Path none = file("none.jsonl", new byte[0]);
    for (String ending : List.of(".gz", ".zst")) {
      Path output = folder.resolve("out.jsonl" + ending);
      for (String mode : List.of("--force", "--resume")) {
        Run run = score(none.toString(), "--output", output.toString(), mode);
        assertEquals(ExitCode.DONE, run.exitCode(), run.err());
      }
      assertTrue(Files.size(output) > 0, output.toString());
      Run read = score(output.toString());
      assertEquals(ExitCode.DONE, read.exitCode(), read.out());
      assertEquals("", read.out());
    }
  }
}
