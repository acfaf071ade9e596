package dev.gavel.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.RewardHead;
import dev.gavel.Safetensors;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Rows of every form, good and bad, and what {@code gavel score} makes of them. */
final class Sample {
  /** Rows that cannot be scored. */
  static final int BAD = 5;

  private static final StructType MESSAGE =
      new StructType().add("role", DataTypes.StringType).add("content", DataTypes.StringType);

  private static final StructType TYPE =
      new StructType()
          .add("line", DataTypes.LongType)
          .add("id", DataTypes.StringType)
          .add("prompt", DataTypes.StringType)
          .add("messages", DataTypes.createArrayType(MESSAGE))
          .add("responses", DataTypes.createArrayType(DataTypes.StringType))
          .add("chosen", DataTypes.StringType)
          .add("rejected", DataTypes.StringType);

  private Sample() {}

  /** A session for tests. */
  static SparkSession session(String master) {
    return SparkSession.builder()
        .master(master)
        .appName("gavel tests")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.leafNodeDefaultParallelism", "3")
        .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
        .config("spark.executor.memory", "512m")
        // A loaded machine may stop a process for minutes; a dead one is seen by its connection.
        .config("spark.network.timeout", "600s")
        .getOrCreate();
  }

  /** Good rows in all forms, with {@link #BAD} bad ones among them, in three partitions. */
  static Dataset<Row> frame(SparkSession spark, int count) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rows.add(good(i));
    }
    List<Row> bad =
        List.of(
            row("empty", "Why?", null, List.of("Because.", ""), null),
            row("blank", " \t", null, List.of("Because."), null),
            row("none", "Why?", null, List.of(), null),
            row("both", "Why?", List.of(message("user", "Why?")), List.of("Because."), null),
            row("said", null, List.of(message("assistant", "So.")), List.of("Because."), null));
    for (int i = 0; i < bad.size(); i++) {
      rows.add((i + 1) * rows.size() / (bad.size() + 1), bad.get(i));
    }
    List<Row> numbered = new ArrayList<>();
    for (Row row : rows) {
      numbered.add(
          RowFactory.create(
              numbered.size() + 1L,
              row.get(1),
              row.get(2),
              row.get(3),
              row.get(4),
              row.get(5),
              row.get(6)));
    }
    return spark.createDataFrame(numbered, TYPE);
  }

  /** Responses in steps, for {@link #stepsModel}; the second row cannot be scored. */
  static Dataset<Row> steps(SparkSession spark) {
    return spark
        .sql(
            """
            values (1L, 'a', 'p', array(array('one', 'two', 'three'), array('four'))),
                   (2L, 'b', 'p', array(array('one'), array())),
                   (3L, 'c', 'why', array(array('one ', 'and two'))),
                   (4L, 'd', 'p', array(array('a'), array('b', 'c'), array('d', 'e', 'f')))
            """)
        .toDF("line", "id", "prompt", "responses");
  }

  /** A process reward model of 131 tokens; TinyModel of gavel-cli's tests wrote it. */
  static String stepsModel() throws URISyntaxException {
    return Path.of(Objects.requireNonNull(Sample.class.getResource("/steps-model")).toURI())
        .toString();
  }

  /** The same tokens and backbone under a classifier of two labels. */
  static Path objectivesModel(Path folder) throws IOException, URISyntaxException {
    copyBackbone(folder);
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"architectures": ["Qwen2ForSequenceClassification"], "model_type": "qwen2",
         "hidden_size": 2, "max_position_embeddings": 256,
         "id2label": {"0": "length", "1": "quality"}}
        """);
    try (HostTensor score = HostTensor.of(new float[] {0.01f, 0, 0, -0.02f}, 2, 2)) {
      Safetensors.write(
          folder.resolve("model.safetensors"),
          Map.of("format", "pt"),
          Map.of("score.weight", score));
    }
    return folder;
  }

  /** The same in a model folder whose head has two outputs, read so. */
  static Path distributionModel(Path folder, String readout)
      throws IOException, URISyntaxException {
    copyBackbone(folder);
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"format": "gavel-model", "format_version": 1, "name": "tiny",
         "backbone": "model.onnx", "tokenizer": "tokenizer.json", "head": "model.safetensors",
         "context": 256, "prompt_tokens": 64, "response_tokens": 64,
         "layout": "independent", "pooling": "index", "readout": %s,
         "sequence": {"prefix": "<|start|>", "after_prompt": "<|end|>", "before_separator": "",
           "separator": "", "after_separator": "", "suffix": "", "suffix_ends_response": true},
         "chat_template": {"file": "", "renders": "nothing", "variables": {}}}
        """
            .formatted(readout));
    HeadSpec spec = HeadSpec.linear(2).outputWidth(2).build();
    try (Context context = Context.open();
        HostTensor weight = HostTensor.of(new float[] {0.01f, 0, 0, 0.02f}, 2, 2);
        HostTensor bias = HostTensor.of(new float[] {0, 0.5f}, 2);
        RewardHead head =
            RewardHead.create(
                context, spec, Map.of("output.weight", weight, "output.bias", bias))) {
      head.save(folder.resolve("model.safetensors"));
    }
    return folder;
  }

  private static void copyBackbone(Path folder) throws IOException, URISyntaxException {
    Files.createDirectories(folder);
    for (String file : List.of("model.onnx", "tokenizer.json", "tokenizer_config.json")) {
      Files.copy(
          Path.of(stepsModel(), file), folder.resolve(file), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static Row good(int i) {
    String id = "row " + i;
    String question = "What follows %d? ".formatted(i) + "Think about it. ".repeat(i % 4);
    String answer = "%d follows, as ever. ".formatted(i + 1).repeat(1 + i % 3);
    return switch (i % 3) {
      case 0 ->
          row(id, question, null, List.of(answer, "Nothing.", "\u00dcber \ud83d\ude00 " + i), null);
      case 1 ->
          row(
              id,
              null,
              List.of(message("user", question), message("assistant", "Hm."), message("user", "?")),
              List.of("Who knows?", answer),
              null);
      default -> row(id, question, null, null, answer);
    };
  }

  private static Row row(
      String id, Object prompt, Object messages, List<String> responses, String chosen) {
    return RowFactory.create(
        0L, id, prompt, messages, responses, chosen, chosen == null ? null : "No [SEP] answer.");
  }

  private static Row message(String role, String content) {
    return RowFactory.create(role, content);
  }

  /**
   * Lines of the file that {@code gavel score} writes of the same rows, in a process of its own.
   */
  static List<String> scoredByCommand(Dataset<Row> frame, Path folder, String... options)
      throws Exception {
    Path input = folder.resolve("in.jsonl");
    Files.write(input, frame.toJSON().collectAsList(), StandardCharsets.UTF_8);
    Path output = folder.resolve("out.jsonl");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Xmx512m", "-cp"));
    command.addAll(List.of(System.getProperty("java.class.path"), "dev.gavel.cli.Main"));
    command.addAll(List.of("score", "--input", input.toString(), "--output", output.toString()));
    command.addAll(List.of(options));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("said").toFile())
            .start();
    assertTrue(process.waitFor(120, TimeUnit.SECONDS), "gavel score does not end");
    assertEquals(1, process.exitValue(), said(folder));
    return Files.readAllLines(output);
  }

  private static String said(Path folder) throws IOException {
    return Files.readString(folder.resolve("said"));
  }

  /** Rows with scores as {@code gavel score} writes them. */
  static List<String> lines(Dataset<Row> scored) {
    List<Column> keys = new ArrayList<>();
    keys.add(functions.col("id"));
    for (String name : ScoreColumns.type().fieldNames()) {
      if (name.equals("error")) {
        keys.add(
            functions.when(functions.col("error").isNotNull(), functions.col("line")).as("line"));
      }
      keys.add(functions.col(name));
    }
    return scored
        .select(functions.to_json(functions.struct(keys.toArray(Column[]::new))).as("value"))
        .as(org.apache.spark.sql.Encoders.STRING())
        .collectAsList();
  }
}
