package dev.gavel.cli.run;

import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;

/** How an output file is compressed; its name says so. */
public enum Compression {
  /** Not at all. */
  NONE,
  /** Gzip, RFC 1952: a name that ends in {@code .gz}. */
  GZIP,
  /** Zstandard, RFC 8878: a name that ends in {@code .zst}. */
  ZSTANDARD;

  private static final int BUFFER = 1 << 16;

  /** What a name asks for. */
  public static Compression of(Path file) {
    String name = file.toString();
    if (name.endsWith(".gz")) {
      return GZIP;
    }
    return name.endsWith(".zst") ? ZSTANDARD : NONE;
  }

  /**
   * A stream whose end is the end of a part that can be decompressed alone; parts one after another
   * are a valid file. Closing it ends the part and closes what it writes to.
   */
  OutputStream part(OutputStream to) throws IOException {
    return switch (this) {
      case NONE -> to;
      case GZIP -> new GZIPOutputStream(to, BUFFER);
      case ZSTANDARD -> new ZstdOutputStreamNoFinalizer(to);
    };
  }
}
