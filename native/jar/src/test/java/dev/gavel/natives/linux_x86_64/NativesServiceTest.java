package dev.gavel.natives.linux_x86_64;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.bindings.spi.NativeSource;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * How a loader finds the library: by service on the class path, by module descriptor on the module
 * path.
 */
class NativesServiceTest {

  private static NativeSource service() {
    List<NativeSource> found =
        ServiceLoader.load(NativeSource.class).stream().map(ServiceLoader.Provider::get).toList();
    assertEquals(1, found.size(), "sources on the class path: " + found);
    return found.getFirst();
  }

  @Test
  void givesThePackagedBytes(@TempDir Path folder) throws IOException {
    NativeSource source = service();

    assertEquals("linux-x86_64", source.platform());
    try (InputStream stream = source.open("libgavel.so")) {
      assertArrayEquals(
          Files.readAllBytes(PackagedJar.extractLibrary(folder)), stream.readAllBytes());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "libmissing.so", "../linux-x86_64/libgavel.so", "/etc/hostname"})
  void refusesWhatItDoesNotCarry(String name) {
    NativeSource source = service();

    FileNotFoundException e = assertThrows(FileNotFoundException.class, () -> source.open(name));
    assertTrue(e.getMessage().contains("'" + name + "'"), e.getMessage());
  }

  @Test
  void thePackagedJarIsAModuleThatProvidesTheService() {
    List<ModuleDescriptor> modules =
        ModuleFinder.of(PackagedJar.path()).findAll().stream()
            .map(ModuleReference::descriptor)
            .toList();

    assertEquals(1, modules.size());
    ModuleDescriptor module = modules.getFirst();
    assertEquals("dev.gavel.natives.linux_x86_64", module.name());
    assertTrue(!module.isAutomatic(), "automatic module");
    Set<String> services =
        module.provides().stream()
            .map(ModuleDescriptor.Provides::service)
            .collect(Collectors.toSet());
    assertEquals(Set.of(NativeSource.class.getName()), services);
  }

  @Test
  void classPathAndModulePathNameTheSameProvider() throws IOException {
    try (InputStream stream =
        LinuxNatives.class.getResourceAsStream(
            "/META-INF/services/" + NativeSource.class.getName())) {
      assertEquals(
          Arrays.asList(LinuxNatives.class.getName()),
          new String(stream.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8)
              .lines()
              .toList());
    }
  }
}
