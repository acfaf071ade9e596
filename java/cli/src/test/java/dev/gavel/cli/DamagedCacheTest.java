package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import dev.gavel.Safetensors;
import dev.gavel.cli.cache.CacheScoring;
import dev.gavel.cli.cache.HiddenCache;
import dev.gavel.cli.input.Position;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.scoring.StageTimes;
import dev.gavel.text.RewardModel;
import dev.gavel.text.VectorModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Caches that were interrupted, changed or damaged, and folders that are none. */
class DamagedCacheTest {
  @TempDir private Path folder;
  private Path model;
  private Path input;
  private SmallCaches caches;

  @BeforeEach
  void write() throws IOException {
    caches = SmallCaches.in(folder);
    model = caches.model();
    input = caches.input();
  }

  @Test
  void aRunThatWasCutGoesOnToTheSameBytes() throws IOException {
    Path whole = caches.smallFiles("whole");
    Path cut = caches.smallFiles("cut");
    Map<String, byte[]> expected = contents(whole);
    // As a kill leaves it: no index, files up to some instant, one without a record, half a record.
    for (int kept = 0; kept <= 5; kept++) {
      Files.delete(cut.resolve("cache.json"));
      List<String> records = Files.readAllLines(cut.resolve("cache.run"));
      String journal = String.join("\n", records.subList(0, kept + 1)) + "\n{\"check\":\"0";
      Files.writeString(cut.resolve("cache.run"), journal);
      for (int i = kept + 1; i < 5; i++) {
        Files.delete(cut.resolve("vectors-%05d.safetensors".formatted(i)));
      }
      // And what a kill in the middle of a file leaves.
      Files.writeString(
          cut.resolve(
              ".vectors-%05d.safetensors.8d2d1250-3c82-44a0-985c-8a570062d3e2.tmp".formatted(kept)),
          "half a file");
      Run refused = caches.cache(cut, "--window-rows", "16", "--file-rows", "64");
      assertEquals(ExitCode.USAGE, refused.exitCode());
      assertTrue(refused.err().contains("--resume"), refused.err());
      assertTrue(caches.score(cut, folder.resolve("o")).err().contains("not complete"));
      Run run = caches.cache(cut, "--window-rows", "16", "--file-rows", "64", "--resume");
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      assertSame(expected, contents(cut), "kept " + kept);
    }
    // A file that was damaged since is written again, and those after it.
    Files.delete(cut.resolve("cache.json"));
    Path damaged = cut.resolve("vectors-00002.safetensors");
    byte[] bytes = Files.readAllBytes(damaged);
    bytes[bytes.length - 1] ^= 1;
    Files.write(damaged, bytes);
    caches.cache(cut, "--window-rows", "16", "--file-rows", "64", "--resume");
    assertSame(expected, contents(cut), "damaged");

    Run again = caches.cache(cut, "--window-rows", "16", "--file-rows", "64", "--resume");
    assertEquals(ExitCode.ROWS_FAILED, again.exitCode());
    assertTrue(again.err().contains("complete already"), again.err());
    Run other = caches.cache(cut, "--window-rows", "16", "--file-rows", "65", "--resume");
    assertEquals(ExitCode.USAGE, other.exitCode());
    assertTrue(other.err().contains("file was 64 rows, now 65 rows"), other.err());
    assertEquals(ExitCode.USAGE, caches.cache(cut).exitCode());
    assertEquals(ExitCode.ROWS_FAILED, caches.cache(cut, "--force").exitCode());
  }

  @Test
  void aRunThatIsRefusedChangesNothing() throws IOException {
    Path cache = caches.smallFiles("cache");
    Path journal = cache.resolve("cache.run");
    Path index = cache.resolve("cache.json");
    // Complete, of a run that is not known, and not complete.
    String[] other = {"--window-rows", "16", "--file-rows", "65", "--resume"};
    refusedWithoutAChange(cache, "had other settings", other);
    byte[] record = Files.readAllBytes(journal);
    Files.delete(journal);
    refusedWithoutAChange(cache, "no record tells", other);
    Files.write(journal, record);
    Files.delete(index);
    refusedWithoutAChange(cache, "had other settings", other);
    Run run = caches.cache(cache, "--window-rows", "16", "--file-rows", "64", "--resume");
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    assertSame(contents(caches.smallFiles("whole")), contents(cache), "went on");
  }

