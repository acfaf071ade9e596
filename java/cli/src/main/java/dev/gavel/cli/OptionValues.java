package dev.gavel.cli;

import java.util.Set;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;

/** How the values of options are read: which numbers there are, and that none is empty. */
final class OptionValues {
  // The label of options whose value is read by people or models, and may say nothing.
  private static final String FREE_TEXT = "TEXT";

  // Labels of files and folders only: one called - would be made, where others have a stream.
  private static final Set<String> PLACES = Set.of("FILE", "DIR");

  private OptionValues() {}

  /** Makes a command read them so. */
  static CommandLine read(CommandLine command) {
    return command
        .registerConverter(Integer.class, text -> (int) whole(text, Integer.MAX_VALUE))
        .registerConverter(int.class, text -> (int) whole(text, Integer.MAX_VALUE))
        .registerConverter(Long.class, text -> whole(text, Long.MAX_VALUE))
        .registerConverter(long.class, text -> whole(text, Long.MAX_VALUE))
        .registerConverter(Float.class, text -> number(text, Float::valueOf))
        .registerConverter(Double.class, text -> number(text, Double::valueOf))
        .registerConverter(double.class, text -> number(text, Double::valueOf))
        .setExecutionStrategy(OptionValues::execute);
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
    throw new TypeConversionException(
        "'%s' is no whole number from %d to %d".formatted(text, -most - 1, most));
  }

  private static <N> N number(String text, Function<String, N> reader) {
    try {
      return reader.apply(text);
    } catch (NumberFormatException _) {
      throw new TypeConversionException("'%s' is no number".formatted(text));
    }
  }

  private static int execute(ParseResult parsed) {
    for (CommandLine part : parsed.asCommandLineList()) {
      for (OptionSpec option : part.getParseResult().matchedOptions()) {
        requireValue(part, option);
      }
    }
    return new CommandLine.RunLast().execute(parsed);
  }

  // An empty name would be that of the folder one is in: nobody means it, an unset variable gives
  // it.
  private static void requireValue(CommandLine command, OptionSpec option) {
    if (!option.paramLabel().equals(FREE_TEXT) && option.originalStringValues().contains("")) {
      throw new ParameterException(
          command, "%s is empty; give it a value, or leave it out".formatted(option.longestName()));
    }
    if (PLACES.contains(option.paramLabel())
        && !option.hidden()
        && option.originalStringValues().contains("-")) {
      throw new ParameterException(
          command,
          "%s is -, and takes no standard stream; name a place, or say ./- where it is called so"
              .formatted(option.longestName()));
    }
  }
}
