package dev.gavel.cli;

import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.cli.cache.CacheRows;
import dev.gavel.cli.cache.CacheSettings;
import dev.gavel.cli.cache.CacheWriter;
import dev.gavel.cli.cache.Pooler;
import dev.gavel.cli.input.InputFiles;
import dev.gavel.cli.input.Limits;
import dev.gavel.cli.input.ReadFailure;
import dev.gavel.cli.input.Shard;
import dev.gavel.cli.input.Source;
import dev.gavel.cli.input.WindowReader;
import dev.gavel.cli.options.ModelOptions;
import dev.gavel.cli.options.ShardOption;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.Progress;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.program.Streams;
import dev.gavel.cli.program.Version;
import dev.gavel.cli.run.FolderRun;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.cli.scoring.HeadStage;
import dev.gavel.cli.scoring.ScoredWindow;
import dev.gavel.cli.scoring.ScoringPipeline;
import dev.gavel.cli.scoring.StageTimes;
import dev.gavel.message.Counted;
import dev.gavel.text.HiddenBatch;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.RewardModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs the backbone over rows once and keeps the vectors. */
@Command(
    name = "cache",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Runs the backbone over rows once and keeps the pooled vectors of their responses in a folder.",
      "score, eval and train take it in place of the rows: any head on the same backbone then scores"
          + " and learns without it.",
      "",
      "Rows are those of score; labels are kept where rows have them.",
      ""
    })
final class CacheCommand implements Callable<Integer> {
  // Vectors of a window, at four responses a row: several windows are under way.
  private static final long WINDOW_BYTES = 8L << 20;
  private static final int MOST_WINDOW_ROWS = 2048;

  private final Streams streams;

