package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.Device;
import dev.gavel.Layout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/** The model that comes with the library, from text to scores. */
class DefaultModelTest {
  private static final String PROMPT = "How do I boil an egg so that the yolk stays soft?";
  private static final List<String> RESPONSES =
      List.of(
          "Put it in boiling water for six minutes, then in cold water.",
          "Eggs are laid by hens.",
          "no",
          "Six minutes. Seven if it is a large one, and start the clock when the water boils"
              + " again.");

  private static RewardModel load(Layout layout, int threads, int batchTokens) {
    return RewardModel.load(
        "default",
        new RewardModel.Options(
            Device.cpu(),
            threads,
            batchTokens,
            Optional.of(layout),
            Optional.empty(),
            Optional.empty(),
            ModelChoices.none()));
  }

  private static List<Integer> bits(GroupScore score) {
    return score.scores().stream().map(Float::floatToRawIntBits).toList();
  }

  @Test
  void wholeScoresKeepTheirBitsOverThreadsAndBatches() {
    for (Layout layout : Layout.values()) {
      List<List<Integer>> found = new ArrayList<>();
      for (int[] run : new int[][] {{1, 1}, {1, 4096}, {2, 4096}, {4, 4096}}) {
        try (RewardModel model = load(layout, run[0], run[1])) {
          found.add(bits(model.score(PROMPT, RESPONSES)));
        }
      }
      assertEquals(1, found.stream().distinct().count(), layout + ": " + found);
    }
  }

  @Test
  void independentScoresDoNotDependOnTheOthersNorOnTheirOrder() {
    try (RewardModel model = load(Layout.INDEPENDENT, 2, 2048)) {
      List<Integer> together = bits(model.score(PROMPT, RESPONSES));
      assertEquals(
          together,
          RESPONSES.stream().map(r -> bits(model.score(PROMPT, List.of(r))).getFirst()).toList());
      assertEquals(together.reversed(), bits(model.score(PROMPT, RESPONSES.reversed())));
    }
  }

  @Test
  void groupsScoredTogetherKeepTheirBits() {
    for (Layout layout : Layout.values()) {
      try (RewardModel model = load(layout, 2, 4096)) {
        List<TextBackbone.Tokenized> groups = new ArrayList<>();
        List<List<Integer>> alone = new ArrayList<>();
        for (int i = 1; i <= RESPONSES.size(); i++) {
          List<String> responses = RESPONSES.subList(0, i);
          // The same prompt comes again, so that there are sequences of the same length.
          for (String prompt : List.of(PROMPT, "Say something.", PROMPT)) {
            groups.add(model.prepare(Prompt.text(prompt), responses));
            alone.add(bits(model.score(prompt, responses)));
          }
        }
        assertEquals(alone, model.score(groups).stream().map(DefaultModelTest::bits).toList());
        assertEquals(List.of(), model.score(List.of()));
      }
    }
  }

  @Test
  void jointScoresSeeTheOthers() {
    try (RewardModel model = load(Layout.JOINT, 2, 2048)) {
      GroupScore score = model.score(PROMPT, RESPONSES);
      assertEquals(1, score.passes());
      assertNotEquals(
          bits(score).getFirst(), bits(model.score(PROMPT, RESPONSES.subList(0, 1))).getFirst());
    }
  }

  @Test
  void oneMessageOfTheUserIsTheSameAsThePrompt() {
    try (RewardModel model = load(Layout.JOINT, 2, 2048)) {
      Prompt conversation = Prompt.messages(List.of(ChatMessage.of("user", PROMPT)));
      assertEquals(
          bits(model.score(PROMPT, RESPONSES)), bits(model.score(conversation, RESPONSES)));
      assertTrue(model.template().startsWith("built-in:plain sha256:"), model.template());
    }
  }

  @Test
  void reportsWhatDoesNotFitItsContext() {
    try (RewardModel model = load(Layout.JOINT, 2, 2048)) {
      GroupScore score =
          model.score("why ".repeat(400), List.of("because ".repeat(600), "so", "[SEP] [SEP]"));
      TokenBudget budget = model.budget();
      int prompt = Math.min(400, budget.prompt());
      int first = Math.min(600, Math.min(budget.response(), budget.context() - prompt - 3));
      assertEquals(prompt, score.promptTokens());
      assertEquals(400 - prompt, score.promptTruncated());
      assertEquals(first, score.tokens().getFirst());
      assertEquals(600 - first, score.truncated().getFirst());
      // "so" and six pieces of brackets and letters follow where they fit.
      int all = prompt + 3 + score.tokens().stream().mapToInt(n -> n).sum() + 2;
      assertEquals(all <= budget.context() ? 1 : 2, score.passes());
      assertEquals(2, score.specialLiterals());
      assertEquals(3, score.scores().size());
    }
  }

  @Test
  void itsConfigurationIsAsTheLibraryWritesIt() {
    Path name = Path.of(ModelConfig.FILE);
    ModelConfig config = ModelConfig.parse(ModelFiles.resource(ModelConfig.FILE), name);
    assertEquals(
        config,
        ModelConfig.parse(config.toJson().getBytes(java.nio.charset.StandardCharsets.UTF_8), name));
    assertEquals(BuiltInModel.PLAIN_TEMPLATE, config.chatTemplate().file());
  }

  /** A model in use refuses to close before any part of it is closed: it goes on as it was. */
  @Test
  void aModelInUseIsNotClosedByHalf() throws Exception {
    List<String> many = Collections.nCopies(16, "the same words again and again ".repeat(15));
    RewardModel model = RewardModel.load("default");
    FutureTask<GroupScore> call = new FutureTask<>(() -> model.score("What?", many));
    Thread caller = new Thread(call);
    caller.start();
    while (!call.isDone() && !runsBackbone(caller)) {
      Thread.onSpinWait();
    }
    IllegalStateException refused = assertThrows(IllegalStateException.class, model::close);
    assertTrue(String.valueOf(refused.getMessage()).contains("in use"), refused.getMessage());
    // The head and the context come after the backbone in a call, so one of them would be missing.
    assertEquals(16, call.get().scores().size());
    assertEquals(2, model.score("What?", List.of("This.", "That.")).scores().size());
    model.close();
    assertThrows(IllegalStateException.class, () -> model.score("What?", many));
  }

  private static boolean runsBackbone(Thread caller) {
    return Arrays.stream(caller.getStackTrace())
        .anyMatch(frame -> frame.getClassName().equals("ai.onnxruntime.OrtSession"));
  }
}
