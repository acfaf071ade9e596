package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import dev.gavel.cli.parquet.PageCodecs;
import dev.gavel.cli.program.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same rows in every format from every kind of source have the same scores. */
class FormatsAndSourcesTest {
  private static final int ROWS = 90;
  private static final MessageType SCHEMA =
      MessageTypeParser.parseMessageType(
          """
          message rows {
            required int64 id;
            required binary prompt (STRING);
            required binary chosen (STRING);
            required binary rejected (STRING);
          }
          """);

  /** How rows are stored. */
  private enum Format {
    PLAIN(".jsonl"),
    GZIP(".jsonl.gz"),
    ZSTANDARD(".jsonl.zst"),
    PARQUET(".parquet");

    private final String ending;

    Format(String ending) {
      this.ending = ending;
    }
  }

  @TempDir private Path folder;
  private Path model = Path.of("");

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.write(folder.resolve("model"));
  }

  private static byte[] lines() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < ROWS; i++) {
      text.append(
          "{\"id\":%d,\"prompt\":\"%s\",\"chosen\":\"%s\",\"rejected\":\"no\"}\n"
              .formatted(i, prompt(i), chosen(i)));
    }
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static String prompt(int row) {
    return "say " + row;
  }

  private static String chosen(int row) {
    return "word ".repeat(row % 9 + 1);
  }

  private Path stored(Format format) throws IOException {
    Path inside = Files.createDirectories(folder.resolve(format.name()));
    Path file = inside.resolve("rows" + format.ending);
    switch (format) {
      case PLAIN -> Files.write(file, lines());
      case GZIP -> {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
          out.write(lines());
        }
        Files.write(file, bytes.toByteArray());
      }
      case ZSTANDARD -> Files.write(file, Zstd.compress(lines()));
      case PARQUET -> writeParquet(file);
    }
    return file;
  }

  private static void writeParquet(Path file) throws IOException {
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(new LocalOutputFile(file))
            .withType(SCHEMA)
            .withConf(new PlainParquetConfiguration())
            .withCodecFactory(new PageCodecs())
            .build()) {
      for (int i = 0; i < ROWS; i++) {
        Group row = new SimpleGroup(SCHEMA);
        row.append("id", (long) i).append("prompt", prompt(i));
        writer.write(row.append("chosen", chosen(i)).append("rejected", "no"));
      }
    }
  }

  private Run score(byte[] standard, String input, String... more) {
    List<String> arguments =
        new java.util.ArrayList<>(List.of("score", "--model", model + "", "--input", input));
    arguments.addAll(List.of(more));
    return Run.withBytes(standard, arguments.toArray(String[]::new));
  }

  @Test
  void scoresAreTheSame() throws IOException {
    byte[] nothing = new byte[0];
    String expected = score(lines(), "-").out();
    assertEquals(ROWS, expected.lines().count());
    for (Format format : Format.values()) {
      Path file = stored(format);
      Path inside = folder.resolve(format.name());
      for (String source : List.of(file + "", inside + "", inside + "/r*" + format.ending)) {
        Run run = score(nothing, source);
        assertEquals(ExitCode.DONE, run.exitCode(), run.err());
        assertEquals(expected, run.out(), source);
      }
      Run standard = score(Files.readAllBytes(file), "-");
      if (format == Format.PARQUET) {
        assertEquals(ExitCode.USAGE, standard.exitCode());
        assertEquals("", standard.out());
        assertTrue(standard.err().contains("standard input is Parquet"), standard.err());
        assertTrue(standard.err().contains("save it as a file"), standard.err());
      } else {
        assertEquals(ExitCode.DONE, standard.exitCode(), standard.err());
        assertEquals(expected, standard.out(), format.name());
      }
    }
  }

  @Test
  void parquetFromStandardInputLeavesNoOutput() throws IOException {
    byte[] rows = Files.readAllBytes(stored(Format.PARQUET));
    Path output = folder.resolve("out.jsonl");
    assertEquals(ExitCode.USAGE, score(rows, "-", "--output", output + "").exitCode());
    for (String name : List.of("out.jsonl", "out.jsonl.partial")) {
      assertFalse(Files.exists(folder.resolve(name)), name);
    }
    Run cache =
        Run.withBytes(
            rows, "cache", "--model", model + "", "--input", "-", "--output", output + "");
    assertEquals(ExitCode.USAGE, cache.exitCode(), cache.err());
    assertTrue(cache.err().contains("standard input is Parquet"), cache.err());
    assertFalse(Files.exists(output));
  }

  @Test
  void evalReadsEveryFormat() throws IOException {
    String expected = "";
    for (Format format : Format.values()) {
      Run run = Run.of("eval", "--model", model + "", "--input", stored(format) + "", "--json");
      assertEquals(ExitCode.DONE, run.exitCode(), run.err());
      assertEquals(ROWS, run.json().getFirst().get("n").asInt());
      assertEquals(expected.isEmpty() ? run.out() : expected, run.out(), format.name());
      expected = run.out();
    }
  }
}
