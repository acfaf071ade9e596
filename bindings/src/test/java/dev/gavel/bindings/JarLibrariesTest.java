package dev.gavel.bindings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JarLibrariesTest {
  private static final String CACHE = LibrarySettings.NATIVE_CACHE;

  @TempDir Path folder;

  private final LogCapture log = new LogCapture();
  private String before;

  @BeforeEach
  void ownCache() {
    before = System.getProperty(CACHE);
    System.setProperty(CACHE, folder.resolve("cache").toString());
  }

  @AfterEach
  void restore() {
    log.close();
    if (before == null) {
      System.clearProperty(CACHE);
    } else {
      System.setProperty(CACHE, before);
    }
  }

  @Test
  void entriesOfAJarLieTogetherOnceForAllWhoAsk() throws IOException {
    List<URL> entries = jar("a.jar", Map.of("liba.so", "first", "libb.so", "second"));
    Path home = JarLibraries.folder(entries).orElseThrow();
    assertEquals("first", Files.readString(home.resolve("liba.so")));
    assertEquals("second", Files.readString(home.resolve("libb.so")));
    Object place = Files.getAttribute(home.resolve("libb.so"), "unix:ino");
    assertEquals(Optional.of(home), JarLibraries.folder(entries));
    assertEquals(place, Files.getAttribute(home.resolve("libb.so"), "unix:ino"));
    assertEquals("", log.text());
  }

  @Test
  void anotherVersionLiesElsewhere() throws IOException {
    Path one = JarLibraries.folder(jar("a.jar", Map.of("liba.so", "first"))).orElseThrow();
    Path two = JarLibraries.folder(jar("b.jar", Map.of("liba.so", "other"))).orElseThrow();
    assertNotEquals(one, two);
    assertEquals("first", Files.readString(one.resolve("liba.so")));
    assertEquals("other", Files.readString(two.resolve("liba.so")));
  }

  @Test
  void aDamagedCopyIsReplacedAndReported() throws IOException {
    List<URL> entries = jar("a.jar", Map.of("liba.so", "first"));
    Path file = JarLibraries.folder(entries).orElseThrow().resolve("liba.so");
    for (String damaged : List.of("fIrst", "", "first and more")) {
      Files.writeString(file, damaged);
      assertEquals(Optional.of(file.getParent()), JarLibraries.folder(entries));
      assertEquals("first", Files.readString(file));
      assertTrue(log.text().contains(file + " is not what was extracted to it"), log.text());
    }
  }

  @Test
  void aDamagedJarIsRefusedAndLeavesNothing() throws IOException {
    List<URL> entries = jar("a.jar", Map.of("liba.so", "a content that is stored"));
    Path jar = folder.resolve("a.jar");
    byte[] bytes = Files.readAllBytes(jar);
    int at = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1).indexOf("stored");
    bytes[at] = 'S';
    Files.write(jar, bytes);
    IOException e = assertThrows(IOException.class, () -> JarLibraries.folder(entries));
    assertTrue(e.getMessage().contains("liba.so of " + jar), e.getMessage());
    try (var files = Files.walk(folder.resolve("cache"))) {
      assertEquals(List.of(), files.filter(Files::isRegularFile).toList());
    }
  }

  @Test
  void whatIsNoEntryOfAJarIsLeft() throws IOException {
    Path file = Files.writeString(folder.resolve("liba.so"), "first");
    assertEquals(Optional.empty(), JarLibraries.folder(List.of(file.toUri().toURL())));
    assertFalse(Files.exists(folder.resolve("cache")));
  }

  @Test
  void aCacheThatOthersCanChangeIsRefused() throws IOException {
    Path cache = Files.createDirectory(folder.resolve("cache"));
    Files.setPosixFilePermissions(
        cache, java.nio.file.attribute.PosixFilePermissions.fromString("rwxrwxrwx"));
    List<URL> entries = jar("a.jar", Map.of("liba.so", "first"));
    IOException e = assertThrows(IOException.class, () -> JarLibraries.folder(entries));
    assertTrue(e.getMessage().contains("can be changed by other users"), e.getMessage());
  }

  private List<URL> jar(String name, Map<String, String> entries) throws IOException {
    Path jar = folder.resolve(name);
    try (OutputStream out = Files.newOutputStream(jar);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.setLevel(0);
      for (String entry : entries.keySet().stream().sorted().toList()) {
        zip.putNextEntry(new ZipEntry("native/" + entry));
        zip.write(entries.get(entry).getBytes(UTF_8));
        zip.closeEntry();
      }
    }
    return entries.keySet().stream()
        .sorted()
        .map(entry -> url("jar:" + jar.toUri() + "!/native/" + entry))
        .toList();
  }

  private static URL url(String text) {
    try {
      return URI.create(text).toURL();
    } catch (java.net.MalformedURLException e) {
      throw new IllegalArgumentException(e);
    }
  }
}
