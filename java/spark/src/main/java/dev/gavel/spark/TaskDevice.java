package dev.gavel.spark;

import dev.gavel.Device;
import dev.gavel.InvalidArgumentException;
import java.util.Map;
import org.apache.spark.resource.ResourceInformation;

/** The device of a task. */
final class TaskDevice {
  private static final String ASSIGNED = "cuda";

  private TaskDevice() {}

  /**
   * Chooses.
   *
   * @param setting as {@link ScorerSettings#device()} has it
   * @param resources what Spark assigned to the task; empty outside of one
   * @throws InvalidArgumentException if the setting asks for an assigned GPU and there is none
   */
  static Device of(String setting, Map<String, ResourceInformation> resources) {
    if (!setting.equals(ASSIGNED)) {
      return Device.parse(setting);
    }
    ResourceInformation gpu = resources.get("gpu");
    String[] addresses = gpu == null ? new String[0] : gpu.addresses();
    if (addresses.length == 0) {
      throw new InvalidArgumentException(
          "device is cuda, the GPU of the task, and Spark assigned none; set spark.executor.resource.gpu.amount, spark.executor.resource.gpu.discoveryScript and spark.task.resource.gpu.amount, or name the device: cuda:0");
    }
    // A task with several GPUs uses the first: a head is on one device.
    if (!addresses[0].matches("[0-9]{1,4}")) {
      throw new InvalidArgumentException(
          "device is cuda, and Spark's address of the task's GPU is '%s'; the discovery script must give its number, as nvidia-smi --query-gpu=index does"
              .formatted(addresses[0]));
    }
    return Device.cuda(Integer.parseInt(addresses[0]));
  }
}
