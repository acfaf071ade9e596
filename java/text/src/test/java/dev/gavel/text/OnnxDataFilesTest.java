package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.GavelException;
import dev.gavel.text.OnnxGraphs.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files beside an ONNX graph that hold its numbers, found and checked before they are read. */
class OnnxDataFilesTest {
  @TempDir private Path folder;

  private List<String> of(Message model) throws IOException {
    return of(model.toByteArray());
  }

  private List<String> of(byte[] model) throws IOException {
    return OnnxDataFiles.of(Files.write(folder.resolve("model.onnx"), model));
  }

  private static Message graph(Message tensor) {
    return new Message().bytes(5, tensor);
  }

  private static Message attribute(int field, Message value) {
    return new Message().bytes(5, new Message().text(1, "value").bytes(field, value));
  }

  private String refused(byte[] model) {
    return String.valueOf(assertThrows(FormatException.class, () -> of(model)).getMessage());
  }

  /** Fields by their numbers in onnx.proto: initializers, attributes, subgraphs, functions. */
  @Test
  void everyPlaceOfATensorIsLookedAt() throws IOException {
    Message whole =
        graph(OnnxGraphs.tensor("initializer"))
            .bytes(15, new Message().bytes(1, OnnxGraphs.tensor("values")))
            .bytes(15, new Message().bytes(2, OnnxGraphs.tensor("indices")))
            .bytes(1, attribute(5, OnnxGraphs.tensor("attribute")))
            .bytes(1, attribute(10, OnnxGraphs.tensor("attributes")))
            .bytes(1, attribute(6, graph(OnnxGraphs.tensor("subgraph"))))
            .bytes(1, attribute(11, graph(OnnxGraphs.tensor("subgraphs"))))
            .bytes(1, attribute(22, new Message().bytes(1, OnnxGraphs.tensor("sparse"))))
            .bytes(1, attribute(23, new Message().bytes(1, OnnxGraphs.tensor("sparses"))));
    Message function =
        new Message()
            .bytes(7, attribute(5, OnnxGraphs.tensor("function")))
            .bytes(11, new Message().bytes(5, OnnxGraphs.tensor("default")));
    Message model =
        new Message()
            .number(1, 8)
            .bytes(7, whole)
            .bytes(20, new Message().bytes(1, graph(OnnxGraphs.tensor("before"))))
            .bytes(20, new Message().bytes(2, graph(OnnxGraphs.tensor("training"))))
            .bytes(25, function);
    assertEquals(
        List.of(
            "attribute",
            "attributes",
            "before",
            "default",
            "function",
            "indices",
            "initializer",
            "sparse",
            "sparses",
            "subgraph",
            "subgraphs",
            "training",
            "values"),
        of(model));
    assertEquals(List.of("a"), of(new Message().bytes(7, graph(OnnxGraphs.tensor("a", "a")))));
    assertEquals(List.of(), of(OnnxGraphs.embedding(2, OnnxGraphs.FLOAT)));
    // Without the mark that numbers are elsewhere, nobody reads the file.
    Message unmarked = OnnxGraphs.tensor("gone").number(14, 0);
    assertEquals(List.of(), of(new Message().bytes(7, graph(unmarked))));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/etc/passwd",
        "../weights",
        "a/../../b",
        "a/b",
        "..",
        ".",
        "",
        "a\0b",
        "a/",
        "./a",
        "//"
      })
  void aNameThatLeavesTheFolderIsRefused(String name) {
    byte[] model = new Message().bytes(7, graph(OnnxGraphs.tensor(name))).toByteArray();
    String message = refused(model);
    assertTrue(message.contains("model.onnx"), message);
    assertTrue(message.contains("plain name of a file in the same folder"), message);
    // The graph itself would be run with it.
    byte[] runnable = OnnxGraphs.external(2, 300, name);
    assertTrue(refused(runnable).contains("plain name"));
    assertThrows(
        FormatException.class,
        () ->
            OnnxBackbone.load(
                    Files.write(folder.resolve("model.onnx"), runnable),
                    OnnxBackbone.Options.defaults())
                .close());
  }

  @Test
  void whatIsNoGraphIsRefused() throws IOException {
    byte[] nameless = new Message().bytes(7, graph(OnnxGraphs.tensor())).toByteArray();
    assertTrue(refused(nameless).contains("names 0 files"), refused(nameless));
    byte[] model = OnnxGraphs.external(2, 300, "data");
    for (int length = 1; length < model.length; length++) {
      byte[] cut = Arrays.copyOf(model, length);
      try {
        assertTrue(List.of("data").containsAll(of(cut)));
      } catch (FormatException e) {
        assertTrue(String.valueOf(e.getMessage()).contains("is no ONNX graph"), e.getMessage());
      }
    }
    // A length of 2^63 - 1, a number that does not end, field 0, a group, and a bomb of messages.
    for (byte[] bytes :
        List.of(
            new byte[] {58, -1, -1, -1, -1, -1, -1, -1, -1, 127},
            new byte[] {8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1},
            new byte[] {0, 1},
            new byte[] {59, 60},
            new byte[] {58, 4, 42, 9, 0, 0},
            nested(200))) {
      assertTrue(refused(bytes).contains("is no ONNX graph"), Arrays.toString(bytes));
    }
    assertThrows(FileException.class, () -> OnnxDataFiles.of(folder.resolve("absent.onnx")));
  }

  private static byte[] nested(int depth) {
    Message inner = new Message();
    for (int i = 0; i < depth; i++) {
      inner = new Message().bytes(1, attribute(6, inner));
    }
    return new Message().bytes(7, inner).toByteArray();
  }

  @Test
  void noBytesDoHarm() throws IOException {
    Random random = new Random(5);
    byte[] model = OnnxGraphs.external(2, 4, "data");
    for (int i = 0; i < 2000; i++) {
      byte[] changed = model.clone();
      for (int n = random.nextInt(4); n >= 0; n--) {
        changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
      }
      try {
        of(changed);
      } catch (FormatException e) {
        assertTrue(String.valueOf(e.getMessage()).contains("model.onnx"), e.getMessage());
      }
    }
  }

  /** A model whose table is in a file of its own, from text to scores. */
  @Test
  void aChangeOfTheFileIsNoticed() throws IOException {
    PublishedFiles.files(folder);
    PublishedFiles.config(folder, "LlamaForSequenceClassification", "llama", "\"num_labels\": 1");
    PublishedFiles.head(
        folder, "model.safetensors", java.util.Map.of("score.weight", new float[] {0.01f, 0}));
    Files.write(folder.resolve("model.onnx"), OnnxGraphs.external(2, 300, "model.onnx.data"));
    assertThrows(GavelException.class, () -> RewardModel.load(folder.toString()).close());
    byte[] table = OnnxGraphs.externalTable(2, 300);
    Files.write(folder.resolve("model.onnx.data"), table);
    assertEquals(0.01f * 'b', score(), 1e-6);
    List<Provenance.Part> before = new ArrayList<>(Provenance.parts(folder.toString()));
    assertTrue(
        before.stream()
            .anyMatch(part ->
                part.role() == Provenance.Role.BACKBONE_DATA
                    && part.name().equals("model.onnx.data")
                    && part.bytes() == table.length),
        before.toString());
    table[4 * 2 * 'b' + 3] ^= 1;
    Files.write(folder.resolve("model.onnx.data"), table);
    List<Provenance.Part> after = new ArrayList<>(Provenance.parts(folder.toString()));
    after.removeAll(before);
    assertEquals(List.of("model.onnx.data"), after.stream().map(Provenance.Part::name).toList());
  }

  private float score() {
    try (RewardModel model = RewardModel.load(folder.toString())) {
      return model.score("a", List.of("b")).scores().getFirst();
    }
  }
}
