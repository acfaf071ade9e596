package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.cli.program.ExitCode;
import java.util.List;
import org.junit.jupiter.api.Test;

class DoctorCommandTest {
  @Test
  void tellsWhatItRunsOnAndThatItWorks() {
    Run run = Run.of("doctor");
    assertEquals(ExitCode.DONE, run.exitCode(), run.err() + run.out());
    for (String name :
        List.of(
            "gavel            0.1.0",
            "native library",
            "sha256",
            "device cpu",
            "java",
            "self-check       SCALAR: score bits 0x",
            "onnx runtime",
            "tokenizers",
            "default model    config.json")) {
      assertTrue(run.out().contains("\n" + name) || run.out().startsWith(name), name);
    }
    assertTrue(!run.out().contains("WRONG"), run.out());
    assertTrue(!run.out().contains("unknown"), run.out());
  }
}