  private void refusedWithoutAChange(Path cache, String why, String... options) throws IOException {
    Map<String, byte[]> before = contents(cache);
    Run run = caches.cache(cache, options);
    assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
    assertTrue(run.err().contains(why), run.err());
    assertSame(before, contents(cache), why);
  }

  @Test
  void noFileOfAnEarlierRunIsLeftBehindAGap() throws IOException {
    Path cache = caches.smallFiles("cache");
    Files.delete(cache.resolve("vectors-00001.safetensors"));
    Path mine = Files.writeString(cache.resolve("vectors-1.safetensors"), "mine");
    Run run = caches.cache(cache, "--window-rows", "16", "--file-rows", "200", "--force");
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    assertEquals("mine", Files.readString(mine));
    Files.delete(mine);
    Path whole = folder.resolve("whole");
    caches.cache(whole, "--window-rows", "16", "--file-rows", "200");
    assertSame(contents(whole), contents(cache), "forced");
  }

  private static void assertSame(
      Map<String, byte[]> expected, Map<String, byte[]> found, String when) {
    assertEquals(expected.keySet(), found.keySet(), when);
    expected.forEach((name, bytes) -> assertArrayEquals(bytes, found.get(name), when + name));
  }

  private static Map<String, byte[]> contents(Path cache) throws IOException {
    Map<String, byte[]> all = new LinkedHashMap<>();
    try (Stream<Path> files = Files.list(cache)) {
      for (Path file : files.sorted().toList()) {
        if (!file.endsWith("cache.run")) {
          all.put(file.getFileName().toString(), Files.readAllBytes(file));
        }
      }
    }
    return all;
  }

  @Test
  void aFolderOfSomebodyElseIsLeftAlone() throws IOException {
    Path other = Files.createDirectory(folder.resolve("other"));
    Path notes = Files.writeString(other.resolve("notes.txt"), "mine");
    assertEquals(ExitCode.USAGE, caches.cache(other, "--force").exitCode());
    assertEquals("mine", Files.readString(notes));
    assertEquals(ExitCode.USAGE, caches.cache(input, "--force").exitCode());
    Path nothing = folder.resolve("nothing");
    assertEquals(ExitCode.USAGE, caches.cache(nothing, "--pooling", "mean").exitCode());
    assertEquals(
        ExitCode.USAGE, caches.cache(nothing, "--order", "drawn", "--seed", "x").exitCode());
    assertEquals(ExitCode.USAGE, caches.cache(nothing, "--seed", "1").exitCode());
    assertFalse(Files.exists(nothing));
  }

  @Test
  void hostileFilesAreRefused() throws IOException {
    Path cache = caches.smallFiles("cache");
    Path shard = cache.resolve("vectors-00001.safetensors");
    Path index = cache.resolve("cache.json");
    refused(cache, shard, bytes -> bytes.length - 9, "cut short");
    tampered(cache, tensors -> tensors.remove("vectors"), "no tensor 'vectors'");
    tampered(cache, tensors -> change(tensors.get("offsets"), 3, -1), "offsets must begin");
    tampered(cache, tensors -> change(tensors.get("offsets"), 0, 1), "offsets must begin");
    tampered(cache, tensors -> change(tensors.get("offsets"), 64, 1L << 40), "offsets must begin");
    tampered(cache, tensors -> change(tensors.get("offsets"), 1, 2), "responses and 2 vectors");
    tampered(cache, tensors -> change(tensors.get("rows"), 0, 'x'), "row 0 is not JSON");
    tampered(
        cache,
        tensors -> tensors.put("vectors", HostTensor.allocate(DType.F32, 3, 2)),
        "the index says F32");
    String text = Files.readString(index);
    for (String[] change :
        new String[][] {
          {"\"width\" : 2", "\"width\" : 3"},
          {"\"rows\" : 300", "\"rows\" : 301"},
          {"vectors-00001.safetensors", "../vectors-00001.safetensors"},
          {"\"format_version\" : 1", "\"format_version\" : 2"},
          {"\"responses\" : 870", "\"responses\" : -870"},
          {"{", "["}
        }) {
      assertTrue(text.contains(change[0]), change[0]);
      Files.writeString(index, text.replace(change[0], change[1]));
      Run run = caches.score(cache, folder.resolve("out.jsonl"), "--force");
      assertEquals(ExitCode.USAGE, run.exitCode(), change[1] + ": " + run.err());
    }
    Files.writeString(index, text);
    assertEquals(
        ExitCode.ROWS_FAILED,
        caches.score(cache, folder.resolve("out.jsonl"), "--force").exitCode());
  }

