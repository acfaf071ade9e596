package dev.gavel.bindings;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;

/**
 * A directory that only this process's user can change. Code is loaded from it: whoever could write
 * there could run anything as this user.
 *
 * @param path absolute path of the directory
 * @param owner the user this process creates files as
 */
record PrivateDirectory(Path path, UserPrincipal owner) {
  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  /**
   * Opens a directory, creating it and its missing parents for the owner alone.
   *
   * @throws IOException if it is a link, no directory, owned by someone else, writable by others,
   *     or cannot be created; the message says which
   */
  static PrivateDirectory open(Path directory) throws IOException {
    Path path = directory.toAbsolutePath().normalize();
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      Files.createDirectories(path, OWNER_ONLY);
    }
    PosixFileAttributes attributes = attributes(path);
    if (!attributes.isDirectory()) {
      throw new FileSystemException(
          path.toString(), null, "is not a directory (a symbolic link is not followed here)");
    }
    refuseWritersOtherThanOwner(path, attributes);
    UserPrincipal self = self(path);
    if (!attributes.owner().equals(self)) {
      throw new FileSystemException(
          path.toString(),
          null,
          "belongs to user %s, this process runs as %s"
              .formatted(attributes.owner().getName(), self.getName()));
    }
    return new PrivateDirectory(path, self);
  }

  /** Opens a directory inside this one under the same conditions. */
  PrivateDirectory child(String name) throws IOException {
    return open(path.resolve(name));
  }

  /** Whether {@code file} is an ordinary file here that nobody but the owner can change. */
  boolean holdsPrivately(Path file) throws IOException {
    PosixFileAttributes attributes = attributes(file);
    return attributes.isRegularFile()
        && attributes.owner().equals(owner)
        && !writableByOthers(attributes);
  }

  private static void refuseWritersOtherThanOwner(Path path, PosixFileAttributes attributes)
      throws FileSystemException {
    if (writableByOthers(attributes)) {
      throw new FileSystemException(
          path.toString(),
          null,
          "can be changed by other users (permissions %s): libraries are loaded only from a directory"
                  .formatted(PosixFilePermissions.toString(attributes.permissions()))
              + " that its owner alone can write to");
    }
  }

  private static boolean writableByOthers(PosixFileAttributes attributes) {
    return attributes.permissions().contains(PosixFilePermission.GROUP_WRITE)
        || attributes.permissions().contains(PosixFilePermission.OTHERS_WRITE);
  }

  /**
   * The user new files belong to. Asked from the file system: the property {@code user.name} can be
   * set to anything and is {@code ?} where the user has no name.
   */
  private static UserPrincipal self(Path directory) throws IOException {
    Path probe = Files.createTempFile(directory, "owner", null);
    try {
      return Files.getOwner(probe, LinkOption.NOFOLLOW_LINKS);
    } finally {
      Files.delete(probe);
    }
  }

  private static PosixFileAttributes attributes(Path path) throws IOException {
    PosixFileAttributeView view =
        Files.getFileAttributeView(path, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
    if (view == null) {
      throw new FileSystemException(
          path.toString(), null, "is on a file system without owners and permissions");
    }
    return view.readAttributes();
  }
}
