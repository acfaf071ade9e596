package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.Refusals.refuses;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Files that torch.save of PyTorch 2.13 wrote (examples/hugging-face/fixtures.py). */
class TorchSaveTest {

  private static Path file(String name) {
    try {
      return Path.of(
          Objects.requireNonNull(TorchSaveTest.class.getResource("torch-save/" + name)).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void assertHas(
      PytorchSource source, String name, String described, float... expected) {
    assertEquals(described, source.describe(name).toString());
    try (HostTensor tensor = source.read(name)) {
      assertArrayEquals(expected, tensor.toFloats(), name);
    }
  }

  @Test
  void narrowTypesAreRead() {
    try (PytorchSource source = new PytorchSource(file("archive.pt"))) {
      assertEquals(Set.of("score.weight", "bias"), source.names());
      assertHas(source, "score.weight", "BF16[1,3]", 1.5f, -2.25f, 3);
      assertHas(source, "bias", "F16[1]", 0.5f);
    }
  }

  @Test
  void tensorsOfOneStorageAreRead() {
    try (PytorchSource source = new PytorchSource(file("tied.pt"))) {
      float[] grid = new float[24];
      float[] transposed = new float[24];
      for (int i = 0; i < grid.length; i++) {
        grid[i] = i - 7.5f;
        transposed[i % 6 * 4 + i / 6] = grid[i];
      }
      assertHas(source, "tied", "F32[4,6]", grid);
      assertHas(source, "again", "F32[4,6]", grid);
      assertHas(source, "transposed", "F32[6,4]", transposed);
      assertHas(source, "row", "F32[6]", 4.5f, 5.5f, 6.5f, 7.5f, 8.5f, 9.5f);
      assertHas(source, "column", "F32[4]", -6.5f, -0.5f, 5.5f, 11.5f);
    }
  }

  /** The ordered dict of a module, whose attribute with versions is passed over. */
  @Test
  void theStateOfAModuleIsRead() {
    try (PytorchSource source = new PytorchSource(file("module.bin"))) {
      assertEquals(Set.of("weight", "bias"), source.names());
      assertHas(source, "weight", "BF16[1,3]", 1.5f, -2.25f, 3);
      assertHas(source, "bias", "BF16[1]", 4);
    }
  }

  /** The form before PyTorch 1.6 is a row of pickles, and not read. */
  @Test
  void theFormBeforeArchivesIsRefused() {
    refuses(
        FormatException.class,
        () -> new PytorchSource(file("legacy.pt")).close(),
        "is a bare pickle, the form of torch.save before PyTorch 1.6");
  }
}
