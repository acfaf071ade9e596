package dev.gavel.cli;

import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.Terminal;
import dev.gavel.cli.output.WatchedOutput;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;

/**
 * Standard streams of a command.
 *
 * @param in standard input
 * @param out standard output, unbuffered: every writer must see its errors
 * @param err standard error, for people
 */
record Streams(InputStream in, OutputStream out, PrintWriter err) {
  // The tokenizer's library reports its search for a GPU and its own unpacking; kept here, since
  // loggers are forgotten, with their level, where nobody holds them.
  private static final Logger TOKENIZER_LIBRARY = Logger.getLogger("ai.djl");

  static {
    TOKENIZER_LIBRARY.setLevel(Level.SEVERE);
  }

  /** The process's own. */
  static Streams standard() {
    return new Streams(
        new FileInputStream(FileDescriptor.in),
        new FileOutputStream(FileDescriptor.out),
        new PrintWriter(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8));
  }

  /** Runs a command and returns its exit code. */
  int run(List<String> arguments) {
    // Names of files, settings of a run and messages in rows have numbers in them: with the digits
    // of a locale that has its own, another one could not find or go on with them.
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    WatchedOutput watched = new WatchedOutput(out);
    int code = new Streams(in, watched, err).execute(arguments);
    boolean saysDone = code == ExitCode.DONE || code == ExitCode.ROWS_FAILED;
    return watched.failure().filter(_ -> saysDone).map(this::lost).orElse(code);
  }

  // What was computed has not come out.
  private int lost(OutputFailure failure) {
    if (failure.kind() == OutputFailure.Kind.READER_GONE) {
      return ExitCode.READER_GONE;
    }
    say(String.valueOf(failure.getMessage()));
    return ExitCode.ENVIRONMENT;
  }

  private int execute(List<String> arguments) {
    PrintWriter help = new PrintWriter(out, true, StandardCharsets.UTF_8);
    CommandLine line =
        OptionValues.read(new CommandLine(new GavelCommand(), new CommandFactory(this)))
            .setOut(help)
            .setErr(err)
            .setUsageHelpWidth(100)
            .setUsageHelpAutoWidth(Terminal.isOutput())
            .setCaseInsensitiveEnumValuesAllowed(false)
            .setOverwrittenOptionsAllowed(false)
            .setParameterExceptionHandler(new Failures(this)::usage)
            .setExecutionExceptionHandler(new Failures(this)::execution);
    try {
      return line.execute(arguments.toArray(String[]::new));
    } catch (OutOfMemoryError e) {
      say(
          "out of memory (%s); give the Java virtual machine more with -Xmx"
              .formatted(e.getMessage()));
      return ExitCode.ENVIRONMENT;
    } catch (LinkageError e) {
      // ONNX Runtime and the tokenizer load their native libraries in static initialisers.
      say("a native library cannot be loaded: %s".formatted(rootCause(e)));
      return ExitCode.ENVIRONMENT;
    }
  }

  private static Throwable rootCause(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root;
  }

  /** Says something to the person who started the command. */
  void say(String message) {
    err.println("gavel: " + message);
  }
}
