package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class HeadSpecTest {

  @Test
  void parametersComeInCanonicalOrder() {
    HeadSpec spec = HeadSpec.mlp(8, 4, 2).layerNorm(1e-5f, true).prelu(true).outputWidth(3).build();
    assertEquals(
        List.of(
            "norm.weight [8]",
            "norm.bias [8]",
            "hidden.0.weight [4, 8]",
            "hidden.0.bias [4]",
            "hidden.0.slope [4]",
            "hidden.1.weight [2, 4]",
            "hidden.1.bias [2]",
            "hidden.1.slope [2]",
            "output.weight [3, 2]",
            "output.bias [3]"),
        names(spec));
    assertEquals(6, spec.preactivationWidth());
    assertEquals(
        List.of("output.weight [1, 8]"), names(HeadSpec.linear(8).outputBias(false).build()));
    assertTrue(names(HeadSpec.mlp(8, 4).prelu(false).build()).contains("hidden.0.slope [1]"));
  }

  @Test
  void whatDoesNotFitTogetherIsNamed() {
    refuses(HeadSpec.linear(0), "input width is 0; it must be from 1 to 1048576");
    refuses(HeadSpec.linear((1 << 20) + 1), "input width");
    refuses(HeadSpec.linear(4).outputWidth(0), "output width is 0");
    refuses(HeadSpec.linear(4).outputWidth((1 << 16) + 1), "output width");
    refuses(HeadSpec.mlp(4, 3, 0), "width of hidden layer 1 is 0");
    refuses(HeadSpec.mlp(4, 1, 1, 1, 1, 1, 1, 1, 1, 1), "at most 8");
    refuses(HeadSpec.linear(4).dtype(DType.I64), "dtype is i64; it must be f32, f16 or bf16");
    refuses(HeadSpec.linear(4).activation(Activation.RELU), "activation of a linear head is RELU");
    refuses(HeadSpec.linear(4).hiddenBias(true), "hidden bias of a linear head");
    refuses(HeadSpec.linear(4).rmsNorm(0), "norm epsilon is 0.0");
    refuses(HeadSpec.linear(4).rmsNorm(Float.MIN_VALUE), "norm epsilon");
    refuses(HeadSpec.linear(4).layerNorm(Float.NaN, false), "norm epsilon is NaN");
    refuses(HeadSpec.linear(4).outputScale(0), "output scale is 0.0");
    refuses(HeadSpec.linear(4).outputScale(Float.MIN_VALUE), "output scale");
    refuses(HeadSpec.linear(4).outputScale(Float.POSITIVE_INFINITY), "output scale is Infinity");
    refuses(HeadSpec.mlp(4, 2).leakyRelu(Float.NaN), "negative slope is NaN");
    refuses(HeadSpec.mlp(4, 2).leakyRelu(0.1f).activation(Activation.RELU), "only LEAKY_RELU");
    refuses(HeadSpec.mlp(4, 2).prelu(true).activation(Activation.SILU), "only PRELU");
    assertThrows(InvalidArgumentException.class, () -> HeadSpec.mlp(4));
    assertThrows(
        InvalidArgumentException.class,
        () ->
            new HeadSpec(
                DType.F32,
                4,
                List.of(),
                1,
                Activation.IDENTITY,
                Norm.RMS,
                1e-5f,
                1,
                0,
                false,
                true,
                true,
                false));
    assertThrows(
        InvalidArgumentException.class,
        () ->
            new HeadSpec(
                DType.F32,
                4,
                List.of(),
                1,
                Activation.IDENTITY,
                Norm.NONE,
                1e-5f,
                1,
                0,
                false,
                true,
                false,
                false));
  }

  @Test
  void aWidthThatNoIntHoldsIsRefusedAsAnyOther() {
    InvalidArgumentException refused =
        assertThrows(
            InvalidArgumentException.class, () -> HeadSpec.expertConcat(1 << 16, 1 << 20, 3));
    assertTrue(
        refused.getMessage().contains("input width of 65536 experts is 68719476736"),
        refused.getMessage());
    HeadSpec four = HeadSpec.linear(4).outputWidth(4).build();
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, four, Init.normal(1, 1))) {
      refused =
          assertThrows(
              InvalidArgumentException.class, () -> Step.allocate(head, Integer.MAX_VALUE, 1));
      assertTrue(refused.getMessage().contains("8589934588 scores"), refused.getMessage());
    }
  }

  @Test
  void devicesAndTypesAreReadByName() {
    assertEquals(Device.cpu(), Device.parse("cpu"));
    assertEquals(Device.cuda(0), Device.parse("cuda"));
    assertEquals(Device.cuda(3), Device.parse("cuda:3"));
    for (String wrong : List.of("", "gpu", "cuda:", "cuda:-1", "CPU", "cuda:99999999999")) {
      assertThrows(InvalidArgumentException.class, () -> Device.parse(wrong));
    }
    assertThrows(InvalidArgumentException.class, () -> Device.cuda(-1));
    assertEquals(DType.BF16, DType.parse("bf16"));
    assertThrows(InvalidArgumentException.class, () -> DType.parse("bfloat16"));
  }

  @Test
  void deviceThatIsNotThereIsSaidSo() {
    DeviceUnavailableException refused =
        assertThrows(
            DeviceUnavailableException.class,
            () -> Context.open(Context.Options.defaults().withDevice(Device.cuda(9999))));
    String message = String.valueOf(refused.getMessage());
    assertTrue(message.startsWith("cuda:9999 cannot be used: "), message);
    assertEquals("GAVEL_DEVICE_UNAVAILABLE", refused.statusName());
  }

  @Test
  void contextOptionsAndReadoutsAreChecked() {
    Context.Options options = Context.Options.defaults();
    assertThrows(InvalidArgumentException.class, () -> options.withThreads(0));
    assertThrows(InvalidArgumentException.class, () -> options.withThreads(257));
    assertThrows(InvalidArgumentException.class, () -> Readout.affine(Float.NaN, 1));
    assertThrows(InvalidArgumentException.class, () -> Readout.affine(0, 0));
    assertThrows(InvalidArgumentException.class, () -> Readout.affine(0, Float.MIN_VALUE));
    assertThrows(InvalidArgumentException.class, () -> Init.normal(-1, 0));
    assertThrows(InvalidArgumentException.class, () -> Init.normal(Float.NaN, 0));
  }

  private static List<String> names(HeadSpec spec) {
    return spec.parameters().stream().map(p -> p.name() + " " + p.shape()).toList();
  }

  private static void refuses(HeadSpecBuilder builder, String expected) {
    InvalidArgumentException refused = assertThrows(InvalidArgumentException.class, builder::build);
    assertTrue(refused.getMessage().contains(expected), refused.getMessage());
  }
}
