package dev.gavel.natives.linux_x86_64;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/** The jar as it is shipped, named by the build, and the binutils that look into its library. */
final class PackagedJar {
  static final String LIBRARY = "META-INF/native/linux-x86_64/libgavel.so";

  private PackagedJar() {}

  static Path path() {
    String name = System.getProperty("gavel.packaged.jar");
    assertNotNull(name, "the build sets gavel.packaged.jar");
    return Path.of(name);
  }

  /** Copies the packaged library into a folder, so that a tool can open it. */
  static Path extractLibrary(Path folder) throws IOException {
    Path file = folder.resolve("libgavel.so");
    try (JarFile jar = new JarFile(path().toFile())) {
      JarEntry entry = jar.getJarEntry(LIBRARY);
      assertNotNull(entry, path() + " carries no " + LIBRARY);
      try (InputStream stream = jar.getInputStream(entry)) {
        Files.copy(stream, file);
      }
    }
    return file;
  }

  /**
   * The lines a tool of binutils prints; the test is skipped, by name, only where the tool is not
   * installed.
   */
  static List<String> run(String tool, String... arguments) throws IOException {
    boolean installed =
        Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, tool)));
    assumeTrue(
        installed, tool + " is not on the PATH: install binutils to check the packaged library");

    List<String> command = new ArrayList<>(List.of(tool));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LC_ALL", "C");
    Process process = builder.start();
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
