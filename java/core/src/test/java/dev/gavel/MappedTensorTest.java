package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tensors that kernels read in a mapped file, and batches of vectors. */
class MappedTensorTest {
  private static final int ROWS = 37;
  private static final int WIDTH = 5;

  @TempDir private Path folder;

  private Path file() {
    Path path = folder.resolve("vectors.safetensors");
    float[] values = new float[ROWS * WIDTH];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i * 7919 % 1000) / 333f - 1;
    }
    try (HostTensor vectors = HostTensor.of(values, ROWS, WIDTH);
        HostTensor odd = HostTensor.allocate(DType.U8, 3)) {
      Safetensors.write(path, Map.of(), Map.of("vectors", vectors, "odd", odd));
    }
    return path;
  }

  @Test
  void aHeadGivesMappedVectorsTheBitsOfCopies() {
    HeadSpec spec = HeadSpec.mlp(WIDTH, 3).build();
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, spec, Init.normal(0.5f, 1));
        Safetensors file = Safetensors.open(file());
        HostTensor copy = file.read("vectors");
        PackedBatch whole = PackedBatch.ofVectors(copy, 30, 7)) {
      HostTensor view = file.view("vectors");
      float[] expected = head.score(whole, Pooling.index(), Readout.identity());
      try (PackedBatch batch = PackedBatch.allocate(Layout.INDEPENDENT, view, ROWS)) {
        batch.refillVectors(view, 30, 7);
        assertArrayEquals(expected, head.score(batch, Pooling.index(), Readout.identity()));
        assertEquals(2, batch.groups());
        assertEquals(30, batch.groupStart(1));
        // A part, then a larger one again: nothing is left of what was there.
        batch.refillVectors(view.rows(11, 4), 1, 3);
        float[] part = head.score(batch, Pooling.index(), Readout.identity());
        assertArrayEquals(java.util.Arrays.copyOfRange(expected, 11, 15), part);
        batch.refillVectors(view, ROWS);
        assertArrayEquals(expected, head.score(batch, Pooling.index(), Readout.identity()));
        assertThrows(InvalidArgumentException.class, () -> batch.refillVectors(view, 30, 8));
        assertThrows(InvalidArgumentException.class, () -> batch.refillVectors(view, 37, 0));
      }
      try (PackedBatch small = PackedBatch.allocate(Layout.INDEPENDENT, view, 3);
          PackedBatch joint = PackedBatch.allocate(Layout.JOINT, view, ROWS)) {
        assertThrows(InvalidArgumentException.class, () -> small.refillVectors(view, ROWS));
        assertThrows(InvalidArgumentException.class, () -> joint.refillVectors(view, ROWS));
      }
      assertThrows(IndexOutOfBoundsException.class, () -> view.rows(36, 2));
      assertThrows(IndexOutOfBoundsException.class, () -> view.rows(-1, 1));
      assertThrows(IndexOutOfBoundsException.class, () -> view.rows(0, 0));
      assertThrows(IndexOutOfBoundsException.class, () -> view.rows(1, Long.MAX_VALUE));
    }
  }

  @Test
  void aViewEndsWithItsFile() {
    Safetensors file = Safetensors.open(file());
    HostTensor view = file.view("vectors");
    HostTensor rows = view.rows(1, 2);
    assertThrows(RuntimeException.class, () -> view.setFloat(0, 1));
    rows.acquire();
    assertThrows(IllegalStateException.class, file::close);
    rows.release();
    file.close();
    file.close();
    assertThrows(IllegalStateException.class, () -> rows.floatAt(0));
    assertThrows(IllegalStateException.class, view::acquire);
    assertThrows(IllegalStateException.class, () -> PackedBatch.ofVectors(view, ROWS).acquire());
  }

  @Test
  void aFileThatWasCutIsAnErrorAndOneThatWasReplacedIsNot() throws IOException {
    Path path = file();
    try (Safetensors file = Safetensors.open(path)) {
      file.requireWhole();
      Path other = Files.write(folder.resolve("other"), new byte[3]);
      Files.move(other, path, StandardCopyOption.REPLACE_EXISTING);
      file.requireWhole();
      Files.delete(path);
      file.requireWhole();
    }
    try (Safetensors file = Safetensors.open(file())) {
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
        channel.truncate(Files.size(path) - 1);
      }
      FileException cut = assertThrows(FileException.class, file::requireWhole);
      assertTrue(String.valueOf(cut.getMessage()).contains("must not be cut"), cut.getMessage());
    }
  }
}
