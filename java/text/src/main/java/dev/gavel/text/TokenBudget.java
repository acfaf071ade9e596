package dev.gavel.text;

import dev.gavel.InvalidArgumentException;

/**
 * How many tokens a sequence, a prompt and a response may have. What is longer is cut at its end:
 * the head of the prompt and of every response is kept, and every row reports what was cut. Special
 * tokens and fixed text of the layout are never cut.
 *
 * @param context most tokens of a sequence, special tokens included
 * @param prompt most tokens of the prompt
 * @param response most tokens of a response; what the context leaves beside prompt and fixed tokens
 *     bounds it, too
 */
public record TokenBudget(int context, int prompt, int response) {
  /** Checks the three numbers. */
  public TokenBudget {
    require("context", context);
    require("prompt", prompt);
    require("response", response);
  }

  /** Half of the context for the prompt, the rest for responses. */
  public static TokenBudget ofContext(int context) {
    return new TokenBudget(context, Math.max(1, context / 2), context);
  }

  /** The same with another budget for the prompt. */
  public TokenBudget withPrompt(int tokens) {
    return new TokenBudget(context, tokens, response);
  }

  /** The same with another budget for each response. */
  public TokenBudget withResponse(int tokens) {
    return new TokenBudget(context, prompt, tokens);
  }

  private static void require(String what, int tokens) {
    if (tokens < 1) {
      throw new InvalidArgumentException(
          "token budget: %s is %d tokens; it must be 1 or more".formatted(what, tokens));
    }
  }
}
