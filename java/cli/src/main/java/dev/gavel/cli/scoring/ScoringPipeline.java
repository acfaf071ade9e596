package dev.gavel.cli.scoring;

import dev.gavel.GavelException;
import dev.gavel.cli.input.Position;
import dev.gavel.cli.input.ReadFailure;
import dev.gavel.cli.input.Window;
import dev.gavel.cli.input.WindowReader;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.rows.Line;
import dev.gavel.text.HiddenBatch;
import dev.gavel.text.RewardModel;
import dev.gavel.text.TextBackbone;
import dev.gavel.text.row.Batches;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Scores windows: reading, tokenising, backbone, head and writing each have a thread and overlap;
 * the caller's writes. Between two of them one window, or one batch of hidden states, may wait, so
 * memory is bounded by the window, whatever the input. Rows come out in the order they went in.
 */
public final class ScoringPipeline {
  // Of text under way: one line of the greatest length, or some ten windows.
  private static final long MOST_BYTES = 16 << 20;

  private final RewardModel model;
  private final Function<Line, PreparedRow> preparer;
  private final HeadStage head;
  private final WindowReader reader;
  private final StageTimes times;

  /** What is done with scored rows, on the caller's thread. */
  @FunctionalInterface
  public interface Sink {
    /** Takes the next window. */
    void accept(ScoredWindow window) throws OutputFailure;
  }

  private record Prepared(
      List<Integer> sources, List<PreparedRow> rows, long bytes, Position end) {}

  private sealed interface HeadWork {}

  private record Hidden(List<Batches.Member> members, HiddenBatch states, List<float[]> values)
      implements HeadWork {}

  private record EndOfWindow(Prepared window, List<float[]> values) implements HeadWork {}

  /**
   * A pipeline. Neither the model nor the head's stage nor the reader is closed.
   *
   * @param preparer parses and tokenises a line, on the tokenizer's thread
   */
  public ScoringPipeline(
      RewardModel model,
      Function<Line, PreparedRow> preparer,
      HeadStage head,
      WindowReader reader,
      StageTimes times) {
    this.model = model;
    this.preparer = preparer;
    this.head = head;
    this.reader = reader;
    this.times = times;
  }

  /**
   * Runs until the input ends.
   *
   * @throws ReadFailure if a source cannot be read
   * @throws OutputFailure if the sink says so
   */
  public void run(Sink sink) throws ReadFailure, OutputFailure {
    Stages stages = new Stages();
    Stages.Queue<Window> windows = stages.new Queue<>(1);
    Stages.Queue<Prepared> prepared = stages.new Queue<>(1);
    Stages.Queue<HeadWork> hidden = stages.new Queue<>(2);
    Stages.Queue<ScoredWindow> scored = stages.new Queue<>(1);
    Stages.Budget budget = stages.new Budget(MOST_BYTES);
    try (stages) {
      stages.start(Stages.READER, () -> read(windows, budget));
      stages.start("tokenizer", () -> prepare(windows, prepared));
      stages.start("backbone", () -> forward(prepared, hidden));
      stages.start("head", () -> score(hidden, scored));
      Optional<ScoredWindow> window = scored.take();
      while (window.isPresent()) {
        long start = System.nanoTime();
        sink.accept(window.get());
        times.writing(start);
        budget.release(window.get().bytes());
        window = scored.take();
      }
    } catch (Stages.StoppedException e) {
      throw failure(stages.failure().orElse(e));
    } finally {
      for (HeadWork left : hidden.drain()) {
        if (left instanceof Hidden batch) {
          batch.states().close();
        }
      }
    }
  }

  // Unchecked ones are thrown as they are, so that callers can tell them apart.
  public static RuntimeException failure(Throwable e) throws ReadFailure {
    if (e instanceof ReadFailure failure) {
      throw failure;
    }
    if (e instanceof Error failure) {
      throw failure;
    }
    return e instanceof RuntimeException failure
        ? failure
        : new GavelException("scoring was interrupted: " + e, e);
  }

  private void read(Stages.Queue<Window> to, Stages.Budget budget) throws Exception {
    Optional<Window> window = next();
    while (window.isPresent()) {
      budget.acquire(window.get().bytes());
      to.put(window.get());
      window = next();
    }
    to.end();
  }

  private Optional<Window> next() throws Exception {
    long start = System.nanoTime();
    Optional<Window> window = reader.next();
    times.reading(start);
    return window;
  }

  private void prepare(Stages.Queue<Window> from, Stages.Queue<Prepared> to) throws Exception {
    Optional<Window> window = from.take();
    while (window.isPresent()) {
      long start = System.nanoTime();
      List<Integer> sources = new ArrayList<>();
      List<PreparedRow> rows = new ArrayList<>();
      for (Window.Entry entry : window.get().entries()) {
        sources.add(entry.source());
        rows.add(preparer.apply(entry.line()));
      }
      Prepared done = new Prepared(sources, rows, window.get().bytes(), window.get().end());
      times.tokenizing(start);
      to.put(done);
      window = from.take();
    }
    to.end();
  }

  private void forward(Stages.Queue<Prepared> from, Stages.Queue<HeadWork> to) throws Exception {
    Optional<Prepared> window = from.take();
    while (window.isPresent()) {
      List<float[]> values = new ArrayList<>();
      for (PreparedRow row : window.get().rows()) {
        values.add(
            row instanceof PreparedRow.Ready ready
                ? new float[head.width() * ready.group().packed().scores()]
                : new float[0]);
      }
      List<Batches.Member> members = Batches.members(groups(window.get().rows()));
      for (List<Batches.Member> batch : Batches.of(members, model.options().batchTokens())) {
        long start = System.nanoTime();
        HiddenBatch states = model.hidden(batch.stream().map(Batches.Member::sequence).toList());
        times.backbone(start);
        try {
          to.put(new Hidden(batch, states, values));
        } catch (Stages.StoppedException e) {
          states.close();
          throw e;
        }
      }
      to.put(new EndOfWindow(window.get(), values));
      window = from.take();
    }
    to.end();
  }

  private static List<Optional<TextBackbone.Tokenized>> groups(List<PreparedRow> rows) {
    return rows.stream()
        .map(row ->
            row instanceof PreparedRow.Ready ready
                ? Optional.of(ready.group())
                : Optional.<TextBackbone.Tokenized>empty())
        .toList();
  }

  private void score(Stages.Queue<HeadWork> from, Stages.Queue<ScoredWindow> to) throws Exception {
    Optional<HeadWork> work = from.take();
    while (work.isPresent()) {
      switch (work.get()) {
        case Hidden(List<Batches.Member> members, HiddenBatch states, List<float[]> values) -> {
          try (states) {
            long start = System.nanoTime();
            float[] found = head.run(states);
            int width = head.width();
            int at = 0;
            for (Batches.Member member : members) {
              int count = width * member.sequence().spans().size();
              System.arraycopy(
                  found, at, values.get(member.row()), width * member.firstScore(), count);
              at += count;
            }
            times.head(start);
          }
        }
        case EndOfWindow(Prepared window, List<float[]> values) -> to.put(finish(window, values));
      }
      work = from.take();
    }
    to.end();
  }

  private static ScoredWindow finish(Prepared window, List<float[]> values) {
    List<ScoredWindow.Entry> entries = new ArrayList<>();
    for (int i = 0; i < window.rows().size(); i++) {
      entries.add(
          new ScoredWindow.Entry(window.sources().get(i), window.rows().get(i), values.get(i)));
    }
    return new ScoredWindow(entries, window.bytes(), window.end());
  }
}
