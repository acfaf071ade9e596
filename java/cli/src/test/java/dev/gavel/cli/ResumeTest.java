package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.cli.program.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that are killed, and go on. */
class ResumeTest {
  // -Dgavel.kills=50 takes some minutes.
  private static final int KILLS = Integer.getInteger("gavel.kills", 12);
  private static final int ROWS = 12_000;

  @TempDir private Path folder;

  private Process start(List<String> arguments) throws IOException {
    // Starts in half the time.
    return GavelProcess.start(
        List.of("-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx512m"),
        arguments,
        folder.resolve("err"));
  }

  private Path input(String name, int rows) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < rows; i++) {
      text.append(
          i % 97 == 13
              ? "{broken " + i + "\n"
              : "{\"prompt\":\"say %d\",\"responses\":[\"%s\",\"no\"]}\n"
                  .formatted(i, "word ".repeat(i % 11 + 1)));
    }
    return Files.writeString(folder.resolve(name), text);
  }

  private List<String> score(Path model, Path input, Path output, String... more) {
    List<String> arguments =
        new ArrayList<>(List.of("score", "--model", model.toString(), "--input", input.toString()));
    arguments.addAll(List.of("--output", output.toString(), "--window-rows", "64"));
    arguments.addAll(List.of(more));
    return arguments;
  }

  private static Run run(List<String> arguments) {
    return Run.of(arguments.toArray(String[]::new));
  }

  @Test
  void aRunThatIsKilledAtAnyInstantEndsWithTheSameFile() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"));
    Path input = input("in.jsonl", ROWS);
    Map<String, byte[]> expected = new HashMap<>();
    for (String ending : List.of(".jsonl", ".jsonl.gz", ".jsonl.zst")) {
      Path whole = folder.resolve("whole" + ending);
      Run run = run(score(model, input, whole));
      assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
      expected.put(ending, Files.readAllBytes(whole));
    }
    KilledRuns.run(
        new KilledScores(
            folder, expected, output -> start(score(model, input, output, "--resume"))),
        KILLS,
        ExitCode.ROWS_FAILED,
        folder.resolve("err"));
  }

  @Test
  void aSecondRunToTheSameOutputIsRefusedAndTheFirstGoesOn() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"));
    Path input = input("in.jsonl", 10);
    Path output = folder.resolve("out.jsonl");
    Process first =
        start(
            List.of("score", "--model", model.toString(), "--input", "-", "--output", output + ""));
    try (OutputStream in = first.getOutputStream()) {
      in.write(Files.readAllBytes(input));
      in.flush();
      Path journal = folder.resolve("out.jsonl.run");
      for (long i = 0; !(Files.exists(journal) && Files.size(journal) > 0); i++) {
        assertFalse(first.waitFor(50, TimeUnit.MILLISECONDS), "the first run ended");
        assertTrue(i < 1200, "the first run does not begin");
      }
      for (String option : List.of("--force", "--resume")) {
        Run second = run(score(model, input, output, option));
        assertEquals(ExitCode.USAGE, second.exitCode());
        assertTrue(second.err().contains("another run"), second.err());
      }
    }
    assertTrue(first.waitFor(120, TimeUnit.SECONDS));
    assertEquals(10, Files.readAllLines(output).size());
  }

  @Test
  void otherSettingsAreRefusedWithTheDifference() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"));
    Path input = input("in.jsonl", ROWS);
    Path output = folder.resolve("out.jsonl");
    while (!KilledScores.hasCheckpoint(output)) {
      Files.deleteIfExists(output);
      Process process = start(score(model, input, output, "--force"));
      while (!KilledScores.hasCheckpoint(output)) {
        if (process.waitFor(1, TimeUnit.MILLISECONDS)) {
          break;
        }
      }
      process.destroyForcibly().waitFor();
    }
    Run without = run(score(model, input, output));
    assertEquals(ExitCode.USAGE, without.exitCode());
    assertTrue(without.err().contains("--resume"), without.err());

    Run layout = run(score(model, input, output, "--resume", "--layout", "independent"));
    assertEquals(ExitCode.USAGE, layout.exitCode());
    assertTrue(layout.err().contains("layout was joint, now independent"), layout.err());

    byte[] head = Files.readAllBytes(model.resolve("model.safetensors"));
    byte[] changed = head.clone();
    changed[changed.length - 1] ^= 1;
    Files.write(model.resolve("model.safetensors"), changed);
    Run weights = run(score(model, input, output, "--resume"));
    assertEquals(ExitCode.USAGE, weights.exitCode());
    assertTrue(weights.err().contains("model's model.safetensors was sha256"), weights.err());
    Files.write(model.resolve("model.safetensors"), head);

    FileTime time = Files.getLastModifiedTime(input);
    Files.setLastModifiedTime(input, FileTime.fromMillis(0));
    Run touched = run(score(model, input, output, "--resume"));
    assertEquals(ExitCode.USAGE, touched.exitCode());
    assertTrue(touched.err().contains("input 1 was"), touched.err());
    Files.setLastModifiedTime(input, time);

    // As the first run, with the same heap: how long a line may be depends on it.
    for (String said : List.of("done before", "complete already: %d rows".formatted(ROWS))) {
      Process process = start(score(model, input, output, "--resume"));
      assertTrue(process.waitFor(120, TimeUnit.SECONDS));
      String err = Files.readString(folder.resolve("err"));
      assertEquals(ExitCode.ROWS_FAILED, process.exitValue(), err);
      assertTrue(err.contains(said), err);
    }
  }

  /** The gate of LDL is in a file of its own, and half of what makes its scores. */
  @Test
  void aChangedGateIsRefusedWithTheDifference() throws Exception {
    Path model = PublishedFixture.into(folder.resolve("model"), "ldl");
    Path input = input("in.jsonl", 3);
    Path output = folder.resolve("out.jsonl");
    Run first = run(score(model, input, output));
    assertEquals(ExitCode.DONE, first.exitCode(), first.err());
    Path gate = model.resolve("gating_layer.pt");
    byte[] content = Files.readAllBytes(gate);
    Files.write(gate, withChangedNumber(gate, "gating_layer/data/0"));
    Run refused = run(score(model, input, output, "--resume"));
    assertEquals(ExitCode.USAGE, refused.exitCode(), refused.err());
    assertTrue(refused.err().contains("model's gating_layer.pt was sha256"), refused.err());
    Files.write(gate, content);
    Run same = run(score(model, input, output, "--resume"));
    assertEquals(ExitCode.DONE, same.exitCode(), same.err());
    assertTrue(same.err().contains("complete already"), same.err());
  }

  /** The archive with another number in an entry, and the checksum of it. */
  private static byte[] withChangedNumber(Path archive, String changed) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipFile in = new ZipFile(archive.toFile());
        ZipOutputStream out = new ZipOutputStream(bytes)) {
      for (ZipEntry entry : Collections.list(in.entries())) {
        byte[] content = in.getInputStream(entry).readAllBytes();
        if (entry.getName().equals(changed)) {
          content[0] ^= 1;
        }
        CRC32 crc = new CRC32();
        crc.update(content);
        ZipEntry copy = new ZipEntry(entry.getName());
        copy.setMethod(ZipEntry.STORED);
        copy.setSize(content.length);
        copy.setCrc(crc.getValue());
        out.putNextEntry(copy);
        out.write(content);
      }
    }
    return bytes.toByteArray();
  }

  /** The numbers of a large backbone are in a file beside its graph. */
  @Test
  void aChangedDataFileOfTheBackboneIsRefusedWithTheDifference() throws Exception {
    Path model = TinyModel.writeWithDataFile(folder.resolve("model"));
    Path input = input("in.jsonl", 3);
    Path output = folder.resolve("out.jsonl");
    Path cache = folder.resolve("cache");
    Run first = run(score(model, input, output));
    assertEquals(ExitCode.DONE, first.exitCode(), first.err());
    List<String> caching = new ArrayList<>(score(model, input, cache));
    caching.set(0, "cache");
    assertEquals(ExitCode.DONE, run(caching).exitCode());
    Path data = model.resolve("model.onnx.data");
    byte[] changed = Files.readAllBytes(data);
    changed[changed.length / 2] ^= 1;
    Files.write(data, changed);
    Run refused = run(score(model, input, output, "--resume"));
    assertEquals(ExitCode.USAGE, refused.exitCode(), refused.err());
    assertTrue(refused.err().contains("model's model.onnx.data was sha256"), refused.err());
    Run cached = run(score(model, cache, folder.resolve("cached.jsonl")));
    assertEquals(ExitCode.USAGE, cached.exitCode(), cached.err());
    assertTrue(cached.err().contains("backbone's model.onnx.data is sha256"), cached.err());
  }

  @Test
  void whatCannotBeReadOrWrittenAgainCannotBeContinued() throws Exception {
    Path input = input("in.jsonl", 3);
    for (List<String> arguments :
        List.of(
            List.of("score", "--input", "-", "--output", folder.resolve("o") + "", "--resume"),
            List.of("score", "--input", input + "", "--resume"),
            List.of("score", "--input", input + "", "--output", "/dev/null", "--resume"))) {
      Run run = run(arguments);
      assertEquals(ExitCode.USAGE, run.exitCode());
      assertTrue(run.err().contains("--resume needs"), run.err());
    }
  }

  @Test
  void standardInputNeedsNoSecondChance() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"));
    Path output = folder.resolve("out.jsonl");
    Process process =
        start(
            List.of("score", "--model", model.toString(), "--input", "-", "--output", output + ""));
    try (OutputStream in = process.getOutputStream()) {
      in.write("{\"prompt\":\"p\",\"responses\":[\"a\"]}\n".getBytes(StandardCharsets.UTF_8));
    }
    assertTrue(process.waitFor(120, TimeUnit.SECONDS));
    assertEquals(ExitCode.DONE, process.exitValue());
    assertEquals(1, Files.readAllLines(output).size());
  }
}
