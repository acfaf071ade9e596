package dev.gavel.cli;

import java.nio.file.Files;
import java.nio.file.Path;

/** Files of the project that tests read. */
final class Project {
  private Project() {}

  /** The project's root: where the launcher is. */
  static Path root() {
    Path folder = Path.of("").toAbsolutePath();
    while (folder != null && !Files.exists(folder.resolve("gavel"))) {
      folder = folder.getParent();
    }
    if (folder == null) {
      throw new IllegalStateException("tests run outside the project's folder");
    }
    return folder;
  }

  static Path examples() {
    return root().resolve("examples/answers.jsonl");
  }

  /** A file of preference data, which is no part of the project and may be absent. */
  static Path data(String name) {
    return root().resolve("../shared/data").resolve(name).normalize();
  }
}
