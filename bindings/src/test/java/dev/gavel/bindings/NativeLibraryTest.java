package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.bindings.fork.FileNativeSource;
import dev.gavel.bindings.fork.LoadLibrary;
import dev.gavel.bindings.spi.NativeSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Loading in JVMs of their own, with native access granted, refused, on the class path and on the
 * module path.
 */
class NativeLibraryTest {
  private static final String GRANTED = "--enable-native-access=ALL-UNNAMED";
  private static final Path CLASSES = Path.of("target", "classes");

  @TempDir Path folder;

  @Test
  void reportSaysWhatIsLoaded() throws IOException {
    NativeLibrary.Report report = NativeLibrary.load();
    assertEquals(Hashing.SHA_256.of(report.path()), report.sha256());
    assertEquals("property gavel.library.path", report.source());
    assertEquals("linux-x86_64", report.platform());
    assertTrue(report.version().matches("[0-9]+\\.[0-9]+\\.[0-9]+.*"), report.version());
    assertEquals(report, NativeLibrary.load());
  }

  @Test
  void classPathWithArtifact() throws IOException {
    assertLoadsFromArtifact(Tools.java(artifact(GRANTED), List.of(folder), LoadLibrary.class));
  }

  @Test
  void modulePathWithNativeAccessForThisModuleOnly() throws IOException {
    List<String> flags = artifact("--enable-native-access=dev.gavel.bindings");
    flags.addAll(onModulePath());
    assertLoadsFromArtifact(Tools.java(flags, List.of(folder), LoadLibrary.class));
  }

  @Test
  void refusedOnTheClassPath() throws IOException {
    assertFails(
        Tools.java(List.of("-Dgavel.library.path=" + library()), List.of(), LoadLibrary.class),
        "native access is not allowed",
        "start java with --enable-native-access=ALL-UNNAMED");
  }

  @Test
  void refusedOnTheModulePath() throws IOException {
    List<String> flags = new ArrayList<>(onModulePath());
    flags.add("-Dgavel.library.path=" + library());
    assertFails(
        Tools.java(flags, List.of(), LoadLibrary.class),
        "native access is not allowed",
        "start java with --enable-native-access=dev.gavel.bindings");
  }

  @Test
  void dynamicLinkersReasonIsShown() throws IOException {
    Path broken = Files.writeString(folder.resolve("libgavel.so"), "not a library");
    assertFails(
        Tools.java(
            List.of(GRANTED, "-Dgavel.library.path=" + folder), List.of(), LoadLibrary.class),
        "property gavel.library.path: " + broken + ": ",
        "file too short",
        "the text above is the dynamic linker's");
  }

  @Test
  void libraryThatIsNotGavelStaysRefused() throws IOException {
    Path other = Tools.sharedLibrary(folder, "gavel", "int other(void) { return 1; }");
    Tools.Result result =
        Tools.java(
            List.of(
                GRANTED, "-Dgavel.library.path=" + folder, "-Dtest.second.library=" + library()),
            List.of(),
            LoadLibrary.class);
    assertFails(
        result,
        other + ": is not a Gavel library: it has no function gavel_abi_version",
        "use the native library of the same version as gavel-bindings");
    assertTrue(
        result.output().contains("second failed Cannot load"),
        "the right library was taken although the wrong one cannot be unloaded: "
            + result.output());
  }

  @Test
  void noArtifact() throws IOException {
    assertFails(
        Tools.java(List.of(GRANTED), List.of(), LoadLibrary.class),
        "natives artifacts: none on the class path or module path");
  }

  @Test
  void artifactWhoseClassIsMissing() throws IOException {
    register("dev.gavel.Missing");
    assertFails(
        Tools.java(List.of(GRANTED), List.of(folder), LoadLibrary.class),
        "Provider dev.gavel.Missing not found");
  }

  /** Flags for a class path whose first folder registers {@link FileNativeSource}. */
  private List<String> artifact(String access) throws IOException {
    register(FileNativeSource.class.getName());
    return new ArrayList<>(
        List.of(
            access,
            "-Dtest.native.file=" + library(),
            "-Dgavel.native.cache=" + folder.resolve("cache")));
  }

  private void register(String provider) throws IOException {
    Path services = Files.createDirectories(folder.resolve("META-INF/services"));
    Files.writeString(services.resolve(NativeSource.class.getName()), provider);
  }

  private static List<String> onModulePath() {
    return List.of(
        "--module-path=" + CLASSES,
        "--add-modules=dev.gavel.bindings",
        "--add-exports=dev.gavel.bindings/dev.gavel.bindings=ALL-UNNAMED");
  }

  private static Path library() {
    return NativeLibrary.load().path();
  }

  private void assertLoadsFromArtifact(Tools.Result result) {
    String expected =
        "path=%s/%s/libgavel.so".formatted(folder.resolve("cache"), NativeLibrary.load().sha256());
    assertTrue(result.output().contains("loaded Report["), result.output());
    assertTrue(result.output().contains(expected), result.output());
    assertTrue(
        result.output().contains("source=natives artifact " + FileNativeSource.class.getName()),
        result.output());
  }

  private static void assertFails(Tools.Result result, String... texts) {
    assertTrue(result.output().contains("failed Cannot load"), result.output());
    for (String text : texts) {
      assertTrue(result.output().contains(text), result.output());
    }
  }
}
