package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.bindings.NativeHandle;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Fails a test that leaves a native object behind. */
final class NoLeaks implements BeforeEachCallback, AfterEachCallback {
  @Override
  public void beforeEach(ExtensionContext context) {
    assertEquals(0, NativeHandle.liveCount(), "native objects left by an earlier test");
  }

  @Override
  public void afterEach(ExtensionContext context) {
    assertEquals(0, NativeHandle.liveCount(), "native objects left open");
    assertEquals(0, NativeHandle.leakCount(), "native objects never closed");
  }
}
