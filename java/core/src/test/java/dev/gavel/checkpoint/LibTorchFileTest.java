package dev.gavel.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.ByteVector;
import org.bytedeco.pytorch.GenericDict;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written, LibTorch's own unpickler reads, with the same numbers. */
class LibTorchFileTest {
  @TempDir private Path directory;

  @BeforeAll
  static void requireLibTorch() {
    try {
      Loader.load(torch.class);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      abort(
          "LibTorch has no natives for this platform, %s: %s"
              .formatted(Loader.getPlatform(), e.getMessage()));
    }
  }

  @Test
  void libTorchReadsWhatIsWritten() throws IOException {
    Path path = directory.resolve("value_head.pt");
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    tensors.put("0.weight", HostTensor.of(new float[] {1, -2, 3.5f, 4, 5, 6}, 2, 3));
    HostTensor half = HostTensor.allocate(DType.BF16, 2);
    half.setFloats(new float[] {0.5f, -0.25f});
    tensors.put("0.bias", half);
    PytorchWriter.write(path, tensors);
    PointerScope natives = new PointerScope();
    try {
      GenericDict dict =
          torch.pickle_load(new ByteVector(Files.readAllBytes(path))).toGenericDict();
      assertEquals(2, dict.size());
      for (Map.Entry<String, HostTensor> entry : tensors.entrySet()) {
        Tensor read = dict.at(new IValue(entry.getKey())).toTensor();
        assertArrayEquals(entry.getValue().shape(), read.sizes().vec().get());
        Tensor wide = read.to(ScalarType.Float).contiguous();
        float[] values = new float[(int) wide.numel()];
        wide.data_ptr_float().get(values);
        assertArrayEquals(entry.getValue().toFloats(), values);
      }
    } finally {
      natives.close();
      tensors.values().forEach(HostTensor::close);
    }
  }

  /** And the other way round: LibTorch loads the file and writes one of its own. */
  @Test
  void whatLibTorchWritesIsRead() throws IOException {
    Path path = directory.resolve("ours.pt");
    Path written = directory.resolve("theirs.pt");
    HostTensor matrix = HostTensor.allocate(DType.F16, 2, 3);
    matrix.setFloats(new float[] {1, -2, 3.5f, 4, 5, 6});
    PytorchWriter.write(path, Map.of("score.weight", matrix));
    PointerScope natives = new PointerScope();
    try {
      ByteVector bytes =
          torch.pickle_save(torch.pickle_load(new ByteVector(Files.readAllBytes(path))));
      byte[] content = new byte[(int) bytes.size()];
      for (int i = 0; i < content.length; i++) {
        content[i] = bytes.get(i);
      }
      Files.write(written, content);
      try (PytorchSource source = new PytorchSource(written);
          HostTensor read = source.read("score.weight")) {
        assertEquals("F16[2,3]", source.describe("score.weight").toString());
        assertArrayEquals(matrix.toFloats(), read.toFloats());
      }
    } finally {
      natives.close();
      matrix.close();
    }
  }
}
