package dev.gavel.bindings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Other programs that tests run: the C compiler and JVMs of their own. */
final class Tools {
  private Tools() {}

  /** Exit status and everything a program printed. */
  record Result(int status, String output) {}

  static Path include() {
    return Path.of(System.getProperty("gavel.native.include"));
  }

  /** The header and nothing else decides: strict C11, or C++17, and every warning is an error. */
  static Result checkSyntax(Path source, Path include) throws IOException {
    boolean cpp = source.toString().endsWith(".cpp");
    return run(
        cpp ? "c++" : "cc",
        cpp ? "-std=c++17" : "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-pedantic",
        "-fsyntax-only",
        "-I" + include,
        source.toString());
  }

  /** Compiles C text to a shared library in {@code folder}. */
  static Path sharedLibrary(Path folder, String name, String text) throws IOException {
    Path source = Files.writeString(folder.resolve(name + ".c"), text);
    Path library = folder.resolve("lib" + name + ".so");
    Result result =
        run("cc", "-std=c11", "-O1", "-shared", "-fPIC", "-o", "" + library, "" + source);
    if (result.status() != 0) {
      throw new IOException("cc failed: " + result.output());
    }
    return library;
  }

  /** Runs a main class on this JVM's class path with {@code before} on it first. */
  static Result java(List<String> flags, List<Path> before, Class<?> main) throws IOException {
    List<String> classPath = new ArrayList<>();
    before.forEach(path -> classPath.add(path.toString()));
    classPath.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:+IgnoreUnrecognizedVMOptions");
    command.add("--illegal-native-access=deny");
    command.addAll(flags);
    command.add("-cp");
    command.add(String.join(File.pathSeparator, classPath));
    command.add(main.getName());
    return run(command.toArray(String[]::new));
  }

  static Result run(String... command) throws IOException {
    Path output = Files.createTempFile("gavel-test", ".txt");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      if (!process.waitFor(120, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IOException("did not end in 120 s: " + String.join(" ", command));
      }
      return new Result(process.exitValue(), Files.readString(output, UTF_8));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted: " + String.join(" ", command), e);
    } finally {
      Files.delete(output);
    }
  }
}
