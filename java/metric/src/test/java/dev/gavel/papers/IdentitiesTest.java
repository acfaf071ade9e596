package dev.gavel.papers;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/identities.md names tests that exist. */
class IdentitiesTest {
  private static final Path ROOT = Path.of("..", "..");
  private static final Pattern NAME = Pattern.compile("`([^`]+)`");
  private static final Pattern JAVA = Pattern.compile("([A-Z][A-Za-z]*)(?:\\.([a-z][A-Za-z]*))?");

  @Test
  void everyTestThatIsNamedIsThere() throws IOException {
    List<String> rows =
        Files.readAllLines(ROOT.resolve("docs/identities.md")).stream()
            .filter(line -> line.startsWith("| ") && !line.startsWith("| identity"))
            .toList();
    assertTrue(rows.size() > 20, "%d identities".formatted(rows.size()));
    for (String row : rows) {
      String tests = row.split(" \\| ", -1)[1];
      // A name by itself is one of a file named in the same row.
      List<String> texts = new ArrayList<>();
      List<String> members = new ArrayList<>();
      for (Matcher name = NAME.matcher(tests); name.find(); ) {
        Matcher java = JAVA.matcher(name.group(1));
        if (name.group(1).matches(".*\\.(cpp|h)")) {
          texts.addAll(read(ROOT.resolve("native/test"), name.group(1)));
        } else if (java.matches()) {
          texts.addAll(read(ROOT.resolve("java"), java.group(1) + ".java"));
          if (java.group(2) != null) {
            members.add(java.group(2));
          }
        } else {
          members.add(name.group(1));
        }
      }
      assertTrue(tests.equals("the same |") || !texts.isEmpty(), row);
      for (String member : members) {
        assertTrue(
            texts.stream().anyMatch(text -> text.contains("void " + member + "(")),
            "%s is in no file of: %s".formatted(member, row));
      }
    }
  }

  private static List<String> read(Path folder, String glob) throws IOException {
    List<String> texts = new ArrayList<>();
    Pattern wanted = Pattern.compile(glob.replace(".", "\\.").replace("*", ".*"));
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        boolean generated = file.toString().contains("target");
        if (!generated && wanted.matcher(file.getFileName().toString()).matches()) {
          texts.add(Files.readString(file));
        }
      }
    }
    assertTrue(!texts.isEmpty(), "no file %s under %s".formatted(glob, folder));
    return texts;
  }
}
