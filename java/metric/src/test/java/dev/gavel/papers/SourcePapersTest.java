package dev.gavel.papers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The table of docs/source-papers.md: every paper has a row, and every row a test or a reason. */
class SourcePapersTest {
  private static final int PAPERS = 86;

  @Test
  void everyPaperHasItsRow() {
    SequencedMap<Integer, PaperTable.Row> rows = PaperTable.read();
    assertEquals(IntStream.rangeClosed(1, PAPERS).boxed().toList(), new ArrayList<>(rows.keySet()));
    Map<PaperTable.Verdict, Long> counts = new EnumMap<>(PaperTable.Verdict.class);
    rows.values().forEach(row -> counts.merge(row.verdict(), 1L, Long::sum));
    assertEquals(
        Map.of(
            PaperTable.Verdict.IN, 30L, PaperTable.Verdict.EDGE, 34L, PaperTable.Verdict.OUT, 22L),
        counts);
  }

  @Test
  void everyRowHasATestOrAReason() throws ReflectiveOperationException {
    Set<String> tests = new HashSet<>();
    for (Map.Entry<Integer, PaperTable.Row> entry : PaperTable.read().entrySet()) {
      PaperTable.Row row = entry.getValue();
      String where = "row %d: %s".formatted(entry.getKey(), row.test());
      if (row.verdict() == PaperTable.Verdict.OUT) {
        assertTrue(row.words().isEmpty(), where);
        assertTrue(row.test().contains(" "), where);
      } else {
        assertTrue(!row.words().isEmpty(), where);
        List<String> name = List.of(row.test().split("\\.", -1));
        Class<?> type = Class.forName("dev.gavel.papers." + name.get(0));
        assertTrue(type.getDeclaredMethod(name.get(1)).isAnnotationPresent(Test.class), where);
        assertTrue(tests.add(row.test()), "two rows have this test; " + where);
      }
    }
  }

  @Test
  void everyLinkLeadsToItsFile() throws java.io.IOException {
    for (String line : Files.readAllLines(PaperTable.file())) {
      if (line.matches("\\| \\d+ \\|.*\\]\\(.*")) {
        String link = line.substring(line.lastIndexOf("](") + 2, line.lastIndexOf(')'));
        assertTrue(Files.exists(PaperTable.file().resolveSibling(link)), line);
      }
    }
  }
}
