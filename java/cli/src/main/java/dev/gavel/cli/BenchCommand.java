package dev.gavel.cli;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.Device;
import dev.gavel.HeadSpec;
import dev.gavel.HeadSpecBuilder;
import dev.gavel.Init;
import dev.gavel.RewardHead;
import dev.gavel.checkpoint.HeadPattern;
import dev.gavel.cli.cache.HiddenCache;
import dev.gavel.cli.measure.CacheLoad;
import dev.gavel.cli.measure.Ceilings;
import dev.gavel.cli.measure.HeadLoad;
import dev.gavel.cli.options.ModelOptions;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.program.Streams;
import dev.gavel.cli.program.Version;
import dev.gavel.cli.training.TrainOptions;
import dev.gavel.text.ModelChoices;
import dev.gavel.text.RewardModel;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures a head on this machine. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Measures how long a head takes to score vectors on this machine.",
      "Percentiles of single calls and responses per second, for each number of responses and of"
          + " concurrent callers, beside what the machine can do at best. Give a model, or the"
          + " widths of a head.",
      ""
    })
final class BenchCommand implements Callable<Integer> {
  private static final int MOST_CALLERS = 256;
  private static final int MOST_RESPONSES = 1 << 16;

  // Of the time: for the ceilings.
  private static final double CEILINGS_SHARE = 0.2;

  private final Streams streams;

  @Option(
      names = "--model",
      paramLabel = "NAME|DIR",
      description = "'default' or a model folder: its head is measured.")
  private @Nullable String model;

  @Option(
      names = "--cache",
      paramLabel = "DIR",
      description =
          "A folder that gavel cache made: how fast a linear head scores its vectors in place,"
              + " beside how fast memory is read. --threads and --seconds apply.")
  private @Nullable Path cache;

  @Option(
      names = "--width",
      paramLabel = "H",
      description = "Width of the vectors of a head with random parameters. Default: 4096")
  private @Nullable Integer width;

