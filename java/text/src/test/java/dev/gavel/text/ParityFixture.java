package dev.gavel.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** A fixture that examples/hugging-face/export_backbone.py made, as a folder and its reference. */
record ParityFixture(Path folder, JsonNode reference) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Puts a model, its backbone and the tokenizer into one folder, as a user has them. */
  static ParityFixture into(Path folder, String model) {
    try {
      Path root =
          Path.of(Objects.requireNonNull(ParityFixture.class.getResource("parity")).toURI());
      JsonNode reference =
          JSON.readTree(root.resolve("models").resolve(model).resolve("reference.json").toFile());
      String tokenizer = reference.path("tokenizer").asText("tokenizer");
      for (Path from : List.of(root.resolve("models").resolve(model), root.resolve(tokenizer))) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(from)) {
          for (Path file : files) {
            Files.copy(file, folder.resolve(file.getFileName().toString()));
          }
        }
      }
      Path backbone =
          root.resolve("backbones").resolve(reference.get("backbone").asText() + ".onnx");
      Files.copy(backbone, folder.resolve("model.onnx"));
      return new ParityFixture(folder, reference);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  List<Sequence> sequences() {
    List<Sequence> sequences = new ArrayList<>();
    reference.get("sequences").forEach(node -> sequences.add(new Sequence(node)));
    return sequences;
  }

  /** What the reference says of one sequence. */
  record Sequence(JsonNode node) {
    Tokens ids() {
      return Tokens.of(longs(node.get("ids")));
    }

    int[] rows() {
      return java.util.Arrays.stream(longs(node.get("rows"))).mapToInt(Math::toIntExact).toArray();
    }

    List<String> responses() {
      List<String> texts = new ArrayList<>();
      node.get("responses").forEach(text -> texts.add(text.asText()));
      return texts;
    }

    int scores() {
      return node.get("scores").size();
    }

    double score(int i) {
      return node.get("scores").get(i).asDouble();
    }

    double bound(int i) {
      return node.get("bounds").get(i).asDouble();
    }

    /** Objectives of its one response; none where there is a score only. */
    List<Double> objectives() {
      List<Double> values = new ArrayList<>();
      node.path("objectives").forEach(value -> values.add(value.asDouble()));
      return values;
    }

    double hidden(int row, int column) {
      return node.get("hidden").get(row).get(column).asDouble();
    }

    double hiddenBound(int row) {
      return node.get("hidden_bounds").get(row).asDouble();
    }
  }

  static long[] longs(JsonNode array) {
    long[] values = new long[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asLong();
    }
    return values;
  }
}
