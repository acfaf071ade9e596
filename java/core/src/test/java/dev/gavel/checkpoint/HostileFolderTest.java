package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.Refusals.refuses;
import static dev.gavel.checkpoint.TestFolder.WIDTH;
import static dev.gavel.checkpoint.TestFolder.config;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.RewardHead;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders whose files lie: names that lead out, shards that are not there, bombs of brackets. */
class HostileFolderTest {
  private static final String INDEX = "model.safetensors.index.json";

  @TempDir private Path directory;
  private TestFolder folder;

  @BeforeEach
  void build() {
    folder =
        new TestFolder(directory.resolve("model"), DType.F32, 1)
            .with("score.weight", 1, WIDTH)
            .config(config("LlamaForSequenceClassification", ""));
  }

  private void refused(Class<? extends FileException> type, String... texts) {
    refuses(type, () -> HeadCheckpoint.read(folder.path), texts);
  }

  private void index(String shard) {
    folder.text(INDEX, "{\"weight_map\": {\"score.weight\": \"%s\"}}".formatted(shard));
  }

  /** Of three shards only the head's is there, and it is enough. */
  @Test
  void onlyTheShardOfTheHeadIsOpened() {
    folder.lastShardOnly();
    try (Context context = Context.open();
        RewardHead head = RewardHead.load(context, folder.path)) {
      assertEquals(WIDTH, head.spec().inputWidth());
    }
  }

  @Test
  void namesThatLeadOutOfTheFolderAreRefused() throws IOException {
    folder.single();
    Files.move(folder.path.resolve("model.safetensors"), directory.resolve("outside.safetensors"));
    for (String name :
        new String[] {
          "../outside.safetensors",
          directory.resolve("outside.safetensors").toString(),
          "../model/../outside.safetensors",
          "sub/shard.safetensors",
          "./shard.safetensors",
          "..",
          ".",
          "",
          "a\\\\b.safetensors"
        }) {
      index(name);
      refused(FormatException.class, "it must be the plain name of a file beside it");
    }
    index("a\\u0000b");
    refused(FormatException.class, "that is no path");
  }

  @Test
  void aSymbolicLinkIsFollowed() throws IOException {
    folder.single();
    Path blob = directory.resolve("blob");
    Files.move(folder.path.resolve("model.safetensors"), blob);
    Files.createSymbolicLink(folder.path.resolve("model.safetensors"), blob);
    assertEquals(HeadPattern.SCORE, HeadCheckpoint.read(folder.path).pattern());
  }

  @Test
  void shardsThatAreNotAsTheIndexSays() throws IOException {
    index("model-00001-of-00002.safetensors");
    refused(
        FileException.class,
        "says that tensor 'score.weight' is in model-00001-of-00002.safetensors, which is not in the folder; fetch that shard");
    folder.safetensors("model-00001-of-00002.safetensors", folder.backbone());
    refused(FormatException.class, "holds tensor", "index and shards do not belong together");
    folder.text(INDEX, "{\"weight_map\": {\"score.weight\": 7}}");
    refused(FormatException.class, "has weight_map.score.weight = 7; it must be a text");
    folder.text(INDEX, "{\"weights\": {}}");
    refused(FormatException.class, "has no key 'weight_map'");
  }

  @Test
  void configurationsThatAreNone() {
    folder.single();
    for (String json :
        new String[] {"", "[1]", "{\"a\": 1", "{\"a\": 1} x", "{\"a\": 1, \"a\": 2}", "{a: 1}"}) {
      folder.config(json);
      refused(FormatException.class, "config.json");
    }
    folder.config("{\"a\": %s1%s}".formatted("[".repeat(100_000), "]".repeat(100_000)));
    refused(FormatException.class, "cannot be read as JSON", "nesting depth");
    folder.config(" ".repeat(ModelJson.MOST_CONFIG_BYTES + 1));
    refused(FormatException.class, "has more than 4194304 bytes");
    folder.config("{\"hidden_size\": \"24\"}");
    refused(FormatException.class, "has hidden_size = 24; it must be an integer");
    folder.config("{\"hidden_size\": 1e300}");
    refused(FormatException.class, "it must be an integer");
    folder.config("{\"hidden_size\": 99999999999999999999999}");
    refused(FormatException.class, "it must be an integer");
    folder.config("{\"hidden_size\": 4611686018427387904}");
    refused(FormatException.class, "it must be from 1 to 1048576");
    folder.config("{\"hidden_size\": null, \"text_config\": {\"hidden_size\": null}}");
    refused(FormatException.class, "has no width of hidden states");
  }

