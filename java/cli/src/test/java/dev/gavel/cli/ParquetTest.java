package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.parquet.PageCodecs;
import dev.gavel.cli.parquet.ParquetRows;
import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows in Parquet, in and out. */
class ParquetTest {
  private static final int ROWS = 400;

  // `scores` are the labels of data sets; `more` and `when` no key of a row.
  private static final MessageType SCHEMA =
      MessageTypeParser.parseMessageType(
          """
          message data {
            required int64 id;
            optional group messages (LIST) {
              repeated group list {
                optional group element {
                  optional binary role (STRING);
                  optional binary content (STRING);
                }
              }
            }
            optional binary prompt (STRING);
            optional group responses (LIST) {
              repeated group list { optional binary element (STRING); }
            }
            repeated double scores;
            optional group more { required int32 depth; optional binary note (STRING); }
            required boolean when;
          }
          """);

  @TempDir private Path folder;
  private Path model;

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.write(folder.resolve("model"));
  }

  private static Group group(int number) {
    Group row = new SimpleGroup(SCHEMA);
    row.add("id", 1000L + number);
    if (number % 41 != 5) {
      row.add("prompt", "say " + number);
    }
    Group responses = row.addGroup("responses");
    if (number % 53 == 7) {
      responses.addGroup(0).add(0, Binary.fromConstantByteArray(new byte[] {'a', (byte) 0xff}));
    } else {
      responses.addGroup(0).add(0, "word ".repeat(number % 11 + 1));
    }
    responses.addGroup(0).add(0, "naïve 😀");
    row.append("scores", 0.5 * number).append("scores", -1.0);
    if (number % 3 > 0) {
      row.addGroup("more").append("depth", number).append("note", "n" + number);
    }
    row.add("when", number % 2 == 0);
    return row;
  }

  private static String json(int number) {
    String prompt = number % 41 == 5 ? "" : "\"prompt\":\"say %d\",".formatted(number);
    return "{\"id\":%d,%s\"responses\":[\"%s\",\"naïve 😀\"]}\n"
        .formatted(1000 + number, prompt, "word ".repeat(number % 11 + 1));
  }

  private Path parquet(String name, CompressionCodecName codec) throws IOException {
    Path file = folder.resolve(name);
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(new LocalOutputFile(file))
            .withType(SCHEMA)
            .withConf(new PlainParquetConfiguration())
            .withCodecFactory(new PageCodecs())
            .withWriteMode(ParquetFileWriter.Mode.OVERWRITE)
            .withCompressionCodec(codec)
            // Several row groups.
            .withRowGroupSize(3000L)
            .withPageSize(500)
            .withMinRowCountForPageSizeCheck(10)
            .withDictionaryEncoding(false)
            .build()) {
      for (int i = 0; i < ROWS; i++) {
        writer.write(group(i));
      }
    }
    return file;
  }

  private Run score(Path input, Path output, String... more) {
    List<String> arguments = new ArrayList<>(List.of("score", "--model", model.toString()));
    arguments.addAll(List.of("--input", input.toString(), "--output", output.toString()));
    arguments.addAll(List.of("--window-rows", "32"));
    arguments.addAll(List.of(more));
    return Run.of(arguments.toArray(String[]::new));
  }

  private static List<ParquetRows.Item> read(Path file) throws Exception {
    List<ParquetRows.Item> items = new ArrayList<>();
    try (ParquetRows rows = ParquetRows.open(file)) {
      Optional<ParquetRows.Item> item = rows.next();
      while (item.isPresent()) {
        items.add(item.get());
        item = rows.next();
      }
    }
    return items;
  }

  private static Group whole(ParquetRows.Item item) {
    return ((ParquetRows.Item.Whole) item).group();
  }

  @Test
  void unsignedIdsAreNotNegative() throws Exception {
    for (String[] type :
        new String[][] {
          {"int32 id (INTEGER(32,false))", "4294967295"},
          {"int64 id (INTEGER(64,false))", "18446744073709551615"},
          {"int32 id (INTEGER(32,true))", "-1"},
          {"int64 id", "-1"}
        }) {
      MessageType schema =
          MessageTypeParser.parseMessageType(
              "message data { required %s; required binary prompt (STRING); repeated binary responses (STRING); }"
                  .formatted(type[0]));
      Group row = new SimpleGroup(schema);
      if (type[0].startsWith("int32")) {
        row.add("id", -1);
      } else {
        row.add("id", -1L);
      }
      row.append("prompt", "p").append("responses", "r");
      Path file = folder.resolve("ids.parquet");
      try (ParquetWriter<Group> writer =
          ExampleParquetWriter.builder(new LocalOutputFile(file))
              .withType(schema)
              .withConf(new PlainParquetConfiguration())
              .withCodecFactory(new PageCodecs())
              .withWriteMode(ParquetFileWriter.Mode.OVERWRITE)
              .build()) {
        writer.write(row);
      }
      Path output = folder.resolve("ids.jsonl");
      Run run = score(file, output, "--force");
      assertEquals(ExitCode.DONE, run.exitCode(), run.err());
      assertEquals(type[1], Run.json(output).getFirst().get("id").asText());
    }
  }

  @Test
  void rowsHaveTheScoresOfTheSameRowsInJson() throws Exception {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < ROWS; i++) {
      lines.append(json(i));
    }
    Path text = Files.writeString(folder.resolve("in.jsonl"), lines);
    Path expected = folder.resolve("expected.jsonl");
    assertEquals(ExitCode.ROWS_FAILED, score(text, expected).exitCode());
    List<JsonNode> rows = Run.json(expected);
    for (CompressionCodecName codec :
        List.of(
            CompressionCodecName.UNCOMPRESSED,
            CompressionCodecName.SNAPPY,
            CompressionCodecName.GZIP,
            CompressionCodecName.ZSTD)) {
      Path output = folder.resolve(codec + ".jsonl");
      Run run = score(parquet(codec + ".parquet", codec), output);
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      List<JsonNode> found = Run.json(output);
      assertEquals(ROWS, found.size());
      for (int i = 0; i < ROWS; i++) {
        if (i % 53 == 7) {
          JsonNode error = found.get(i).get("error");
          assertEquals("responses[0]", error.get("field").asText());
          assertTrue(error.get("message").asText().contains("not valid UTF-8"), error.toString());
          assertEquals(i + 1, found.get(i).get("line").asInt());
        } else if (i % 41 == 5) {
          assertEquals("prompt", found.get(i).get("error").get("field").asText());
        } else {
          assertEquals(rows.get(i), found.get(i));
        }
      }
    }
  }

  @Test
  void columnsThatAreNotKnownAreKeptInOrder() throws Exception {
    Path input = parquet("in.parquet", CompressionCodecName.SNAPPY);
    Path json = folder.resolve("out.jsonl");
    Path output = folder.resolve("out.parquet");
    for (String shard : List.of("1/1", "2/3")) {
      assertEquals(
          ExitCode.ROWS_FAILED, score(input, json, "--shard", shard, "--force").exitCode());
      Run run = score(input, output, "--shard", shard, "--force");
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      List<JsonNode> rows = Run.json(json);
      List<ParquetRows.Item> items = read(output);
      assertEquals(rows.size(), items.size());
      for (int i = 0; i < rows.size(); i++) {
        int number = shard.equals("1/1") ? i : 3 * i + 1;
        Group row = whole(items.get(i));
        Group was = group(number);
        for (String column : List.of("id", "responses", "more", "when", "scores", "prompt")) {
          int count = was.getFieldRepetitionCount(column);
          assertEquals(count, row.getFieldRepetitionCount(column), column);
          for (int j = 0; j < count; j++) {
            assertEquals(text(was, column, j), text(row, column, j), column);
          }
        }
        JsonNode scored = rows.get(i);
        if (scored.has("scores")) {
          // The input has a column of this name already.
          Group list = row.getGroup("gavel_scores", 0);
          for (int j = 0; j < 2; j++) {
            assertEquals(
                scored.get("scores").get(j).floatValue(), list.getGroup(0, j).getFloat(0, 0));
          }
          assertEquals(scored.get("best").asInt(), row.getInteger("best", 0));
          assertEquals(0, row.getFieldRepetitionCount("error"));
        } else {
          assertEquals(
              scored.get("error").get("message").asText(),
              row.getGroup("error", 0).getString("message", 0));
          assertEquals(number + 1, row.getLong("line", 0));
        }
      }
    }
  }

  private static String text(Group row, String column, int index) {
    int field = row.getType().getFieldIndex(column);
    return row.getType().getType(field).isPrimitive()
        ? row.getValueToString(field, index)
        : row.getGroup(field, index).toString();
  }

  @Test
  void jsonBecomesParquetAndParquetIsReadByEval() throws Exception {
    Path text = Files.writeString(folder.resolve("in.jsonl"), json(1) + "{broken\n" + json(2));
    Path output = folder.resolve("out.parquet");
    assertEquals(ExitCode.ROWS_FAILED, score(text, output).exitCode());
    List<ParquetRows.Item> items = read(output);
    assertEquals(3, items.size());
    assertEquals("1001", whole(items.get(0)).getString("id", 0));
    assertEquals(2, whole(items.get(1)).getLong("line", 0));
    assertEquals(0, whole(items.get(1)).getFieldRepetitionCount("scores"));
    Path data = parquet("data.parquet", CompressionCodecName.ZSTD);
    Run eval = Run.of("eval", "--model", model + "", "--input", data + "", "--json");
    assertEquals(ExitCode.ROWS_FAILED, eval.exitCode(), eval.err());
    assertTrue(eval.json().getFirst().get("n").asInt() > 350, eval.out());
  }

  @Test
  void aFileThatIsCutSaysSoAndADamagedRowGroupLeavesTheOthers() throws Exception {
    Path input = parquet("in.parquet", CompressionCodecName.UNCOMPRESSED);
    byte[] bytes = Files.readAllBytes(input);
    Path output = folder.resolve("out.jsonl");
    for (int length : new int[] {4, 12, bytes.length / 2, bytes.length - 1}) {
      Files.write(input, Arrays.copyOf(bytes, length));
      Run run = score(input, output, "--force");
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      JsonNode only = Run.json(output).getFirst();
      assertEquals(1, Run.json(output).size());
      assertEquals("source", only.get("error").get("field").asText());
      String message = only.get("error").get("message").asText();
      assertTrue(message.contains("it has %d bytes and no valid end".formatted(length)), message);
    }
    // The type of the second row group's first page becomes one that is none.
    int damaged = indexOf(bytes, "say 150".getBytes(StandardCharsets.UTF_8));
    byte[] broken = bytes.clone();
    Arrays.fill(broken, damaged - 400, damaged, (byte) 0xff);
    Files.write(input, broken);
    Run run = score(input, output, "--force");
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    List<JsonNode> rows = Run.json(output);
    List<JsonNode> told =
        rows.stream().filter(row -> row.at("/error/field").asText().equals("source")).toList();
    assertEquals(1, told.size(), told.toString());
    assertTrue(
        told.getFirst().at("/error/message").asText().contains("row group"), told.toString());
    assertEquals(1000, rows.getFirst().get("id").asInt());
    assertEquals(1000 + ROWS - 1, rows.getLast().get("id").asInt());
    assertTrue(rows.size() > 100 && rows.size() < ROWS, "rows of other groups: " + rows.size());
    // Columns and rows of output stay beside each other.
    Path kept = folder.resolve("out.parquet");
    score(input, kept);
    List<ParquetRows.Item> items = read(kept);
    assertEquals(rows.size(), items.size());
    assertEquals(1000L + ROWS - 1, whole(items.getLast()).getLong("id", 0));
  }

  private static int indexOf(byte[] bytes, byte[] wanted) {
    for (int i = 0; i + wanted.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
        return i;
      }
    }
    throw new AssertionError("not there");
  }

  @Test
  void aRunThatWasCutGoesOnToTheSameBytes() throws Exception {
    Path input = parquet("in.parquet", CompressionCodecName.SNAPPY);
    Path whole = folder.resolve("whole.parquet");
    score(input, whole);
    byte[] expected = Files.readAllBytes(whole);
    List<String> journal = Files.readAllLines(folder.resolve("whole.parquet.run"));
    Path rows = folder.resolve("rows.jsonl");
    score(input, rows);
    Path cut = folder.resolve("cut.parquet");
    Path record = folder.resolve("cut.parquet.run");
    // Killed while rows are written, before the conversion, after it, and after the move.
    int last = journal.size();
    for (int kept : new int[] {1, last - 2, last - 1, last}) {
      Files.deleteIfExists(cut);
      Files.writeString(record, String.join("\n", journal.subList(0, kept)) + "\n");
      Files.copy(
          rows,
          folder.resolve("cut.parquet.partial"),
          java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      if (kept == last) {
        Files.write(cut, expected);
      }
      Files.writeString(folder.resolve("cut.parquet.converted"), "half");
      Run run = score(input, cut, "--resume");
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      assertArrayEquals(expected, Files.readAllBytes(cut), "kept " + kept);
      assertFalse(Files.exists(folder.resolve("cut.parquet.partial")));
      assertFalse(Files.exists(folder.resolve("cut.parquet.converted")));
    }
    Run again = score(input, cut, "--resume");
    assertTrue(again.err().contains("complete already"), again.err());
  }

  @Test
  void inputsWhoseColumnsDifferAreRefusedBeforeAnyWork() throws Exception {
    Path input = parquet("in.parquet", CompressionCodecName.SNAPPY);
    Files.writeString(folder.resolve("in.jsonl"), json(1));
    Path output = folder.resolve("out.parquet");
    Run run =
        Run.of(
            "score",
            "--model",
            model + "",
            "--input",
            folder + "/in.*",
            "--output",
            output.toString());
    assertEquals(ExitCode.USAGE, run.exitCode());
    assertTrue(run.err().contains("some inputs are Parquet"), run.err());
    Run table = score(input, output, "--format", "table");
    assertEquals(ExitCode.USAGE, table.exitCode());
    assertFalse(Files.exists(output));
  }
}
