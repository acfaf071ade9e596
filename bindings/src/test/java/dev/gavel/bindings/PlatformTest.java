package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlatformTest {
  @ParameterizedTest
  @CsvSource({
    "Linux, amd64, linux-x86_64, libgavel.so",
    "Linux, aarch64, linux-aarch64, libgavel.so",
    "Mac OS X, aarch64, macos-aarch64, libgavel.dylib",
    "Windows Server 2022, amd64, windows-x86_64, gavel.dll",
    "AIX, ppc64, aix-ppc64, libgavel.so",
    "'../x', 'y/z', '_x-y_z', libgavel.so",
  })
  void namesAreThoseOfTheArtifacts(String osName, String osArch, String id, String fileName) {
    Platform platform = Platform.of(osName, osArch);
    assertEquals(id, platform.id());
    assertEquals(fileName, platform.libraryFileName("gavel"));
  }

  @ParameterizedTest
  @CsvSource({"Linux, amd64, true", "Linux, aarch64, false", "Mac OS X, x86_64, false"})
  void publishedPlatforms(String osName, String osArch, boolean published) {
    assertEquals(published, Platform.of(osName, osArch).isPublished());
  }
}
