package dev.gavel.text;

import dev.gavel.HostTensor;
import dev.gavel.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Writes the files of a published model with a backbone of two columns, for tests. */
final class PublishedFiles {
  static final String TEMPLATE =
      "{% for message in messages %}<|start|>{{ message.content }}{% endfor %}";

  private PublishedFiles() {}

  /** Tokenizer, backbone and template. */
  static void files(Path folder) throws IOException {
    Files.write(folder.resolve("tokenizer.json"), ByteTokenizer.json());
    Files.write(folder.resolve("model.onnx"), OnnxGraphs.embedding(2, OnnxGraphs.FLOAT));
    tokenizerConfig(folder, "\"chat_template\": \"" + TEMPLATE + "\"");
  }

  static void tokenizerConfig(Path folder, String more) {
    ModelFolder.write(
        folder,
        "tokenizer_config.json",
        """
        {"bos_token": "<|start|>", "eos_token": {"content": "<|end|>", "special": true},
         "cls_token": "<|start|>", "sep_token": "<|end|>", "pad_token": null,
         "model_max_length": 1000000000000000019884624838656%s}
        """
            .formatted(more.isEmpty() ? "" : ", " + more));
  }

  static void config(Path folder, String architecture, String type, String more) {
    ModelFolder.write(
        folder,
        "config.json",
"""
{"architectures": ["%s"], "model_type": "%s", "hidden_size": 2,
 "max_position_embeddings": 64, "vocab_size": 300%s}
"""
            .formatted(architecture, type, more.isEmpty() ? "" : ", " + more));
  }

  static void head(Path folder, String file, Map<String, float[]> tensors) {
    Map<String, HostTensor> hosts = new LinkedHashMap<>();
    tensors.forEach((name, values) -> {
      boolean weight = name.endsWith("weight");
      hosts.put(
          name,
          weight
              ? HostTensor.of(values, values.length / 2, 2)
              : HostTensor.of(values, values.length));
    });
    Safetensors.write(folder.resolve(file), Map.of("format", "pt"), hosts);
    hosts.values().forEach(HostTensor::close);
  }
}
