package dev.gavel.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The command as a process of its own. */
final class GavelProcess {
  private GavelProcess() {}

  /**
   * Starts it; what it writes to standard output is dropped.
   *
   * @param said where its standard error goes
   */
  static Process start(List<String> jvmOptions, List<String> arguments, Path said)
      throws IOException {
    return start(jvmOptions, arguments, Map.of(), Path.of("/dev/null"), said);
  }

  /**
   * Starts it.
   *
   * @param environment added to this process's
   * @param out where its standard output goes
   * @param said where its standard error goes
   */
  static Process start(
      List<String> jvmOptions,
      List<String> arguments,
      Map<String, String> environment,
      Path out,
      Path said)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(jvmOptions);
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
    command.addAll(List.of(System.getProperty("java.class.path"), "dev.gavel.cli.Main"));
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(said.toFile()).redirectOutput(out.toFile());
    builder.environment().putAll(environment);
    // The C library keeps freed memory for each thread; how much depends on who comes when.
    builder.environment().put("MALLOC_ARENA_MAX", "2");
    return builder.start();
  }
}
