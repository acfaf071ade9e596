package dev.gavel.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.Device;
import dev.gavel.InvalidArgumentException;
import java.util.Map;
import org.apache.spark.resource.ResourceInformation;
import org.junit.jupiter.api.Test;

class TaskDeviceTest {
  private static Map<String, ResourceInformation> gpus(String... addresses) {
    return Map.of("gpu", new ResourceInformation("gpu", addresses));
  }

  @Test
  void cudaIsTheGpuThatSparkAssigned() {
    assertEquals(Device.cuda(3), TaskDevice.of("cuda", gpus("3")));
    assertEquals(Device.cuda(2), TaskDevice.of("cuda", gpus("2", "5")));
  }

  @Test
  void aNamedDeviceIsItself() {
    assertEquals(Device.cpu(), TaskDevice.of("cpu", gpus("3")));
    assertEquals(Device.cuda(1), TaskDevice.of("cuda:1", gpus("3")));
  }

  @Test
  void withoutAnAssignedGpuItSaysWhatToSet() {
    String message =
        String.valueOf(
            assertThrows(InvalidArgumentException.class, () -> TaskDevice.of("cuda", Map.of()))
                .getMessage());
    assertTrue(message.contains("spark.task.resource.gpu.amount"), message);
    String named =
        String.valueOf(
            assertThrows(InvalidArgumentException.class, () -> TaskDevice.of("cuda", gpus("MIG-1")))
                .getMessage());
    assertTrue(named.contains("MIG-1"), named);
  }
}
