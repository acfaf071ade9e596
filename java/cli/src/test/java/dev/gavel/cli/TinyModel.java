package dev.gavel.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.RewardHead;
import dev.gavel.Safetensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A model folder that scores tens of thousands of rows a second: one token per ASCII letter, and an
 * ONNX graph that is a table lookup ({@code hidden state of token t = [t, t / 3]}, over and over
 * where it is wider). Everything else is as with any model.
 */
final class TinyModel {
  private static final int TOKENS = 131;
  private static final int WIDTH = 2;

  private static final String CONFIG =
      """
      {
        "format": "gavel-model", "format_version": 1, "name": "tiny",
        "backbone": "model.onnx", "tokenizer": "tokenizer.json", "head": "model.safetensors",
        "context": 256, "prompt_tokens": 64, "response_tokens": 64,
        "layout": "joint", "pooling": "span_mean",
        "readout": {"kind": "identity", "mean": 0, "deviation": 0},
        "sequence": {
          "prefix": "<|start|>", "after_prompt": "<|end|>", "before_separator": "",
          "separator": "<|resp_sep|>", "after_separator": "", "suffix": "<|end|>",
          "suffix_ends_response": false
        },
        "chat_template": {"file": "", "renders": "nothing", "variables": {}}
      }
      """;

  private TinyModel() {}

  /** Writes the folder. */
  static Path write(Path folder) throws IOException {
    return write(folder, WIDTH);
  }

