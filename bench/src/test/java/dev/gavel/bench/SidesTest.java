package dev.gavel.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Sides must compute what they are timed for; LibTorch, oneDNN and OpenBLAS are checked when run.
 */
class SidesTest {
  private static final List<BenchShape> SHAPES =
      List.of(
          new BenchShape("pool", 40, 0, DType.F32, 3),
          new BenchShape("pool", 130, 0, DType.BF16, 3),
          new BenchShape("linear", 70, 0, DType.BF16, 5),
          new BenchShape("mlp", 70, 33, DType.F32, 5),
          new BenchShape("mlp", 33, 70, DType.BF16, 2));

  private record Wrong(Side right) implements Side {
    @Override
    public String name() {
      return "wrong";
    }

    @Override
    public String storage() {
      return "f32";
    }

    @Override
    public void run() {
      right.run();
    }

    @Override
    public float[] results() {
      float[] values = right.results();
      values[values.length - 1] += 1e-3f * (1 + Math.abs(values[values.length - 1]));
      return values;
    }

    @Override
    public void close() {}
  }

  @Test
  void everySideOfAHeadAgreesWithFloat64() {
    for (BenchShape shape : SHAPES) {
      try (HeadTensors tensors = new HeadTensors(shape);
          Side gavel = new GavelHead(tensors, 1);
          Side onnx = new OnnxHead(tensors, 1);
          Side vector = new VectorHead(tensors);
          Side loop = new NaiveHead(tensors)) {
        for (Side side : List.of(gavel, onnx, vector, loop)) {
          assertTrue(tensors.check(side) <= 1e-4, side.name() + " on " + shape);
        }
        assertThrows(IllegalStateException.class, () -> tensors.check(new Wrong(loop)));
      }
    }
  }

  @Test
  void ourReadoutsAgreeWithFloat64() {
    for (ReadoutCase.Kind kind : ReadoutCase.Kind.values()) {
      for (DType dtype : List.of(DType.F32, DType.BF16)) {
        try (ReadoutCase given = new ReadoutCase(kind, dtype, 21, 70);
            Side gavel = new GavelReadout(given, 1)) {
          assertTrue(given.check(gavel, 1e-5) <= 1e-5, kind + " of " + dtype);
          assertThrows(IllegalStateException.class, () -> given.check(new Wrong(gavel), 1e-5));
        }
      }
    }
  }

  @Test
  void everySideOfALossAgreesWithFloat64() {
    for (LossCase.Kind kind : LossCase.Kind.values()) {
      LossCase given = LossCase.random(kind, 152);
      try (Side gavel = new GavelLoss(given, 1)) {
        assertTrue(given.check(gavel) <= 1e-5, "gavel on " + kind);
        assertThrows(IllegalStateException.class, () -> given.check(new Wrong(gavel)));
      }
      if (!kind.isSoftmax()) {
        continue;
      }
      try (Side onnx = new OnnxLoss(given, 1);
          Side loop = new NaiveLoss(given)) {
        for (Side side : List.of(onnx, loop)) {
          assertTrue(given.check(side) <= 1e-5, side.name() + " on " + kind);
        }
      }
    }
    LossCase pairs = LossCase.random(LossCase.Kind.BRADLEY_TERRY, 76);
    assertTrue(pairs.check(new VectorLoss(pairs)) <= 1e-5);
  }

  @Test
  void shapesAreReadAsTheyAreWritten(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("shapes.txt");
    Files.writeString(file, "# a comment\n\nmlp 8 16 bf16 1 4\nlinear 32 - f32 2\n");
    assertEquals(
        List.of(
            new BenchShape("mlp", 8, 16, DType.BF16, 1),
            new BenchShape("mlp", 8, 16, DType.BF16, 4),
            new BenchShape("linear", 32, 0, DType.F32, 2)),
        BenchShape.read(file, List.of("linear", "mlp")));
    assertThrows(IllegalArgumentException.class, () -> BenchShape.read(file, List.of("pool")));
    Files.writeString(file, "mlp 8 16 bf16\n");
    assertThrows(IllegalArgumentException.class, () -> BenchShape.read(file, List.of("mlp")));
  }
}
