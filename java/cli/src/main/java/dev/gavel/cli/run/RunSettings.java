package dev.gavel.cli.run;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Everything that decides what a run writes, in words: two runs with the same settings write the
 * same bytes.
 *
 * @param values by name, in the order people should read them
 */
public record RunSettings(Map<String, String> values) {
  /** Copies the map. */
  public RunSettings {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /** The same and one more. */
  public RunSettings with(String name, String value) {
    Map<String, String> more = new LinkedHashMap<>(values);
    more.put(name, value);
    return new RunSettings(more);
  }

  /** What differs from another run, one line each; empty where nothing does. */
  public List<String> differences(RunSettings before) {
    List<String> found = new ArrayList<>();
    before.values.forEach((name, value) -> {
      if (!value.equals(values.get(name))) {
        found.add(
            "%s was %s, now %s".formatted(name, value, values.getOrDefault(name, "not there")));
      }
    });
    values.forEach((name, value) -> {
      if (!before.values.containsKey(name)) {
        found.add("%s was not there, now %s".formatted(name, value));
      }
    });
    return found;
  }

  /** Differences behind a colon: one in the sentence, several in lines of their own. */
  public static String listed(List<String> differences) {
    return differences.size() == 1
        ? " %s. ".formatted(differences.getFirst())
        : "\n  %s\n".formatted(String.join("\n  ", differences));
  }
}
