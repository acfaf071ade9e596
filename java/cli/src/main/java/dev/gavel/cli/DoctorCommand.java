package dev.gavel.cli;

import dev.gavel.Diagnostics;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.program.Streams;
import dev.gavel.cli.program.Version;
import dev.gavel.text.Provenance;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Says what Gavel runs on, and whether it works. */
@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Says what Gavel runs on, and whether it works.",
      "Prints the native library with its path and hash, the instruction sets of the processor,"
          + " devices, versions and the default model, and scores one vector to compare its bits."
          + " Exit code 3 where something does not work.",
      ""
    })
final class DoctorCommand implements Callable<Integer> {
  private final Streams streams;

  DoctorCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() {
    PrintWriter out = new PrintWriter(streams.out(), true, StandardCharsets.UTF_8);
    line(out, "gavel", Version.NUMBER);
    // Throws where the library cannot be loaded: its message is the diagnosis.
    out.print(Diagnostics.collect().report());
    SelfCheck.Outcome check = SelfCheck.run();
    String name = "self-check";
    for (String outcome : check.lines()) {
      line(out, name, outcome);
      name = "";
    }
    Provenance provenance = Provenance.collect();
    line(out, "onnx runtime", provenance.onnxRuntime());
    line(out, "tokenizers", provenance.tokenizers());
    name = "default model";
    for (Provenance.Part part : provenance.parts()) {
      line(
          out, name, "%s, %d bytes, sha256 %s".formatted(part.name(), part.bytes(), part.sha256()));
      name = "";
    }
    if (!check.right()) {
      streams.say(
          "the self-check gives wrong bits: scores of this machine cannot be trusted; please report it with the lines above");
      return ExitCode.ENVIRONMENT;
    }
    return ExitCode.DONE;
  }

  private static void line(PrintWriter out, String name, String value) {
    out.printf("%-16s %s%n", name, value);
  }
}