  private static void change(HostTensor tensor, long at, long value) {
    tensor.setLong(at, value);
  }

  // Writes the second file with other tensors; the index tells its new length.
  private void tampered(Path cache, Consumer<Map<String, HostTensor>> change, String expected)
      throws IOException {
    Path shard = cache.resolve("vectors-00001.safetensors");
    Path index = cache.resolve("cache.json");
    byte[] before = Files.readAllBytes(shard);
    String text = Files.readString(index);
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    Map<String, String> metadata;
    try (Safetensors file = Safetensors.open(shard)) {
      file.entries().forEach(entry -> tensors.put(entry.name(), file.read(entry.name())));
      metadata = file.metadata();
    }
    change.accept(tensors);
    Safetensors.write(shard, metadata, tensors);
    tensors.values().forEach(HostTensor::close);
    Files.writeString(
        index, text.replace("\"bytes\" : " + before.length, "\"bytes\" : " + Files.size(shard)));
    Run run = caches.score(cache, folder.resolve("out.jsonl"), "--force");
    assertEquals(ExitCode.USAGE, run.exitCode(), expected + ": " + run.err());
    assertTrue(run.err().contains(expected), expected + ": " + run.err());
    Files.write(shard, before);
    Files.writeString(index, text);
  }

  private void refused(
      Path cache, Path file, java.util.function.ToIntFunction<byte[]> length, String expected)
      throws IOException {
    byte[] before = Files.readAllBytes(file);
    Files.write(file, java.util.Arrays.copyOf(before, length.applyAsInt(before)));
    Run run = caches.score(cache, folder.resolve("out.jsonl"), "--force");
    assertEquals(ExitCode.USAGE, run.exitCode(), run.err());
    assertTrue(run.err().contains(expected), run.err());
    Files.write(file, before);
  }

  @Test
  void rowsOfStandardInputAreKeptWhereTheyAreWholeOnly() throws IOException {
    Path cache = folder.resolve("cache");
    String text = Files.readString(input, StandardCharsets.UTF_8);
    Run run =
        Run.withInput(text, "cache", "--model", model + "", "--input", "-", "--output", cache + "");
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    Path scored = folder.resolve("scored.jsonl");
    Path expected = folder.resolve("expected.jsonl");
    caches.score(cache, scored);
    caches.score(input, expected);
    assertArrayEquals(Files.readAllBytes(expected), Files.readAllBytes(scored));
    Run resume =
        Run.withInput(
            text,
            "cache",
            "--model",
            model + "",
            "--input",
            "-",
            "--output",
            cache + "",
            "--resume");
    assertEquals(ExitCode.USAGE, resume.exitCode());
  }

  /** A run that goes on may be interrupted again, wherever it is in a file. */
  @Test
  void scoringEndsAtTheSamePlacesWhereverItGoesOn() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"));
    String row = "{\"prompt\":\"p\",\"responses\":[\"a\"]}\n";
    Path input = Files.writeString(folder.resolve("many.jsonl"), row + "{\n".repeat(9000) + row);
    Path cache = folder.resolve("many.cache");
    Run.of("cache", "--input", input + "", "--output", cache + "", "--model", model + "");
    List<Position> whole = ends(cache, model, Position.START);
    assertTrue(whole.size() > 2, whole.toString());
    for (int i = 0; i < whole.size(); i++) {
      assertEquals(whole.subList(i + 1, whole.size()), ends(cache, model, whole.get(i)));
    }
  }

  private static List<Position> ends(Path cache, Path model, Position from) throws Exception {
    List<Position> ends = new ArrayList<>();
    try (VectorModel head = VectorModel.load(model.toString(), RewardModel.Options.defaults())) {
      new CacheScoring(HiddenCache.open(cache), head, new StageTimes())
          .run(from, piece -> ends.add(piece.end()));
    }
    return ends;
  }
}
