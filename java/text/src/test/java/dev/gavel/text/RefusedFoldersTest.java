package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.GavelException;
import dev.gavel.HeadSpec;
import dev.gavel.InvalidArgumentException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Model folders that are not what they should be: refused with the file and the reason. */
class RefusedFoldersTest {
  @TempDir private Path folder;

  @BeforeEach
  void write() {
    ModelFolder.write(folder);
  }

  private RewardModel load() {
    return RewardModel.load(folder.toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '^',
      value = {
        "\"context\": 64 ^ \"context\": 0 ^ context",
        "\"pooling\": \"index\" ^ \"pooling\": \"mean\" ^ pooling",
        "\"pooling\": \"index\" ^ \"pooling\": \"first_last_concat\" ^ takes vectors of 2",
        "\"layout\": \"joint\" ^ \"layout\": \"Joint\" ^ layout",
        "\"kind\": \"identity\" ^ \"kind\": \"softmax\" ^ readout",
        "\"mean\": 0 ^ \"mean\": 3 ^ affine",
        "\"name\": \"test\" ^ \"name\": null ^ name",
        "\"name\": \"test\" ^ \"nome\": \"test\" ^ it has no key 'name'",
        "\"name\": \"test\" ^ \"name\": \"test\", \"nome\": \"test\" ^ unknown key 'nome'",
        "\"name\": \"test\" ^ \"name\": \"test\", \"name\": \"test\" ^ Duplicate",
        "\"context\": 64 ^ \"context\": 64.5 ^ context",
        "\"context\": 64 ^ \"context\": \"64\" ^ context",
        "\"suffix_ends_response\": false ^ \"suffix_ends_response\": 0 ^ suffix_ends_response",
        "\"name\": \"test\", ^ '' ^ name",
        "\"name\": \"test\" ^ \"name\": \"a\\ud800\" ^ half a surrogate pair",
        "{\"kind\": \"identity\", \"mean\": 0, \"deviation\": 0} ^ {\"kind\": \"expectation\","
            + " \"levels\": [1, null]} ^ key 'readout.levels'",
        "\"variables\": {} ^ \"variables\": {\"a\": null} ^ key 'chat_template.variables.a'",
        "\"format_version\": 1 ^ \"format_version\": 2 ^ version 2",
        "\"format\": \"gavel-model\" ^ \"format\": \"other\" ^ other",
        "\"separator\": \"<|resp_sep|>\" ^ \"separator\": \"x\" ^ exactly one special token",
        "\"separator\": \"<|resp_sep|>\" ^ \"separator\": \"<|end|><|end|>\" ^ exactly one",
        "\"model.onnx\" ^ \"absent.onnx\" ^ absent.onnx",
        "\"model.onnx\" ^ \"../model.onnx\" ^ plain name",
        "\"model.onnx\" ^ \"/etc/passwd\" ^ plain name",
        "\"tokenizer.json\" ^ \"model.onnx\" ^ is not JSON",
        "\"model.safetensors\" ^ \"tokenizer.json\" ^ tokenizer.json",
        "\"backbone\": \"model.onnx\" ^ \"backbone\": \"built-in:other\" ^ built-in:other",
        "\"renders\": \"nothing\" ^ \"renders\": \"prompt\" ^ chat_template",
        "\"renders\": \"nothing\" ^ \"renders\": \"all\" ^ chat_template.renders",
        "\"file\": \"\", \"renders\": \"nothing\" ^ \"file\": \"built-in:plain\", \"renders\":"
            + " \"conversation\" ^ leave them empty",
        "\"file\": \"\", \"renders\": \"nothing\" ^ \"file\": \"no.jinja\", \"renders\": \"prompt\""
            + " ^ no.jinja",
      })
  void refusesFoldersWhoseFilesDoNotFit(String from, String to, String reason) {
    ModelFolder.change(folder, from, to);
    GavelException e = assertThrows(GavelException.class, () -> load().close());
    assertTrue(String.valueOf(e.getMessage()).contains(reason), String.valueOf(e.getMessage()));
  }

  /** Who reads the message did not write "pooling" on a command line. */
  @Test
  void aWrongValueIsNamedWithItsFile() {
    ModelFolder.change(folder, "\"pooling\": \"index\"", "\"pooling\": \"mean\"");
    FormatException e = assertThrows(FormatException.class, () -> load().close());
    assertTrue(
        String.valueOf(e.getMessage()).contains("config.json: says something else: pooling is"),
        e.getMessage());
  }

  @Test
  void aKeyThatIsNotThereIsNamedOnce() {
    ModelFolder.change(folder, "\"context\": 64", "\"contexts\": 64");
    FormatException e = assertThrows(FormatException.class, () -> load().close());
    assertTrue(String.valueOf(e.getMessage()).endsWith("it has no key 'context'"), e.getMessage());
  }

  @Test
  void aValueOfAnotherTypeIsSaidInWordsOfJson() {
    for (List<String> change :
        List.of(
            List.of("\"context\": 64", "\"context\": \"64\"", "a whole number at key 'context'"),
            List.of("\"context\": 64", "\"context\": 64.5", "a whole number at key 'context'"),
            List.of("\"context\": 64", "\"context\": [64]", "a whole number at key 'context'"),
            List.of("\"context\": 64", "\"context\": null", "a whole number at key 'context'"),
            List.of("\"name\": ", "\"name\": {}, \"was\": ", "a text at key 'name'"),
            List.of(
                "\"sequence\": {", "\"sequence\": 3, \"was\": {", "an object at key 'sequence'"))) {
      String config = ModelFolder.CONFIG.replace(change.get(0), change.get(1));
      ModelFolder.write(folder, ModelConfig.FILE, config);
      FormatException e = assertThrows(FormatException.class, () -> load().close());
      assertTrue(
          String.valueOf(e.getMessage()).endsWith("the value must be " + change.get(2)),
          e.getMessage());
    }
  }

  @Test
  void aFileThatIsNotThereIsSaidSo() throws IOException {
    for (String name :
        List.of("tokenizer.json", "model.onnx", "model.safetensors", "config.json")) {
      Path aside = folder.resolve("aside");
      Files.move(folder.resolve(name), aside);
      FileException e = assertThrows(FileException.class, () -> load().close(), name);
      String message = String.valueOf(e.getMessage());
      assertTrue(message.contains(name + ": is not there"), message);
      assertFalse(message.contains("Exception"), message);
      Files.move(aside, folder.resolve(name));
    }
  }

  @Test
  void refusesWhatIsNoConfigurationAtAll() throws IOException {
    for (String text : List.of("null", "", "[]", "{}", "1")) {
      ModelFolder.write(folder, ModelConfig.FILE, text);
      FormatException e = assertThrows(FormatException.class, () -> load().close(), text);
      assertTrue(String.valueOf(e.getMessage()).contains("is not a model configuration"), text);
      assertFalse(String.valueOf(e.getMessage()).contains("dev.gavel"), e.getMessage());
    }
    InvalidArgumentException empty =
        assertThrows(InvalidArgumentException.class, () -> RewardModel.load(""));
    assertTrue(String.valueOf(empty.getMessage()).contains("model is ''"));
  }

  /** Reading a pipe or a device need not end. */
  @Test
  void refusesWhatIsNoFile() throws IOException {
    for (String name :
        List.of("tokenizer.json", "model.onnx", "model.safetensors", "config.json")) {
      Path file = folder.resolve(name);
      byte[] content = Files.readAllBytes(file);
      Files.delete(file);
      Files.createSymbolicLink(file, Path.of("/dev/null"));
      FormatException e = assertThrows(FormatException.class, () -> load().close(), name);
      assertTrue(String.valueOf(e.getMessage()).contains(name + ": is a folder, a pipe"), name);
      Files.delete(file);
      Files.write(file, content);
    }
    load().close();
  }

  @Test
  void refusesBrokenTemplatesAndTexts() throws IOException {
    String chat = "{\"file\": \"t.jinja\", \"renders\": \"prompt\", \"variables\": {}}";
    ModelFolder.change(
        folder, "{\"file\": \"\", \"renders\": \"nothing\", \"variables\": {}}", chat);
    ModelFolder.write(folder, "t.jinja", "{% if %}");
    FormatException broken = assertThrows(FormatException.class, () -> load().close());
    assertTrue(String.valueOf(broken.getMessage()).contains("line 1"));
    Files.write(folder.resolve("t.jinja"), new byte[] {'a', (byte) 0xff});
    FormatException text = assertThrows(FormatException.class, () -> load().close());
    assertTrue(String.valueOf(text.getMessage()).contains("UTF-8"));
  }

  @Test
  void refusesHeadsThatDoNotFit() {
    ModelFolder.head(folder, HeadSpec.linear(3).build(), new float[3], new float[1]);
    FormatException wide = assertThrows(FormatException.class, () -> load().close());
    assertTrue(String.valueOf(wide.getMessage()).contains("takes vectors of 3"));
    ModelFolder.head(folder, HeadSpec.linear(2).outputWidth(2).build(), new float[4], new float[2]);
    InvalidArgumentException two =
        assertThrows(InvalidArgumentException.class, () -> load().close());
    assertTrue(
        String.valueOf(two.getMessage())
            .contains("choose an objective of [objective_0, objective_1]"));
  }

  @Test
  void saysWhatTheFolderIsNot() {
    InvalidArgumentException e =
        assertThrows(InvalidArgumentException.class, () -> RewardModel.load("no/such/folder"));
    assertTrue(String.valueOf(e.getMessage()).contains("no/such/folder"));
    assertThrows(
        InvalidArgumentException.class, () -> RewardModel.load("\0"), "an impossible path");
  }

  @Test
  void filesOfAFolderAreFoundWhereverItIs() {
    for (String here : List.of(".", "", "a/..", "/a/b/.")) {
      Path file = ModelFiles.inside(Path.of(here), "head.safetensors");
      assertEquals(Path.of(here).toAbsolutePath().normalize().resolve("head.safetensors"), file);
      assertThrows(FormatException.class, () -> ModelFiles.inside(Path.of(here), ".."));
      assertThrows(FormatException.class, () -> ModelFiles.inside(Path.of(here), "a/b"));
      assertThrows(FormatException.class, () -> ModelFiles.inside(Path.of(here), "a\0b"));
    }
  }

  @Test
  void doesNotReadFilesWithoutEnd() throws IOException {
    Files.write(folder.resolve(ModelConfig.FILE), new byte[(1 << 20) + 1]);
    FormatException e = assertThrows(FormatException.class, () -> load().close());
    assertTrue(String.valueOf(e.getMessage()).contains("more than 1048576 bytes"));
  }
}
