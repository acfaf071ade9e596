package dev.gavel.spark;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A cluster that assigns GPUs. No machine has the one it names, so the task's failure tells which
 * was asked for.
 */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class AssignedGpuTest {
  @Test
  void aTaskAsksForTheGpuThatSparkAssigned(@TempDir Path folder) throws Exception {
    Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
    Path script =
        Files.writeString(
            folder.resolve("gpus.sh"),
            "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"977\"]}'\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    SparkSession spark =
        Sample.builder("local-cluster[1,1,1024]")
            .config("spark.worker.resource.gpu.amount", "1")
            .config("spark.worker.resource.gpu.discoveryScript", script.toString())
            .config("spark.executor.resource.gpu.amount", "1")
            .config("spark.task.resource.gpu.amount", "1")
            .config("spark.task.maxFailures", "1")
            .getOrCreate();
    try {
      Dataset<Row> frame = Sample.frame(spark, 1).coalesce(1);
      GavelScorer scorer = GavelScorer.of(ScorerSettings.defaults().withDevice("cuda"));
      Exception failure =
          assertThrows(Exception.class, () -> scorer.transform(frame).collectAsList());
      assertTrue(failure.toString().contains("977"), failure.toString());
    } finally {
      spark.stop();
    }
  }
}
