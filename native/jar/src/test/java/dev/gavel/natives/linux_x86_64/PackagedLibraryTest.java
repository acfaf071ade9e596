package dev.gavel.natives.linux_x86_64;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.Runtime.Version;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the packaged library needs from a machine, and what it shows to one. */
class PackagedLibraryTest {
  /** The C library and its loader; libstdc++ and libgcc are linked in. */
  private static final Set<String> ALLOWED_LIBRARIES =
      Set.of("libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2");

  /** Ubuntu 22.04 has 2.35, Debian 12 has 2.36; the unwinder of g++ 12 needs 2.35. */
  private static final Version NEWEST_GLIBC = Version.parse("2.35");

  private static final Pattern GLIBC = Pattern.compile("GLIBC_([0-9]+(?:\\.[0-9]+)*)");
  private static final Pattern NEEDED = Pattern.compile("\\(NEEDED\\).*\\[(.+)]");

  @TempDir Path folder;
  private String library = "";

  @BeforeEach
  void extract() throws IOException {
    library = PackagedJar.extractLibrary(folder).toString();
  }

  @Test
  void isAnX8664SharedObject() throws IOException {
    String header =
        String.join("\n", PackagedJar.run("readelf", "--file-header", "--wide", library));

    assertTrue(header.contains("ELF64"), header);
    assertTrue(header.contains("Advanced Micro Devices X86-64"), header);
    assertTrue(header.contains("DYN (Shared object file)"), header);
  }

  @Test
  void needsOnlyTheCLibrary() throws IOException {
    Set<String> needed =
        matches(NEEDED, PackagedJar.run("readelf", "--dynamic", "--wide", library));

    assertFalse(needed.isEmpty(), "readelf lists no needed library");
    needed.removeAll(ALLOWED_LIBRARIES);
    assertEquals(Set.of(), needed, "libraries a machine may not have");
  }

  @Test
  void needsNoNewerCLibraryThanPromised() throws IOException {
    Set<String> versions = matches(GLIBC, PackagedJar.run("objdump", "-T", library));

    assertFalse(versions.isEmpty(), "objdump lists no symbol of the C library");
    Set<String> tooNew =
        versions.stream()
            .filter(version -> Version.parse(version).compareTo(NEWEST_GLIBC) > 0)
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(Set.of(), tooNew, "GLIBC versions newer than " + NEWEST_GLIBC);
  }

  @Test
  void needsNoSharedCxxRunTime() throws IOException {
    List<String> lines = PackagedJar.run("readelf", "--version-info", "--wide", library);

    List<String> cxx =
        lines.stream().filter(l -> l.contains("GLIBCXX") || l.contains("CXXABI")).toList();
    assertEquals(List.of(), cxx);
  }

  @Test
  void exportsOnlyItsOwnFunctions() throws IOException {
    List<String> exported =
        PackagedJar.run("nm", "--dynamic", "--defined-only", "--format=posix", library).stream()
            .map(line -> line.substring(0, line.indexOf(' ')))
            .toList();

    assertFalse(exported.isEmpty(), "nothing is exported");
    List<String> foreign = exported.stream().filter(name -> !name.startsWith("gavel_")).toList();
    assertEquals(List.of(), foreign);
  }

  @Test
  void hasNoExecutableStackAndNoTextRelocations() throws IOException {
    List<String> segments = PackagedJar.run("readelf", "--segments", "--wide", library);
    List<String> dynamic = PackagedJar.run("readelf", "--dynamic", "--wide", library);

    List<String> stack = segments.stream().filter(line -> line.contains("GNU_STACK")).toList();
    assertEquals(1, stack.size(), () -> String.join("\n", segments));
    assertFalse(stack.getFirst().contains("RWE"), stack.getFirst());
    assertTrue(
        dynamic.stream().noneMatch(line -> line.contains("TEXTREL")),
        () -> String.join("\n", dynamic));
  }

  private static Set<String> matches(Pattern pattern, List<String> lines) {
    return lines.stream()
        .flatMap(line -> pattern.matcher(line).results())
        .map((MatchResult match) -> match.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
