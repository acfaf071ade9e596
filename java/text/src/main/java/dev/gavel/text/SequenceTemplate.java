package dev.gavel.text;

/**
 * The fixed tokens of a sequence: {@code prefix prompt afterPrompt response (separator response)*
 * suffix}.
 *
 * @param prefix before the prompt, for instance [CLS]
 * @param afterPrompt between prompt and first response
 * @param beforeSeparator filler between a response and the separator that follows it, for instance
 *     two line ends in the YOJO layout (arXiv 2604.10966); it counts as the end of that response,
 *     whose last row is the one before the separator
 * @param separator the one token between two responses
 * @param afterSeparator filler between a separator and the response that follows it
 * @param suffix after the last response
 * @param suffixEndsResponse whether the suffix counts as the end of the last response (decoders
 *     that are read at the last token of the sequence) or not (encoders that end with a separator)
 */
public record SequenceTemplate(
    Tokens prefix,
    Tokens afterPrompt,
    Tokens beforeSeparator,
    long separator,
    Tokens afterSeparator,
    Tokens suffix,
    boolean suffixEndsResponse) {
  /** {@code [CLS] prompt [SEP] response [SEP] response [SEP]}, as BERT encoders were trained. */
  public static SequenceTemplate encoder(long classification, long separator) {
    Tokens none = Tokens.none();
    return new SequenceTemplate(
        Tokens.of(classification),
        Tokens.of(separator),
        none,
        separator,
        none,
        Tokens.of(separator),
        false);
  }

  /**
   * The same with other tokens around the prompt and at the end: what a chat template renders to.
   */
  public SequenceTemplate around(Tokens newPrefix, Tokens newAfterPrompt, Tokens newSuffix) {
    return new SequenceTemplate(
        newPrefix,
        newAfterPrompt,
        beforeSeparator,
        separator,
        afterSeparator,
        newSuffix,
        suffixEndsResponse);
  }

  /** Fixed tokens of a sequence with this many responses. */
  public int fixedTokens(int responses) {
    return prefix.size() + afterPrompt.size() + (responses - 1) * separatorTokens() + suffix.size();
  }

  int separatorTokens() {
    return beforeSeparator.size() + 1 + afterSeparator.size();
  }
}
