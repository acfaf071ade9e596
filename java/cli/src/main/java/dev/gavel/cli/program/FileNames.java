package dev.gavel.cli.program;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;

/** Names of files as the system takes them. */
public final class FileNames {
  private FileNames() {}

  /** Why a name is no path, and what to do. */
  public static String refusal(InvalidPathException e) {
    return refusal(e, System.getProperty("sun.jnu.encoding", StandardCharsets.UTF_8.name()));
  }

  // Java takes names in the encoding of the locale it was started in, and that of C is ASCII.
  static String refusal(InvalidPathException e, String encoding) {
    String reason = "%s is no path: %s".formatted(e.getInput(), e.getReason());
    return Charset.forName(encoding).equals(StandardCharsets.UTF_8)
        ? reason
        : reason + "; in this locale names of files are %s: set LC_ALL=C.UTF-8".formatted(encoding);
  }
}
