package dev.gavel.cli;

/** How {@code gavel score} writes rows. */
enum OutputFormat {
  /** A table for people. */
  table,
  /** One JSON object per line. */
  jsonl,
  /** A table on a terminal, JSON lines otherwise. */
  auto
}
