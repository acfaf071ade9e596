package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class DiagnosticsTest {

  @Test
  void saysWhatGavelRunsOn() {
    Diagnostics found = Diagnostics.collect();
    assertTrue(Files.isRegularFile(found.libraryPath()));
    assertTrue(found.librarySha256().matches("[0-9a-f]{64}"), found.librarySha256());
    assertTrue(found.nativeVersion().matches("[0-9]+\\.[0-9]+\\.[0-9]+.*"), found.nativeVersion());
    assertEquals(Device.cpu(), found.devices().get(0).device());
    assertEquals(0, found.liveHandles());
    String report = found.report();
    for (String part :
        new String[] {
          found.libraryPath().toString(),
          found.librarySha256(),
          found.devices().get(0).instructionSet().toString(),
          "device cpu",
          "cuda:0",
          "java"
        }) {
      assertTrue(report.contains(part), report);
    }
  }

  @Test
  void openObjectsAreCounted() {
    try (Context context = Context.open();
        RewardHead head =
            RewardHead.create(context, HeadSpec.linear(2).build(), Init.normal(1, 1));
        Optimizer optimizer = Optimizer.create(head, AdamW.defaults())) {
      assertEquals(0, optimizer.stepCount());
      assertEquals(3, Diagnostics.collect().liveHandles());
    }
  }
}
