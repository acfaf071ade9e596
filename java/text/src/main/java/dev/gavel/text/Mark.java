package dev.gavel.text;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Marks that stand in for texts while a chat template is rendered, to see where it puts them and
 * what it strips from them. What they show is always checked against a rendering of the real texts.
 */
final class Mark {

  /** What is put on both sides of a mark to see what the template strips. */
  static final String PADDING = "\n \n";

  // Noncharacters, which Unicode reserves for use inside a program.
  private static final Pattern MARK = Pattern.compile("\uFDD0([0-9]+)\uFDD1");

  private Mark() {}

  /** The mark of a text. */
  static String of(int number) {
    return "\uFDD0" + number + "\uFDD1";
  }

  /** The same with blanks around it. */
  static String padded(int number) {
    return PADDING + of(number) + PADDING;
  }

  /**
   * A rendering apart at its marks.
   *
   * @param gaps the text around the marks: one more than there are marks
   * @param numbers the marks, in the order of the rendering
   */
  record Rendering(List<String> gaps, List<Integer> numbers) {}

  static Rendering read(String rendered) {
    List<String> gaps = new ArrayList<>();
    List<Integer> numbers = new ArrayList<>();
    Matcher matcher = MARK.matcher(rendered);
    int from = 0;
    while (matcher.find()) {
      gaps.add(rendered.substring(from, matcher.start()));
      numbers.add(Integer.valueOf(matcher.group(1)));
      from = matcher.end();
    }
    gaps.add(rendered.substring(from));
    return new Rendering(gaps, numbers);
  }

  /**
   * What a template strips, as one gap of a padded rendering tells.
   *
   * @param bare the gap between bare marks
   * @param padded the same gap between padded marks
   * @param afterMark whether a mark stands before the gap
   * @param beforeMark whether a mark stands after it
   * @return stripped from the right of the mark before the gap, and from the left of the one after
   *     it; nothing where no kind of stripping explains the gap
   */
  static Trim between(String bare, String padded, boolean afterMark, boolean beforeMark) {
    for (Trim.Kind right : Trim.Kind.values()) {
      for (Trim.Kind left : Trim.Kind.values()) {
        Trim trim = new Trim(left, right);
        String before = afterMark ? trim.apply(PADDING, false, true) : "";
        String after = beforeMark ? trim.apply(PADDING, true, false) : "";
        if (padded.equals(before + bare + after)) {
          return trim;
        }
      }
    }
    return Trim.NOTHING;
  }
}
