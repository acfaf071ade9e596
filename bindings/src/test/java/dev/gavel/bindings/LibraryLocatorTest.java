package dev.gavel.bindings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.bindings.spi.NativeSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the library is looked for, and what the user is told when it is not there. */
class LibraryLocatorTest {
  private static final Platform LINUX = Platform.of("Linux", "amd64");

  @TempDir Path folder;

  @Test
  void propertyNamesAFile() throws IOException {
    Path file = Files.writeString(folder.resolve("any-name.so"), "library");
    LibraryLocator.Located located = locate(file.toString());
    assertEquals(file, located.path());
    assertEquals(Hashing.SHA_256.of(file), located.sha256());
    assertEquals("property gavel.library.path", located.source());
    assertFalse(located.extracted());
  }

  @Test
  void propertyNamesAFolder() throws IOException {
    Path file = Files.writeString(folder.resolve("libgavel.so"), "library");
    assertEquals(file, locate(folder.toString()).path());
  }

  @Test
  void wrongPropertyHasNoFallback() {
    Path missing = folder.resolve("missing");
    NativeLoadException e =
        failure(LINUX, missing.toString(), List.of(MemorySource.of("x".getBytes(UTF_8))));
    assertEquals(
        """
        Cannot load Gavel's native library libgavel.so.
        Tried:
          - property gavel.library.path = '%1$s': there is no file %1$s
          - natives artifacts: not asked, because the property is set
        Platform: linux-x86_64 (os.name = 'Linux', os.arch = 'amd64').
        What to do:
          - set -Dgavel.library.path to the folder that holds libgavel.so, or to the file itself
          - or leave the property out and add a natives artifact: dev.gavel:gavel-natives-linux-x86_64, in the version of gavel-bindings\
        """
            .formatted(missing),
        e.getMessage());
    assertFalse(Files.exists(cache()), "something was extracted");
  }

  @Test
  void folderWithoutTheLibrary() {
    assertMentions(
        failure(LINUX, folder.toString(), List.of()),
        "there is no file " + folder.resolve("libgavel.so"));
  }

  @Test
  void blankProperty() {
    assertMentions(failure(LINUX, " ", List.of()), "gavel.library.path = ' ': is blank");
  }

  @Test
  void artifactOfThisPlatformIsExtracted() {
    LibraryLocator.Located located =
        new LibraryLocator(settings(LINUX, null, List.of(MemorySource.of("x".getBytes(UTF_8)))))
            .locate();
    assertTrue(located.path().startsWith(cache()));
    assertTrue(located.extracted());
    assertEquals("natives artifact " + MemorySource.class.getName(), located.source());
  }

  @Test
  void cudaArtifactIsExtractedBesideTheOther() throws IOException {
    NativeSource library = MemorySource.of("x".getBytes(UTF_8));
    NativeSource cuda =
        new MemorySource("linux-x86_64-cuda13", "libgavel_cuda.so", () -> "y".getBytes(UTF_8));
    LibraryLocator.Located located =
        new LibraryLocator(settings(LINUX, null, List.of(cuda, library))).locate();
    assertEquals("y", Files.readString(located.path().resolveSibling("libgavel_cuda.so")));

    NativeSource empty = new MemorySource("linux-x86_64-cuda13", "nothing", () -> new byte[0]);
    located = new LibraryLocator(settings(LINUX, null, List.of(empty, library))).locate();
    assertFalse(Files.exists(located.path().resolveSibling("libgavel_cuda.so")));

    assertMentions(failure(LINUX, null, List.of(cuda, cuda, library)), "2 natives artifacts carry");
    // It is no library of its own.
    assertMentions(failure(LINUX, null, List.of(cuda)), "add a natives artifact");
  }

  @Test
  void nothingAtAll() {
    assertMentions(
        failure(LINUX, null, List.of()),
        "property gavel.library.path: not set",
        "natives artifacts: none on the class path or module path",
        "add a natives artifact: dev.gavel:gavel-natives-linux-x86_64",
        "or set -Dgavel.library.path to a folder that holds libgavel.so");
  }

  @Test
  void artifactOfAnotherPlatform() {
    NativeSource other =
        new MemorySource("linux-aarch64", "libgavel.so", () -> "x".getBytes(UTF_8));
    assertMentions(failure(LINUX, null, List.of(other)), "MemorySource: is for linux-aarch64");
  }

  @Test
  void platformWithoutArtifact() {
    assertMentions(
        failure(Platform.of("Mac OS X", "aarch64"), null, List.of()),
        "native library libgavel.dylib",
        "Platform: macos-aarch64 (os.name = 'Mac OS X', os.arch = 'aarch64')",
        "none is published for macos-aarch64 (published: linux-x86_64), so build the library from"
            + " source");
  }

  @Test
  void artifactWithoutTheLibrary() {
    NativeSource empty = new MemorySource("linux-x86_64", "other.so", () -> new byte[0]);
    assertMentions(failure(LINUX, null, List.of(empty)), "MemorySource: carries no 'libgavel.so'");
  }

  @Test
  void brokenArtifact() {
    LibrarySettings settings =
        new LibrarySettings(
            LINUX, null, cache(), List.of(), List.of("natives artifact: Provider X not found"));
    assertMentions(
        assertThrows(NativeLoadException.class, () -> new LibraryLocator(settings).locate()),
        "natives artifact: Provider X not found");
  }

  @Test
  void twoArtifactsWithDifferentLibraries() {
    assertMentions(
        failure(
            LINUX,
            null,
            List.of(
                MemorySource.of("one".getBytes(UTF_8)), MemorySource.of("two".getBytes(UTF_8)))),
        "keep one natives artifact for this platform");
  }

  @Test
  void twoArtifactsWithTheSameLibrary() {
    NativeSource source = MemorySource.of("one".getBytes(UTF_8));
    assertTrue(
        new LibraryLocator(settings(LINUX, null, List.of(source, source))).locate().extracted());
  }

  @Test
  void cacheThatOthersCanChange() throws IOException {
    Files.createDirectory(cache());
    Files.setPosixFilePermissions(cache(), PosixFilePermissions.fromString("rwxrwxrwx"));
    assertMentions(
        failure(LINUX, null, List.of(MemorySource.of("x".getBytes(UTF_8)))),
        "cannot be extracted",
        "can be changed by other users (permissions rwxrwxrwx)",
        "set -Dgavel.native.cache to a directory that only you can write to (now: "
            + cache()
            + ")");
  }

  private Path cache() {
    return folder.resolve("cache");
  }

  private LibraryLocator.Located locate(String libraryPath) {
    return new LibraryLocator(settings(LINUX, libraryPath, List.of())).locate();
  }

  private NativeLoadException failure(
      Platform platform, @Nullable String libraryPath, List<NativeSource> sources) {
    LibrarySettings settings = settings(platform, libraryPath, sources);
    return assertThrows(NativeLoadException.class, () -> new LibraryLocator(settings).locate());
  }

  private LibrarySettings settings(
      Platform platform, @Nullable String libraryPath, List<NativeSource> sources) {
    return new LibrarySettings(platform, libraryPath, cache(), sources, List.of());
  }

  private static void assertMentions(NativeLoadException e, String... texts) {
    for (String text : texts) {
      assertTrue(String.valueOf(e.getMessage()).contains(text), e.getMessage());
    }
  }
}
