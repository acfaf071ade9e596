package dev.gavel.cli.output;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Whether somebody looks at a stream, and how wide the window is. */
public final class Terminal {
  /** Columns where the terminal does not say. */
  static final int USUAL_COLUMNS = 100;

  private static final int FEWEST_COLUMNS = 40;

  private Terminal() {}

  /** Whether standard output goes to a terminal. */
  public static boolean isOutput() {
    return isTerminal(1);
  }

  /** Whether standard error goes to a terminal. */
  public static boolean isError() {
    return isTerminal(2);
  }

  /** Columns of the terminal. */
  public static int columns() {
    int found = ask();
    return found < 1 ? USUAL_COLUMNS : Math.max(found, FEWEST_COLUMNS);
  }

  // Java's Console knows standard input and output together only. Where the system does not show
  // its descriptors as files, there is no terminal.
  private static boolean isTerminal(int descriptor) {
    Path link = Path.of("/proc/self/fd", Integer.toString(descriptor));
    try {
      String target = Files.readSymbolicLink(link).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }

  // The number of columns, or 0 where it cannot be found out.
  private static int ask() {
    try {
      Process process =
          new ProcessBuilder("stty", "size")
              .redirectInput(new File("/dev/tty"))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String answer;
      try (InputStream out = process.getInputStream()) {
        answer = new String(out.readNBytes(100), StandardCharsets.US_ASCII).strip();
      }
      process.waitFor(1, TimeUnit.SECONDS);
      return answer.matches("[0-9]{1,5} [0-9]{1,5}")
          ? Integer.parseInt(answer.substring(answer.indexOf(' ') + 1))
          : 0;
    } catch (IOException e) {
      return 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 0;
    }
  }
}