  @Test
  void whatIsNoFileIsNotRead() throws IOException {
    for (String name : new String[] {"model.safetensors", "pytorch_model.bin"}) {
      Path file = folder.path.resolve(name);
      Files.createSymbolicLink(file, Path.of("/dev/null"));
      refused(FormatException.class, name, "is a folder, a pipe or a device");
      Files.delete(file);
    }
    folder.single();
    Path config = folder.path.resolve("config.json");
    Files.delete(config);
    Files.createSymbolicLink(config, Path.of("/dev/null"));
    refused(FormatException.class, "config.json", "is a folder, a pipe or a device");
  }

  /** A vocabulary is looked through for two words; whatever else it is, it is refused. */
  @Test
  void vocabulariesThatAreNone() throws IOException, InterruptedException {
    TestFolder model =
        new TestFolder(directory.resolve("reranker"), DType.F32, 2)
            .with("lm_head.weight", 40, WIDTH)
            .config(config("Qwen3ForCausalLM", ""))
            .single();
    Path file = model.path.resolve("tokenizer.json");
    String entries = "{\"model\": {\"vocab\": {%s}}}";
    for (String[] wrong :
        new String[][] {
          {"\"yes\": 3, \"no\": 12, \"yes\": 4", "has token 'yes' twice in its vocabulary"},
          {"\"yes\": 3, \"no\": 3", "has the id 3 for 'yes' and for 'no'"},
          {"\"yes\": 3, \"no\": 12, ", "cannot be read as JSON"}
        }) {
      model.text("tokenizer.json", entries.formatted(wrong[0]));
      refusesVocabulary(model, wrong[1]);
    }
    String good = entries.formatted("\"yes\": 3, \"no\": 12");
    Files.write(file, good.getBytes(StandardCharsets.UTF_16));
    refusesVocabulary(model, "is not UTF-8");
    Files.delete(file);
    // Opening a pipe would wait for a writer that never comes.
    assertEquals(0, new ProcessBuilder("mkfifo", file.toString()).start().waitFor());
    refusesVocabulary(model, "is a folder, a pipe or a device");
  }

  private static void refusesVocabulary(TestFolder model, String text) {
    refuses(
        FormatException.class,
        () ->
            assertTimeoutPreemptively(
                Duration.ofSeconds(10),
                () -> HeadCheckpoint.read(model.path, HeadPattern.QWEN3_RERANKER)),
        "tokenizer.json",
        text);
  }

  /** The type of an error tells a folder that lacks a file from one that cannot be read. */
  @Test
  void aFolderWithoutFiles() {
    FileException none = assertThrows(FileException.class, () -> HeadCheckpoint.read(folder.path));
    assertInstanceOf(NoSuchFileException.class, none.getCause());
    index("model-00001-of-00002.safetensors");
    FileException shard = assertThrows(FileException.class, () -> HeadCheckpoint.read(folder.path));
    assertInstanceOf(NoSuchFileException.class, shard.getCause());
    folder.path.resolve(INDEX).toFile().delete();
    refused(FileException.class, "has no weights; expected one of [model.safetensors");
    folder.single();
    folder.path.resolve("config.json").toFile().delete();
    refused(FileException.class, "config.json");
  }

  /** Bytes that belong to two tensors, or to none, are refused before any is read. */
  @Test
  void safetensorsWhoseRangesOverlap() throws IOException {
    for (String offsets :
        new String[] {"[0, 96]", "[48, 144]", "[100, 196]", "[96, 191]", "[-96, 0]"}) {
      String header =
          """
          {"model.norm.weight": {"dtype": "F32", "shape": [24], "data_offsets": [0, 96]},
           "score.weight": {"dtype": "F32", "shape": [1, 24], "data_offsets": %s}}
          """
              .formatted(offsets);
      byte[] json = header.getBytes(StandardCharsets.UTF_8);
      ByteBuffer file = ByteBuffer.allocate(8 + json.length + 192).order(ByteOrder.LITTLE_ENDIAN);
      Files.write(
          folder.path.resolve("model.safetensors"), file.putLong(json.length).put(json).array());
      refused(FormatException.class, "model.safetensors");
    }
  }

  @Test
  void aFolderThatChangesInBetweenIsNoticed() {
    folder.single();
    HeadCheckpoint checkpoint = HeadCheckpoint.read(folder.path);
    folder.with("score.weight", 2, WIDTH).single();
    try (Context context = Context.open()) {
      refuses(FormatException.class, () -> checkpoint.load(context), "has changed since");
    }
  }
}
