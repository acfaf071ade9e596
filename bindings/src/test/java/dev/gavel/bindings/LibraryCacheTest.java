package dev.gavel.bindings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryCacheTest {
  private static final byte[] CONTENT = "a library".getBytes(UTF_8);
  // printf 'a library' | sha256sum
  private static final String SHA_256 =
      "31f109ab38348582abdc9e1c9942f74505c719e98c6d0ab6fbcfdccfd8c9935b";

  @TempDir Path folder;

  private final LogCapture log = new LogCapture();

  @AfterEach
  void stopCapture() {
    log.close();
  }

  @Test
  void directoryIsNamedAfterTheContentAndPrivate() throws IOException {
    Path cache = folder.resolve("missing/parents/cache");
    LibraryCache.Extracted extracted =
        new LibraryCache(cache).extract(MemorySource.of(CONTENT), "libgavel.so");

    assertEquals(SHA_256, extracted.hash());
    assertEquals(cache.resolve(SHA_256).resolve("libgavel.so"), extracted.path());
    assertArrayEquals(CONTENT, Files.readAllBytes(extracted.path()));
    assertEquals("rwx------", permissions(cache));
    assertEquals("rwx------", permissions(cache.resolve(SHA_256)));
    assertEquals("rw-------", permissions(extracted.path()));
    assertNothingElseThan(extracted.path());
  }

  @Test
  void secondUseKeepsTheFile() throws IOException {
    Path first = extract(CONTENT);
    Object key = Files.readAttributes(first, "unix:ino").get("ino");
    Path second = extract(CONTENT);
    assertEquals(first, second);
    assertEquals(key, Files.readAttributes(second, "unix:ino").get("ino"));
  }

  @Test
  void otherContentGoesElsewhere() throws IOException {
    Path other = extract("another library".getBytes(UTF_8));
    assertNotEquals(extract(CONTENT), other);
    assertEquals("another library", Files.readString(other));
  }

  @Test
  void companionsLieBesideTheLibraryAndNameTheFolder() throws IOException {
    LibraryCache cache = new LibraryCache(folder.resolve("cache"));
    LibraryCache.Part library =
        new LibraryCache.NativePart(MemorySource.of(CONTENT), "libgavel.so");
    Path alone = cache.extract(library, List.of()).path();
    Path first = cache.extract(library, List.of(companion("one"))).path();
    Path second = cache.extract(library, List.of(companion("two"))).path();
    assertEquals(3, Set.of(alone, first, second).size());
    assertArrayEquals(CONTENT, Files.readAllBytes(first));
    assertEquals("one", Files.readString(first.resolveSibling("libgavel_cuda.so")));
    assertEquals("two", Files.readString(second.resolveSibling("libgavel_cuda.so")));
    assertFalse(Files.exists(alone.resolveSibling("libgavel_cuda.so")));

    Files.writeString(first.resolveSibling("libgavel_cuda.so"), "something else");
    assertEquals(first, cache.extract(library, List.of(companion("one"))).path());
    assertEquals("one", Files.readString(first.resolveSibling("libgavel_cuda.so")));
  }

  private static LibraryCache.Part companion(String content) {
    return new LibraryCache.NativePart(
        new MemorySource("linux-x86_64-cuda13", "libgavel_cuda.so", () -> content.getBytes(UTF_8)),
        "libgavel_cuda.so");
  }

  @Test
  void corruptedFileIsReplacedAndReported() throws IOException {
    Path file = extract(CONTENT);
    Files.writeString(file, "something else");
    assertEquals(file, extract(CONTENT));
    assertTrue(log.text().contains(file + " is not what was extracted to it"), log.text());
    assertArrayEquals(CONTENT, Files.readAllBytes(file));
    assertNothingElseThan(file);
  }

  @Test
  void truncatedFileIsReplaced() throws IOException {
    Path file = extract(CONTENT);
    Files.write(file, new byte[0]);
    assertArrayEquals(CONTENT, Files.readAllBytes(extract(CONTENT)));
  }

  @Test
  void fileOthersCouldChangeIsReplaced() throws IOException {
    Path file = extract(CONTENT);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-rw-"));
    assertEquals("rw-------", permissions(extract(CONTENT)));
  }

  @Test
  void linkInPlaceOfTheFileIsReplaced() throws IOException {
    Path file = extract(CONTENT);
    Path elsewhere = Files.write(folder.resolve("elsewhere"), CONTENT);
    Files.delete(file);
    Files.createSymbolicLink(file, elsewhere);
    assertFalse(Files.isSymbolicLink(extract(CONTENT)));
  }

  @Test
  void sourceThatChangesWhileReadIsRefused() throws IOException {
    AtomicInteger calls = new AtomicInteger();
    MemorySource source =
        new MemorySource(
            "linux-x86_64",
            "libgavel.so",
            () -> ("version " + calls.incrementAndGet()).getBytes(UTF_8));
    IOException e =
        assertThrows(
            IOException.class, () -> new LibraryCache(cache()).extract(source, "libgavel.so"));
    assertTrue(e.getMessage().contains("changed while it was read"), e.getMessage());
    try (Stream<Path> files = Files.walk(cache())) {
      assertEquals(List.of(), files.filter(Files::isRegularFile).toList());
    }
  }

  @Test
  void blankDirectoryIsNotTheCurrentOne() {
    IOException e =
        assertThrows(
            IOException.class,
            () -> new LibraryCache(Path.of("")).extract(MemorySource.of(CONTENT), "libgavel.so"));
    assertTrue(e.getMessage().contains("-Dgavel.native.cache is set to nothing"), e.getMessage());
  }

  @Test
  void manyExtractAtOnce() throws Exception {
    byte[] content = new byte[1 << 20];
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Callable<Path>> tasks = Collections.nCopies(32, () -> extract(content));
      for (Future<Path> future : threads.invokeAll(tasks)) {
        assertArrayEquals(content, Files.readAllBytes(future.get()));
      }
    }
    assertNothingElseThan(extract(content));
  }

  private Path cache() {
    return folder.resolve("cache");
  }

  private Path extract(byte[] content) throws IOException {
    return new LibraryCache(cache()).extract(MemorySource.of(content), "libgavel.so").path();
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  private static void assertNothingElseThan(Path file) throws IOException {
    try (Stream<Path> files = Files.walk(file.getParent().getParent())) {
      assertEquals(List.of(file), files.filter(Files::isRegularFile).toList());
    }
  }
}
