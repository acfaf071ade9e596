package dev.gavel.text;

import static dev.gavel.text.ByteTokenizer.END;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RewardModelTest {
  private static final RewardModel.Options ONE_THREAD =
      new RewardModel.Options(
          dev.gavel.Device.cpu(),
          1,
          64,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          ModelChoices.none());

  @TempDir private Path folder;

  @BeforeEach
  void write() {
    ModelFolder.write(folder);
  }

  private RewardModel load() {
    return RewardModel.load(folder.toString(), ONE_THREAD);
  }

  @ParameterizedTest
  @EnumSource(Layout.class)
  void scoresAreThoseOfTheTokensTheyAreReadAt(Layout layout) {
    try (RewardModel model = RewardModel.load(folder.toString(), ONE_THREAD.withLayout(layout))) {
      GroupScore score = model.score("question", List.of("ab", "z", "c"));
      assertEquals(ModelFolder.scores('b', 'z', 'c'), score.scores());
      assertEquals(1, score.best());
      assertEquals(List.of(1, 2, 0), score.ranking());
      assertEquals(layout, score.layout());
      assertEquals(layout == Layout.JOINT ? 1 : 3, score.passes());
      assertEquals(List.of(2, 1, 1), score.tokens());
      assertEquals(List.of(0, 0, 0), score.truncated());
      assertEquals(8, score.promptTokens());
      assertEquals("identity", score.readout());
      assertEquals("none", score.template());
    }
  }

  @Test
  void everyCallOfAModelThatIsClosedSaysSo() {
    RewardModel model = load();
    TextBackbone.Tokenized group = model.prepare(Prompt.text("q"), List.of("a"));
    HiddenBatch hidden = model.hidden(group.packed().sequences());
    model.close();
    model.close();
    List<Executable> calls =
        List.of(
            () -> model.score("q", List.of("a")),
            () -> model.score(List.of(group)),
            () -> model.score(hidden),
            () -> model.hidden(group.packed().sequences()),
            () -> model.prepare(Prompt.text("q"), List.of("a")),
            () -> model.prepareSteps(Prompt.text("q"), List.of(List.of("a"))),
            () -> model.scoreSteps(Prompt.text("q"), List.of(List.of("a"))));
    for (Executable call : calls) {
      IllegalStateException e = assertThrows(IllegalStateException.class, call);
      assertEquals("model %s is closed".formatted(model.config().name()), e.getMessage());
    }
    hidden.close();
  }

  /** Closed from within a call, before any part of the model is in use by it. */
  @Test
  void aCallKeepsTheModelOpenBeforeItReachesAPart() {
    RewardModel model = load();
    List<String> closing =
        new AbstractList<>() {
          @Override
          public String get(int index) {
            IllegalStateException refused = assertThrows(IllegalStateException.class, model::close);
            assertEquals(
                "model %s is in use by 1 call; close it when nothing uses it"
                    .formatted(model.config().name()),
                refused.getMessage());
            return "a";
          }

          @Override
          public int size() {
            return 1;
          }
        };
    assertEquals(model.score("q", List.of("a")).scores(), model.score("q", closing).scores());
    model.close();
  }

  @Test
  void reportsEveryCut() {
    try (RewardModel model = load()) {
      GroupScore score = model.score("p".repeat(30), List.of("a".repeat(40), "b"));
      assertEquals(24, score.promptTokens());
      assertEquals(6, score.promptTruncated());
      assertEquals(List.of(32, 1), score.tokens());
      assertEquals(List.of(8, 0), score.truncated());
      // 24 + 3 fixed + 32 + separator + 1 fit the context of 64.
      assertEquals(1, score.passes());
    }
  }

  @Test
  void splitsALargeGroupAndDropsNothing() {
    List<String> responses =
        IntStream.range(0, 500).mapToObj(i -> "r" + (char) ('a' + i % 26)).toList();
    try (RewardModel model = load()) {
      GroupScore score = model.score("q", responses);
      assertEquals(
          IntStream.range(0, 500).mapToObj(i -> ModelFolder.score('a' + i % 26)).toList(),
          score.scores());
      // 4 tokens of prompt and frame leave room for 20 responses of 2 with separators.
      assertEquals(25, score.passes());
    }
  }

  @Test
  void countsTextOfSpecialTokensAndReadsItAsText() {
    try (RewardModel model = load()) {
      GroupScore score = model.score("<|end|>", List.of("a<|resp_sep|>b", "c"));
      assertEquals(ModelFolder.scores('b', 'c'), score.scores());
      assertEquals(2, score.specialLiterals());
    }
  }

  @Test
  void anEmptyPromptIsAPrompt() {
    try (RewardModel model = load()) {
      assertEquals(0, model.score("", List.of("a")).promptTokens());
    }
  }

  @Test
  void refusesWhatCannotBeScored() {
    try (RewardModel model = load()) {
      assertRefused(model, "p", List.of(), "no response");
      assertRefused(model, "p", List.of("a", ""), "response 1");
      assertRefused(
          model, "p", List.of("a", "b\uD800"), "response 1: text has an unpaired surrogate");
      assertRefused(model, "\uDC00", List.of("a"), "the prompt: text has an unpaired surrogate");
      InvalidArgumentException e =
          assertThrows(
              InvalidArgumentException.class,
              () ->
                  model.score(Prompt.messages(List.of(ChatMessage.of("user", "q"))), List.of("a")));
      assertTrue(String.valueOf(e.getMessage()).contains("no chat template"));
    }
  }

  private static void assertRefused(
      RewardModel model, String prompt, List<String> responses, String reason) {
    InvalidArgumentException e =
        assertThrows(InvalidArgumentException.class, () -> model.score(prompt, responses));
    assertTrue(String.valueOf(e.getMessage()).contains(reason), String.valueOf(e.getMessage()));
  }

  @Test
  void aChatTemplateRendersTheWholeConversation() {
    ModelFolder.write(
        folder,
        ModelConfig.FILE,
        ModelFolder.CONFIG
            .replace("\"<|start|>\"", "\"\"")
            .replace("\"<|end|>\"", "\"\"")
            .replace("\"suffix_ends_response\": false", "\"suffix_ends_response\": true")
            .replace(
                "{\"file\": \"\", \"renders\": \"nothing\", \"variables\": {}}",
                "{\"file\": \"t.jinja\", \"renders\": \"conversation\", \"variables\": {\"eos\":"
                    + " \"<|end|>\"}}"));
    ModelFolder.write(
        folder,
        "t.jinja",
        "{% for m in messages %}<|start|>{{ m.role[0] }}{{ m.content }}{{ eos }}{% endfor %}");
    try (RewardModel model = load()) {
      GroupScore text = model.score("q", List.of("ab", "c"));
      // The first response is read before its separator, the last one at the end of the sequence.
      assertEquals(ModelFolder.scores('b', END), text.scores());
      assertTrue(text.template().matches("t\\.jinja sha256:[0-9a-f]{12}"), text.template());
      Prompt conversation =
          Prompt.messages(List.of(ChatMessage.of("system", "s"), ChatMessage.of("user", "q")));
      assertEquals(2, model.score(conversation, List.of("a")).promptTokens());
    }
  }

  @Test
  void aPromptTemplateRendersThePromptOnly() {
    ModelFolder.change(
        folder,
        "{\"file\": \"\", \"renders\": \"nothing\", \"variables\": {}}",
        "{\"file\": \"built-in:plain\", \"renders\": \"prompt\", \"variables\": {}}");
    try (RewardModel model = load()) {
      Prompt one = Prompt.messages(List.of(ChatMessage.of("user", "question")));
      assertEquals(8, model.score(one, List.of("a")).promptTokens());
      Prompt two =
          Prompt.messages(List.of(ChatMessage.of("system", "s"), ChatMessage.of("user", "q")));
      assertEquals(
          "system: s\n\nuser: q".length() - 1, model.score(two, List.of("a")).promptTokens());
      assertEquals(8, model.score("question", List.of("a")).promptTokens());
    }
  }

  @Test
  void useAfterCloseIsAnError() {
    RewardModel model = load();
    model.close();
    model.close();
    assertThrows(IllegalStateException.class, () -> model.score("q", List.of("a")));
  }

  @Test
  void anIndependentScoreIsThatOfTheResponseAlone() {
    List<String> responses = List.of("one", "another one", "x", "the last of them");
    try (RewardModel model =
        RewardModel.load(folder.toString(), ONE_THREAD.withLayout(Layout.INDEPENDENT))) {
      List<Float> together = model.score("q", responses).scores();
      List<Float> alone =
          responses.stream().map(r -> model.score("q", List.of(r)).scores().getFirst()).toList();
      assertEquals(alone, together);
      assertEquals(alone.reversed(), model.score("q", responses.reversed()).scores());
      assertEquals(4, Collections.max(model.score("q", responses).ranking()) + 1);
    }
  }

  @Test
  void manyThreadsScoreAtOnce() throws Exception {
    try (RewardModel model = load();
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<Boolean>> done = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        char own = (char) ('a' + t);
        done.add(
            threads.submit(() -> {
              boolean right = true;
              for (int i = 0; i < 200; i++) {
                List<Float> scores = model.score("q" + own, List.of("x" + own, "y")).scores();
                right &= scores.equals(ModelFolder.scores(own, 'y'));
              }
              return right;
            }));
      }
      for (Future<Boolean> result : done) {
        assertTrue(result.get());
      }
    }
  }
}
