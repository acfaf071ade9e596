package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.HostTensor;
import dev.gavel.Safetensors;
import dev.gavel.checkpoint.HeadPattern;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every file that scores depend on is hashed, and no change of one goes unseen. */
class ProvenanceTest {
  private static final Set<String> TEXTS =
      Set.of(
          "config.json",
          "model.onnx",
          "tokenizer.json",
          "tokenizer_config.json",
          "chat_template.jinja");

  @TempDir private Path folder;

  private static Map<String, String> hashes(Path model, ModelChoices choices) {
    return Provenance.parts(model.toString(), choices).stream()
        .collect(Collectors.toMap(Provenance.Part::name, Provenance.Part::sha256));
  }

  /** These files beside those of the texts, and a byte of each changes its own hash alone. */
  private static void check(Path model, ModelChoices choices, String... headFiles)
      throws IOException {
    Set<String> expected = new TreeSet<>(TEXTS);
    expected.addAll(List.of(headFiles));
    Map<String, String> before = hashes(model, choices);
    assertEquals(expected, new TreeMap<>(before).keySet(), model.toString());
    for (String name : expected) {
      byte[] content = Files.readAllBytes(model.resolve(name));
      Files.write(model.resolve(name), changed(name, content));
      Map<String, String> differing = new HashMap<>(hashes(model, choices));
      differing.entrySet().removeAll(before.entrySet());
      assertEquals(Set.of(name), differing.keySet(), model.toString());
      Files.write(model.resolve(name), content);
    }
    assertEquals(before, hashes(model, choices));
  }

  /** One byte that leaves a JSON file its meaning, or is among the numbers of a tensor. */
  private static byte[] changed(String name, byte[] content) {
    if (name.endsWith(".json") || name.endsWith(".jinja")) {
      byte[] longer = java.util.Arrays.copyOf(content, content.length + 1);
      longer[content.length] = ' ';
      return longer;
    }
    byte[] flipped = content.clone();
    flipped[name.endsWith(".pt") ? content.length / 2 : content.length - 1] ^= 1;
    return flipped;
  }

  private Path fixture(String name) throws IOException {
    return ParityFixture.into(Files.createDirectory(folder.resolve(name)), name).folder();
  }

  @Test
  void everyFileOfAPublishedFolderIsHashed() throws IOException {
    ModelChoices none = ModelChoices.none();
    for (String one : List.of("llama", "armorm", "qrm", "oasst-pythia-mean")) {
      check(fixture(one), none, "model.safetensors");
    }
    check(fixture("ldl"), none, "regression_layer.pt", "gating_layer.pt");
    check(fixture("yojo"), none, "value_head.pt", "reward_model_config.json");
    check(fixture("nemotron"), none.withPattern(HeadPattern.NEMOTRON), "model.safetensors");
  }

  /** The gate in another shard than the head, which the index alone tells. */
  @Test
  void everyShardOfAHeadIsHashed() throws IOException {
    Path model = fixture("armorm");
    Map<String, String> index = new LinkedHashMap<>();
    Map<String, Map<String, HostTensor>> shards = new LinkedHashMap<>();
    try (Safetensors all = Safetensors.open(model.resolve("model.safetensors"))) {
      for (Safetensors.Entry entry : all.entries()) {
        String shard = entry.name().startsWith("gating") ? "b.safetensors" : "a.safetensors";
        index.put(entry.name(), shard);
        shards
            .computeIfAbsent(shard, _ -> new LinkedHashMap<>())
            .put(entry.name(), all.read(entry.name()));
      }
    }
    shards.forEach((shard, tensors) -> {
      Safetensors.write(model.resolve(shard), Map.of("format", "pt"), tensors);
      tensors.values().forEach(HostTensor::close);
    });
    // A shard of the backbone alone, which is not there: nobody reads it.
    index.put("model.norm.weight", "c.safetensors");
    Files.delete(model.resolve("model.safetensors"));
    Files.writeString(
        model.resolve("model.safetensors.index.json"),
        index.entrySet().stream()
            .map(each -> "\"%s\": \"%s\"".formatted(each.getKey(), each.getValue()))
            .collect(Collectors.joining(", ", "{\"weight_map\": {", "}}")));
    check(
        model,
        ModelChoices.none(),
        "a.safetensors",
        "b.safetensors",
        "model.safetensors.index.json");
  }

  /** A head in a file beside the backbone's weights, of which only names are read. */
  @Test
  void aSideFileIsHashed() throws IOException {
    PublishedFiles.files(folder);
    ModelFolder.write(folder, "chat_template.jinja", "{{ messages[0].content }}");
    PublishedFiles.config(folder, "LlamaForCausalLM", "llama", "");
    PublishedFiles.head(
        folder, "model.safetensors", Map.of("model.norm.weight", new float[] {1, 1}));
    PublishedFiles.head(
        folder,
        "value_head.safetensors",
        Map.of("v_head.summary.weight", new float[] {1, 1}, "v_head.summary.bias", new float[1]));
    check(folder, ModelChoices.none(), "value_head.safetensors");
  }
}
