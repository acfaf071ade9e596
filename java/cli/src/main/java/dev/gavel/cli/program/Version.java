package dev.gavel.cli.program;

import picocli.CommandLine.IVersionProvider;

/** The version this program was built as. */
public final class Version implements IVersionProvider {
  /** Also what the manifest of the jar would say; a test compares it with the build's. */
  public static final String NUMBER = "0.1.0";

  @Override
  public String[] getVersion() {
    return new String[] {"gavel " + NUMBER};
  }
}
