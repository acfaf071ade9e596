package dev.gavel.cli;

import dev.gavel.DeviceLostException;
import dev.gavel.DeviceUnavailableException;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.NativeLoadException;
import dev.gavel.OutOfDeviceMemoryException;
import dev.gavel.OutOfHostMemoryException;
import dev.gavel.UnsupportedException;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.program.FileNames;
import dev.gavel.cli.program.Streams;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** What a failed command says, and its exit code. */
final class Failures {
  private final Streams streams;

  Failures(Streams streams) {
    this.streams = streams;
  }

  /** A wrong command line. */
  int usage(ParameterException e, String[] arguments) {
    // A mistyped option that is required would be reported as missing only.
    List<String> unknown = e.getCommandLine().getUnmatchedArguments();
    if (e instanceof MissingParameterException && !unknown.isEmpty()) {
      say(new UnmatchedArgumentException(e.getCommandLine(), unknown));
    }
    say(e);
    streams.err().printf("Try '%s --help'.%n", e.getCommandLine().getCommandSpec().qualifiedName());
    return ExitCode.USAGE;
  }

  private void say(ParameterException e) {
    streams.say(String.valueOf(e.getMessage()));
    UnmatchedArgumentException.printSuggestions(e, streams.err());
  }

  /** A command that threw. */
  int execution(Exception e, CommandLine line, ParseResult parsed) {
    int code = exitCode(e);
    if (code < 0) {
      streams.say("internal error, please report it with what follows: " + e);
      e.printStackTrace(streams.err());
      return ExitCode.ENVIRONMENT;
    }
    streams.say(
        e instanceof InvalidPathException path
            ? FileNames.refusal(path)
            : String.valueOf(e.getMessage()));
    return code;
  }

  private static int exitCode(Exception e) {
    return switch (e) {
      case CommandFailure failure -> failure.exitCode();
      case InvalidArgumentException _ -> ExitCode.USAGE;
      case FormatException _ -> ExitCode.USAGE;
      case InvalidPathException _ -> ExitCode.USAGE;
      case FileException file when file.getCause() instanceof NoSuchFileException -> ExitCode.USAGE;
      case FileException _ -> ExitCode.ENVIRONMENT;
      case NativeLoadException _ -> ExitCode.ENVIRONMENT;
      case DeviceUnavailableException _ -> ExitCode.ENVIRONMENT;
      case DeviceLostException _ -> ExitCode.ENVIRONMENT;
      case UnsupportedException _ -> ExitCode.ENVIRONMENT;
      case OutOfHostMemoryException _ -> ExitCode.ENVIRONMENT;
      case OutOfDeviceMemoryException _ -> ExitCode.ENVIRONMENT;
      case dev.gavel.GavelException _ -> ExitCode.ENVIRONMENT;
      default -> -1;
    };
  }
}
