package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Directories that someone else could put a library into are refused. */
class PrivateDirectoryTest {
  @TempDir Path folder;

  @Test
  void missingOneIsCreatedForTheOwnerAlone() throws IOException {
    Path directory = folder.resolve("new");
    PrivateDirectory.open(directory);
    assertEquals(
        "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"rwx------", "rwxr-xr-x"})
  void oneThatOnlyTheOwnerCanChangeIsTaken(String permissions) throws IOException {
    PrivateDirectory directory = PrivateDirectory.open(directory(permissions));
    try (Stream<Path> files = Files.list(directory.path())) {
      assertEquals(List.of(), files.toList(), "the probe was left behind");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rwxrwx---", "rwx---rwx", "rwx----w-", "rwxrwxrwx"})
  void oneThatOthersCanChangeIsRefused(String permissions) throws IOException {
    assertRefused(
        directory(permissions), "can be changed by other users (permissions " + permissions);
  }

  @Test
  void oneOfAnotherUserIsRefused() throws IOException {
    Path directory = directory("rwx------");
    UserPrincipal nobody =
        directory.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody");
    boolean given;
    try {
      Files.setOwner(directory, nobody);
      given = true;
    } catch (FileSystemException e) {
      given = false;
    }
    assumeTrue(given, "only root can give a directory to another user, and this is not root");
    assertRefused(directory, "belongs to user nobody");
  }

  @Test
  void linkIsRefused() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), directory("rwx------"));
    assertRefused(link, "is not a directory (a symbolic link is not followed here)");
  }

  @Test
  void fileIsRefused() throws IOException {
    assertRefused(Files.createFile(folder.resolve("file")), "is not a directory");
  }

  private Path directory(String permissions) throws IOException {
    Path directory = Files.createDirectory(folder.resolve("directory"));
    return Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString(permissions));
  }

  private static void assertRefused(Path directory, String reason) {
    FileSystemException e =
        assertThrows(FileSystemException.class, () -> PrivateDirectory.open(directory));
    assertEquals(directory.toString(), e.getFile());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }
}
