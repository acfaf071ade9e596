package dev.gavel.cli.program;

/** What the exit code of the program means. */
public final class ExitCode {
  /** Everything was done. */
  public static final int DONE = 0;

  /** Some rows failed; their errors are in the output. */
  public static final int ROWS_FAILED = 1;

  /** The command line, or a file it names, is wrong. */
  public static final int USAGE = 2;

  /** The environment cannot run it. */
  public static final int ENVIRONMENT = 3;

  /** Whoever read standard output went away: 128 + SIGPIPE, as shells say it. */
  public static final int READER_GONE = 141;

  private ExitCode() {}
}
