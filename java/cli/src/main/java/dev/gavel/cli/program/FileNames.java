package dev.gavel.cli.program;

import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Names of files as the system takes them. */
public final class FileNames {
  private FileNames() {}

  /** Why a name is no path, and what to do. */
  public static String refusal(InvalidPathException e) {
    return refusal(e, System.getProperty("sun.jnu.encoding", StandardCharsets.UTF_8.name()));
  }

  /**
   * Refuses a link whose end is not there: what is made would have to go beside it, or in its
   * place.
   *
   * @param option what it is named by, for messages
   */
  public static void requireEnd(String option, Path path) {
    if (!Files.isSymbolicLink(path) || Files.exists(path)) {
      return;
    }
    String end;
    try {
      end = Files.readSymbolicLink(path).toString();
    } catch (IOException e) {
      end = "a place that cannot be told (%s)".formatted(SystemReason.reading(e));
    }
    throw CommandFailure.usage(
        "%s %s is a link to %s, which is not there; name the place itself, or remove the link"
            .formatted(option, path, end));
  }

  // Java takes names in the encoding of the locale it was started in, and that of C is ASCII.
  static String refusal(InvalidPathException e, String encoding) {
    String reason = "%s is no path: %s".formatted(e.getInput(), e.getReason());
    return Charset.forName(encoding).equals(StandardCharsets.UTF_8)
        ? reason
        : reason + "; in this locale names of files are %s: set LC_ALL=C.UTF-8".formatted(encoding);
  }
}
