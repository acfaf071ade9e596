package dev.gavel;

/**
 * How the responses of one prompt are laid out in token sequences. It is always declared, never
 * implied.
 */
public enum Layout {
  /**
   * Responses follow one another in one sequence, separated by a separator token; later ones may
   * attend to earlier ones, so scores may depend on the order (the YOJO layout, arXiv 2604.10966).
   */
  JOINT,
  /** One sequence per response: a score equals that of the response alone. */
  INDEPENDENT
}
