package dev.gavel.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Executors in processes of their own, one of which is killed while it scores. */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ExecutorLossTest {
  @Test
  void rowsAreThoseOfTheCommandWhereAnExecutorIsKilled(@TempDir Path folder) throws Exception {
    Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
    SparkSession spark = Sample.session("local-cluster[2,1,1024]");
    try {
      Dataset<Row> frame = Sample.frame(spark, 60);
      List<String> expected = Sample.scoredByCommand(frame, folder);
      String killed = folder.resolve("killed").toString();
      // The second of three partitions: some of its windows are scored, others are not read yet.
      MapFunction<Row, Row> kill =
          row -> {
            if (row.getLong(0) == 40) {
              killOnce(Path.of(killed));
            }
            return row;
          };
      Dataset<Row> killing = frame.map(kill, Encoders.row(frame.schema()));
      GavelScorer scorer = GavelScorer.of(ScorerSettings.defaults().withMemory(64, 8, 4096));
      assertEquals(expected, Sample.lines(scorer.transform(killing)));
      assertTrue(Files.exists(Path.of(killed)), "no executor was killed");
      long pid = Long.parseLong(Files.readString(Path.of(killed)));
      assertTrue(pid != ProcessHandle.current().pid(), "the driver scored by itself");
    } finally {
      spark.stop();
    }
  }

  private static void killOnce(Path mark) throws IOException, InterruptedException {
    long pid = ProcessHandle.current().pid();
    try {
      Files.createFile(mark);
    } catch (FileAlreadyExistsException e) {
      return;
    }
    Files.writeString(mark, Long.toString(pid));
    new ProcessBuilder("kill", "-9", Long.toString(pid)).start().waitFor();
    Thread.sleep(60_000);
  }
}
