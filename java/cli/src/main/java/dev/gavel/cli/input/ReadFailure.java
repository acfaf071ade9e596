package dev.gavel.cli.input;

import dev.gavel.message.SystemReason;
import java.io.IOException;

/** The system refuses to read a source: not a matter of what the source holds. */
public final class ReadFailure extends IOException {
  private static final long serialVersionUID = 1L;

  ReadFailure(String name, IOException cause) {
    super("%s cannot be read: %s".formatted(name, SystemReason.reading(cause)), cause);
  }
}
