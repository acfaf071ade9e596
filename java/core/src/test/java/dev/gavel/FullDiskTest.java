package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Writing where there is no room, as the operating system reports it: a child process under a limit
 * on the size of files, which fails a write half-way as a full disk does.
 */
class FullDiskTest {
  private static final Path SHELL = Path.of("/bin/sh");

  @TempDir private Path directory;

  @Test
  void noHalfFileIsLeftAndTheOldOneStays() throws IOException, InterruptedException {
    assumeTrue(Files.isExecutable(SHELL), "no " + SHELL + " to limit a child process with");
    Path file = directory.resolve("head.safetensors");
    byte[] old = {1, 2, 3};
    Files.write(file, old);
    Process child =
        new ProcessBuilder(
                SHELL.toString(),
                "-c",
                "ulimit -f 64; exec \"$0\" -XX:-UsePerfData -cp \"$1\" \"$2\" \"$3\"",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                System.getProperty("java.class.path"),
                Writer.class.getName(),
                file.toString())
            .redirectErrorStream(true)
            .start();
    String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, child.waitFor(), output);
    assertTrue(output.contains("cannot be written"), output);
    assertTrue(output.contains(file.toString()), output);
    assertArrayEquals(old, Files.readAllBytes(file));
    try (Stream<Path> left = Files.list(directory)) {
      assertEquals(List.of(file), left.toList());
    }
  }

  @Test
  void aFolderThatIsNotThereIsNamed() {
    Path file = directory.resolve("absent").resolve("head.safetensors");
    try (HostTensor tensor = HostTensor.allocate(DType.F32, 1)) {
      FileException failed =
          org.junit.jupiter.api.Assertions.assertThrows(
              FileException.class, () -> Safetensors.write(file, Map.of(), Map.of("a", tensor)));
      assertTrue(failed.getMessage().contains("there is no such folder"), failed.getMessage());
    }
  }

  /** Writes a megabyte and prints how that failed. */
  static final class Writer {
    private Writer() {}

    public static void main(String[] arguments) {
      try (HostTensor tensor = HostTensor.allocate(DType.F32, 1 << 18)) {
        Safetensors.write(Path.of(arguments[0]), Map.of(), Map.of("a", tensor));
        System.out.println("was written");
      } catch (FileException e) {
        System.out.println(e.getMessage());
      }
    }
  }
}
