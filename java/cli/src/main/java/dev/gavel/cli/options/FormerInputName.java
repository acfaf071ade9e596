package dev.gavel.cli.options;

import java.util.Map;
import java.util.Stack;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IParameterPreprocessor;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Reads {@code --data}, the former name of {@code --input}, so that scripts keep working. */
public final class FormerInputName {
  private static final String NAME = "--input";

  @Option(names = "--data", hidden = true, paramLabel = "FILE", preprocessor = AsInput.class)
  @Nullable String former;

  /** Puts the present name before the value. */
  static final class AsInput implements IParameterPreprocessor {
    @Override
    public boolean preprocess(
        Stack<String> arguments, CommandSpec command, ArgSpec former, Map<String, Object> info) {
      OptionSpec input = command.findOption(NAME);
      boolean before = !"".equals(input.getValue());
      boolean behind =
          arguments.stream()
              .anyMatch(argument -> argument.equals(NAME) || argument.startsWith(NAME + "="));
      if (before || behind) {
        throw new ParameterException(
            command.commandLine(), "--data is another name of --input: give one of them, once");
      }
      arguments.push(NAME);
      return true;
    }
  }
}
