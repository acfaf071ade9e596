package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.compression.CompressionCodecFactory;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.crypto.FileEncryptionProperties;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
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

/** Parquet that is whole and is not read: a row of output says why, and the next file is read. */
class UnreadParquetTest {
  private static final MessageType SCHEMA =
      MessageTypeParser.parseMessageType(
          "message data { required binary prompt (STRING); repeated binary responses (STRING); }");

  @TempDir private Path folder;
  private Path model;
  private Path data;

  @BeforeEach
  void files() throws IOException {
    model = TinyModel.write(folder.resolve("model"));
    data = Files.createDirectory(folder.resolve("data"));
    Files.writeString(
        data.resolve("b.jsonl"), "{\"id\":\"last\",\"prompt\":\"p\",\"responses\":[\"r\"]}\n");
  }

  private ExampleParquetWriter.Builder writer() {
    return ExampleParquetWriter.builder(new LocalOutputFile(data.resolve("a.parquet")))
        .withType(SCHEMA)
        .withConf(new PlainParquetConfiguration())
        .withCompressionCodec(CompressionCodecName.UNCOMPRESSED);
  }

  private static void write(ExampleParquetWriter.Builder builder) throws IOException {
    try (ParquetWriter<Group> writer = builder.build()) {
      for (int i = 0; i < 3; i++) {
        writer.write(new SimpleGroup(SCHEMA).append("prompt", "p").append("responses", "r"));
      }
    }
  }

  private JsonNode error(String field) {
    Run run = Run.of("score", "--model", model.toString(), "--input", data.toString());
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    assertEquals(2, run.json().size(), run.out());
    assertEquals("last", run.json().getLast().get("id").asText());
    JsonNode error = run.json().getFirst().get("error");
    assertEquals(field, error.get("field").asText());
    return error;
  }

  private void assertSays(String... parts) {
    String message = error("source").get("message").asText();
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
    Run eval =
        Run.of("eval", "--model", model.toString(), "--input", data.resolve("a.parquet") + "");
    assertEquals(ExitCode.ROWS_FAILED, eval.exitCode(), eval.err());
    assertTrue(eval.err().contains(parts[0]), eval.err());
  }

  @Test
  void aCompressionThatIsNotReadIsNamedWithThoseThatAre() throws IOException {
    write(
        writer()
            .withCodecFactory(new NamedOnly(CompressionCodecName.BROTLI))
            .withCompressionCodec(CompressionCodecName.BROTLI));
    assertSays(
        "rows 1 to 3, the rest of row group 1 of 1, cannot be read (column prompt is compressed with BROTLI)",
        "snappy, gzip, zstd or lz4_raw");
  }

  @Test
  void whatIsEncryptedSaysSo() throws IOException {
    for (boolean index : new boolean[] {true, false}) {
      FileEncryptionProperties.Builder keys =
          FileEncryptionProperties.builder("sixteen bytes ..".getBytes(StandardCharsets.UTF_8));
      Files.deleteIfExists(data.resolve("a.parquet"));
      write(writer().withEncryption((index ? keys : keys.withPlaintextFooter()).build()));
      assertSays("It is encrypted");
    }
  }

  @Test
  void aFileOfNoBytesWhoseNameSaysThatItHasSomeIsCutShort() throws IOException {
    Files.createFile(data.resolve("a.parquet"));
    assertSays("it has 0 bytes and no valid end");
    Files.delete(data.resolve("a.parquet"));
    for (String name : List.of("a.jsonl.gz", "a.jsonl.zst")) {
      Path empty = Files.createFile(data.resolve(name));
      String message = error("source").get("message").asText();
      assertTrue(message.contains(name + " ends early: after 0 bytes"), message);
      Run eval = Run.of("eval", "--model", model.toString(), "--input", empty.toString());
      assertEquals(ExitCode.ENVIRONMENT, eval.exitCode(), eval.err());
      Files.delete(empty);
    }
  }

  @Test
  void anIdOfBytesIsToBeWrittenAsText() throws IOException {
    MessageType schema =
        MessageTypeParser.parseMessageType(
            "message data { required fixed_len_byte_array(16) id (UUID); required binary prompt (STRING); repeated binary responses (STRING); }");
    try (ParquetWriter<Group> writer = writer().withType(schema).build()) {
      Binary id = Binary.fromConstantByteArray(new byte[16]);
      writer.write(
          new SimpleGroup(schema).append("id", id).append("prompt", "p").append("responses", "r"));
    }
    JsonNode error = error("id");
    assertTrue(error.get("message").asText().endsWith("; write it as text"), error.toString());
  }

  /** Names a compression, and does not compress. */
  private record NamedOnly(CompressionCodecName name) implements CompressionCodecFactory {
    @Override
    public BytesInputCompressor getCompressor(CompressionCodecName wanted) {
      return new BytesInputCompressor() {
        @Override
        public BytesInput compress(BytesInput bytes) {
          return bytes;
        }

        @Override
        public CompressionCodecName getCodecName() {
          return name;
        }

        @Override
        public void release() {}
      };
    }

    @Override
    public BytesInputDecompressor getDecompressor(CompressionCodecName wanted) {
      throw new UnsupportedOperationException("only written");
    }

    @Override
    public void release() {}
  }
}