  /** Writes the folder with hidden states of another width, which must be even. */
  static Path write(Path folder, int width) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), CONFIG);
    Files.write(folder.resolve("tokenizer.json"), tokenizer());
    Files.write(folder.resolve("model.onnx"), graph(width));
    float[] weights = new float[width];
    for (int i = 0; i < width; i++) {
      weights[i] = i % 2 == 0 ? 0.37f : -1.3f;
    }
    try (Context context = Context.open();
        HostTensor weight = HostTensor.of(weights, 1, width);
        HostTensor bias = HostTensor.of(new float[] {0.1f}, 1);
        RewardHead head =
            RewardHead.create(
                context,
                HeadSpec.linear(width).build(),
                Map.of("output.weight", weight, "output.bias", bias))) {
      head.save(folder.resolve("model.safetensors"));
    }
    return folder;
  }

  /**
   * The same as a process reward model in its published layout: the probability at the marker after
   * each step.
   */
  static Path writeOfSteps(Path folder) throws IOException {
    published(folder, "Qwen2ForProcessRewardModel", "");
    Files.writeString(
        folder.resolve("tokenizer.json"),
        new String(tokenizer(), StandardCharsets.UTF_8).replace("<|resp_sep|>", "<extra_0>"));
    try (HostTensor first = HostTensor.of(new float[] {0.01f, 0, 0, 0.01f}, WIDTH, WIDTH);
        HostTensor second = HostTensor.of(new float[] {0, 0, 1, -1}, 2, WIDTH);
        HostTensor bias = HostTensor.of(new float[] {0, 0}, WIDTH)) {
      Safetensors.write(
          folder.resolve("model.safetensors"),
          Map.of("format", "pt"),
          Map.of(
              "score.0.weight", first,
              "score.0.bias", bias,
              "score.2.weight", second,
              "score.2.bias", bias));
    }
    return folder;
  }

  /** The same as a published classifier of two labels, of which nothing says which is the score. */
  static Path writeOfObjectives(Path folder, String first, String second) throws IOException {
    published(
        folder,
        "Qwen2ForSequenceClassification",
        ", \"id2label\": {\"0\": \"%s\", \"1\": \"%s\"}".formatted(first, second));
    try (HostTensor score = HostTensor.of(new float[] {0.01f, 0, 0, -0.02f}, 2, WIDTH)) {
      Safetensors.write(
          folder.resolve("model.safetensors"),
          Map.of("format", "pt"),
          Map.of("score.weight", score));
    }
    return folder;
  }

  /**
   * The same with a head of some outputs, output k of token t {@code weights[2 k] t + weights[2 k +
   * 1] t / 3}, read so.
   */
  static Path writeReadout(Path folder, String readout, float... weights) throws IOException {
    write(folder);
    Files.writeString(
        folder.resolve("config.json"),
        CONFIG
            .replace("{\"kind\": \"identity\", \"mean\": 0, \"deviation\": 0}", readout)
            .replace("\"pooling\": \"span_mean\"", "\"pooling\": \"index\""));
    int outputs = weights.length / WIDTH;
    try (Context context = Context.open();
        HostTensor weight = HostTensor.of(weights, outputs, WIDTH);
        HostTensor bias = HostTensor.of(new float[outputs], outputs);
        RewardHead head =
            RewardHead.create(
                context,
                HeadSpec.linear(WIDTH).outputWidth(outputs).build(),
                Map.of("output.weight", weight, "output.bias", bias))) {
      head.save(folder.resolve("model.safetensors"));
    }
    return folder;
  }

  /** The same as a language model, whose row 0 of the output layer is a quarter of t. */
  static Path writeOfLanguage(Path folder) throws IOException {
    published(folder, "LlamaForCausalLM", ", \"vocab_size\": %d".formatted(TOKENS));
    float[] rows = new float[TOKENS * WIDTH];
    rows[0] = 0.25f;
    try (HostTensor layer = HostTensor.of(rows, TOKENS, WIDTH)) {
      Safetensors.write(
          folder.resolve("model.safetensors"),
          Map.of("format", "pt"),
          Map.of("lm_head.weight", layer));
    }
    return folder;
  }

  /** The same as TRL's token classifier of steps. */
  static Path writeOfStepEnds(Path folder) throws IOException {
    published(folder, "Qwen2ForTokenClassification", "");
    try (HostTensor score = HostTensor.of(new float[] {0, 0, 0.05f, 0.03f}, 2, WIDTH);
        HostTensor bias = HostTensor.of(new float[] {0, 0}, WIDTH)) {
      Safetensors.write(
          folder.resolve("model.safetensors"),
          Map.of("format", "pt"),
          Map.of("score.weight", score, "score.bias", bias));
    }
    return folder;
  }

  private static void published(Path folder, String architecture, String more) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"architectures": ["%s"], "model_type": "qwen2", "hidden_size": 2,
         "max_position_embeddings": 256%s}
        """
            .formatted(architecture, more));
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        """
        {"chat_template": "{% for m in messages %}<|start|>{{ m.content }}{% endfor %}"}
        """);
    Files.write(folder.resolve("tokenizer.json"), tokenizer());
    Files.write(folder.resolve("model.onnx"), graph(WIDTH));
  }

  private static byte[] tokenizer() throws IOException {
    JsonMapper json = JsonMapper.builder().build();
    ObjectNode root = json.createObjectNode();
    ArrayNode added = root.put("version", "1.0").putArray("added_tokens");
    List<String> special = List.of("<|start|>", "<|end|>", "<|resp_sep|>");
    for (int i = 0; i < special.size(); i++) {
      ObjectNode token = added.addObject().put("id", 128 + i).put("content", special.get(i));
      token.put("single_word", false).put("lstrip", false).put("rstrip", false);
      token.put("normalized", false).put("special", true);
    }
    ObjectNode model = root.putObject("model").put("type", "BPE");
    model.put("unk_token", "?");
    ObjectNode vocabulary = model.putObject("vocab");
    for (int letter = 0; letter < 128; letter++) {
      vocabulary.put(Character.toString(letter), letter);
    }
    model.putArray("merges");
    return json.writeValueAsBytes(root);
  }

  /** The same with the numbers of its backbone in {@code model.onnx.data}. */
  static Path writeWithDataFile(Path folder) throws IOException {
    write(folder);
    Files.write(folder.resolve("model.onnx.data"), table(WIDTH));
    Message values =
        shape(WIDTH)
            .bytes(13, new Message().text(1, "location").text(2, "model.onnx.data").toByteArray())
            .number(14, 1);
    Files.write(folder.resolve("model.onnx"), graph(WIDTH, values));
    return folder;
  }

  private static byte[] graph(int width) {
    return graph(width, shape(width).bytes(9, table(width)));
  }

  private static Message shape(int width) {
    return new Message().number(1, TOKENS).number(1, width).number(2, 1).text(8, "table");
  }

  private static byte[] table(int width) {
    ByteBuffer table =
        ByteBuffer.allocate(TOKENS * width * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int token = 0; token < TOKENS; token++) {
      for (int i = 0; i < width; i += 2) {
        table.putFloat(token).putFloat(token / 3f);
      }
    }
    return table.array();
  }

  /** {@code input_ids -> Gather -> last_hidden_state}, in the encoding of {@code onnx.proto}. */
  private static byte[] graph(int width, Message values) {
    Message gather = new Message().text(1, "table").text(1, "input_ids");
    gather.text(2, "last_hidden_state").text(4, "Gather");
    Message graph = new Message().bytes(1, gather.toByteArray()).text(2, "tiny");
    graph.bytes(5, values.toByteArray());
    graph
        .bytes(11, value("input_ids", 7, 2, width))
        .bytes(12, value("last_hidden_state", 1, 3, width));
    return new Message()
        .number(1, 8)
        .bytes(7, graph.toByteArray())
        .bytes(8, new Message().text(1, "").number(2, 17).toByteArray())
        .toByteArray();
  }

  // Types: 1 is f32, 7 is i64. The third dimension, if any, is the width.
  private static byte[] value(String name, int type, int rank, int width) {
    Message shape = new Message();
    for (int i = 0; i < rank; i++) {
      Message dimension = new Message();
      shape.bytes(
          1, (i == 2 ? dimension.number(1, width) : dimension.text(2, "free" + i)).toByteArray());
    }
    Message tensor = new Message().number(1, type).bytes(2, shape.toByteArray());
    return new Message()
        .text(1, name)
        .bytes(2, new Message().bytes(1, tensor.toByteArray()).toByteArray())
        .toByteArray();
  }

  /** A protobuf message as it is written. */
  private static final class Message extends ByteArrayOutputStream {
    Message number(int field, long value) {
      variable((long) field << 3);
      variable(value);
      return this;
    }

    Message text(int field, String value) {
      return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message bytes(int field, byte[] value) {
      variable(((long) field << 3) | 2);
      variable(value.length);
      writeBytes(value);
      return this;
    }

    private void variable(long value) {
      long rest = value;
      while ((rest & ~0x7fL) != 0) {
        write((int) (rest & 0x7f) | 0x80);
        rest >>>= 7;
      }
      write((int) rest);
    }
  }

  /** Writes the folder, of the width, named on the command line, to try things by hand. */
  public static void main(String[] arguments) throws IOException {
    write(Path.of(arguments[0]), Integer.parseInt(arguments[1]));
  }
}
