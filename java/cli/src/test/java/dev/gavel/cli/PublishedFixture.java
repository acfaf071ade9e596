package dev.gavel.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Tiny published models with their backbones: those that gavel-text is compared with. */
final class PublishedFixture {
  private PublishedFixture() {}

  /** Copies one into a folder, which it makes. */
  static Path into(Path folder, String name) throws IOException {
    Path parity = Project.root().resolve("java/text/src/test/resources/dev/gavel/text/parity");
    Path model = parity.resolve("models").resolve(name);
    JsonNode reference = Run.parse(Files.readString(model.resolve("reference.json")));
    Files.createDirectories(folder);
    for (Path from :
        List.of(model, parity.resolve(reference.path("tokenizer").asText("tokenizer")))) {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(from)) {
        for (Path file : files) {
          Files.copy(file, folder.resolve(file.getFileName()));
        }
      }
    }
    Path backbone =
        parity.resolve("backbones").resolve(reference.get("backbone").asText() + ".onnx");
    Files.copy(backbone, folder.resolve("model.onnx"));
    return folder;
  }
}
