package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import dev.gavel.text.jinja.JinjaException;
import dev.gavel.text.jinja.Template;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A chat template: Jinja that turns a conversation into the text a model was trained on, rendered
 * byte for byte as Hugging Face transformers renders it ({@code apply_chat_template}). What the
 * renderer does not know it refuses, when the template is parsed where that is possible. Immutable;
 * many threads may use one.
 */
public final class ChatTemplate {
  private final Template template;
  private final String hash;
  private final Map<String, String> variables;
  private final Supplier<LocalDateTime> now;

  private ChatTemplate(
      Template template, String hash, Map<String, String> variables, Supplier<LocalDateTime> now) {
    this.template = template;
    this.hash = hash;
    this.variables = variables;
    this.now = now;
  }

  /**
   * Parses a template; {@code strftime_now} in it is the time of rendering.
   *
   * @param source the Jinja text
   * @throws InvalidArgumentException if it is not Jinja, or uses what is not supported
   */
  public static ChatTemplate parse(String source) {
    try {
      return new ChatTemplate(Template.parse(source), sha256(source), Map.of(), LocalDateTime::now);
    } catch (JinjaException e) {
      throw new InvalidArgumentException("chat template: " + e.getMessage());
    }
  }

  /**
   * The same with these variables, which transformers takes from the tokenizer's configuration: for
   * instance {@code bos_token} and {@code eos_token}.
   */
  public ChatTemplate withVariables(Map<String, String> newVariables) {
    return new ChatTemplate(template, hash, Map.copyOf(newVariables), now);
  }

  /** The same with a clock for {@code strftime_now}. */
  public ChatTemplate withClock(Supplier<LocalDateTime> clock) {
    return new ChatTemplate(template, hash, variables, clock);
  }

  /**
   * Renders a conversation.
   *
   * @param addGenerationPrompt whether the assistant is to speak next
   * @throws InvalidArgumentException if the template refuses the conversation, or cannot be
   *     rendered with it
   */
  public String render(List<ChatMessage> messages, boolean addGenerationPrompt) {
    Map<String, Object> all = new HashMap<>(variables);
    all.put("messages", messages.stream().map(ChatMessage::fields).toList());
    all.put("add_generation_prompt", addGenerationPrompt);
    try {
      return template.render(all, now);
    } catch (JinjaException e) {
      String what = e.raisedByTemplate() ? "refuses this conversation" : "cannot be rendered";
      throw new InvalidArgumentException(
          "the chat template %s: %s".formatted(what, e.getMessage()));
    }
  }

  /** SHA-256 of the template's source in UTF-8, in hexadecimal: which template a score is of. */
  public String hash() {
    return hash;
  }

  static String sha256(String text) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
