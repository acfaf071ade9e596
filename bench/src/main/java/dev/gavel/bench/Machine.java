package dev.gavel.bench;

import dev.gavel.Context;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a result must say about the machine it came from. */
final class Machine {
  private static final Path PROCESSORS = Path.of("/proc/cpuinfo");
  private static final Path CACHES = Path.of("/sys/devices/system/cpu/cpu0/cache");

  private Machine() {}

  static Map<String, String> describe() throws IOException {
    Map<String, String> facts = new LinkedHashMap<>();
    String processors = Files.isReadable(PROCESSORS) ? Files.readString(PROCESSORS) : "";
    facts.put("processor", field(processors, "model name"));
    facts.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
    for (int i = 0; Files.isDirectory(CACHES.resolve("index" + i)); i++) {
      Path cache = CACHES.resolve("index" + i);
      facts.put(
          "cache L%s %s"
              .formatted(
                  read(cache, "level"), read(cache, "type").toLowerCase(java.util.Locale.ROOT)),
          read(cache, "size"));
    }
    try (Context context = Context.open()) {
      facts.put("instruction set", context.info().instructionSet().toString());
      facts.put("instruction set, detail", context.info().detail());
    }
    facts.put(
        "operating system",
        "%s %s".formatted(System.getProperty("os.name"), System.getProperty("os.version")));
    facts.put("java", System.getProperty("java.vm.version"));
    return facts;
  }

  private static String read(Path folder, String name) throws IOException {
    return Files.readString(folder.resolve(name)).strip();
  }

  private static String field(String text, String name) {
    Matcher matcher =
        Pattern.compile("^" + name + "\\s*:\\s*(.*)$", Pattern.MULTILINE).matcher(text);
    return matcher.find() ? matcher.group(1) : "unknown";
  }
}
