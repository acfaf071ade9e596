package dev.gavel.cli.training;

import static dev.gavel.cli.training.SmallTraining.groups;
import static dev.gavel.cli.training.SmallTraining.parameters;
import static dev.gavel.cli.training.SmallTraining.trainer;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.Context;
import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Optimizer;
import dev.gavel.RewardHead;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.cli.run.WholeFile;
import dev.gavel.cli.training.data.VectorGroup;
import dev.gavel.cli.training.folder.Checkpoints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training that is interrupted goes on to the same bits, from its own state alone. */
class InterruptedTrainingTest {
  private static final int EPOCHS = 9;
  private static final RunSettings SETTINGS = new RunSettings(Map.of("seed", "3"));

  @TempDir private Path folder;

  /** Is killed after an epoch, once its state is kept. */
  private record Killed(EpochStore store, int after) implements EpochStore {
    @Override
    public Saved restore(Optimizer optimizer) {
      return store.restore(optimizer);
    }

    @Override
    public void save(List<Epoch> epochs, Optimizer optimizer, Optional<RewardHead> best) {
      store.save(epochs, optimizer, best);
      if (epochs.size() == after) {
        throw new IllegalStateException("killed");
      }
    }
  }

  @Test
  void aRunThatIsKilledAfterAnyEpochEndsWithTheSameBits() throws IOException {
    List<VectorGroup> learned = groups(1, 50, 0.2);
    Validation validation = new Validation(groups(2, 20, 0.2), 3);
    try (Context context = Context.open()) {
      HeadTrainer trainer = trainer(context, EPOCHS, 1e-2f);
      HeadTrainer.Fitted whole = trainer.train(learned, validation, EpochStore.none());
      List<List<Float>> expected = parameters(whole.head());
      whole.head().close();
      for (int after = 1; after <= whole.epochs().size(); after++) {
        Path place = Files.createDirectory(folder.resolve("killed-" + after));
        try (Checkpoints kept = Checkpoints.open(place, SETTINGS, true)) {
          Killed killed = new Killed(kept, after);
          assertThrows(
              IllegalStateException.class, () -> trainer.train(learned, validation, killed));
        }
        assertTrue(Checkpoints.isUnfinished(place));
        try (Checkpoints kept = Checkpoints.open(place, SETTINGS, true)) {
          HeadTrainer.Fitted fitted = trainer.train(learned, validation, kept);
          assertEquals(whole.epochs(), fitted.epochs());
          assertEquals(whole.chosen(), fitted.chosen());
          assertEquals(expected, parameters(fitted.head()), "killed after " + after);
          fitted.head().close();
          kept.finish();
        }
        assertFalse(Files.exists(place.resolve("checkpoint")));
      }
    }
  }

  @Test
  void aStateOfOtherSettingsOrOfAnotherRunIsRefused() throws IOException {
    List<VectorGroup> learned = groups(1, 10, 0);
    Path place = Files.createDirectory(folder.resolve("out"));
    try (Context context = Context.open();
        Checkpoints kept = Checkpoints.open(place, SETTINGS, true)) {
      Killed killed = new Killed(kept, 1);
      assertThrows(
          IllegalStateException.class,
          () -> trainer(context, 2, 1e-2f).train(learned, Validation.NONE, killed));
      InvalidArgumentException busy =
          assertThrows(
              InvalidArgumentException.class, () -> Checkpoints.open(place, SETTINGS, true));
      assertTrue(String.valueOf(busy.getMessage()).contains("another run"));
    }
    InvalidArgumentException other =
        assertThrows(
            InvalidArgumentException.class,
            () -> Checkpoints.open(place, new RunSettings(Map.of("seed", "4")), true));
    assertTrue(String.valueOf(other.getMessage()).contains("seed was 3, now 4"));
    // A bit of a moment would give other bytes, and nothing else could tell.
    Path optimizer = place.resolve("checkpoint/optimizer-000001.safetensors");
    byte[] good = Files.readAllBytes(optimizer);
    byte[] bad = good.clone();
    bad[bad.length - 2] ^= 1;
    Files.write(optimizer, bad);
    refusesAsChanged(place, learned);
    Files.write(optimizer, good);
    Path state = place.resolve("checkpoint/state.json");
    String epochs = Files.readString(state);
    Files.writeString(state, epochs.replaceFirst("\"loss\" : 0", "\"loss\" : 1"));
    refusesAsChanged(place, learned);
    Files.writeString(state, epochs);
    // Whoever knows how to write the checksum names no file elsewhere either.
    ObjectNode forged = (ObjectNode) new JsonMapper().readTree(epochs);
    forged.remove("check");
    forged.put("optimizer", "../../optimizer-000001.safetensors");
    forged.put("check", WholeFile.checksum(forged.toString()));
    Files.writeString(state, forged.toString());
    try (Context context = Context.open();
        Checkpoints kept = Checkpoints.open(place, SETTINGS, true)) {
      assertThrows(
          FormatException.class,
          () -> trainer(context, 2, 1e-2f).train(learned, Validation.NONE, kept));
    }
  }

  private static void refusesAsChanged(Path place, List<VectorGroup> learned) {
    FormatException refused =
        assertThrows(
            FormatException.class,
            () -> {
              try (Context context = Context.open();
                  Checkpoints kept = Checkpoints.open(place, SETTINGS, true)) {
                trainer(context, 2, 1e-2f).train(learned, Validation.NONE, kept);
              }
            });
    assertTrue(
        String.valueOf(refused.getMessage()).contains("was changed since"), refused.getMessage());
    assertTrue(Checkpoints.isUnfinished(place));
  }
}
