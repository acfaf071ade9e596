package dev.gavel.text.jinja;

/** What one rendering may use: a template from a downloaded model folder is not trusted. */
final class Limits {

  /** Characters in any one string: several times the longest context models take today. */
  static final int MAX_LENGTH = 1 << 24;

  /** Evaluations and statements of one rendering; a long conversation needs some ten thousand. */
  static final long MAX_STEPS = 5_000_000;

  /** Nested evaluations, macro calls included; each takes a few frames of the thread's stack. */
  static final int MAX_DEPTH = 400;

  /** Items in any one list; {@code range} has the limit of Jinja's own sandbox below. */
  static final int MAX_ITEMS = 1 << 20;

  /** {@code jinja2.sandbox.MAX_RANGE}. */
  static final int MAX_RANGE = 100_000;

  private Limits() {}

  /** Refuses a string of {@code length} characters before it is built. */
  static void checkLength(long length) {
    if (length > MAX_LENGTH) {
      throw JinjaException.error(
          "the template builds a string of more than " + MAX_LENGTH + " characters");
    }
  }

  static void checkItems(long items) {
    if (items > MAX_ITEMS) {
      throw JinjaException.error("the template builds a list of more than " + MAX_ITEMS + " items");
    }
  }
}
