package dev.gavel.cli.program;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/**
 * Standard streams of a command.
 *
 * @param in standard input
 * @param out standard output, unbuffered: every writer must see its errors
 * @param err standard error, for people
 */
public record Streams(InputStream in, OutputStream out, PrintWriter err) {
  /** The process's own. */
  public static Streams standard() {
    return new Streams(
        new FileInputStream(FileDescriptor.in),
        new FileOutputStream(FileDescriptor.out),
        new PrintWriter(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8));
  }

  /** Says something to the person who started the command. */
  public void say(String message) {
    err.println("gavel: " + message);
  }
}
