package dev.gavel.cli;

import dev.gavel.cli.output.Terminal;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Function;
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
    PrintWriter help = new PrintWriter(out, true, StandardCharsets.UTF_8);
    CommandLine line =
        new CommandLine(new GavelCommand(), new CommandFactory(this))
            .setOut(help)
            .setErr(err)
            .setUsageHelpWidth(100)
            .setUsageHelpAutoWidth(Terminal.isOutput())
            .setCaseInsensitiveEnumValuesAllowed(false)
            .setOverwrittenOptionsAllowed(false)
            .registerConverter(Integer.class, text -> (int) whole(text, Integer.MAX_VALUE))
            .registerConverter(int.class, text -> (int) whole(text, Integer.MAX_VALUE))
            .registerConverter(Long.class, text -> whole(text, Long.MAX_VALUE))
            .registerConverter(long.class, text -> whole(text, Long.MAX_VALUE))
            .registerConverter(Float.class, text -> number(text, Float::valueOf))
            .registerConverter(Double.class, text -> number(text, Double::valueOf))
            .registerConverter(double.class, text -> number(text, Double::valueOf))
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

  private static long whole(String text, long most) {
    try {
      long value = Long.parseLong(text);
      if (value <= most && value >= -most - 1) {
        return value;
      }
    } catch (NumberFormatException _) {
      // Said below.
    }
    throw new CommandLine.TypeConversionException(
        "'%s' is no whole number from %d to %d".formatted(text, -most - 1, most));
  }

  private static <N> N number(String text, Function<String, N> reader) {
    try {
      return reader.apply(text);
    } catch (NumberFormatException _) {
      throw new CommandLine.TypeConversionException("'%s' is no number".formatted(text));
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
