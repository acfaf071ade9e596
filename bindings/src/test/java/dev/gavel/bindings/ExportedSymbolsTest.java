package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.SortedSet;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The library exports the functions of the interface and nothing else. */
class ExportedSymbolsTest {
  @Test
  void exportedSymbolsAreTheGeneratedFunctions() throws IOException {
    String library = NativeLibrary.load().path().toString();
    Tools.Result result = Tools.run("nm", "--dynamic", "--defined-only", "--format=posix", library);
    assertEquals(0, result.status(), result.output());
    SortedSet<String> exported = new TreeSet<>();
    // posix format: name, type, value, size; type A is the version script's own entry
    result
        .output()
        .lines()
        .map(line -> line.split(" "))
        .filter(columns -> !columns[1].equals("A"))
        .forEach(columns -> exported.add(columns[0].replaceAll("@.*", "")));
    assertEquals(AbiCheck.functions(), exported);
  }
}
