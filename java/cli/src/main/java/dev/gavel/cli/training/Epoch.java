package dev.gavel.cli.training;

import java.util.Optional;

/**
 * What happened in one epoch.
 *
 * @param epoch its number, from 1
 * @param loss mean loss of its steps
 * @param gradientNorm mean size of the gradient
 * @param validation how the head did after it, on rows it does not learn from
 */
public record Epoch(int epoch, double loss, double gradientNorm, Optional<Validated> validation) {
  /**
   * On the validation rows.
   *
   * @param loss mean loss of batches, weighted by their rows
   * @param right rows whose best response was found
   * @param rows rows
   */
  public record Validated(double loss, long right, long rows) {}
}
