package dev.gavel.text.row;

import dev.gavel.InvalidArgumentException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What is wrong with a row.
 *
 * @param field the field it is about, for instance {@code responses[2]}, or {@code line} where the
 *     row is no JSON object
 * @param found what was found there, shortened
 * @param message what was found and what to do, for people
 */
public record RowError(String field, String found, String message) {
  private static final int LONGEST_FOUND = 80;

  // How the messages of the text module name a response.
  private static final Pattern RESPONSE = Pattern.compile("response (\\d+)\\b.*", Pattern.DOTALL);

  /** Shortens and mends what was found, so that it can be written as JSON. */
  public RowError {
    found = Unicode.head(Unicode.mend(found), LONGEST_FOUND);
    message = Unicode.mend(message);
  }

  /** What is wrong with a row that a model could not prepare. */
  public static RowError of(InvalidArgumentException refusal) {
    String message = String.valueOf(refusal.getMessage());
    return new RowError(field(message).orElse("row"), found(message), message);
  }

  /** The message, with its field in front where it does not name that itself. */
  public String sentence() {
    boolean named = message.startsWith(field) || field(message).filter(field::equals).isPresent();
    return named ? message : "%s: %s".formatted(field, message);
  }

  // Behind the last semicolon stands what to do.
  private static String found(String message) {
    int end = message.lastIndexOf("; ");
    return end < 0 ? message : message.substring(0, end);
  }

  private static Optional<String> field(String message) {
    Matcher response = RESPONSE.matcher(message);
    if (response.matches()) {
      return Optional.of("responses[%s]".formatted(response.group(1)));
    }
    if (message.startsWith("the responses are")) {
      return Optional.of("responses");
    }
    return message.startsWith("prompt") || message.startsWith("the prompt")
        ? Optional.of("prompt")
        : Optional.empty();
  }
}
