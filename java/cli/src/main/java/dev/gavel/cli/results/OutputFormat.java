package dev.gavel.cli.results;

/** How {@code gavel score} writes rows. */
public enum OutputFormat {
  /** A table for people. */
  table,
  /** One JSON object per line. */
  jsonl,
  /** A table on a terminal, JSON lines otherwise. */
  auto
}
