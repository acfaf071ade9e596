package dev.gavel.natives.linux_x86_64_cuda13;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gavel.bindings.spi.NativeSource;
import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The packaged CUDA library: what it needs from a machine, and what it shows to one. */
class PackagedCudaLibraryTest {
  /**
   * The C library; the CUDA runtime is linked in, the driver is looked for when a context opens.
   */
  private static final Set<String> ALLOWED_LIBRARIES =
      Set.of(
          "libc.so.6",
          "libm.so.6",
          "libpthread.so.0",
          "librt.so.1",
          "libdl.so.2",
          "ld-linux-x86-64.so.2");

  private static final Pattern NEEDED = Pattern.compile("\\(NEEDED\\).*\\[(.+)]");

  @TempDir Path folder;

  private static NativeSource service() {
    List<NativeSource> found =
        ServiceLoader.load(NativeSource.class).stream().map(ServiceLoader.Provider::get).toList();
    assertEquals(1, found.size(), "sources on the class path: " + found);
    return found.getFirst();
  }

  private Path library() throws IOException {
    Path file = folder.resolve("libgavel_cuda.so");
    try (InputStream stream = service().open("libgavel_cuda.so")) {
      Files.copy(stream, file);
    } catch (FileNotFoundException e) {
      assumeTrue(
          false, "this build has no CUDA library: nvcc was not found (" + e.getMessage() + ")");
    }
    return file;
  }

  @Test
  void isAServiceOfItsPlatform() {
    assertEquals("linux-x86_64-cuda13", service().platform());
    assertThrows(FileNotFoundException.class, () -> service().open("../libgavel_cuda.so"));
    assertThrows(FileNotFoundException.class, () -> service().open("libgavel.so"));
  }

  @Test
  void needsOnlyTheCLibrary() throws IOException {
    Set<String> needed =
        matches(NEEDED, run("readelf", "--dynamic", "--wide", library().toString()));
    assertTrue(!needed.isEmpty(), "readelf lists no needed library");
    needed.removeAll(ALLOWED_LIBRARIES);
    assertEquals(Set.of(), needed, "libraries a machine may not have");
  }

  @Test
  void exportsItsTableAlone() throws IOException {
    List<String> exported =
        run("nm", "--dynamic", "--defined-only", "--format=posix", library().toString()).stream()
            .map(line -> line.substring(0, line.indexOf(' ')))
            .toList();
    assertEquals(List.of("gavel_cuda_plugin"), exported);
  }

  /** With or without a driver: what is missing shows when a context is opened, not here. */
  @SuppressWarnings("restricted") // that it can be loaded is what is tested
  @Test
  void loads() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      assertNotNull(
          SymbolLookup.libraryLookup(library(), arena).find("gavel_cuda_plugin").orElse(null));
    }
  }

  private static Set<String> matches(Pattern pattern, List<String> lines) {
    return lines.stream()
        .flatMap(line -> pattern.matcher(line).results())
        .map((MatchResult match) -> match.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static List<String> run(String tool, String... arguments) throws IOException {
    boolean installed =
        Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
            .anyMatch(place -> Files.isExecutable(Path.of(place, tool)));
    assumeTrue(installed, tool + " is not on the PATH: install binutils to check the library");
    List<String> command = new ArrayList<>(List.of(tool));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output;
    try (InputStream stream = process.getInputStream()) {
      output = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    }
    try {
      assertEquals(0, process.waitFor(), () -> command + " failed:\n" + output);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for " + command, e);
    }
    return output.lines().toList();
  }
}
