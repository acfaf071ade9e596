package dev.gavel.cli;

import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.Terminal;
import dev.gavel.cli.output.WatchedOutput;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.program.Streams;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;

/** The gavel command. */
public final class Main {
  // The tokenizer's library reports its search for a GPU and its own unpacking; kept here, since
  // loggers are forgotten, with their level, where nobody holds them.
  private static final Logger TOKENIZER_LIBRARY = Logger.getLogger("ai.djl");

  static {
    TOKENIZER_LIBRARY.setLevel(Level.SEVERE);
  }

  private Main() {}

  /** Runs one command and ends with its exit code. */
  public static void main(String[] arguments) {
    System.exit(run(List.of(arguments), Streams.standard()));
  }

  /** Runs one command on streams of the caller, for tests. */
  static int run(List<String> arguments, InputStream in, OutputStream out, OutputStream err) {
    return run(arguments, new Streams(in, out, new PrintWriter(err, true, StandardCharsets.UTF_8)));
  }

  private static int run(List<String> arguments, Streams streams) {
    // Names of files, settings of a run and messages in rows have numbers in them: with the digits
    // of a locale that has its own, another one could not find or go on with them.
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    WatchedOutput watched = new WatchedOutput(streams.out());
    int code = execute(arguments, new Streams(streams.in(), watched, streams.err()));
    boolean saysDone = code == ExitCode.DONE || code == ExitCode.ROWS_FAILED;
    return watched
        .failure()
        .filter(_ -> saysDone)
        .map(failure -> lost(failure, streams))
        .orElse(code);
  }

  // What was computed has not come out.
  private static int lost(OutputFailure failure, Streams streams) {
    if (failure.kind() == OutputFailure.Kind.READER_GONE) {
      return ExitCode.READER_GONE;
    }
    streams.say(String.valueOf(failure.getMessage()));
    return ExitCode.ENVIRONMENT;
  }

  private static int execute(List<String> arguments, Streams streams) {
    PrintWriter help = new PrintWriter(streams.out(), true, StandardCharsets.UTF_8);
    CommandLine line =
        OptionValues.read(new CommandLine(new GavelCommand(), new CommandFactory(streams)))
            .setOut(help)
            .setErr(streams.err())
            .setUsageHelpWidth(100)
            .setUsageHelpAutoWidth(Terminal.isOutput())
            .setCaseInsensitiveEnumValuesAllowed(false)
            .setOverwrittenOptionsAllowed(false)
            .setParameterExceptionHandler(new Failures(streams)::usage)
            .setExecutionExceptionHandler(new Failures(streams)::execution);
    try {
      return line.execute(arguments.toArray(String[]::new));
    } catch (OutOfMemoryError e) {
      streams.say(
          "out of memory (%s); give the Java virtual machine more with -Xmx"
              .formatted(e.getMessage()));
      return ExitCode.ENVIRONMENT;
    } catch (LinkageError e) {
      // ONNX Runtime and the tokenizer load their native libraries in static initialisers.
      streams.say("a native library cannot be loaded: %s".formatted(rootCause(e)));
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
}
