package dev.gavel.text;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.RewardHead;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Model folders made for tests: the byte-level tokenizer, an ONNX graph whose hidden state of token
 * t is {@code [t, t + 0.5]}, and a linear head that adds the two. A score is exactly twice the
 * token it is read at, plus a half.
 */
final class ModelFolder {

  static final String CONFIG =
      """
      {
        "format": "gavel-model",
        "format_version": 1,
        "name": "test",
        "backbone": "model.onnx",
        "tokenizer": "tokenizer.json",
        "head": "model.safetensors",
        "context": 64,
        "prompt_tokens": 24,
        "response_tokens": 32,
        "layout": "joint",
        "pooling": "index",
        "readout": {"kind": "identity", "mean": 0, "deviation": 0},
        "sequence": {
          "prefix": "<|start|>",
          "after_prompt": "<|end|>",
          "before_separator": "",
          "separator": "<|resp_sep|>",
          "after_separator": "",
          "suffix": "<|end|>",
          "suffix_ends_response": false
        },
        "chat_template": {"file": "", "renders": "nothing", "variables": {}}
      }
      """;

  private ModelFolder() {}

  /** Writes all files. */
  static Path write(Path folder) {
    write(folder, ModelConfig.FILE, CONFIG);
    try {
      Files.write(folder.resolve("tokenizer.json"), ByteTokenizer.json());
      Files.write(folder.resolve("model.onnx"), OnnxGraphs.embedding(2, OnnxGraphs.FLOAT));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    head(folder, HeadSpec.linear(2).build(), new float[] {1, 1}, new float[] {0});
    return folder;
  }

  static void write(Path folder, String file, String content) {
    try {
      Files.writeString(folder.resolve(file), content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String read(Path folder, String file) {
    try {
      return Files.readString(folder.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes the configuration with one text of it replaced by another. */
  static void change(Path folder, String from, String to) {
    if (!CONFIG.contains(from)) {
      throw new IllegalArgumentException("the configuration has no " + from);
    }
    write(folder, ModelConfig.FILE, CONFIG.replace(from, to));
  }

  static void head(Path folder, HeadSpec spec, float[] weight, float[] bias) {
    int outputs = spec.outputWidth();
    try (Context context = Context.open();
        HostTensor weights = HostTensor.of(weight, outputs, spec.inputWidth());
        HostTensor biases = HostTensor.of(bias, outputs);
        RewardHead head =
            RewardHead.create(
                context, spec, Map.of("output.weight", weights, "output.bias", biases))) {
      if (weights.dtype() != DType.F32) {
        throw new IllegalStateException("heads of tests are f32");
      }
      head.save(folder.resolve("model.safetensors"));
    }
  }

  /** The score of a response that is read at this token. */
  static float score(long token) {
    return 2 * token + 0.5f;
  }

  static List<Float> scores(long... tokens) {
    return java.util.Arrays.stream(tokens).mapToObj(ModelFolder::score).toList();
  }
}
