package dev.gavel.cli.output;

import java.util.Optional;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A progress bar on standard error, or none where nobody looks at that. */
public final class Progress implements AutoCloseable {
  private final Optional<ProgressBar> bar;

  private Progress(Optional<ProgressBar> bar) {
    this.bar = bar;
  }

  /** No progress bar. */
  public static Progress none() {
    return new Progress(Optional.empty());
  }

  /**
   * A bar, if standard error is a terminal.
   *
   * @param task what is done
   * @param total how much there is to do, 0 if that is not known
   * @param unit of the total, or empty for a number
   */
  public static Progress of(String task, long total, String unit) {
    if (!Terminal.isError()) {
      return none();
    }
    ProgressBarBuilder builder =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(total == 0 ? -1 : total)
            .setStyle(ProgressBarStyle.ASCII)
            .setMaxRenderedLength(Terminal.columns())
            .clearDisplayOnFinish();
    if (!unit.isEmpty()) {
      builder.setUnit(unit, 1);
    }
    return new Progress(Optional.of(builder.build()));
  }

  /** Says how much is done. */
  public void at(long done) {
    bar.ifPresent(shown -> shown.stepTo(done));
  }

  /** Says how much is done, and something about it. */
  public void at(long done, String note) {
    bar.ifPresent(shown -> shown.stepTo(done).setExtraMessage(note));
  }

  @Override
  public void close() {
    bar.ifPresent(ProgressBar::close);
  }
}
