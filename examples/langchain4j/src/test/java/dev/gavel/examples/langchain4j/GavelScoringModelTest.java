package dev.gavel.examples.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.text.RewardModel;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.scoring.ScoringModel;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class GavelScoringModelTest {
  private static final String QUERY = "What is the capital of Australia?";
  private static final List<String> TEXTS =
      List.of("Canberra.", "It is Sydney, as everybody knows.", "I do not know.");

  private static List<TextSegment> segments(List<String> texts) {
    return texts.stream().map(TextSegment::from).toList();
  }

  @Test
  void scoresAreThoseOfTheModel() {
    for (Layout layout : Layout.values()) {
      RewardModel.Options options = RewardModel.Options.defaults().withLayout(layout);
      try (RewardModel model = RewardModel.load("default", options)) {
        ScoringModel scoring = new GavelScoringModel(model);
        List<Double> scores = scoring.scoreAll(segments(TEXTS), QUERY).content();
        assertEquals(
            model.score(QUERY, TEXTS).scores().stream().map(Float::doubleValue).toList(), scores);
        if (layout == Layout.INDEPENDENT) {
          // What langchain4j's reranking asks for: each segment by itself, in any order.
          for (int i = 0; i < TEXTS.size(); i++) {
            assertEquals(scores.get(i), scoring.score(TEXTS.get(i), QUERY).content());
          }
          assertEquals(
              scores.reversed(), scoring.scoreAll(segments(TEXTS.reversed()), QUERY).content());
        }
      }
    }
  }

  @Test
  void noSegmentsHaveNoScoresAndABadOneIsNamed() {
    try (RewardModel model = RewardModel.load("default")) {
      ScoringModel scoring = new GavelScoringModel(model);
      assertEquals(List.of(), scoring.scoreAll(List.of(), QUERY).content());
      refused("query is null", () -> scoring.scoreAll(segments(TEXTS), null));
      refused("segments is null", () -> scoring.scoreAll(null, QUERY));
      refused(
          "segment 1 is null",
          () -> scoring.scoreAll(Arrays.asList(TextSegment.from("a"), null), QUERY));
      String message =
          String.valueOf(
              assertThrows(
                      InvalidArgumentException.class,
                      () -> scoring.scoreAll(segments(List.of("a", "\u200b")), QUERY))
                  .getMessage());
      assertTrue(message.contains("response 1"), message);
    }
  }

  private static void refused(String text, Executable executable) {
    String message =
        String.valueOf(assertThrows(InvalidArgumentException.class, executable).getMessage());
    assertTrue(message.startsWith(text), message);
  }
}
