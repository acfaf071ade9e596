package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.Refusals.refuses;
import static dev.gavel.checkpoint.TestFolder.WIDTH;
import static dev.gavel.checkpoint.TestFolder.config;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Init;
import dev.gavel.InvalidArgumentException;
import dev.gavel.RewardHead;
import dev.gavel.Safetensors;
import dev.gavel.UnsupportedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A head is written back under the names and in the files its folder has it in. */
class HeadSavingTest {
  @TempDir private Path directory;

  private TestFolder folder(String name) {
    return new TestFolder(directory.resolve(name), DType.BF16, 9);
  }

  /** Saves another head in the layout of a folder, reads it again, and compares every number. */
  private Path saved(TestFolder folder, DType dtype) throws IOException {
    HeadCheckpoint checkpoint = HeadCheckpoint.read(folder.path);
    Path into = Files.createDirectory(directory.resolve("saved-" + folder.path.getFileName()));
    HeadSpec spec = HeadParts.withType(checkpoint.spec(), dtype);
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, spec, Init.normal(1, 4))) {
      checkpoint.save(head, into);
      HeadCheckpoint again = HeadCheckpoint.read(into);
      assertEquals(spec, again.spec());
      assertEquals(checkpoint.pattern(), again.pattern());
      try (RewardHead loaded = again.load(context)) {
        for (HeadSpec.Parameter parameter : spec.parameters()) {
          try (HostTensor want = head.parameter(parameter.name());
              HostTensor got = loaded.parameter(parameter.name())) {
            assertArrayEquals(want.toFloats(), got.toFloats(), parameter.name());
          }
        }
      }
    }
    return into;
  }

  @Test
  void aShardKeepsItsOtherTensors() throws IOException {
    TestFolder folder =
        folder("shard")
            .with("score.weight", 1, WIDTH)
            .config(config("LlamaForSequenceClassification", ""))
            .lastShardOnly();
    Path into = saved(folder, DType.BF16);
    String shard = "model-00003-of-00003.safetensors";
    try (Safetensors old = Safetensors.open(folder.path.resolve(shard));
        Safetensors written = Safetensors.open(into.resolve(shard));
        HostTensor before = old.read("model.norm.weight");
        HostTensor after = written.read("model.norm.weight")) {
      assertEquals(old.metadata(), written.metadata());
      assertArrayEquals(before.toFloats(), after.toFloats());
      assertEquals(2, written.entries().size());
    }
  }

  @Test
  void sideFilesAreWrittenInAnyType() throws IOException {
    TestFolder summary =
        folder("side")
            .with("v_head.summary.weight", 1, WIDTH)
            .with("v_head.summary.bias", 1)
            .config(config("Qwen2ForCausalLM", ""))
            .side("value_head.safetensors");
    Path into = saved(summary, DType.F32);
    try (Safetensors written = Safetensors.open(into.resolve("value_head.safetensors"))) {
      assertEquals("F32[1,24]", written.entry("v_head.summary.weight").toString());
    }
    TestFolder yojo =
        folder("yojo")
            .with("0.weight", 16, WIDTH)
            .with("0.bias", 16)
            .with("2.weight", 1, 16)
            .with("2.bias", 1)
            .config(config("Molmo2ForConditionalGeneration", ""))
            .text(
                "reward_model_config.json",
                """
                {"value_head_type": "mlp", "value_head_activation": "silu", "resp_repr_mode": "last"}
                """)
            .side("value_head.pt");
    saved(yojo, DType.F16);
  }

  @Test
  void whatTheLayoutCannotHoldIsRefused() throws IOException {
    TestFolder single =
        folder("single")
            .with("score.weight", 1, WIDTH)
            .config(config("LlamaForSequenceClassification", ""))
            .single();
    byte[] before = Files.readAllBytes(single.path.resolve("model.safetensors"));
    TestFolder steps =
        folder("steps")
            .with("score.weight", 2, WIDTH)
            .with("score.bias", 2)
            .config(config("Qwen2ForTokenClassification", ""))
            .single();
    TestFolder bin =
        folder("bin").with("v_head.weight", 1, WIDTH).config(config("X", "")).singlePytorch();
    try (Context context = Context.open()) {
      HeadCheckpoint checkpoint = HeadCheckpoint.read(single.path);
      try (RewardHead wide = checkpoint.load(context, DType.F32);
          RewardHead other =
              RewardHead.create(context, HeadSpec.linear(WIDTH).build(), Init.normal(1, 1))) {
        refuses(
            InvalidArgumentException.class,
            () -> checkpoint.save(wide, directory),
            "has 'score.weight' as BF16[1,24] among the backbone's tensors; a head in f32 does not fit");
        refuses(
            InvalidArgumentException.class, () -> checkpoint.save(other, directory), "is another");
      }
      HeadCheckpoint folded = HeadCheckpoint.read(steps.path);
      try (RewardHead head = folded.load(context)) {
        refuses(
            UnsupportedException.class,
            () -> folded.save(head, directory),
            "rows cannot be told from it again");
      }
      HeadCheckpoint inBin = HeadCheckpoint.read(bin.path);
      try (RewardHead head = inBin.load(context)) {
        refuses(
            UnsupportedException.class,
            () -> inBin.save(head, directory),
            "convert the folder to safetensors");
      }
      refuses(
          InvalidArgumentException.class,
          () -> checkpoint.load(context, DType.F16),
          "it can be had as it is or as f32");
    }
    assertArrayEquals(before, Files.readAllBytes(single.path.resolve("model.safetensors")));
  }

  /** The same folder can be the target: the file is replaced whole. */
  @Test
  void savingInPlaceReplacesTheHeadOnly() throws IOException {
    TestFolder folder =
        folder("place")
            .with("regression_head.weight", 1, WIDTH)
            .config(config("EurusRewardModel", ""))
            .single();
    HeadCheckpoint checkpoint = HeadCheckpoint.read(folder.path);
    try (Context context = Context.open();
        RewardHead head = RewardHead.create(context, checkpoint.spec(), Init.normal(1, 8))) {
      checkpoint.save(head, folder.path);
      try (RewardHead loaded = RewardHead.load(context, folder.path);
          HostTensor want = head.parameter("output.weight");
          HostTensor got = loaded.parameter("output.weight")) {
        assertArrayEquals(want.toFloats(), got.toFloats());
      }
    }
    try (java.util.stream.Stream<Path> files = Files.list(folder.path)) {
      assertEquals(
          java.util.Set.of("config.json", "model.safetensors"),
          files
              .map(file -> file.getFileName().toString())
              .collect(java.util.stream.Collectors.toSet()));
    }
    assertEquals(Map.of("format", "pt"), metadata(folder.path.resolve("model.safetensors")));
  }

  private static Map<String, String> metadata(Path file) {
    try (Safetensors opened = Safetensors.open(file)) {
      return opened.metadata();
    }
  }
}
