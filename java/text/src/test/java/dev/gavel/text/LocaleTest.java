package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names with numbers in them, of tensors and of objectives, in a locale with its own digits. */
class LocaleTest {
  @TempDir private Path folder;

  private static List<GroupScore> scores(ParityFixture fixture) {
    try (RewardModel model =
        RewardModel.load(fixture.folder().toString(), RewardModel.Options.defaults())) {
      return model.score(List.of(model.prepare(Prompt.text("say"), List.of("one"))));
    }
  }

  // Tensors are named with numbers in the gates of the first three and in the head of the last; the
  // objectives of ArmoRM have no names of their own.
  @ParameterizedTest
  @ValueSource(strings = {"armorm", "qrm", "ldl", "grm"})
  void aModelIsTheSameInEveryLocale(String name) {
    ParityFixture fixture = ParityFixture.into(folder, name);
    List<GroupScore> expected = scores(fixture);
    Locale before = Locale.getDefault(Locale.Category.FORMAT);
    Locale.setDefault(Locale.Category.FORMAT, Locale.forLanguageTag("ar-EG"));
    try {
      assertEquals("\u0661", "%d".formatted(1), "the locale has no digits of its own here");
      assertEquals(expected, scores(fixture));
    } finally {
      Locale.setDefault(Locale.Category.FORMAT, before);
    }
  }
}
