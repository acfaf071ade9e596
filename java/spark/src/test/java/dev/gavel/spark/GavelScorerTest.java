package dev.gavel.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.InvalidArgumentException;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.text.ModelChoices;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import scala.collection.Seq;

@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class GavelScorerTest {
  // Several windows in a partition, several batches in a window, nothing kept after a task.
  private static final ScorerSettings SMALL =
      ScorerSettings.defaults().withMemory(64, 8, 4096).withKeepSeconds(0);
  private static final AtomicInteger READ = new AtomicInteger();
  private static final CountDownLatch[] WAITING = {new CountDownLatch(1)};

  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark = Sample.session("local[2]");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  // A killed task may end after its job, and what is idle is closed by a thread of its own.
  @AfterEach
  void everythingIsReleased() throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (SharedModels.count() + NativeHandle.liveCount() > 0 && System.nanoTime() < end) {
      Thread.sleep(10);
    }
    assertEquals(0, SharedModels.count(), "models left loaded");
    assertEquals(0, NativeHandle.liveCount(), "native objects left open");
  }

  private static Dataset<Row> watched(Dataset<Row> frame, MapFunction<Row, Row> watch) {
    return frame.map(watch, Encoders.row(frame.schema()));
  }

  @Test
  void rowsAreThoseOfTheCommandByteForByte(@TempDir Path folder) throws Exception {
    Dataset<Row> frame = Sample.frame(spark, 60);
    List<String> expected = Sample.scoredByCommand(frame, folder);
    assertEquals(60 + Sample.BAD, expected.size());
    Dataset<Row> scored = GavelScorer.of(SMALL).transform(frame);
    assertEquals(expected, Sample.lines(scored));
    assertEquals(
        expected,
        Sample.lines(
            GavelScorer.of(ScorerSettings.defaults().withThreads(2).withKeepSeconds(0))
                .transform(frame.coalesce(1))));
    assertEquals(
        frame.collectAsList(),
        scored.drop(ScoreColumns.type().fieldNames()).collectAsList(),
        "the columns that were there");
  }

  @Test
  void aColumnHasTheSameValues() {
    Dataset<Row> frame = Sample.frame(spark, 12).where("responses is not null");
    GavelScorer scorer = GavelScorer.of(SMALL);
    Dataset<Row> byColumn =
        frame
            .where("prompt is null or messages is null")
            .select(
                functions.col("line"),
                functions.col("id"),
                scorer.column(functions.col("prompt"), functions.col("responses")).as("texts"),
                scorer.column(functions.col("messages"), functions.col("responses")).as("chats"));
    List<Row> expected =
        scorer.transform(frame.where("prompt is null or messages is null")).collectAsList();
    List<Row> found = byColumn.collectAsList();
    assertEquals(expected.size(), found.size());
    for (int i = 0; i < found.size(); i++) {
      Row whole = expected.get(i);
      boolean text = whole.get(whole.fieldIndex("prompt")) != null;
      Row score = found.get(i).getStruct(text ? 2 : 3);
      for (String name : ScoreColumns.type().fieldNames()) {
        assertEquals(
            whole.get(whole.fieldIndex(name)), score.get(score.fieldIndex(name)), name + " " + i);
      }
      Row other = found.get(i).getStruct(text ? 3 : 2);
      assertEquals("prompt", other.getStruct(other.fieldIndex("error")).getString(0));
    }
    GavelScorer.closeUnusedModels();
  }

  @Test
  void responsesInStepsHaveTheScoresOfTheirSteps(@TempDir Path folder) throws Exception {
    Dataset<Row> frame = Sample.steps(spark).coalesce(1);
    String model = Sample.stepsModel();
    List<String> expected =
        Sample.scoredByCommand(frame, folder, "--model", model, "--step-reduction", "product");
    ScorerSettings settings = SMALL.withModel(model).withStepReduction(StepReduction.PRODUCT);
    GavelScorer scorer = GavelScorer.of(settings);
    List<Row> scored = scorer.transform(frame).collectAsList();
    Row first = scored.getFirst();
    List<Seq<Float>> steps = first.getList(first.fieldIndex("step_scores"));
    assertEquals(List.of(3, 1), steps.stream().map(Seq::size).toList());
    assertEquals(expected, Sample.lines(scorer.transform(frame)));
    Row byColumn =
        frame
            .select(scorer.column(functions.col("prompt"), functions.col("responses")))
            .first()
            .getStruct(0);
    assertEquals(
        first.get(first.fieldIndex("step_scores")),
        byColumn.get(byColumn.fieldIndex("step_scores")));
    Exception without =
        assertThrows(
            Exception.class,
            () -> GavelScorer.of(SMALL.withModel(model)).transform(frame).collectAsList());
    assertTrue(without.toString().contains("no step reduction"), without.toString());
    GavelScorer.closeUnusedModels();
  }

  /** Objectives by name, of a model that needs a choice to be read at all. */
  @Test
  void objectivesAreThoseOfTheCommandByteForByte(@TempDir Path folder) throws Exception {
    Dataset<Row> frame =
        spark
            .sql(
                """
                values (1L, 'a', 'p', array('one', 'two')), (2L, 'b', 'p', array('')),
                       (3L, 'c', 'why', array('so'))
                """)
            .toDF("line", "id", "prompt", "responses")
            .coalesce(1);
    String model = Sample.objectivesModel(folder.resolve("model")).toString();
    List<String> expected =
        Sample.scoredByCommand(frame, folder, "--model", model, "--objective", "quality");
    assertTrue(expected.getFirst().contains("\"objectives\":{\"length\":["), expected.getFirst());
    ScorerSettings settings =
        SMALL.withModel(model).withChoices(ModelChoices.none().withObjective("quality"));
    GavelScorer scorer = GavelScorer.of(settings);
    assertEquals(expected, Sample.lines(scorer.transform(frame)));
    Row byColumn =
        frame
            .select(scorer.column(functions.col("prompt"), functions.col("responses")))
            .first()
            .getStruct(0);
    assertEquals(2, byColumn.getMap(byColumn.fieldIndex("objectives")).size());
    Exception without =
        assertThrows(
            Exception.class,
            () -> GavelScorer.of(SMALL.withModel(model)).transform(frame).collectAsList());
    assertTrue(without.toString().contains("choose an objective"), without.toString());
    GavelScorer.closeUnusedModels();
  }

  /** What is behind the mean of a distribution. */
  @Test
  void variancesAndQuantilesAreThoseOfTheCommandByteForByte(@TempDir Path folder) throws Exception {
    Dataset<Row> frame =
        spark
            .sql("values (1L, 'a', 'p', array('one', 'two')), (2L, 'b', 'p', array(''))")
            .toDF("line", "id", "prompt", "responses")
            .coalesce(1);
    for (String readout :
        List.of(
            "{\"kind\": \"expectation\", \"levels\": [1, 2]}",
            "{\"kind\": \"quantile_mean\", \"quantiles\": 2}")) {
      String model = Sample.distributionModel(folder.resolve("model"), readout).toString();
      String key = readout.contains("levels") ? "score_variance" : "score_quantiles";
      Path own = Files.createDirectory(folder.resolve(key));
      List<String> expected = Sample.scoredByCommand(frame, own, "--model", model);
      assertTrue(expected.getFirst().contains(key), expected.getFirst());
      GavelScorer scorer = GavelScorer.of(SMALL.withModel(model));
      assertEquals(expected, Sample.lines(scorer.transform(frame)));
    }
    GavelScorer.closeUnusedModels();
  }

  @Test
  void whatIsMissingIsAnErrorOfItsRow() {
    Dataset<Row> frame =
        spark.sql(
            "select cast(null as string) prompt, array('a') responses"
                + " union all select 'p', cast(null as array<string>)"
                + " union all select 'p', array('a', null)"
                + " union all select 'p', array(repeat('long ', 1000))"
                + " union all select 'p', array('a')");
    List<Row> scored = GavelScorer.of(SMALL).transform(frame.coalesce(1)).collectAsList();
    List<String> fields =
        scored.stream()
            .map(row -> row.getStruct(row.fieldIndex("error")))
            .map(error -> error == null ? "" : error.getString(0))
            .toList();
    assertEquals(List.of("prompt", "responses", "responses[1]", "row", ""), fields);
    assertNull(scored.get(3).get(scored.get(3).fieldIndex("scores")));
  }

  /** Columns that are given one by one have any type, which was called null. */
  @Test
  void aValueOfAnotherTypeIsNamed() {
    GavelScorer scorer = GavelScorer.of(SMALL);
    String told =
        spark
            .sql("select 7 n, 'p' p, array('a') a, array(7) numbers, array(array(array('a'))) deep")
            .select(
                scorer.column(functions.col("n"), functions.col("a")).as("v0"),
                scorer.column(functions.col("a"), functions.col("a")).as("v1"),
                scorer.column(functions.col("p"), functions.col("numbers")).as("v2"),
                scorer.column(functions.col("p"), functions.col("deep")).as("v3"))
            .selectExpr(
                "concat_ws('|', v0.error.message, v1.error.message, v2.error.message,"
                    + " v3.error.message)")
            .first()
            .getString(0);
    assertEquals(
        "prompt is of type Integer; it must be text"
            + "|messages[0] is a text; it must be {\"role\", \"content\"}"
            + "|responses[0] is of type Integer; it must be text"
            + "|responses[0][0] is an array; it must be text",
        told);
    GavelScorer.closeUnusedModels();
  }

  @Test
  void tasksShareOneModelAndAnIdleOneIsClosed() {
    Dataset<Row> frame = Sample.frame(spark, 12);
    GavelScorer kept = GavelScorer.of(SMALL.withKeepSeconds(600));
    assertEquals(12 + Sample.BAD, kept.transform(frame).collectAsList().size());
    assertEquals(1, SharedModels.count());
    long handles = NativeHandle.liveCount();
    assertEquals(
        12 + Sample.BAD,
        GavelScorer.of(SMALL.withKeepSeconds(600).withPrefix("x_"))
            .transform(frame)
            .collectAsList()
            .size());
    assertEquals(1, SharedModels.count());
    assertEquals(handles, NativeHandle.liveCount(), "the model was loaded again");
    assertTrue(handles > 0);
    GavelScorer.closeUnusedModels();
  }

  @Test
  void aTaskThatIsNotReadToItsEndReleasesTheModel() {
    Dataset<Row> scored = GavelScorer.of(SMALL).transform(Sample.frame(spark, 30));
    assertEquals(2, scored.limit(2).collectAsList().size());
  }

  @Test
  void aTaskThatFailsReleasesTheModel() {
    Dataset<Row> frame =
        watched(
            Sample.frame(spark, 30),
            row -> {
              if (row.getLong(0) == 20) {
                throw new IllegalStateException("provoked");
              }
              return row;
            });
    Exception failure =
        assertThrows(Exception.class, () -> GavelScorer.of(SMALL).transform(frame).collectAsList());
    assertTrue(failure.toString().contains("provoked"), failure.toString());
  }

  @Test
  void aKilledTaskEndsBetweenBatchesAndReleasesTheModel() throws Exception {
    READ.set(0);
    WAITING[0] = new CountDownLatch(1);
    Dataset<Row> frame =
        watched(
            Sample.frame(spark, 60).coalesce(1),
            row -> {
              if (READ.incrementAndGet() == 12) {
                WAITING[0].countDown();
                // Without an interrupt, as where spark.job.interruptOnCancel is false.
                while (!TaskContext.get().isInterrupted()) {
                  Thread.sleep(1);
                }
              }
              return row;
            });
    Thread canceller =
        Thread.ofVirtual()
            .start(() -> {
              try {
                WAITING[0].await();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              spark.sparkContext().cancelAllJobs();
            });
    assertThrows(Exception.class, () -> GavelScorer.of(SMALL).transform(frame).collectAsList());
    canceller.join();
    everythingIsReleased();
    // The second window of 8 was read to its end, and none of its batches was run.
    assertTrue(READ.get() <= 16, READ + " rows were read");
  }

  @Test
  void whatCannotWorkIsRefusedOnTheDriver() {
    Dataset<Row> frame = Sample.frame(spark, 1);
    GavelScorer scorer = GavelScorer.of(SMALL);
    refused("prompt or messages", () -> scorer.transform(frame.drop("prompt", "messages")));
    refused("chosen and rejected", () -> scorer.transform(frame.drop("responses", "chosen")));
    refused(
        "column 'responses' is bigint",
        () -> scorer.transform(frame.withColumn("responses", functions.col("line"))));
    refused(
        "column 'Model' already|column 'model' already",
        () -> scorer.transform(frame.withColumn("Model", functions.col("id"))));
    refused("batch tokens is 0", () -> SMALL.withMemory(0, 1, 1));
    refused("device is 'gpu'", () -> SMALL.withDevice("gpu"));
    assertThrows(RuntimeException.class, () -> GavelScorer.of(SMALL.withModel("no/such/folder")));
  }

  @Test
  void aModelThatDiffersFromTheDriversIsRefused() {
    ModelIdentity own = ModelIdentity.of("default", ModelChoices.none());
    own.require("default", ModelChoices.none());
    ModelIdentity other = ModelIdentity.of("default", ModelChoices.none());
    other.parts().put("config.json", "0");
    Exception refusal =
        assertThrows(RuntimeException.class, () -> other.require("default", ModelChoices.none()));
    assertTrue(refusal.toString().contains("config.json differ"), refusal.toString());
  }

  private static void refused(
      String message, org.junit.jupiter.api.function.Executable executable) {
    String found =
        String.valueOf(assertThrows(InvalidArgumentException.class, executable).getMessage());
    assertTrue(found.matches("(?s).*(" + message + ").*"), found);
  }
}
