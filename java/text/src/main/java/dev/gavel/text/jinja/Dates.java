package dev.gavel.text.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.TextStyle;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's {@code strftime} in the C locale. */
final class Dates {

  // A lone % at the end is a conversion without a letter, which is refused like any unknown one.
  private static final Pattern CONVERSION = Pattern.compile("%(.?)", Pattern.DOTALL);

  private Dates() {}

  static String format(String pattern, LocalDateTime time) {
    return CONVERSION
        .matcher(pattern)
        .replaceAll(match -> Matcher.quoteReplacement(field(match.group(1), time)));
  }

  private static String field(String conversion, LocalDateTime time) {
    return switch (conversion) {
      case "d" -> digits("dd", time);
      case "e" -> String.format(Locale.ROOT, "%2d", time.getDayOfMonth());
      case "m" -> digits("MM", time);
      case "y" -> digits("yy", time);
      case "Y" -> Integer.toString(time.getYear());
      case "H" -> digits("HH", time);
      case "I" -> digits("hh", time);
      case "M" -> digits("mm", time);
      case "S" -> digits("ss", time);
      case "j" -> digits("DDD", time);
      case "p" -> time.getHour() < 12 ? "AM" : "PM";
      case "b" -> time.getMonth().getDisplayName(TextStyle.SHORT, Locale.US);
      case "B" -> time.getMonth().getDisplayName(TextStyle.FULL, Locale.US);
      case "a" -> time.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.US);
      case "A" -> time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.US);
      case "F" -> digits("uuuu-MM-dd", time);
      case "T" -> digits("HH:mm:ss", time);
      case "%" -> "%";
      default -> throw JinjaException.unsupported("the date conversion '%" + conversion + "'");
    };
  }

  private static String digits(String pattern, LocalDateTime time) {
    return DateTimeFormatter.ofPattern(pattern, Locale.ROOT).format(time);
  }
}
