package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLeaks.class)
class HeadFileTest {
  @TempDir private Path directory;

  /** Every kind of head comes back with its spec, its parameters and its scores, bit for bit. */
  @Test
  void whatIsSavedIsLoaded() throws IOException {
    List<HeadSpecBuilder> builders =
        List.of(
            HeadSpec.linear(10),
            HeadSpec.linear(10).outputWidth(3).outputBias(false).rmsNorm(1e-6f),
            HeadSpec.mlp(10, 7, 5).layerNorm(1e-5f, true).prelu(true).outputScale(0.31622776f),
            HeadSpec.mlp(10, 4).leakyRelu(0.01f).hiddenBias(false),
            HeadSpec.mlp(10, 4).activation(Activation.GELU_TANH).layerNorm(1e-12f, false));
    for (HeadSpecBuilder builder : builders) {
      for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16)) {
        HeadSpec spec = builder.dtype(dtype).build();
        Path file = directory.resolve("head.safetensors");
        try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 5, 2);
            Context context = Context.open();
            RewardHead head = sample.head(context)) {
          head.save(file, Map.of("licence", "Apache-2.0"));
          byte[] bytes = Files.readAllBytes(file);
          try (RewardHead loaded = RewardHead.load(context, file)) {
            assertEquals(spec, loaded.spec());
            assertArrayEquals(
                head.score(sample.batch, sample.pooling, sample.readout),
                loaded.score(sample.batch, sample.pooling, sample.readout));
            loaded.save(file, Map.of("licence", "Apache-2.0"));
            assertArrayEquals(bytes, Files.readAllBytes(file));
          }
        }
      }
    }
  }

  @Test
  void keysOfTheHeadItselfCannotBeGiven() {
    try (Context context = Context.open();
        RewardHead head =
            RewardHead.create(context, HeadSpec.linear(2).build(), Init.normal(1, 1))) {
      assertThrows(
          InvalidArgumentException.class,
          () -> head.save(directory.resolve("x"), Map.of("gavel.head.kind", "mlp")));
    }
  }

  @Test
  void everyKindIsSavedAsSuch() {
    for (HeadSpec spec :
        List.of(HeadSpec.vocabRows(4, 9, 2, 31).build(), HeadSpec.expertConcat(3, 4, 5).build())) {
      Path file = directory.resolve("kind.safetensors");
      try (Context context = Context.open();
          RewardHead head = RewardHead.create(context, spec, Init.normal(0.1f, 1))) {
        head.save(file);
        try (RewardHead loaded = RewardHead.load(context, file)) {
          assertEquals(spec, loaded.spec());
        }
      }
    }
  }

  @Test
  void everyDifferenceIsNamed() {
    refuses(text -> text.remove("gavel.format"), "no metadata 'gavel.format'");
    refuses(
        text -> text.put("gavel.format_version", "2"),
        "'gavel.format_version' is '2'; it must be '1'");
    refuses(
        text -> text.put("gavel.head.kind", "conv"),
        "one of [linear, mlp, vocab_rows, expert_concat]");
    refuses(
        text -> text.put("gavel.head.kind", "linear"),
        "kind of a head with hidden layers is Linear[]; it must be Mlp");
    refuses(text -> text.put("gavel.head.dtype", "f64"), "dtype is 'f64'");
    refuses(
        text -> text.put("gavel.head.dtype", "bf16"),
        "is F32[2,3]; the head it describes has bf16[2,3]");
    refuses(
        text -> text.put("gavel.head.input_width", "4"),
        "is F32[2,3]; the head it describes has f32[2,4]");
    refuses(text -> text.put("gavel.head.input_width", "3.0"), "it must be an integer");
    refuses(text -> text.put("gavel.head.input_width", "99999999999"), "it must be an integer");
    refuses(text -> text.put("gavel.head.input_width", "0"), "input width is 0");
    refuses(text -> text.put("gavel.head.hidden_widths", "2,"), "it must be an integer");
    refuses(
        text -> text.put("gavel.head.hidden_widths", "2,2"),
        "missing [hidden.1.bias, hidden.1.weight]");
    refuses(
        text -> text.put("gavel.head.activation", "swish"),
        "'swish'; it must be one of [identity, relu");
    refuses(text -> text.put("gavel.head.norm", "rms"), "norm epsilon is 0.0");
    refuses(text -> text.put("gavel.head.output_scale", "big"), "it must be a number");
    refuses(text -> text.put("gavel.head.output_scale", "NaN"), "output scale is NaN");
    refuses(text -> text.put("gavel.head.hidden_bias", "yes"), "one of [true, false]");
    refuses(
        text -> text.put("gavel.head.output_bias", "false"),
        "not known to this head [output.bias]");
    refuses(
        text -> text.put("gavel.head.dropout", "0.1"),
        "'gavel.head.dropout', which this version of Gavel does not know");
  }

  @Test
  void aFileThatIsNoHeadIsRefused() throws IOException {
    Path file =
        Files.write(
            directory.resolve("text"),
            "not a head at all".getBytes(java.nio.charset.StandardCharsets.UTF_8));
    try (Context context = Context.open()) {
      assertThrows(FormatException.class, () -> RewardHead.load(context, file));
      assertThrows(
          FileException.class, () -> RewardHead.load(context, directory.resolve("absent")));
      assertThrows(FileException.class, () -> RewardHead.load(context, directory));
    }
  }

  /** Saves a good head, changes its metadata, and expects loading to say what is wrong. */
  private void refuses(Consumer<Map<String, String>> change, String expected) {
    Path file = directory.resolve("changed.safetensors");
    HeadSpec spec = HeadSpec.mlp(3, 2).build();
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, spec, Init.normal(1, 1))) {
      head.save(file);
      Map<String, String> metadata;
      try (Safetensors read = Safetensors.open(file)) {
        metadata = new LinkedHashMap<>(read.metadata());
        read.entries().forEach(entry -> tensors.put(entry.name(), read.read(entry.name())));
      }
      change.accept(metadata);
      Safetensors.write(file, metadata, tensors);
      FormatException refused =
          assertThrows(FormatException.class, () -> RewardHead.load(context, file));
      assertTrue(refused.getMessage().contains(expected), refused.getMessage());
      assertTrue(refused.getMessage().startsWith(file.toString()), refused.getMessage());
    } finally {
      tensors.values().forEach(HostTensor::close);
    }
  }
}
