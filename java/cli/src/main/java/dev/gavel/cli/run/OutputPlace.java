package dev.gavel.cli.run;

import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.OutputFailure.Kind;
import dev.gavel.cli.program.FileNames;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Where an output goes, and the names beside it.
 *
 * @param name as it was given
 * @param file the place itself; a link is followed: what it points to is replaced, not the link
 * @param folder the folder of the file
 */
record OutputPlace(Path name, Path file, Path folder) {
  /** Checks that a file may be there. */
  static OutputPlace of(Path name) throws OutputFailure, IOException {
    if (Files.isDirectory(name)) {
      throw new OutputFailure(Kind.USAGE, "output %s is a folder; name a file".formatted(name));
    }
    FileNames.requireEnd("output", name);
    Path file = Files.exists(name) ? name.toRealPath() : name.toAbsolutePath();
    Path folder = file.getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw new OutputFailure(
          Kind.USAGE,
          "output %s cannot be written: its folder does not exist; make it first".formatted(name));
    }
    return new OutputPlace(name, file, folder);
  }

  /** Where rows are while the run goes on. */
  Path partial() {
    return file.resolveSibling(file.getFileName() + ".partial");
  }

  /** Where a file of another format is made of the rows, when all of them are there. */
  Path converted() {
    return file.resolveSibling(file.getFileName() + ".converted");
  }

  /** Where the record of the run is. */
  Path journal() {
    return file.resolveSibling(file.getFileName() + ".run");
  }

  /** Moves the complete file in place; on the disk when this returns. */
  void moveIn(Path made, boolean replace) throws IOException {
    if (replace) {
      try {
        Files.move(made, file, StandardCopyOption.ATOMIC_MOVE);
      } catch (AtomicMoveNotSupportedException e) {
        Files.move(made, file, StandardCopyOption.REPLACE_EXISTING);
      }
    } else {
      // Fails where a file has appeared since the check at the start.
      Files.move(made, file);
    }
    syncFolder();
  }

  /** Brings the names of new files to the disk. */
  void syncFolder() throws IOException {
    try (FileChannel channel = FileChannel.open(folder)) {
      channel.force(true);
    }
  }

  /** A file is there already. */
  OutputFailure exists() {
    return new OutputFailure(
        Kind.USAGE,
        "output %s exists; give another name, or --force to replace it".formatted(name));
  }

  /** What a failed write means. */
  static OutputFailure failure(Path name, IOException e) {
    boolean appeared = e instanceof FileAlreadyExistsException;
    return new OutputFailure(
        appeared ? Kind.USAGE : Kind.SYSTEM,
        "output %s cannot be written: %s"
            .formatted(
                name,
                appeared ? "a file of this name appeared during the run" : SystemReason.writing(e)),
        e);
  }
}
