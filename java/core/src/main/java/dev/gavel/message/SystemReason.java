package dev.gavel.message;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/**
 * Why the system refuses a file, for the end of a sentence that names it. The messages of many of
 * Java's exceptions are the file's name and nothing else.
 */
public final class SystemReason {
  private SystemReason() {}

  /** Of a file that is there to be read. */
  public static String reading(IOException e) {
    return of(e, "it is not there");
  }

  /** Of a file that is to be made or written. */
  public static String writing(IOException e) {
    return of(e, "there is no such folder, or the system makes no files in it");
  }

  private static String of(IOException e, String missing) {
    return switch (e) {
      case AccessDeniedException _ -> "permission denied";
      case NoSuchFileException _ -> missing;
      case FileAlreadyExistsException _ -> "there is something of this name already";
      case DirectoryNotEmptyException _ -> "it is not empty";
      case NotDirectoryException _ -> "it is no folder";
      case FileSystemException refused when refused.getReason() != null -> refused.getReason();
      default -> e.getMessage() == null ? e.toString() : e.getMessage();
    };
  }
}