  @Option(
      names = "--hidden",
      paramLabel = "WIDTHS",
      description =
          "Widths of its hidden layers, for instance 256 or 256x64. Without it the head is linear")
  private @Nullable String hidden;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      description = "Its storage: f32, f16 or bf16. Default: bf16")
  private @Nullable String dtype;

  @Option(
      names = "--responses",
      paramLabel = "R",
      split = ",",
      description = "Responses of a call, separated by commas. Default: 1,4,16,64")
  private @Nullable List<Integer> responses;

  @Option(
      names = "--callers",
      paramLabel = "N",
      split = ",",
      description = "Threads that call at once, separated by commas. Default: 1,4")
  private @Nullable List<Integer> callers;

  @Option(
      names = "--pattern",
      paramLabel = "NAME",
      description =
          "With --model: what head it has, where its files do not say it, as for score. No default")
  private @Nullable String pattern;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description =
          "Where the head runs: cpu, cuda or cuda:n. On CUDA, vectors and scores are in the"
              + " device's memory, and a call ends when its scores are there. Default:"
              + " ${DEFAULT-VALUE}")
  private String device = "cpu";

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads a call may use. Default: one per processor")
  private @Nullable Integer threads;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      description = "How long all of it may take, loading not counted. Default: 20")
  private double seconds = 20;

  @Option(names = "--json", description = "Print one JSON object instead of a table.")
  private boolean json;

  BenchCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() {
    check();
    if (cache != null) {
      return measureCache(cache);
    }
    BenchReport report = model != null ? measureModel(model) : measureSpec(spec());
    PrintWriter out = new PrintWriter(streams.out(), true, StandardCharsets.UTF_8);
    out.print(json ? report.json() : report.table());
    out.flush();
    return ExitCode.DONE;
  }

  private int measureCache(Path folder) {
    if (model != null || width != null || hidden != null || dtype != null) {
      throw CommandFailure.usage(
          "--cache measures a linear head of the cache's width: leave --model, --width, --hidden"
              + " and --dtype out");
    }
    if (responses != null || callers != null) {
      throw CommandFailure.usage(
          "--cache measures passes over all of its vectors, one at a time: leave --responses and"
              + " --callers out");
    }
    if (!Device.parse(device).equals(Device.cpu())) {
      throw CommandFailure.usage(
          "--cache measures scoring in place, in this machine's memory: --device %s cannot do that"
              .formatted(device));
    }
    try (Context context = Context.open(contextOptions())) {
      CacheLoad.Result result = CacheLoad.run(HiddenCache.open(folder), context, seconds);
      PrintWriter out = new PrintWriter(streams.out(), true, StandardCharsets.UTF_8);
      out.print(json ? result.json() : result.table());
      out.flush();
    }
    return ExitCode.DONE;
  }

  private void check() {
    if (model != null && (width != null || hidden != null || dtype != null)) {
      throw CommandFailure.usage(
          "--model %s already names a head: leave --width, --hidden and --dtype out"
              .formatted(model));
    }
    if (model == null && pattern != null) {
      throw CommandFailure.usage("--pattern says what head a --model has; there is none here");
    }
    if (!(seconds > 0 && seconds <= 86_400)) {
      throw CommandFailure.usage(
          "--seconds is %s; it must be more than 0, at most 86400".formatted(seconds));
    }
    range("--responses", responses(), MOST_RESPONSES);
    range("--callers", callers(), MOST_CALLERS);
  }

  private List<Integer> responses() {
    return responses == null ? List.of(1, 4, 16, 64) : responses;
  }

  private List<Integer> callers() {
    return callers == null ? List.of(1, 4) : callers;
  }

  private static void range(String option, List<Integer> values, int most) {
    for (int value : values) {
      if (value < 1 || value > most) {
        throw CommandFailure.usage("%s is %d; it must be 1 to %d".formatted(option, value, most));
      }
    }
  }

  private HeadSpec spec() {
    int inputs = ModelOptions.positive("--width", width).orElse(4096);
    // Commas, which separated them once, still do.
    List<Integer> widths =
        hidden == null ? List.of() : TrainOptions.widths(hidden.replace(',', 'x'));
    HeadSpecBuilder builder =
        widths.isEmpty()
            ? HeadSpec.linear(inputs)
            : HeadSpec.mlp(inputs, widths.stream().mapToInt(Integer::intValue).toArray());
    return builder.dtype(dtypeValue()).build();
  }

  private DType dtypeValue() {
    String name = dtype == null ? "bf16" : dtype;
    return switch (name) {
      case "f32" -> DType.F32;
      case "f16" -> DType.F16;
      case "bf16" -> DType.BF16;
      default ->
          throw CommandFailure.usage(
              "--dtype is '%s'; it must be f32, f16 or bf16".formatted(name));
    };
  }

  private BenchReport measureModel(String name) {
    RewardModel.Options defaults = RewardModel.Options.defaults();
    RewardModel.Options options =
        new RewardModel.Options(
            Device.parse(device),
            contextOptions().threads(),
            defaults.batchTokens(),
            defaults.layout(),
            defaults.promptTokens(),
            defaults.responseTokens(),
            ModelOptions.named("--pattern", HeadPattern.values(), pattern)
                .map(ModelChoices.none()::withPattern)
                .orElse(ModelChoices.none()));
    try (RewardModel loaded = ModelOptions.explained(name, () -> RewardModel.load(name, options))) {
      return measure("head of " + loaded.config().name(), loaded.head());
    }
  }

  private BenchReport measureSpec(HeadSpec spec) {
    try (Context context = Context.open(contextOptions());
        RewardHead head = RewardHead.create(context, spec, Init.normal(0.02f, 1))) {
      return measure(spec.isLinear() ? "linear head" : "MLP head", head);
    }
  }

  private Context.Options contextOptions() {
    Context.Options defaults = Context.Options.defaults().withDevice(Device.parse(device));
    return defaults.withThreads(
        ModelOptions.positive("--threads", threads).orElse(defaults.threads()));
  }

  private BenchReport measure(String what, RewardHead head) {
    Ceilings ceilings =
        Ceilings.measure(head.context(), head.spec().dtype(), seconds * CEILINGS_SHARE);
    double each = seconds * (1 - CEILINGS_SHARE) / (responses().size() * callers().size());
    List<HeadLoad.Result> rows = new ArrayList<>();
    for (int count : callers()) {
      for (int size : responses()) {
        rows.add(HeadLoad.run(head, size, count, each));
      }
    }
    return new BenchReport(what, head.spec(), head.context().info(), ceilings, rows);
  }
}
