package dev.gavel.cli;

import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The gavel command. */
public final class Main {
  private Main() {}

  /** Runs one command and ends with its exit code. */
  public static void main(String[] arguments) {
    System.exit(Streams.standard().run(List.of(arguments)));
  }

  /** Runs one command on streams of the caller, for tests. */
  static int run(
      List<String> arguments, java.io.InputStream in, OutputStream out, OutputStream err) {
    return new Streams(in, out, new PrintWriter(err, true, StandardCharsets.UTF_8)).run(arguments);
  }
}
