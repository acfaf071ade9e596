package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gavel.cli.program.ExitCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code gavel bench --device=cuda} on the emulated device, a process of its own. */
class BenchOnCudaTest {
  private static final Path EMULATED =
      Project.root().resolve("native/target/build/lib/emulated/libgavel_cuda.so");

  @TempDir Path folder;

  @Test
  void measuresOnTheDeviceWithItsCeilings() throws Exception {
    assumeTrue(Files.exists(EMULATED), "there is no emulated CUDA library: " + EMULATED);
    Path out = folder.resolve("out");
    Path said = folder.resolve("said");
    Process process =
        GavelProcess.start(
            List.of(),
            List.of(
                "bench",
                "--device=cuda",
                "--width=16",
                "--hidden=8",
                "--responses=1,3",
                "--callers=1,2",
                "--seconds=1",
                "--json"),
            Map.of("GAVEL_CUDA_LIBRARY", EMULATED.toString()),
            out,
            said);
    assertEquals(ExitCode.DONE, process.waitFor(), () -> read(said));
    JsonNode all = JsonMapper.builder().build().readTree(Files.readString(out));
    assertEquals("cuda:0", all.get("machine").get("device").asText());
    JsonNode ceilings = all.get("ceilings");
    assertTrue(ceilings.get("launch_us").asDouble() > 0, ceilings.toString());
    assertTrue(ceilings.get("peak_operations_per_second").asDouble() > 0, ceilings.toString());
    assertEquals(4, all.get("rows").size());
    for (JsonNode row : all.get("rows")) {
      assertTrue(row.get("calls").asInt() >= row.get("callers").asInt(), row.toString());
      assertTrue(
          row.get("floor_us").asDouble() > ceilings.get("launch_us").asDouble(), row.toString());
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }
}
