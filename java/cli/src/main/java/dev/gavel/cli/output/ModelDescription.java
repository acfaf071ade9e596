package dev.gavel.cli.output;

/**
 * What scored: goes into every row, so that a row tells by itself how it came about.
 *
 * @param model name of the model
 * @param readout how logits became scores
 * @param template the chat template's file, or {@code none}
 */
public record ModelDescription(String model, String readout, String template) {}
