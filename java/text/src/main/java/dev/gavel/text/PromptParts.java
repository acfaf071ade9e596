package dev.gavel.text;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;

/** Tells the texts of a conversation apart from what a chat template puts around them. */
final class PromptParts {

  private PromptParts() {}

  /**
   * The parts of a rendered conversation.
   *
   * @param before the rendering up to the response
   * @param response the response's message, with a mark as its text
   * @return the template's text and the messages' texts in turn, which joined are {@code before};
   *     empty where the template rewrites a message, so that they cannot be told apart
   */
  static Optional<List<Piece.Text>> find(
      ChatTemplate template, List<ChatMessage> messages, ChatMessage response, String before) {
    Mark.Rendering bare = Mark.read(render(template, messages, response, false));
    Mark.Rendering padded = Mark.read(render(template, messages, response, true));
    int prompts = bare.numbers().size() - 1;
    boolean same =
        bare.numbers().equals(padded.numbers())
            && prompts >= 0
            && bare.numbers().getLast() == messages.size()
            && new HashSet<>(bare.numbers()).size() == bare.numbers().size();
    if (!same) {
      return Optional.empty();
    }
    List<Piece.Text> parts = new ArrayList<>();
    StringBuilder joined = new StringBuilder();
    for (int i = 0; i <= prompts; i++) {
      parts.add(new Piece.Fixed(bare.gaps().get(i)));
      joined.append(bare.gaps().get(i));
      if (i < prompts) {
        Trim left = gap(bare, padded, i, prompts);
        Trim right = gap(bare, padded, i + 1, prompts);
        String content = messages.get(bare.numbers().get(i)).content();
        String text = new Trim(left.left(), right.right()).apply(content, true, true);
        parts.add(new Piece.Prompt(text, true));
        joined.append(text);
      }
    }
    return joined.toString().equals(before) ? Optional.of(parts) : Optional.empty();
  }

  /** What is stripped around a gap; the response, after the last one, is not padded. */
  private static Trim gap(Mark.Rendering bare, Mark.Rendering padded, int gap, int prompts) {
    return Mark.between(bare.gaps().get(gap), padded.gaps().get(gap), gap > 0, gap < prompts);
  }

  private static String render(
      ChatTemplate template, List<ChatMessage> messages, ChatMessage response, boolean padded) {
    List<ChatMessage> marked = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++) {
      marked.add(messages.get(i).withContent(padded ? Mark.padded(i) : Mark.of(i)));
    }
    marked.add(response);
    return template.render(marked, false);
  }
}
