package dev.gavel.cli.options;

import dev.gavel.cli.input.Shard;
import dev.gavel.cli.program.CommandFailure;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads {@code --shard I/N}. */
public final class ShardOption {
  private static final Pattern SHARD = Pattern.compile("([0-9]{1,9})/([0-9]{1,9})");

  private ShardOption() {}

  public static Shard parse(String text) {
    Matcher parts = SHARD.matcher(text);
    if (parts.matches()) {
      int index = Integer.parseInt(parts.group(1));
      int count = Integer.parseInt(parts.group(2));
      if (index >= 1 && index <= count) {
        return new Shard(index, count);
      }
    }
    throw CommandFailure.usage(
        "--shard is '%s'; it must be I/N with I from 1 to N, for instance 1/4".formatted(text));
  }
}
