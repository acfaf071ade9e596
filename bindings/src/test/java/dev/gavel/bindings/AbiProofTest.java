package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The C compiler agrees with every layout, constant and prototype that Java uses. */
class AbiProofTest {
  @TempDir Path folder;

  @Test
  void headerIsStrictC() throws IOException {
    accepts("header.c", "#include <gavel/gavel.h>\n");
  }

  @Test
  void headerIsCpp() throws IOException {
    accepts("header.cpp", "#include <gavel/gavel.h>\n");
  }

  @Test
  void layoutsConstantsAndPrototypesHoldInC() throws IOException {
    accepts("proof.c", AbiProof.c());
  }

  @Test
  void descriptorsAndFieldsHoldInCpp() throws IOException {
    accepts("proof.cpp", AbiProof.cpp());
  }

  /**
   * Changes of the header that a program compiled before would notice, and who must object to them.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "int32_t vendor_code;           | int64_t vendor_code;          | c   | gavel_error: size",
        "int32_t vendor_code;           | float vendor_code;            | c   | gavel_error.vendor_code: type",
        "int32_t device_id;             | int32_t device_kind;          | c   | device_id",
        "void *data;                    | int64_t data;                 | c   | gavel_tensor.data: type",
        "int32_t threads;               | int16_t threads; int16_t more; | cpp | gavel_context_options",
        "GAVEL_BF16 = 3                 | GAVEL_BF16 = 9                | c   | GAVEL_BF16: value",
        "gavel_struct_size(int32_t      | gavel_struct_size(int64_t     | c   | gavel_struct_size",
        "gavel_struct_size(int32_t      | gavel_struct_size(int64_t     | cpp | gavel_struct_size: prototype",
        "const gavel_loss_args *loss,   | const gavel_score_args *loss, | c   | gavel_score",
        "float learning_rate, gavel     | double learning_rate, gavel   | cpp | gavel_optimizer_step",
      })
  void changedHeaderIsRefused(String from, String to, String language, String complaint)
      throws IOException {
    Path include = Files.createDirectories(folder.resolve("include/gavel"));
    String header = Files.readString(Tools.include().resolve("gavel/gavel.h"));
    String changed = header.replace(from, to);
    assertNotEquals(header, changed, "the header has no text '" + from + "' any more");
    Files.writeString(include.resolve("gavel.h"), changed);

    Path source = folder.resolve("proof." + language);
    Files.writeString(source, language.equals("c") ? AbiProof.c() : AbiProof.cpp());
    Tools.Result result = Tools.checkSyntax(source, include.getParent());

    assertNotEquals(0, result.status(), "the compiler accepted " + to);
    assertTrue(result.output().contains(complaint), result.output());
  }

  private void accepts(String name, String text) throws IOException {
    Path source = Files.writeString(folder.resolve(name), text);
    Tools.Result result = Tools.checkSyntax(source, Tools.include());
    assertEquals(0, result.status(), result.output());
  }
}
