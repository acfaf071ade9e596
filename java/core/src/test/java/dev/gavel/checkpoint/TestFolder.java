package dev.gavel.checkpoint;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import dev.gavel.Safetensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Model folders in the layouts they are published in, with small random weights. */
final class TestFolder {
  static final int WIDTH = 24;

  final Path path;
  final Map<String, TestTensor> head = new LinkedHashMap<>();
  private final SplittableRandom random;
  private final DType dtype;

  TestFolder(Path path, DType dtype, long seed) {
    this.path = path;
    this.dtype = dtype;
    this.random = new SplittableRandom(seed);
    try {
      Files.createDirectories(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Adds a random tensor of the head. */
  TestFolder with(String name, long... shape) {
    double deviation = shape.length == 2 ? 1 / Math.sqrt((double) shape[1]) : 0.5;
    head.put(name, TestTensor.random(random, deviation, dtype, shape));
    return this;
  }

  TestFolder with(String name, TestTensor tensor) {
    head.put(name, tensor);
    return this;
  }

  TestFolder config(String json) {
    return text("config.json", json);
  }

  TestFolder text(String name, String content) {
    try {
      Files.writeString(path.resolve(name), content);
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Head and a backbone in one safetensors file. */
  TestFolder single() {
    Map<String, TestTensor> all = backbone();
    all.putAll(head);
    return safetensors("model.safetensors", all);
  }

  /** The backbone in model.safetensors, the head in a file of its own. */
  TestFolder side(String name) {
    safetensors("model.safetensors", backbone());
    return name.endsWith(".safetensors") ? safetensors(name, head) : pytorch(name, head);
  }

  /** An index and the last of three shards: the others, with the backbone, are not there. */
  TestFolder lastShardOnly() {
    StringBuilder map = new StringBuilder();
    for (int i = 0; i < 2; i++) {
      map.append(
          "\"model.layers.%d.weight\": \"model-0000%d-of-00003.safetensors\",".formatted(i, i + 1));
    }
    for (String name : head.keySet()) {
      map.append("\"%s\": \"model-00003-of-00003.safetensors\",".formatted(name));
    }
    map.append("\"model.norm.weight\": \"model-00003-of-00003.safetensors\"");
    text(
        "model.safetensors.index.json",
        "{\"metadata\": {\"total_size\": 1234}, \"weight_map\": {%s}}".formatted(map));
    Map<String, TestTensor> shard = new LinkedHashMap<>(head);
    shard.put("model.norm.weight", backbone().get("model.norm.weight"));
    return safetensors("model-00003-of-00003.safetensors", shard);
  }

  /** Head and a backbone in one PyTorch file. */
  TestFolder singlePytorch() {
    Map<String, TestTensor> all = backbone();
    all.putAll(head);
    return pytorch("pytorch_model.bin", all);
  }

  TestFolder safetensors(String name, Map<String, TestTensor> tensors) {
    Map<String, HostTensor> hosts = new LinkedHashMap<>();
    tensors.forEach((key, tensor) -> hosts.put(key, tensor.host()));
    Safetensors.write(path.resolve(name), Map.of("format", "pt"), hosts);
    hosts.values().forEach(HostTensor::close);
    return this;
  }

  TestFolder pytorch(String name, Map<String, TestTensor> tensors) {
    TorchFile file = new TorchFile(2);
    tensors.forEach(file::add);
    file.write(path.resolve(name));
    return this;
  }

  Map<String, TestTensor> backbone() {
    Map<String, TestTensor> tensors = new LinkedHashMap<>();
    SplittableRandom numbers = new SplittableRandom(7);
    tensors.put("model.layers.0.weight", TestTensor.random(numbers, 1, dtype, 5, WIDTH));
    tensors.put("model.norm.weight", TestTensor.random(numbers, 1, dtype, WIDTH));
    return tensors;
  }

  TestTensor tensor(String name) {
    return head.get(name);
  }

  static String config(String architecture, String more) {
    return """
    {"architectures": ["%s"], "model_type": "test", "hidden_size": %d, "vocab_size": 40%s}
    """
        .formatted(architecture, WIDTH, more.isEmpty() ? "" : ", " + more);
  }

  static List<Long> shape(long... lengths) {
    return java.util.Arrays.stream(lengths).boxed().toList();
  }
}