  @Option(
      names = "--input",
      required = true,
      paramLabel = "FILE|FOLDER|PATTERN|-",
      description = "Rows, as score takes them.")
  private String input = "";

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description = "The folder to make. It is complete when it has a cache.json.")
  private Path output = Path.of("");

  @Option(
      names = "--pooling",
      paramLabel = "NAME",
      description =
          "index (the last row of a response), first_last_concat, first_last_add, first_last_sub"
              + " or span_mean. Default: the model's own, the only one its head can score")
  private @Nullable String pooling;

  @Option(
      names = "--order",
      paramLabel = "given|drawn",
      description =
          "Order in which responses of a row stand in a joint sequence: given, as score has them;"
              + " drawn from the seed and the texts, as eval and train have them. Default: given")
  private String order = "given";

  @Option(names = "--seed", paramLabel = "N", description = "Of the order. Default: 0")
  private @Nullable Long seed;

  @Option(names = "--force", description = "Replace a cache that exists.")
  private boolean force;

  @Option(
      names = "--resume",
      description =
          "Go on with an unfinished run, or begin it where there is none. The cache will have the"
              + " bytes of a run that was never interrupted.")
  private boolean resume;

  @Option(
      names = "--shard",
      paramLabel = "I/N",
      description = "Keep the rows I, I + N, I + 2N and so on only.")
  private @Nullable String shard;

  @Option(
      names = "--file-rows",
      paramLabel = "N",
      description =
          "Rows of a file of vectors, at least, unless it reaches 64 MiB before: what a run that"
              + " is killed does again at most. Default: ${DEFAULT-VALUE}")
  private int fileRows = 8192;

  @Option(
      names = "--window-rows",
      paramLabel = "N",
      description =
          "Rows read ahead and sorted by length to form batches; vectors do not depend on it."
              + " Default: 2048, fewer where vectors are wide")
  private @Nullable Integer windowRows;

  @Mixin private ModelOptions modelOptions = new ModelOptions();

  CacheCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    ModelOptions.positive("--file-rows", fileRows);
    ModelOptions.positive("--window-rows", windowRows);
    boolean drawn = isDrawn();
    Shard part = shard == null ? Shard.ALL : ShardOption.parse(shard);
    List<Source> sources = InputFiles.named("--input", input);
    boolean again = sources.stream().allMatch(Source::isRegularFile);
    if (resume && !again) {
      throw CommandFailure.usage(
          "--resume needs an --input that can be read again; %s cannot".formatted(input));
    }
    Optional<Pooling> chosen = Optional.ofNullable(pooling).map(ModelConfig::parsePooling);
    try (FolderRun folder = FolderRun.claim(output, CacheWriter.NAMES, force, resume);
        RewardModel model = modelOptions.load()) {
      if (model.scoresSteps()) {
        throw CommandFailure.usage(
            "model %s scores the steps of responses, and a cache keeps a vector per response"
                .formatted(modelOptions.model()));
      }
      Pooling use = chosen.orElse(model.pooling());
      try (Pooler pooler = new Pooler(model.context(), use, model.text().width())) {
        boolean gated =
            CacheSettings.gate(model.gateRows(), use.equals(model.pooling())).isPresent();
        Limits limits = Limits.ofHeap(windowRows((gated ? 2 : 1) * pooler.width()));
        // In layout independent a vector does not know of the other responses.
        String said =
            drawn && model.layout() == Layout.JOINT
                ? CacheSettings.drawn(seedValue())
                : CacheSettings.GIVEN;
        RunSettings settings =
            CacheSettings.of(
                modelOptions.model(), model, use, said, fileRows, part, limits, sources);
        if (folder.begin(settings, again)) {
          streams.say("%s is complete already".formatted(output));
          return exitCode(folder.parts().isEmpty() ? 0 : failed(folder));
        }
        CacheRows rows =
            new CacheRows(model, said.equals(CacheSettings.GIVEN) ? null : seedValue());
        try (CacheWriter writer =
            new CacheWriter(
                folder, model.config().toJson(), settings, pooler.width(), gated, fileRows)) {
          return write(sources, model, pooler, rows, folder, writer, part, limits);
        }
      } catch (OutputFailure e) {
        throw failure(e, folder.left());
      } catch (ReadFailure e) {
        throw CommandFailure.environment(e.getMessage() + folder.left());
      }
    } catch (OutputFailure e) {
      throw failure(e, "");
    }
  }

  private int write(
      List<Source> sources,
      RewardModel model,
      Pooler pooler,
      CacheRows rows,
      FolderRun folder,
      CacheWriter writer,
      Shard part,
      Limits limits)
      throws OutputFailure, IOException {
    long start = System.nanoTime();
    HeadStage vectors = vectors(pooler, writer.isGated());
    try (WindowReader reader =
            new WindowReader(sources, streams.in(), folder.position(), part, limits);
        Progress progress = Progress.of("gavel cache", ScoreCommand.size(sources), "B")) {
      long before = writer.counts().get("rows");
      new ScoringPipeline(model, rows::prepare, vectors, reader, new StageTimes())
          .run(window -> {
            for (ScoredWindow.Entry entry : window.entries()) {
              String file = sources.size() == 1 ? "" : sources.get(entry.source()).name();
              writer.add(
                  rows.row(file, entry.row()),
                  rows.vectors(entry.row(), entry.values(), vectors.width()));
            }
            writer.windowDone(window.end());
            progress.at(reader.bytesRead());
          });
      writer.complete();
      long count = writer.counts().get("rows");
      double seconds = (System.nanoTime() - start) / 1e9;
      streams.say(
          "%s%s, %d failed; %s of %d numbers in %s; %.1f s, %.1f rows/s"
              .formatted(
                  Counted.of(count, "row"),
                  before == 0 ? "" : " (%d of them done before)".formatted(before),
                  writer.counts().get("failed"),
                  Counted.of(writer.counts().get("responses"), "vector"),
                  pooler.width(),
                  output,
                  seconds,
                  (count - before) / Math.max(seconds, 0.001)));
      return exitCode(writer.counts().get("failed"));
    }
  }

  private static HeadStage vectors(Pooler pooler, boolean gated) {
    return new HeadStage() {
      @Override
      public int width() {
        return (gated ? 2 : 1) * pooler.width();
      }

      @Override
      public float[] run(HiddenBatch hidden) {
        return gated ? pooler.gatedVectors(hidden.batch()) : pooler.vectors(hidden.batch());
      }

      @Override
      public void close() {}
    };
  }

  private boolean isDrawn() {
    if (!order.equals("given") && !order.equals("drawn")) {
      throw CommandFailure.usage("--order is '%s'; it must be given or drawn".formatted(order));
    }
    if (seed != null && order.equals("given")) {
      throw CommandFailure.usage("--seed goes with --order drawn only");
    }
    return order.equals("drawn");
  }

  private long seedValue() {
    return seed == null ? 0 : seed;
  }

  private int windowRows(int width) {
    if (windowRows != null) {
      return windowRows;
    }
    long row = 4L * width * Float.BYTES;
    return Math.clamp(WINDOW_BYTES / row, 1, MOST_WINDOW_ROWS);
  }

  private static long failed(FolderRun folder) {
    return folder.parts().getLast().counts().getOrDefault("failed", 0L);
  }

  private static int exitCode(long failed) {
    return failed == 0 ? ExitCode.DONE : ExitCode.ROWS_FAILED;
  }

  private static CommandFailure failure(OutputFailure e, String hint) {
    String message = e.getMessage() + hint;
    return e.kind() == OutputFailure.Kind.USAGE
        ? CommandFailure.usage(message)
        : CommandFailure.environment(message);
  }
}
