package dev.gavel.cli.cache;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code cache.json}: what a cache is of, and which files it has. It is written last, so a folder
 * that has one is complete.
 *
 * @param width D, numbers of a vector
 * @param gated whether every response has a second vector, for a gate
 * @param rows rows, failed ones included
 * @param failed rows without vectors
 * @param responses vectors
 * @param model configuration of the model that made it, as JSON
 * @param settings what decides every bit of the cache, in words, by name
 * @param shards its files, in order
 */
public record CacheIndex(
    int width,
    boolean gated,
    long rows,
    long failed,
    long responses,
    String model,
    Map<String, String> settings,
    List<Shard> shards) {
  /** Name of the file. */
  public static final String FILE = "cache.json";

  /** Name of the record of the run that writes a cache. */
  public static final String JOURNAL = "cache.run";

  private static final String FORMAT = "gavel-cache";
  private static final int VERSION = 1;
  // A version without these vectors would score with a gate that reads the response's.
  private static final int GATED_VERSION = 2;
  private static final long MOST_BYTES = 1L << 28;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  /** Copies the collections. */
  public CacheIndex {
    settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
    shards = List.copyOf(shards);
  }

  /**
   * A file of a cache.
   *
   * @param file its name in the folder
   * @param rows rows in it
   * @param responses vectors in it
   * @param bytes its length
   * @param crc CRC-32C of its bytes
   */
  public record Shard(String file, long rows, long responses, long bytes, long crc) {
    /** Name of a file, counted from 0. */
    public static String name(int number) {
      return "vectors-%05d.safetensors".formatted(number);
    }
  }

  /** As a file. The same cache gives the same bytes. */
  public byte[] toJson() {
    ObjectNode node = JSON.createObjectNode();
    node.put("format", FORMAT).put("format_version", gated ? GATED_VERSION : VERSION);
    node.put("width", width).put("rows", rows).put("failed", failed).put("responses", responses);
    node.put("model", model);
    ObjectNode words = node.putObject("settings");
    settings.forEach(words::put);
    ArrayNode files = node.putArray("shards");
    for (Shard shard : shards) {
      ObjectNode file = files.addObject().put("file", shard.file()).put("rows", shard.rows());
      file.put("responses", shard.responses()).put("bytes", shard.bytes());
      file.put("crc32c", shard.crc());
    }
    try {
      return (JSON.writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("an index is always JSON", e);
    }
  }

  /**
   * Reads the index of a folder and checks that it agrees with itself.
   *
   * @throws FormatException if it does not
   */
  static CacheIndex read(Path folder) {
    Path path = folder.resolve(FILE);
    JsonNode node;
    try {
      if (Files.size(path) > MOST_BYTES) {
        throw new FormatException(path, "is no index of a cache: it is too long");
      }
      node = JSON.readTree(Files.readAllBytes(path));
    } catch (JsonProcessingException e) {
      throw new FormatException(path, "is no index of a cache: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new FileException(path, "cannot be read: " + SystemReason.reading(e), e);
    }
    int version = node.path("format_version").asInt();
    if (!node.path("format").asText().equals(FORMAT)
        || (version != VERSION && version != GATED_VERSION)) {
      throw new FormatException(
          path,
          "has format '%s' version %s; this version reads %s version %d and %d"
              .formatted(
                  node.path("format").asText(),
                  node.path("format_version").asText(),
                  FORMAT,
                  VERSION,
                  GATED_VERSION));
    }
    Map<String, String> settings = new LinkedHashMap<>();
    node.path("settings")
        .properties()
        .forEach(e -> settings.put(e.getKey(), e.getValue().asText()));
    List<Shard> shards = new ArrayList<>();
    for (JsonNode file : node.path("shards")) {
      shards.add(shard(path, file, shards.size()));
    }
    CacheIndex index =
        new CacheIndex(
            (int) number(path, node, "width", Integer.MAX_VALUE),
            version == GATED_VERSION,
            number(path, node, "rows", Long.MAX_VALUE),
            number(path, node, "failed", Long.MAX_VALUE),
            number(path, node, "responses", Long.MAX_VALUE),
            node.path("model").asText(),
            settings,
            shards);
    index.check(path);
    return index;
  }

  private static Shard shard(Path path, JsonNode node, int number) {
    String name = node.path("file").asText();
    if (!name.equals(Shard.name(number))) {
      throw new FormatException(
          path, "names file '%s'; file %d is %s".formatted(name, number, Shard.name(number)));
    }
    return new Shard(
        name,
        number(path, node, "rows", Integer.MAX_VALUE),
        number(path, node, "responses", Integer.MAX_VALUE),
        number(path, node, "bytes", Long.MAX_VALUE),
        number(path, node, "crc32c", 0xffffffffL));
  }

  private static long number(Path path, JsonNode node, String name, long most) {
    JsonNode value = node.path(name);
    if (!value.isIntegralNumber()
        || !value.canConvertToLong()
        || value.longValue() < 0
        || value.longValue() > most) {
      throw new FormatException(
          path, "has %s '%s'; it must be a whole number, 0 to %d".formatted(name, value, most));
    }
    return value.longValue();
  }

  private void check(Path path) {
    // Files have fewer than 2^31 of each, and a list in memory fewer than 2^31 files: no overflow.
    long rowsThere = shards.stream().mapToLong(Shard::rows).sum();
    long responsesThere = shards.stream().mapToLong(Shard::responses).sum();
    if (width < 1 || rowsThere != rows || responsesThere != responses || failed > rows) {
      throw new FormatException(
          path,
          "has %d rows, %d of them failed, and %d vectors of %d numbers; its files have %d and %d"
              .formatted(rows, failed, responses, width, rowsThere, responsesThere));
    }
  }
}
