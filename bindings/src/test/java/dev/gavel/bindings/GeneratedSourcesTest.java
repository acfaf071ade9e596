package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.Reader;
import java.lang.foreign.GroupLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The committed sources belong to the header as it is now. */
class GeneratedSourcesTest {
  private static final Path GENERATED = Path.of("src", "generated");
  private static final Set<String> OPAQUE =
      Set.of(
          "gavel_buffer",
          "gavel_context",
          "gavel_head",
          "gavel_optimizer",
          "gavel_stream",
          "gavel_vocabulary");

  @Test
  void interfaceHashIsTheHeaders() throws Exception {
    String header = Files.readString(Tools.include().resolve("gavel/gavel.h"));
    String seen = header.replaceAll("(?s)/\\*.*?\\*/", " ").replaceAll("\\s+", " ").strip();
    byte[] hash =
        MessageDigest.getInstance("SHA-256").digest(seen.getBytes(StandardCharsets.UTF_8));
    assertEquals(
        provenance().getProperty("interface.sha256"),
        HexFormat.of().formatHex(hash),
        "native/include/gavel/gavel.h changed after bindings/src/generated was written."
            + " Run bindings/regenerate.sh (it needs jextract on the PATH) and commit what it"
            + " writes.");
  }

  @Test
  void declaredFunctionsAreTheListedOnes() throws IOException {
    assertEquals(listed("functions"), AbiCheck.functions());
  }

  @Test
  void everyStructIsGeneratedAndComparedAtLoad() throws IOException {
    Set<String> structs = listed("structs");
    structs.removeAll(OPAQUE);
    Set<String> compared =
        AbiCheck.structs().values().stream()
            .map(GroupLayout::name)
            .map(name -> name.orElseThrow())
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(structs, compared);
    long ids =
        listed("constants").stream().filter(name -> name.startsWith("GAVEL_STRUCT_")).count();
    assertEquals(ids, AbiCheck.structs().size());
  }

  @Test
  void nothingButOurOwnSymbolsIsGenerated() throws IOException {
    for (String kind : List.of("functions", "structs", "constants")) {
      for (String name : listed(kind)) {
        assertTrue(name.startsWith("gavel_") || name.startsWith("GAVEL_"), name);
      }
    }
    try (Stream<Path> files = Files.walk(GENERATED.resolve("java"))) {
      Set<String> expected = listed("structs");
      expected.removeAll(OPAQUE);
      expected.add("gavel_h");
      expected.add("gavel_h$shared");
      Set<String> found =
          files
              .filter(Files::isRegularFile)
              .map(file -> file.getFileName().toString().replaceAll("\\.java$", ""))
              .collect(Collectors.toCollection(TreeSet::new));
      assertEquals(expected, found);
    }
  }

  private static Set<String> listed(String kind) throws IOException {
    return new TreeSet<>(List.of(provenance().getProperty(kind).split(" ")));
  }

  private static Properties provenance() throws IOException {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(GENERATED.resolve("PROVENANCE.properties"))) {
      properties.load(reader);
    }
    return properties;
  }
}
